"""Small editions of feeds, written as vendors write them, and a store to import them into."""

from __future__ import annotations

import gzip
import json
import zipfile
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from scanner.feeds.formats import parsed
from scanner.feeds.reading import Parsed, Row

NOW = datetime(2026, 11, 25, 12, tzinfo=UTC)


def written(path: Path, value: object) -> Path:
    """The path, with this value in it as JSON, or these bytes or this text as they are."""
    match value:
        case bytes():
            path.write_bytes(value)
        case str():
            path.write_text(value)
        case _:
            path.write_text(json.dumps(value))
    return path


def read(path: Path) -> tuple[Parsed, list[Row]]:
    """The file read to its end."""
    found = parsed(path, {})
    return found, list(found.rows)


def tracker(versions: Mapping[str, str], release: str = "bookworm") -> dict[str, Any]:
    """A Debian tracker in which each of these sources has one flaw, fixed in this version."""
    return {
        source: {
            f"CVE-2026-{1000 + number}": {
                "releases": {release: {"status": "resolved", "fixed_version": fixed, "repositories": {release: fixed}}}
            }
        }
        for number, (source, fixed) in enumerate(sorted(versions.items()))
    }


def kev(dated: str, extra: Iterable[str] = ()) -> dict[str, Any]:
    """A catalogue of exploited CVEs of this day."""
    ids = ("CVE-2021-44228", "CVE-2017-0144", *extra)
    entries = [{"cveID": cve, "dateAdded": "2021-12-10", "dueDate": "2021-12-24"} for cve in ids]
    return {"catalogVersion": "x", "dateReleased": f"{dated}T10:00:00.0448Z", "vulnerabilities": entries}


def alma(advisory: str, package: str, fixed: str, **more: Any) -> dict[str, Any]:
    """An AlmaLinux advisory in OSV form."""
    return {
        "id": advisory,
        "summary": "Important: security update",
        "published": "2026-08-01T00:00:00Z",
        "modified": "2026-08-02T10:00:00Z",
        "related": ["CVE-2026-1000"],
        "affected": [
            {
                "package": {"ecosystem": "AlmaLinux:9", "name": package},
                "ranges": [{"type": "ECOSYSTEM", "events": [{"introduced": "0"}, {"fixed": fixed}]}],
            }
        ],
        **more,
    }


def zipped(path: Path, values: Iterable[dict[str, Any]]) -> Path:
    """A zip with one file for each of these records."""
    with zipfile.ZipFile(path, "w") as archive:
        for value in values:
            archive.writestr(f"{value['id']}.json", json.dumps(value))
    return path


def gzipped(path: Path, text: str) -> Path:
    """The text, packed."""
    path.write_bytes(gzip.compress(text.encode()))
    return path
