"""What must hold of every host and every slice."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from scanner.advisories import UNNAMED, Fix, FixStatus
from scanner.findings import Pass
from scanner.observations import HostObservation, Package, PatchesObservation, Unobserved
from scanner.registry import load_checks
from scanner.versions import Scheme, compare
from tests.scanner.patching.hosts import fix, looked_up, of, offer, package, slice_of

CHECKS = {name: one for name, one in load_checks().items() if one.observes is PatchesObservation}
NAMES = st.sampled_from(["curl", "bash", "zlib"])
VERSIONS = st.builds(
    "{}.{}-{}{}".format, st.integers(1, 3), st.integers(0, 3), st.integers(1, 3), st.sampled_from(["", "~deb12u1", "+b1"])
)
ADVISORIES = st.sampled_from([f"CVE-2026-{number}" for number in range(1000, 1004)])
STREAMS = st.sampled_from([None, "perl:5.30", "perl:5.32", UNNAMED])
PRINTABLE = st.text(st.characters(min_codepoint=0x20, max_codepoint=0x7E), max_size=8)
KERNEL = "6.1.0-40-amd64"
IMAGE = package(f"linux-image-{KERNEL}", "6.1.159-1", source="linux-signed-amd64", source_version="6.1.159+1")


def debian(installed: dict[str, str]) -> HostObservation:
    return of("debian", "12", IMAGE, *(package(name, version) for name, version in installed.items()), kernel=KERNEL)


def fixes(**more: object) -> st.SearchStrategy[list[Fix]]:
    return st.lists(
        st.builds(lambda name, version, advisory: fix(name, version, advisory, **more), NAMES, VERSIONS, ADVISORIES), max_size=8
    )


def flaws(found: PatchesObservation) -> set[tuple[str, str]]:
    assert not isinstance(found.missing, Unobserved)
    return {(one.package, each.advisory) for one in found.missing for each in one.flaws}


@settings(max_examples=80, deadline=None)
@given(st.dictionaries(NAMES, VERSIONS, min_size=1), fixes(), NAMES, VERSIONS)
def test_an_upgrade_never_adds_a_flaw(installed: dict[str, str], told: list[Fix], name: str, version: str) -> None:
    before = installed.get(name)
    if before is None or compare(Scheme.DEB, before, version) > 0:
        return
    old, new = debian(installed), debian({**installed, name: version})
    assert flaws(looked_up(new, slice_of(*told, asked=new))) <= flaws(looked_up(old, slice_of(*told, asked=old)))


@settings(max_examples=60, deadline=None)
@given(st.dictionaries(NAMES, VERSIONS, min_size=1), fixes(), fixes(namespace="debian:11"), fixes(channel="fips"))
def test_another_release_or_channel_never_adds_a_flaw(
    installed: dict[str, str], told: list[Fix], elsewhere: list[Fix], paid: list[Fix]
) -> None:
    host = debian(installed)
    alone = looked_up(host, slice_of(*told, asked=host))
    assert flaws(looked_up(host, slice_of(*told, *elsewhere, *paid, asked=host))) == flaws(alone)


@settings(max_examples=60, deadline=None)
@given(VERSIONS, st.sampled_from(["perl:5.30", "perl:5.32"]), st.lists(st.tuples(STREAMS, VERSIONS, ADVISORIES), max_size=8))
def test_another_stream_never_adds_a_flaw(version: str, stream: str, told: list[tuple[str | None, str, str]]) -> None:
    installed = package("perl", f"0:{version}.module_el9", vendor="AlmaLinux", module=stream)
    host = of("almalinux", "9.4", installed)
    rows = [fix("perl", f"0:{fixed}.module_el9", name, module=module, namespace="almalinux:9") for module, fixed, name in told]
    found = flaws(looked_up(host, slice_of(*rows, asked=host)))
    own = [row for row in rows if row.module == stream]
    assert found == flaws(looked_up(host, slice_of(*own, asked=host)))


@settings(max_examples=60, deadline=None)
@given(
    st.lists(
        st.builds(Package, **dict.fromkeys(("name", "version", "architecture", "source", "source_version"), PRINTABLE)),
        min_size=1,
        max_size=4,
    )
)
def test_a_package_of_no_known_vendor_never_passes(strange: list[Package]) -> None:
    """Whatever a host lists, hostile or not: what no repository offers fails or is not judged."""
    host = of("debian", "12", IMAGE, *strange, kernel=KERNEL)
    found = looked_up(host, slice_of(offer(IMAGE.name, IMAGE.version), asked=host))
    assert not isinstance(found.strangers, Unobserved)
    assert {one.package for one in found.strangers} == {one.name for one in strange} - {IMAGE.name}
    check = CHECKS["patches-known-origin"]
    assert not isinstance(check(found, check.parameters()), Pass) or {one.name for one in strange} == {IMAGE.name}


@settings(max_examples=40, deadline=None)
@given(st.dictionaries(NAMES, VERSIONS, min_size=1), fixes(), st.randoms(use_true_random=False))
def test_the_order_of_packages_and_fixes_changes_nothing(installed: dict[str, str], told: list[Fix], random: object) -> None:
    host = debian(installed)
    turned = list(told)
    random.shuffle(turned)  # type: ignore[attr-defined]
    back = debian(dict(reversed(installed.items())))
    assert looked_up(host, slice_of(*told, asked=host)).written() == looked_up(back, slice_of(*turned, asked=host)).written()


@settings(max_examples=40, deadline=None)
@given(
    st.dictionaries(NAMES, VERSIONS, min_size=1),
    fixes(),
    st.sampled_from([status for status in FixStatus if status is not FixStatus.FIXED]),
)
def test_only_a_published_fix_is_ever_missing(installed: dict[str, str], told: list[Fix], status: FixStatus) -> None:
    host = debian(installed)
    unfixed = [one.model_copy(update={"status": status, "fixed": None, "since": None}) for one in told]
    assert flaws(looked_up(host, slice_of(*unfixed, asked=host))) == set()
