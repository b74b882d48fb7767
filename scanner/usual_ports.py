"""The TCP ports that have to be asked for before anybody may say what a host does not serve. Part of the judgement: no order narrows it."""

from __future__ import annotations

PORTS = (
    "1-1024,1433,1521,2049,2181,2375-2380,3000,3128,3306,3389,4369,5000,5432,5433,5601,5672,5900-5910,5984-5986,6000-6010,6379,6380,"
    "6443,7000,7001,8000,8008,8080-8090,8443,8500,8888,9000,9042,9090-9100,9200,9300,9443,10000,10250,10255,11211,15672,26379,"
    "27017-27019,50000,61616"
)
"""The well-known ports, and above them the usual ones of data stores, control planes, desktops and administration pages; in nmap's notation."""
