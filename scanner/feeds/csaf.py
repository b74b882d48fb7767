"""Red Hat's VEX documents (CSAF 2.0): one CVE each, with what is fixed, affected and not affected, by product."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qs, unquote

from scanner.advisories import BASE, SOURCE, UNNAMED, Advisory, Coverage, Fix, FixStatus, Layer
from scanner.feeds.reading import Row, Tally, cves_in, day, each, instant, json_of, severity, title

NAME = "redhat-vex"
_PRODUCT = re.compile(r"cpe:/[ao]:redhat:(enterprise_linux|rhel_eus|rhel_aus|rhel_tus|rhel_e4s):([0-9]+)(?:\.([0-9]+))?(?::.*)?")
_PURL = re.compile(r"pkg:rpm/redhat/([^@?]+)(?:@([^?]*))?(?:\?(.*))?")
_UNPACKAGED = re.compile(r"(?:([a-z0-9_.+-]+:[a-z0-9_.+-]+)/)?([A-Za-z0-9_][A-Za-z0-9_.+-]*)")
"""A source package as documents name it that give no purl: firefox, or ruby:2.5/ruby for one of a module."""
_STREAM = re.compile(r"([^:]+:[^:]+)(?::.*)?")
_NOT_FIXED = {"no_fix_planned": FixStatus.WILL_NOT_FIX, "none_available": FixStatus.NO_FIX_YET}


@dataclass(frozen=True, slots=True)
class _Component:
    package: str
    version: str | None
    arch: str | None
    """SOURCE for the source package, which stands for all that is built from it; None for a package of every architecture."""
    stream: str | None


@dataclass(frozen=True, slots=True)
class _Remedy:
    category: str
    details: str
    date: str | None


Parts = Mapping[str, tuple[str, str, _Component]]
"""Namespace, channel and component of each product id that is assessed."""


def is_vex(value: object) -> bool:
    """Whether this is a CSAF document."""
    return isinstance(value, dict) and isinstance(value.get("document"), dict) and "csaf_version" in value["document"]


def advisories(records: Iterator[tuple[str, bytes]], tally: Tally, *, whole: bool) -> Iterator[Row]:
    """The rows of every document; one document alone covers no release."""
    namespaces: set[str] = set()

    def read(data: bytes) -> Iterator[Row]:
        value = json_of(data, NAME)
        document = value["document"]
        tally.saw(instant(document["tracking"]["current_release_date"]))
        parts = _parts(value["product_tree"], tally)
        for flaw in value["vulnerabilities"]:
            yield Advisory(
                id=flaw["cve"],
                title=title(document["title"]),
                severity=severity(document.get("aggregate_severity", {}).get("text")),
                published=day(flaw["release_date"]) if "release_date" in flaw else None,
                cves=cves_in((flaw["cve"],)),
            )
            for fix in _fixes(flaw, parts):
                namespaces.add(fix.namespace)
                yield fix

    yield from each(tally, records, read)
    for namespace in sorted(namespaces) if whole else ():
        yield Coverage(namespace=namespace, layer=Layer.ADVISORIES, feed=NAME)


def _fixes(flaw: Mapping[str, Any], parts: Parts) -> Iterator[Fix]:
    remedies = _remedies(flaw)
    for group, products in flaw.get("product_status", {}).items():
        for product in products:
            if product not in parts:
                continue
            namespace, channel, component = parts[product]
            remedy = remedies.get(product)
            status, version = _status(group, component, remedy)
            if status is FixStatus.FIXED and component.arch == SOURCE:
                continue  # each package that is built from it stands beside it, with its own version
            dated = remedy.date if remedy is not None and status is FixStatus.FIXED else None
            yield Fix(
                namespace=namespace,
                package=component.package,
                advisory=flaw["cve"],
                module=component.stream,
                channel=channel,
                architectures=_architectures(component, status),
                status=status,
                fixed=version,
                since=day(dated) if dated else None,
                note=title(remedy.details if remedy is not None and status is not FixStatus.FIXED else ""),
            )


def _architectures(component: _Component, status: FixStatus) -> tuple[str, ...]:
    """Those a statement is about: what is not fixed is not fixed for any of them."""
    if component.arch == SOURCE:
        return (SOURCE,)
    return (component.arch,) if component.arch is not None and status is FixStatus.FIXED else ()


def _status(group: str, component: _Component, remedy: _Remedy | None) -> tuple[FixStatus, str | None]:
    match group:
        case "fixed" | "first_fixed":
            # fixed, but nobody says in which version: the package is named, so that it does not look clean
            return (FixStatus.UNDETERMINED, None) if component.version is None else (FixStatus.FIXED, component.version)
        case "known_not_affected":
            return FixStatus.NOT_AFFECTED, None
        case "known_affected":
            if remedy is not None and "out of support" in remedy.details.lower():
                return FixStatus.UNSUPPORTED, None
            return _NOT_FIXED.get(remedy.category if remedy else "", FixStatus.NO_FIX_YET), None
        case _:
            return FixStatus.UNDETERMINED, None


def _remedies(flaw: Mapping[str, Any]) -> dict[str, _Remedy]:
    """The remedy of each product; a workaround is none."""
    found: dict[str, _Remedy] = {}
    for entry in flaw.get("remediations", ()):
        if entry["category"] in ("vendor_fix", *_NOT_FIXED):
            remedy = _Remedy(entry["category"], entry.get("details", ""), entry.get("date"))
            found.update(dict.fromkeys(entry.get("product_ids", ()), remedy))
    return found


def _parts(tree: Mapping[str, Any], tally: Tally) -> dict[str, tuple[str, str, _Component]]:
    products = dict(_leaves(tree.get("branches", ()), 0))
    found = {}
    for link in tree.get("relationships", ()):
        place = _place(products.get(link["relates_to_product_reference"], {}).get("cpe", ""))
        if place is None:
            tally.outside += 1
            continue
        component = _component(link["product_reference"], products)
        if component is None:
            tally.outside += 1
        else:
            found[link["full_product_name"]["product_id"]] = (*place, component)
    return found


def _leaves(branches: Any, depth: int) -> Iterator[tuple[str, Mapping[str, str]]]:
    if depth > 20:
        raise ValueError("the product tree is deeper than any")
    for branch in branches:
        if "product" in branch:
            yield branch["product"]["product_id"], branch["product"].get("product_identification_helper", {})
        yield from _leaves(branch.get("branches", ()), depth + 1)


def _place(cpe: str) -> tuple[str, str] | None:
    found = _PRODUCT.fullmatch(cpe)
    if found is None:
        return None
    product, major, minor = found.groups()
    channel = BASE if product == "enterprise_linux" else f"{product.removeprefix('rhel_')}-{major}.{minor or '0'}"
    return f"rhel:{major}", channel


def _component(reference: str, products: Mapping[str, Mapping[str, str]]) -> _Component | None:
    """The package a product is; None for what is none: a container's image, or a module as a whole."""
    if reference in products and "purl" not in products[reference]:
        plain = _UNPACKAGED.fullmatch(reference)
        return None if plain is None else _Component(plain[2], None, SOURCE, plain[1])
    found = _PURL.fullmatch(products.get(reference, {}).get("purl", ""))
    if found is None:
        return None
    name, version, query = found.groups()
    qualifiers = {key: values[0] for key, values in parse_qs(query or "").items()}
    version = unquote(version) if version else None
    if version is not None:
        version = f"{qualifiers.get('epoch', '0')}:{version}"
    return _Component(unquote(name), version, qualifiers.get("arch"), _stream(qualifiers.get("rpmmod")))


def _stream(module: str | None) -> str | None:
    """The stream in name:stream:version:context; a module without one is named by nobody."""
    if module is None:
        return None
    found = _STREAM.fullmatch(module)
    return UNNAMED if found is None else found[1]
