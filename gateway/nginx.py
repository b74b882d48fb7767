"""The files for nginx (from 1.19.10): everything is decided for each request anew, by maps in memory. Pure.

nginx knows a client certificate by its SHA-1 only. That is enough as an index here: the chain is verified first, and a certificate's bytes
follow from its authorisation, so that nobody can make two of one fingerprint.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

from gateway.site import Site
from gateway.tables import Tables, cell

CONFIGURATION = "nginx.conf"
_API = "[a-z0-9][a-z0-9._-]*"
_PART = "/[A-Za-z0-9_~-][A-Za-z0-9._~-]*"
_REST = rf"(?:{_PART})*/?(?:\?|$)"
_EARLIER = "|".join(rf"{digit}\d*\.\d+\|\1[{digit + 1}-9]" for digit in range(9))
"""The first number is less than the second, both of ten digits: at the first digit that differs, it is the smaller."""

_CONFIGURATION = """\
# State {state}, written by `clearance gateway apply`. Changes made here are lost, and decide nothing after the next bundle.
map_hash_bucket_size 1024;
map_hash_max_size {slots};
map $ssl_client_fingerprint $clearance_serial {{ default ""; include {folder}/register.map; }}
map $clearance_serial $clearance_until {{ default 0000000000; include {folder}/until.map; }}
map $clearance_serial $clearance_agency {{ default ""; include {folder}/agency.map; }}
map $clearance_serial $clearance_echelon {{ default ""; include {folder}/echelon.map; }}
map $clearance_serial $clearance_kind {{ default ""; include {folder}/kind.map; }}
map $clearance_serial $clearance_bulk {{ default no; include {folder}/bulk.map; }}
# Only plain paths are read at all: no percent signs, no empty and no dotted parts.
map $request_uri $clearance_wanted {{
  default "";
  "~^/v1/(?<clearance_ob>{api})/bulk{rest}" "official|$clearance_ob|bulk";
  "~^/v1/(?<clearance_o>{api}){rest}" "official|$clearance_o";
  "~^/sandbox/v1/(?<clearance_tb>{api})/bulk{rest}" "trial|$clearance_tb|bulk";
  "~^/sandbox/v1/(?<clearance_t>{api}){rest}" "trial|$clearance_t";
}}
map "$clearance_serial|$clearance_wanted" $clearance_allowed {{ default 0; include {folder}/scopes.map; }}
geo $clearance_network {{ default none; include {folder}/networks.geo; }}
map "$clearance_serial|$clearance_network" $clearance_near {{ default 0; include {folder}/sources.map; }}
map $clearance_serial $clearance_known {{ default 1; "" 0; }}
# Time is looked at with each request: whoever forgets to renew the register shuts the gateway.
map "$msec|$clearance_until" $clearance_lasting {{ default 0; {earlier} 1; }}
map "$msec|{expires}" $clearance_fresh {{ default 0; {earlier} 1; }}
map "$clearance_fresh$clearance_known$clearance_lasting$clearance_near$clearance_allowed" $clearance_verdict {{
  default unknown; ~^0 stale; ~^110 expired; ~^1110 address; ~^11110 interface; 11111 in;
}}
{rate_maps}
server {{
  listen {listen} ssl;
  server_name {server_name};
  ssl_certificate {certificate};
  ssl_certificate_key {key};
  ssl_protocols TLSv1.2 TLSv1.3;
  ssl_client_certificate {folder}/ca.pem;
  ssl_crl {folder}/clients.crl;
  ssl_verify_client on;
  ssl_verify_depth 1;
  # A resumed session would not be asked for its certificate again.
  ssl_session_cache off;
  ssl_session_tickets off;
  ssl_early_data off;
  server_tokens off;
  default_type text/plain;
  add_header Clearance-State {state} always;
  if ($clearance_verdict != in) {{ return 403 "refused: $clearance_verdict\\n"; }}
  limit_req_status 429;
{rate_limits}
  proxy_set_header Clearance-Serial $clearance_serial;
  proxy_set_header Clearance-Agency $clearance_agency;
  proxy_set_header Clearance-Echelon $clearance_echelon;
  proxy_set_header Clearance-Kind $clearance_kind;
  proxy_set_header Clearance-Bulk $clearance_bulk;
  location /v1/ {{ proxy_pass http://{official}; }}
  location /sandbox/v1/ {{ proxy_pass http://{sandbox}; }}
  location / {{ return 403 "refused: interface\\n"; }}
}}
"""

_CLOSED = """\
# The gateway is closed: `clearance gateway apply` lets in nobody until it is given a register it can go by.
server {{
  listen {listen} ssl;
  server_name {server_name};
  ssl_certificate {certificate};
  ssl_certificate_key {key};
  ssl_protocols TLSv1.2 TLSv1.3;
  ssl_session_cache off;
  ssl_session_tickets off;
  server_tokens off;
  default_type text/plain;
  add_header Clearance-State {state} always;
  return 403 "refused: closed\\n";
}}
"""


def nginx_files(found: Tables, site: Site, folder: str) -> dict[str, bytes]:
    """The files of this state, which will lie in this folder; certificates and lists are not among them."""
    holders = found.holders.items()
    counted = Counter(found.rates.values())
    files = {
        "register.map": _map(found.sha1),
        "until.map": _map({serial: f"{until:010}" for serial, until in found.until.items()}),
        "agency.map": _map({serial: holder.agency for serial, holder in holders}),
        "echelon.map": _map({serial: holder.echelon for serial, holder in holders}),
        "kind.map": _map({serial: holder.kind for serial, holder in holders}),
        "bulk.map": _map({serial: holder.bulk for serial, holder in holders}),
        "scopes.map": _map(dict.fromkeys(found.scopes, "1")),
        "networks.geo": _map(found.networks, quote=""),
        "sources.map": _map(dict.fromkeys(found.sources, "1")),
        **{f"rate-{rate}.map": _map({s: s for s, own in found.rates.items() if own == rate}) for rate in counted},
    }
    slots = 1 << max(11, (2 * max(len(found.sha1), len(found.scopes), len(found.sources))).bit_length())
    text = _CONFIGURATION.format(
        **_served(site, found.state),
        folder=folder,
        slots=slots,
        api=_API,
        rest=_REST,
        earlier=rf'"~^(?=\d{{10}}\.\d+\|\d{{10}}$)(\d*)(?:{_EARLIER})"',
        expires=f"{found.expires:010}",
        rate_maps="\n".join(_rate_map(rate, counted[rate], folder) for rate in sorted(counted)),
        rate_limits="\n".join(_rate_limit(rate) for rate in sorted(counted)),
        official=site.official,
        sandbox=site.sandbox,
    )
    return {**files, CONFIGURATION: text.encode()}


def nginx_closed(site: Site, state: str) -> dict[str, bytes]:
    """The files of a gateway that lets in nobody."""
    return {CONFIGURATION: _CLOSED.format(**_served(site, state)).encode()}


def _served(site: Site, state: str) -> dict[str, str]:
    return {
        "state": cell(state),
        "listen": site.listen,
        "server_name": site.server_name,
        "certificate": site.server_certificate,
        "key": site.server_key,
    }


def _map(entries: Mapping[str, str], quote: str = '"') -> bytes:
    return "".join(f"{quote}{cell(key)}{quote} {cell(value)};\n" for key, value in sorted(entries.items())).encode()


def _burst(rate: int) -> int:
    return max(1, rate // 10) if rate > 1 else 0


def _rate_map(rate: int, count: int, folder: str) -> str:
    """A zone for each rate; whoever has another one is not counted in it. What may come at once is taken off the rate: never more in a minute."""
    size = max(64, count * 256 // 1024)
    name = f"clearance_rate_{rate}"
    return (
        f'map $clearance_serial ${name} {{ default ""; include {folder}/rate-{rate}.map; }}\n'
        f"limit_req_zone ${name} zone={name}:{size}k rate={rate - _burst(rate)}r/m;"
    )


def _rate_limit(rate: int) -> str:
    burst = f" burst={_burst(rate)} nodelay" if _burst(rate) else ""
    return f"  limit_req zone=clearance_rate_{rate}{burst};"
