"""Until when releases are supported: endoflife.date (its API and its source), distro-info, and Debian's list of unsupported packages."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from datetime import date
from typing import Any

from scanner.advisories import Advisory, Fix, FixStatus, Release, Tier
from scanner.feeds import places
from scanner.feeds.reading import Row, Tally, csv_lines, day, each, instant, title

ENDOFLIFE = "endoflife"
_UNSUPPORTED = re.compile(r"security-support-ended\.deb([0-9]{1,2})")
_TIERS = ("lts", "elts", "esm", "legacy")


def api(value: Mapping[str, Any], tally: Tally) -> Iterator[Row]:
    """The rows of the API's answer (products/full)."""
    tally.saw(instant(value["generated_at"]))

    def read(product: Mapping[str, Any]) -> Iterator[Row]:
        for release in product["releases"]:
            yield Release(
                product=product["name"],
                cycle=release["name"],
                codename=title(release.get("codename") or ""),
                released=_day(release.get("releaseDate")),
                eol=_day(release["eolFrom"]) or release["isEol"],
                extended=_tiers({"extended": release.get("eoesFrom") or release.get("isEoes")}),
                source=ENDOFLIFE,
            )

    yield from each(tally, ((str(product.get("name")), product) for product in value["result"]), read)


def products(value: Mapping[str, Any], tally: Tally) -> Iterator[Row]:
    """The rows of the source's front matter: {product: {releases: [{releaseCycle, eol ...}]}}; dated by the newest release it knows."""

    def read(item: tuple[str, Mapping[str, Any]]) -> Iterator[Row]:
        name, product = item
        for release in product["releases"]:
            tally.saw(_day(release.get("latestReleaseDate")))
            yield Release(
                product=name,
                cycle=str(release["releaseCycle"]),
                codename=title(release.get("codename") or ""),
                released=_day(release.get("releaseDate")),
                eol=_support(release["eol"]),
                extended=_tiers({"extended": release.get("eoes")}),
                source=ENDOFLIFE,
            )

    yield from each(tally, ((name, (name, product)) for name, product in value.items()), read)


def distro_info(text: str, product: str, tally: Tally) -> Iterator[Row]:
    """The rows of debian.csv or ubuntu.csv: product is the distribution."""

    def read(line: dict[str, str]) -> Iterator[Row]:
        if not line["version"]:
            tally.outside += 1  # unstable and experimental never end
            return
        yield Release(
            product=product,
            cycle=line["version"].removesuffix(" LTS"),
            codename=title(line["series"]),
            released=_day(line["release"]),
            eol=_day(line["eol"]),
            extended=_tiers({tier: _day(line.get(f"eol-{tier}")) for tier in _TIERS}),
            source=f"distro-info-{product}",
        )

    yield from each(tally, csv_lines(text, 2), read)


def release_of(name: str) -> str | None:
    """The Debian release that a list of unsupported packages is about, by the file's name."""
    found = _UNSUPPORTED.fullmatch(name)
    return found[1] if found and found[1] in places.DEBIAN.values() else None


def unsupported(text: str, release: str, tally: Tally) -> Iterator[Row]:
    """The rows of security-support-ended.debNN: source package, last supported version, day, reason.

    It tells of some packages only, so on its own it covers no release.
    """
    namespace, feed = f"debian:{release}", f"debian-unsupported-{release}"

    def read(line: str) -> Iterator[Row]:
        package, version, ended, *reason = line.split(maxsplit=3)
        note = title(f"since {version}: {''.join(reason)}")
        yield Fix(namespace=namespace, package=package, advisory=feed, status=FixStatus.UNSUPPORTED, since=day(ended), note=note)

    lines = ((f"line {number}", line) for number, line in enumerate(text.splitlines(), start=1))
    yield from each(tally, ((where, line) for where, line in lines if line.strip() and not line.startswith("#")), read)
    yield Advisory(id=feed, title="Debian no longer supports this package")


def _day(text: object) -> date | None:
    return day(text) if isinstance(text, str) and text else None


def _support(said: object) -> date | bool | None:
    return said if isinstance(said, bool) else _day(said)


def _tiers(said: Mapping[str, object]) -> tuple[Tier, ...]:
    """The longer supports; where only a yes or no is known, it is kept as one."""
    found = {name: ends if isinstance(ends, bool | date) else _day(ends) for name, ends in said.items()}
    return tuple(Tier(name=name, ends=ends) for name, ends in found.items() if ends is not None)
