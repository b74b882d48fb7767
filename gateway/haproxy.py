"""The files for HAProxy (from 2.5): everything is decided for each request anew, by maps in memory. Pure."""

from __future__ import annotations

from collections.abc import Mapping

from gateway.site import Site
from gateway.tables import Tables, cell

CONFIGURATION = "haproxy.cfg"

_PART = "/[A-Za-z0-9_~-][A-Za-z0-9._~-]*"
_PLAIN = rf"^(/sandbox)?/v1/[a-z0-9][a-z0-9._-]*({_PART})*/?$"

_CONFIGURATION = """\
# State {state}, written by `clearance gateway apply`. Changes made here are lost, and decide nothing after the next bundle.
global
  # A resumed session would not be asked for its certificate again.
  tune.ssl.cachesize 0
  # An answer that takes longer must not keep an old state alive.
  hard-stop-after 30s

frontend clearance
  mode http
  bind {listen} ssl crt {certificate} ca-file {folder}/ca.pem crl-file {folder}/clients.crl verify required no-tls-tickets ssl-min-ver TLSv1.2
  timeout client 30s
  timeout http-request 10s
  timeout http-keep-alive 30s
  http-after-response set-header Clearance-State {state}
  http-request del-header clearance -m beg
  # Time is looked at with each request: whoever forgets to renew the register shuts the gateway.
  http-request return status 403 content-type text/plain string "refused: stale\\n" if {{ date -m int ge {expires} }}
  http-request set-var(txn.clearance_serial) ssl_c_der,sha2(256),hex,map_str({folder}/register.map,none)
  http-request set-var(txn.clearance_until) var(txn.clearance_serial),map_str_int({folder}/until.map,0)
  http-request set-var(txn.clearance_network) src,map_ip({folder}/networks.map,none)
  http-request set-var-fmt(txn.clearance_from) "%[var(txn.clearance_serial)]|%[var(txn.clearance_network)]"
  http-request return status 403 content-type text/plain string "refused: unknown\\n" if {{ var(txn.clearance_serial) -m str none }}
  http-request return status 403 content-type text/plain string "refused: expired\\n" if {{ date,sub(txn.clearance_until) -m int ge 0 }}
  http-request return status 403 content-type text/plain string "refused: address\\n" unless {{ var(txn.clearance_from),map_str({folder}/sources.map,0) -m str 1 }}
  # Only plain paths are read at all: no percent signs, no empty and no dotted parts.
  acl clearance_plain path -m reg {plain}
  acl clearance_sandbox path -m beg /sandbox/v1/
  http-request set-var-fmt(txn.clearance_wanted) "%[var(txn.clearance_serial)]|official|%[path,field(3,/)]" if clearance_plain !clearance_sandbox
  http-request set-var-fmt(txn.clearance_wanted) "%[var(txn.clearance_serial)]|trial|%[path,field(4,/)]" if clearance_plain clearance_sandbox
  http-request set-var-fmt(txn.clearance_wanted) "%[var(txn.clearance_wanted)]|bulk" if clearance_plain {{ path -m reg ^(/sandbox)?/v1/[^/]+/bulk(/|$) }}
  http-request return status 403 content-type text/plain string "refused: interface\\n" unless {{ var(txn.clearance_wanted),map_str({folder}/scopes.map,0) -m str 1 }}
  # A tunnel would go on without being decided again.
  http-request return status 403 content-type text/plain string "refused: interface\\n" if {{ req.hdr(upgrade) -m found }}
  http-request track-sc0 var(txn.clearance_serial) table clearance_rates
  http-request set-var(txn.clearance_rate) var(txn.clearance_serial),map_str_int({folder}/rates.map,0)
  http-request return status 429 content-type text/plain string "refused: rate\\n" if {{ sc_http_req_rate(0),sub(txn.clearance_rate) -m int gt 0 }}
  http-request set-header Clearance-Serial %[var(txn.clearance_serial)]
  http-request set-header Clearance-Agency %[var(txn.clearance_serial),map_str({folder}/agency.map)]
  http-request set-header Clearance-Echelon %[var(txn.clearance_serial),map_str({folder}/echelon.map)]
  http-request set-header Clearance-Kind %[var(txn.clearance_serial),map_str({folder}/kind.map)]
  http-request set-header Clearance-Bulk %[var(txn.clearance_serial),map_str({folder}/bulk.map)]
  use_backend clearance_sandbox if clearance_sandbox
  default_backend clearance_official

backend clearance_rates
  stick-table type string len 64 size {slots} expire 2m store http_req_rate(60s)

backend clearance_official
  mode http
  timeout connect 5s
  timeout server 30s
  server official {official}

backend clearance_sandbox
  mode http
  timeout connect 5s
  timeout server 30s
  server sandbox {sandbox}
"""

_CLOSED = """\
# The gateway is closed: `clearance gateway apply` lets in nobody until it is given a register it can go by.
global
  tune.ssl.cachesize 0

frontend clearance
  mode http
  bind {listen} ssl crt {certificate} no-tls-tickets ssl-min-ver TLSv1.2
  timeout client 30s
  http-after-response set-header Clearance-State {state}
  http-request return status 403 content-type text/plain string "refused: closed\\n"
"""


def haproxy_files(found: Tables, site: Site, folder: str) -> dict[str, bytes]:
    """The files of this state, which will lie in this folder; certificates and lists are not among them."""
    holders = found.holders.items()
    text = _CONFIGURATION.format(
        **_served(site, found.state),
        folder=folder,
        plain=_PLAIN,
        expires=found.expires,
        slots=max(1_000, 2 * len(found.rates)),
        official=site.official,
        sandbox=site.sandbox,
    )
    return {
        "register.map": _map({digest.upper(): serial for digest, serial in found.sha256.items()}),
        "until.map": _map(_words(found.until)),
        "rates.map": _map(_words(found.rates)),
        "agency.map": _map({serial: holder.agency for serial, holder in holders}),
        "echelon.map": _map({serial: holder.echelon for serial, holder in holders}),
        "kind.map": _map({serial: holder.kind for serial, holder in holders}),
        "bulk.map": _map({serial: holder.bulk for serial, holder in holders}),
        "scopes.map": _map(dict.fromkeys(found.scopes, "1")),
        "networks.map": _map(found.networks),
        "sources.map": _map(dict.fromkeys(found.sources, "1")),
        CONFIGURATION: text.encode(),
    }


def haproxy_closed(site: Site, state: str) -> dict[str, bytes]:
    """The files of a gateway that lets in nobody."""
    return {CONFIGURATION: _CLOSED.format(**_served(site, state)).encode()}


def _served(site: Site, state: str) -> dict[str, str]:
    return {"state": cell(state), "listen": site.listen, "certificate": site.server_certificate}


def _words(numbers: Mapping[str, int]) -> dict[str, str]:
    return {key: str(number) for key, number in numbers.items()}


def _map(entries: Mapping[str, str]) -> bytes:
    return "".join(f"{cell(key)} {cell(value)}\n" for key, value in sorted(entries.items())).encode()
