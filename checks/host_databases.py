"""Checks of how PostgreSQL, MariaDB, MySQL and Redis are set up: whom they let in unasked, and what they let travel in clear.

Those in containers are not read: where one runs, the host's settings are not all there is, and nothing passes.
"""

from __future__ import annotations

from ipaddress import ip_network

from scanner.check import Parameters, Retest, check, every_place
from scanner.findings import Verdict
from scanner.host_specimens import service
from scanner.observations import HostObservation, ServiceSettings, fact
from scanner.specimens import host

_ON = ("1", "on", "true", "yes")


def _redis(**settings: tuple[str, ...]) -> HostObservation:
    return host(redis=service("/etc/redis/redis.conf", **{name.replace("_", "-"): values for name, values in settings.items()}))


def _mysql(**settings: str) -> HostObservation:
    return host(mysql=service("mysqld", **{name.replace("_", "-"): (value,) for name, value in settings.items()}))


def _postgresql(*hba: str, **settings: str) -> HostObservation:
    return host(postgresql=service("15/main", hba=hba, **{name: (value,) for name, value in settings.items()}))


def _local(addresses: str) -> bool:
    """Whether every address of a list is a loopback one; Redis marks those it can do without by a dash."""
    listed = addresses.replace(",", " ").split()
    return all(_own(address.lstrip("-")) for address in listed)


def _own(address: str) -> bool:
    try:
        return ip_network(address, strict=False).is_loopback
    except ValueError:
        return address == "localhost"


@check(
    "host-redis-authenticates",
    observes=HostObservation,
    facts=("redis",),
    to_pass=("redis_whole",),
    passes=(
        host(),
        _redis(bind=("127.0.0.1 -::1",)),
        _redis(bind=("192.0.2.7",), user=("default 1",)),
        _redis(requirepass=("1",)),
    ),
    fails=(
        _redis(bind=("192.0.2.7",)),
        _redis(bind=("::1:2",)),
        _redis(bind=("localhost.example.vn",)),
        _redis(protected_mode=("yes",)),
        _redis(bind=("127.0.0.1 192.0.2.7",), requirepass=("0",)),
        _redis(bind=("*",), requirepass=("1",), user=("default 0",)),
    ),
    fixes={"redis": "requirepass LONG-RANDOM or an ACL without nopass, and bind 127.0.0.1 -::1 where no other host needs it"},
    retests={
        "redis": Retest("redis-cli -h HOST -p PORT ping", "answers NOAUTH"),
    },
)
def redis_authenticates(host: HostObservation, _: Parameters) -> Verdict:
    """Redis lets nobody in from elsewhere without a password.

    Fails where it listens beyond the host itself and its default user needs no password (TCVN 14423:2026 clause 5.6.2.2).
    Without `bind` it listens everywhere. A Redis that only the host itself reaches is not asked for one.
    """

    def wrong(found: ServiceSettings, place: str) -> list[str]:
        bound = found.values(place, "bind")
        users = [value for value in found.values(place, "user") if value.startswith("default ")]
        asks = all(value == "default 1" for value in users) if users else found.values(place, "requirepass") == ("1",)
        return [] if asks or (bound and _local(bound[0])) else [f"no password, bind {bound[0] if bound else '*'}"]

    return every_place(fact(host.redis), wrong)


@check(
    "host-redis-encrypted",
    observes=HostObservation,
    facts=("redis",),
    to_pass=("redis_whole",),
    passes=(host(), _redis(bind=("192.0.2.7",), port=("0",), tls_port=("6379",))),
    fails=(_redis(bind=("192.0.2.7",)), _redis(requirepass=("1",)), _redis(bind=("*",), port=("6379",), tls_port=("6380",))),
    fixes={"redis": "port 0, tls-port 6379, tls-cert-file, tls-key-file and tls-ca-cert-file in redis.conf"},
    retests={
        "redis": Retest("redis-cli -h HOST -p PORT ping", "gets no PONG, since the server speaks TLS only"),
    },
)
def redis_encrypted(host: HostObservation, _: Parameters) -> Verdict:
    """Redis is reached inside TLS only.

    Fails where it listens beyond the host itself on a port without TLS (TCVN 14423:2026 clause 5.4.2.4b).
    """

    def wrong(found: ServiceSettings, place: str) -> list[str]:
        bound, ports = found.values(place, "bind"), found.values(place, "port")
        plain = ports[0] if ports else "6379"
        return [] if plain == "0" or (bound and _local(bound[0])) else [f"port {plain} without TLS"]

    return every_place(fact(host.redis), wrong)


@check(
    "host-postgresql-authenticates",
    observes=HostObservation,
    facts=("postgresql",),
    to_pass=("postgresql_whole",),
    passes=(
        host(),
        _postgresql("hostssl all all 0.0.0.0/0 cert", "local all all peer", "hostssl all all ::/0 password"),
        _postgresql("host all all 0.0.0.0/0 reject"),
    ),
    fails=(
        _postgresql("local all all trust"),
        _postgresql("host all all 127.0.0.1/32 trust"),
        _postgresql("host all all 192.0.2.0 255.255.255.0 trust"),
        _postgresql("host all all 192.0.2.0/24 password"),
        _postgresql("host all all 192.0.2.0/24 ident"),
    ),
    fixes={"postgresql": "peer for local, scram-sha-256 for others in pg_hba.conf; then SELECT pg_reload_conf()"},
    retests={
        "postgresql": Retest("psql -Atc \"SELECT * FROM pg_hba_file_rules WHERE auth_method = 'trust'\"", "prints nothing"),
    },
)
def postgresql_authenticates(host: HostObservation, _: Parameters) -> Verdict:
    """PostgreSQL lets nobody in unasked.

    Fails on rules of pg_hba.conf with trust, with ident over the network, or with a password in clear outside of TLS (TCVN
    14423:2026 clause 5.6.2.2).
    """

    def wrong(found: ServiceSettings, place: str) -> list[str]:
        return [rule for rule in found.values(place, "hba") if _lax(rule.split())]

    return every_place(fact(host.postgresql), wrong)


def _lax(rule: list[str]) -> bool:
    kind, method = rule[0], rule[-1]
    in_clear = method == "password" and kind not in ("hostssl", "hostgssenc", "local")
    return method == "trust" or in_clear or (method == "ident" and kind != "local")


@check(
    "host-postgresql-encrypted",
    observes=HostObservation,
    facts=("postgresql",),
    to_pass=("postgresql_whole",),
    passes=(
        host(),
        _postgresql("hostssl all all 0.0.0.0/0 scram-sha-256", "host all all 127.0.0.1/32 md5", listen_addresses="*", ssl="on"),
        _postgresql("host all all 0.0.0.0/0 md5", listen_addresses="localhost", ssl="off"),
        _postgresql("host all all 0.0.0.0/0 md5"),
    ),
    fails=(
        _postgresql("hostssl all all 0.0.0.0/0 md5", listen_addresses="*", ssl="off"),
        _postgresql("hostssl all all 0.0.0.0/0 md5", listen_addresses="*"),
        _postgresql("host all all 0.0.0.0/0 md5", listen_addresses="192.0.2.7", ssl="on"),
        _postgresql("host all all 127.0.0.1 0.0.0.0 md5", listen_addresses="*", ssl="on"),
        _postgresql("hostnossl all all 192.0.2.0 255.255.255.0 md5", listen_addresses="192.0.2.7,localhost", ssl="on"),
    ),
    fixes={"postgresql": "ssl = on in postgresql.conf, hostssl in place of host in pg_hba.conf; then SELECT pg_reload_conf()"},
    retests={
        "postgresql": Retest("psql 'host=HOST sslmode=disable' -c 'SELECT 1'", "is refused, since nothing is encrypted"),
    },
)
def postgresql_encrypted(host: HostObservation, _: Parameters) -> Verdict:
    """PostgreSQL is reached inside TLS only.

    Fails where it listens beyond the host itself and TLS is off, or a rule of pg_hba.conf lets others in without (TCVN
    14423:2026 clause 5.4.2.4b). Where listen_addresses is not set, it listens on the host alone.
    """

    def wrong(found: ServiceSettings, place: str) -> list[str]:
        if all(_local(listens) for listens in found.values(place, "listen_addresses")):
            return []
        off = not any(value.lower() in _ON for value in found.values(place, "ssl"))
        return [*(["ssl is off"] if off else []), *(rule for rule in found.values(place, "hba") if _in_clear(rule.split()))]

    return every_place(fact(host.postgresql), wrong)


def _in_clear(rule: list[str]) -> bool:
    return rule[0] in ("host", "hostnossl", "hostnogssenc") and rule[-1] != "reject" and not _local("/".join(rule[3:-1]))


@check(
    "host-mysql-authenticates",
    observes=HostObservation,
    facts=("mysql",),
    to_pass=("mysql_whole",),
    passes=(host(), _mysql(skip_grant_tables="0"), _mysql(bind_address="*")),
    fails=(_mysql(skip_grant_tables="1"), _mysql(bind_address="127.0.0.1", skip_grant_tables="ON")),
    fixes={
        "mariadb": "Take skip-grant-tables out of the files of /etc/mysql and restart the server.",
        "mysql": "The same, under [mysqld].",
    },
    retests={
        "mariadb": Retest("mariadb -h 127.0.0.1 -u nobody -e 'SELECT 1'", "is refused with Access denied"),
        "mysql": Retest("mysql -h 127.0.0.1 -u nobody -e 'SELECT 1'", "is refused with Access denied"),
    },
)
def mysql_authenticates(host: HostObservation, _: Parameters) -> Verdict:
    """MariaDB or MySQL asks who somebody is.

    Fails where it is told to start without its tables of accounts (TCVN 14423:2026 clause 5.6.2.2).
    """

    def wrong(found: ServiceSettings, place: str) -> list[str]:
        return ["skip-grant-tables"] if any(value.lower() in _ON for value in found.values(place, "skip-grant-tables")) else []

    return every_place(fact(host.mysql), wrong)


@check(
    "host-mysql-encrypted",
    observes=HostObservation,
    facts=("mysql",),
    to_pass=("mysql_whole",),
    passes=(
        host(),
        _mysql(bind_address="*", require_secure_transport="ON"),
        _mysql(bind_address="*", skip_networking="1"),
        _mysql(bind_address="::1"),
    ),
    fails=(_mysql(bind_address="*"), _mysql(bind_address="192.0.2.7", require_secure_transport="OFF"), _mysql(port="3306")),
    fixes={
        "mariadb": "require_secure_transport = ON with ssl_cert and ssl_key under [mariadbd], or bind-address = 127.0.0.1",
        "mysql": "require_secure_transport = ON under [mysqld], or bind-address = 127.0.0.1",
    },
    retests={
        "mariadb": Retest("mariadb -h HOST --skip-ssl -e 'SELECT 1'", "is refused, since nothing is encrypted"),
        "mysql": Retest("mysql -h HOST --ssl-mode=DISABLED -e 'SELECT 1'", "is refused, since nothing is encrypted"),
    },
)
def mysql_encrypted(host: HostObservation, _: Parameters) -> Verdict:
    """MariaDB or MySQL is reached inside TLS only.

    Fails where it listens beyond the host itself and does not demand TLS (TCVN 14423:2026 clause 5.4.2.4b).
    """

    def wrong(found: ServiceSettings, place: str) -> list[str]:
        bound = found.values(place, "bind-address")
        closed = (bound and _local(bound[0])) or any(value.lower() in _ON for value in found.values(place, "skip-networking"))
        demanded = any(value.lower() in _ON for value in found.values(place, "require-secure-transport"))
        return [] if closed or demanded else [f"bind-address {bound[0] if bound else '*'} without require-secure-transport"]

    return every_place(fact(host.mysql), wrong)
