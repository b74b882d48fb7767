"""What belongs to a system's fingerprint, what must never, and what a later look says of it."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scanner.attestations import Answer, Attestation
from scanner.branches import branch, of_packages, of_system
from scanner.drift import Ground, What, drift
from scanner.fingerprint import Identity, Part, identity
from scanner.observations import KeyAlgorithm, Observation, OsRelease, Reason, Sight, SshHostKey, Unobserved
from scanner.specimens import AT, host, peer_certificate, ssh
from scanner.targets import AGENCY, Agency, BilingualText, Host, Scope, Service, Speaks, System
from tests.scanner.patching.hosts import of, package

NAME = BilingualText(vi="Cơ quan", en="Agency")
WEB, SHELL = Service(port=443, speaks=Speaks.HTTPS, name="dvc.example.vn"), Service(port=22, speaks=Speaks.SSH)
WEB1 = Host(id="web1", address="10.1.2.3", services=(WEB, SHELL))
NGINX, SSHD = package("nginx", "1.22.1-9+deb12u1"), package("openssh-server", "1:9.2p1-2+deb12u2")
KEY = SshHostKey(type="ssh-ed25519", algorithm=KeyAlgorithm.ED25519, bits=256, sha256="SHA256:" + "Z" * 43)
OTHER_KEY = KEY.model_copy(update={"sha256": "SHA256:" + "Y" * 43})
SEEN: dict[Sight, Observation | Unobserved] = {
    Sight(subject="web1:443", kind="peer-certificate"): peer_certificate(),
    Sight(subject="web1:22", kind="ssh"): ssh(host_keys=(KEY,)),
    Sight(subject="web1", kind="host"): of("debian", "12", NGINX, SSHD, package("bash", "5.2.15-2")),
}
DRAWN = Attestation(
    control="NET-09", answer=Answer.YES, document="55" * 32, dated=AT, by="an", role="Head", answered_at=AT + timedelta(hours=1)
)


def scope(*hosts: Host, level: int = 3) -> Scope:
    return Scope(
        agency=Agency(code="P01", name=NAME, echelon="province"),
        system=System(id="portal", name=NAME, level=level, operator="Centre"),
        hosts=hosts or (WEB1,),
    )


def known(
    of_: Scope | None = None,
    drawn: Attestation | None = DRAWN,
    diagram: str | None = "NET-09",
    **changes: Observation | Unobserved,
) -> Identity:
    """The system, with these kinds of observation changed."""
    kinds = {sight: changes.get(sight.kind.replace("-", "_"), result) for sight, result in SEEN.items()}
    return identity(of_ or scope(), kinds, {} if drawn is None else {drawn.control: drawn}, diagram)


GOOD = known()


def told(after: Identity, before: Identity = GOOD) -> list[tuple[Part, str, str, What, Ground]]:
    return [(one.part, one.subject, one.name, one.what, one.ground) for one in drift(before, after).drifted]


def test_a_fingerprint_names_every_part_and_nothing_else() -> None:
    assert {(mark.part.value, mark.subject, mark.name, mark.value) for mark in GOOD.fingerprint.marks} == {
        ("diagram", AGENCY, "document", "55" * 32),
        ("hosts", "web1", "address", "10.1.2.3"),
        ("level", AGENCY, "level", "3"),
        ("peer-keys", "web1:443", "public key", peer_certificate().chain[0].spki_sha256),
        ("services", "web1:22", "speaks", "ssh"),
        ("services", "web1:443", "speaks", "https"),
        ("host-keys", "web1:22", KEY.type, KEY.sha256),
        ("software", "web1", "nginx", "1.22"),
        ("software", "web1", "openssh", "9.2"),
        ("software", "web1", "operating system", "debian:12"),
    }
    assert GOOD.unseen == frozenset()


@pytest.mark.parametrize(
    ("system", "version", "release"),
    [
        ("debian", "12", "debian:12"),
        ("ubuntu", "24.04", "ubuntu:24.04"),
        ("alpine", "3.20.3", "alpine:v3.20"),
        ("alpine", "3.20.9", "alpine:v3.20"),
        ("rhel", "9.4", "rhel:9"),
        ("rhel", "9.6", "rhel:9"),
        ("rocky", "8.10", "rocky:8"),
        ("freebsd", "14.1.2", "freebsd:14.1"),
        ("arch", "", "arch:"),
        ("weird", "rolling", "weird:rolling"),
    ],
)
def test_an_operating_system_is_known_by_the_stream_its_patches_come_from(system: str, version: str, release: str) -> None:
    assert of_system(OsRelease(id=system, version_id=version, pretty_name="x")) == release


@pytest.mark.parametrize(
    ("name", "version", "product", "cut"),
    [
        ("nginx", "1.22.1-9+deb12u1", "nginx", "1.22"),
        ("nginx-core", "1:1.20.1-14.el9_2.1", "nginx", "1.20"),
        ("apache2", "2.4.62-1~deb12u2", "apache", "2.4"),
        ("httpd", "2.4.57-11.el9_4.1", "apache", "2.4"),
        ("openssh-server", "1:9.2p1-2+deb12u3", "openssh", "9.2"),
        ("haproxy", "2.6.12-1+deb12u1", "haproxy", "2.6"),
        ("postgresql-15", "15.8-0+deb12u1", "postgresql", "15"),
        ("postgresql-9.6", "9.6.24-0+deb9u1", "postgresql", "9.6"),
        ("postgresql15", "15.8-r0", "postgresql", "15"),
        ("postgresql-server", "13.16-1.el9_4", "postgresql", "13"),
        ("mariadb-server-10.5", "1:10.5.26-0+deb11u2", "mariadb", "10.5"),
        ("mariadb-server", "3:10.5.22-1.el9_2", "mariadb", "10.5"),
        ("redis-server", "5:7.0.15-1~deb12u1", "redis", "7.0"),
        ("bind9", "1:9.18.28-1~deb12u2", "bind", "9.18"),
        ("php8.2-fpm", "8.2.24-1~deb12u1", "php-fpm", "8.2"),
    ],
)
def test_a_product_is_known_by_its_branch(name: str, version: str, product: str, cut: str) -> None:
    assert list(of_packages((package(name, version),))) == [(product, cut)]


@pytest.mark.parametrize(
    "name", ["openssh-client", "postgresql-client-15", "postgresql-common", "nginx-doc", "mariadb-common", "bash"]
)
def test_what_serves_nobody_is_no_mark(name: str) -> None:
    assert list(of_packages((package(name, "1.2.3"),))) == []


def test_a_version_without_numbers_stands_whole() -> None:
    assert (branch("nginx", "git-abc"), branch("postgresql", "devel"), branch("nginx", "")) == ("git-abc", "devel", "")


@pytest.mark.parametrize(
    "changes",
    [
        {"host": of("debian", "12", package("nginx", "1.22.1-9+deb12u7"), package("openssh-server", "1:9.2p1-2+deb12u9"))},
        {"host": of("debian", "12", NGINX, SSHD, kernel="6.1.0-99-amd64")},
        {"host": of("debian", "12", SSHD, NGINX, package("vim", "9.0"))},
        {"peer_certificate": peer_certificate(leaf={"sha256": "99" * 32, "serial": "77", "not_after": AT + timedelta(days=900)})},
        {"ssh": ssh(banner="SSH-2.0-OpenSSH_9.9p9 Debian-1", host_keys=(KEY,))},
    ],
    ids=["patched", "restarted on another kernel", "order and other packages", "renewed with the same key", "another banner"],
)
def test_what_a_patch_or_a_renewal_changes_is_no_drift(changes: dict[str, Any]) -> None:
    after = known(**changes)
    assert after.fingerprint.digest() == GOOD.fingerprint.digest()
    assert told(after) == []


@pytest.mark.parametrize(
    ("after", "expected"),
    [
        (
            known(host=of("debian", "13", NGINX, SSHD)),
            (Part.SOFTWARE, "web1", "operating system", What.CHANGED, Ground.TECHNOLOGY_CHANGED),
        ),
        (
            known(host=of("debian", "12", package("nginx", "1.24.0-1"), SSHD)),
            (Part.SOFTWARE, "web1", "nginx", What.CHANGED, Ground.TECHNOLOGY_CHANGED),
        ),
        (
            known(host=of("debian", "12", SSHD)),
            (Part.SOFTWARE, "web1", "nginx", What.GONE, Ground.TECHNOLOGY_CHANGED),
        ),
        (
            known(host=of("debian", "12", NGINX, SSHD, package("redis-server", "5:7.0.15-1"))),
            (Part.SOFTWARE, "web1", "redis", What.ADDED, Ground.TECHNOLOGY_CHANGED),
        ),
        (
            known(peer_certificate=peer_certificate(leaf={"spki_sha256": "88" * 32})),
            (Part.PEER_KEYS, "web1:443", "public key", What.CHANGED, Ground.DESIGN_CHANGED),
        ),
        (known(ssh=ssh(host_keys=(OTHER_KEY,))), (Part.HOST_KEYS, "web1:22", "ssh-ed25519", What.CHANGED, Ground.DESIGN_CHANGED)),
        (known(scope(level=4)), (Part.LEVEL, AGENCY, "level", What.CHANGED, Ground.LEVEL_CHANGED)),
        (
            known(scope(WEB1.model_copy(update={"address": "10.1.2.9"}))),
            (Part.HOSTS, "web1", "address", What.CHANGED, Ground.DESIGN_CHANGED),
        ),
        (
            known(scope(WEB1, Host(id="web2", address="10.1.2.4"))),
            (Part.HOSTS, "web2", "address", What.ADDED, Ground.EXPANDED),
        ),
        (
            known(scope(WEB1.model_copy(update={"services": (WEB,)}))),
            (Part.SERVICES, "web1:22", "speaks", What.GONE, Ground.DESIGN_CHANGED),
        ),
        (
            known(drawn=DRAWN.model_copy(update={"document": "66" * 32})),
            (Part.DIAGRAM, AGENCY, "document", What.CHANGED, Ground.DESIGN_CHANGED),
        ),
    ],
)
def test_each_part_that_drifts_is_named_with_its_ground(after: Identity, expected: tuple[Part, str, str, What, Ground]) -> None:
    found = drift(GOOD, after)
    assert expected in told(after)
    assert found.lapses
    assert found.fingerprint_before != found.fingerprint_after


BLIND = Unobserved(reason=Reason.TIMED_OUT)


@pytest.mark.parametrize(
    ("after", "part", "subject"),
    [
        (known(ssh=BLIND), Part.HOST_KEYS, "web1:22"),
        (known(ssh=ssh(host_keys=BLIND)), Part.HOST_KEYS, "web1:22"),
        (known(peer_certificate=BLIND), Part.PEER_KEYS, "web1:443"),
        (known(host=BLIND), Part.SOFTWARE, "web1"),
        (known(host=host(packages=BLIND)), Part.SOFTWARE, "web1"),
        (known(drawn=None), Part.DIAGRAM, AGENCY),
        (known(diagram=None), Part.DIAGRAM, AGENCY),
        (known(drawn=DRAWN.model_copy(update={"answer": Answer.NO})), Part.DIAGRAM, AGENCY),
    ],
)
def test_what_was_not_seen_is_neither_gone_nor_as_before(after: Identity, part: Part, subject: str) -> None:
    for found in (drift(GOOD, after), drift(after, GOOD)):
        assert {(one.part, one.subject, one.what) for one in found.drifted} == {(part, subject, What.UNSEEN)}
        assert (found.lapses, found.complete) == (False, False)
    neither = drift(after, after)
    assert {(one.part, one.subject, one.what) for one in neither.drifted} == {(part, subject, What.UNSEEN)}
    assert (neither.lapses, neither.complete) == (False, True)


def test_another_key_is_drift_also_where_something_else_was_not_seen() -> None:
    found = drift(GOOD, known(host=BLIND, peer_certificate=peer_certificate(leaf={"spki_sha256": "88" * 32})))
    assert (found.lapses, found.complete) == (True, False)


NAMES = st.sampled_from(["nginx", "openssh-server", "redis-server", "postgresql-15", "bash"])
VERSIONS = st.from_regex(r"([0-9]:)?[0-9]{1,2}\.[0-9]{1,2}(\.[0-9]{1,2})?(-[0-9]+)?", fullmatch=True)
PACKAGES = st.lists(st.builds(package, NAMES, VERSIONS), max_size=6)


@settings(max_examples=100, deadline=None)
@given(PACKAGES, PACKAGES, st.randoms())
def test_order_never_matters_and_drift_is_found_where_the_digest_differs(one: list[Any], other: list[Any], random: Any) -> None:
    before, after = (known(host=of("debian", "12", *packages)) for packages in (one, other))
    mixed = list(one)
    random.shuffle(mixed)
    shuffled = identity(
        scope(WEB1.model_copy(update={"services": (SHELL, WEB)})), dict(reversed(SEEN.items())), {"NET-09": DRAWN}, "NET-09"
    )
    assert shuffled == GOOD
    assert known(host=of("debian", "12", *mixed)) == before
    assert drift(before, after).lapses is (before.fingerprint.digest() != after.fingerprint.digest())
    there, back = ({(it.part, it.subject, it.name) for it in drift(*pair).drifted} for pair in ((before, after), (after, before)))
    assert there == back


@settings(max_examples=100, deadline=None)
@given(VERSIONS, st.integers(0, 99), st.integers(0, 99))
def test_a_patch_level_never_lapses(version: str, one: int, other: int) -> None:
    stem = ".".join(version.partition(":")[2].split(".")[:2] if ":" in version else version.split(".")[:2]).partition("-")[0]
    assert branch("nginx", f"{stem}.{one}-1") == branch("nginx", f"{stem}.{other}-2+deb12u3") == branch("nginx", f"1:{stem}")
