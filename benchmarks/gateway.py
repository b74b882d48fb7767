"""A gateway with 10,000 certificates: export, verification, installation, and what the decision costs a request.

`python -m benchmarks.gateway [COUNT]` fills a log, exports it, applies the bundle to a real nginx and a real HAProxy on loopback, and calls them
over a kept-open connection beside the same proxies without the decision. Both answer by themselves, so that nothing but the decision differs.
The goal is an export under 10 s; it exits non-zero where that is missed. Times of requests hold this client's own work too.
"""

from __future__ import annotations

import base64
import re
import statistics
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from certification.envelope import read_envelope
from certification.exporting import Exported
from certification.gateway_bundle import REGISTER, register_entries
from certification.ledger import newest
from certification.log_store import SqliteLog, opened
from certification.register import read_register
from certification.verify import verify
from gateway import haproxy, nginx
from gateway.site import Proxy
from scanner.bundle import unpacked
from tests.certification.stage import signer
from tests.gateway.proxies import Connection, Stand, stand
from tests.gateway.stage import ISSUED, Client, Office, certificate, client, clock

COUNT = 10_000
GOAL = 10.0
REQUESTS = 4_000
ROUNDS = 5
BATCH, BATCH_GOAL = 1_000, 5.0


def main() -> int:
    """Fills, measures, prints; 0 where the goal is met."""
    count = int(sys.argv[1]) if len(sys.argv) > 1 else COUNT
    with tempfile.TemporaryDirectory() as name, opened(Path(name) / "log", "a-log") as log:
        office = Office(log)
        begun = time.perf_counter()
        caller = _fill(office, count)
        print(f"{count:,} certificates approved, logged and given an X.509 certificate: {time.perf_counter() - begun:.1f} s")
        office.cosign()
        begun = time.perf_counter()
        made = office.export()
        export = time.perf_counter() - begun
        assert made.predicate.entries == count, made.left_out[:3]
        print(f"export                {export:8.2f} s    {len(made.data) / 1e6:.0f} MB")
        begun, spent = time.perf_counter(), time.process_time()
        register = read_register(made.data, office.trust, clock())
        verified, spent = time.perf_counter() - begun, time.process_time() - spent
        assert len(register.admitted) == count
        each = f"{verified / count * 1000:.2f} ms an entry, {spent / count * 1000:.2f} ms of a processor"
        print(f"verification          {verified:8.2f} s    {each}, all of it on one core")
        _batch(made, office)
        for proxy in Proxy:
            _proxy(proxy, Path(name) / proxy, office, caller, verified)
    print(f"goal: export of {count:,} certificates under {GOAL:.0f} s: {'met' if export < GOAL else 'MISSED'}")
    return 0 if export < GOAL else 1


def _batch(made: Exported, office: Office) -> None:
    """Verifies certificates one after the other, each by itself as `verify` does, with the proof of its own."""
    entries = list(register_entries(unpacked(made.data)[REGISTER], made.predicate.entries))[:BATCH]
    spent = time.process_time()
    for entry in entries:
        verify(base64.b64decode(entry.authorisation), office.trust, clock(), proof=entry.proof.encode())
    each = (time.process_time() - spent) / len(entries) * 1000
    print(
        f"verify in a batch     {each:8.2f} ms   of a processor a certificate; goal {BATCH_GOAL:.0f} ms: {'met' if each < BATCH_GOAL else 'MISSED'}"
    )


def _proxy(proxy: Proxy, folder: Path, office: Office, caller: Client, verified: float) -> None:
    with ExitStack() as stack:
        there = stack.enter_context(stand(proxy, folder, office))
        data = office.export().data
        begun = time.perf_counter()
        there.apply(data)
        whole = time.perf_counter() - begun
        print(
            f"{proxy.value:<8} apply        {whole:8.2f} s    of it about {whole - verified:.1f} s to write, test, reload and try out"
        )
        _requests(there, caller, folder)
        # A bundle that no longer names the caller, as after a suspension; the log's replay is measured by benchmarks.log.
        office.clients.pop(caller.serial)
        data = office.export().data
        office.clients[caller.serial] = caller
        kept = there.connection(caller)
        assert kept.get().let_in
        with ThreadPoolExecutor(1) as pool:
            begun = time.perf_counter()
            done = pool.submit(there.apply, data)
            while kept.get().let_in:
                time.sleep(0.01)
            refused = time.perf_counter() - begun
            done.result()
        whole = time.perf_counter() - begun
        print(
            f"{proxy.value:<8} suspension   {refused:8.2f} s    from `apply` to a refusal on an open connection; apply took {whole:.1f} s"
        )
        there.stack.close()


def _requests(there: Stand, caller: Client, folder: Path) -> None:
    """Calls the proxy with the decision and without it, in turns."""
    current = folder / "gateway" / "current"
    name = nginx.CONFIGURATION if there.site.proxy is Proxy.NGINX else haproxy.CONFIGURATION
    text = (current / name).read_text()
    if there.site.proxy is Proxy.NGINX:
        decided = re.sub(r"proxy_pass http://[^;]+;", 'return 200 "in";', text)
        plain = re.sub(r"(?m)^  (if|limit_req|limit_req_status|proxy_set_header) .*$", "", decided)
    else:
        answer = '  http-request return status 200 content-type text/plain string "in"'
        decided = text.replace("  use_backend", f"{answer}\n  use_backend")
        plain = re.sub(r"(?m)^  http-request (?!return status 200).*$", "", decided)
    times: dict[str, list[float]] = {"decided": [], "plain": []}
    for _round in range(ROUNDS):
        for what, configuration in (("decided", decided), ("plain", plain)):
            (current / name).write_text(configuration)
            _reload(there)
            times[what].append(_median(there.connection(caller)))
            there.stack.close()
    with_it, without = (min(times[what]) for what in ("decided", "plain"))
    shown = f"{with_it * 1e6:.0f} us a request, {without * 1e6:.0f} us without the decision"
    print(f"{there.site.proxy.value:<8} decision     {with_it / without:8.2f} x    {shown}")


def _reload(there: Stand) -> None:
    from gateway import programs

    programs.run(there.site.reload, Path(), "reload")
    time.sleep(1.5)


def _median(connection: Connection) -> float:
    assert connection.get().status == 200
    sock: Any = connection.http.sock
    request = b"GET /v1/verify HTTP/1.1\r\nHost: npd.example.vn\r\n\r\n"
    found = []
    for number in range(REQUESTS):
        if number and number % 900 == 0:
            # nginx ends a connection after a thousand requests.
            connection.http.close()
            assert connection.get().status == 200
            sock = connection.http.sock
        begun = time.perf_counter()
        sock.sendall(request)
        answer = sock.recv(4_096)
        found.append(time.perf_counter() - begun)
        assert answer.startswith(b"HTTP/1.1 200"), answer
    return statistics.median(found)


def _fill(office: Office, count: int) -> Client:
    # The flush of each append is measured by benchmarks.log; here it would only make the filling slow.
    log = office.log
    assert isinstance(log, SqliteLog)
    log._connection.execute("PRAGMA synchronous = OFF")  # noqa: SLF001 - only here
    caller = None
    for number in range(count):
        where = f"127.{number // 65_536 + 1}.{number // 256 % 256}.{number % 256}/32" if number else "127.0.0.1/32"
        envelope = certificate(number=number, endpoints=(where,), rate=1_000 if number else 6_000, bulk=False)
        held = client(envelope, office.ca, office.key)
        office.clients[held.serial] = held
        caller = caller or held
        kind = "urn:npd:clearance:connection-authorisation/v1"
        log.append(read_envelope(envelope).payload, envelope, kind, held.serial, f"{ISSUED:%Y-%m-%dT%H:%M:%SZ}")
    assert caller is not None
    _sign(office)
    return caller


def _sign(office: Office) -> None:
    from certification import merkle
    from certification.checkpoint import Checkpoint, SignedCheckpoint

    log = office.log
    point = Checkpoint(log.origin, log.size, merkle.root(log, log.size))
    line = signer("a-log").sign_checkpoint(point, log.origin)
    log.keep_checkpoint(point.size, SignedCheckpoint(point, (line,)).written())
    assert newest(log).checkpoint.size == log.size


if __name__ == "__main__":
    sys.exit(main())
