"""How bad and how exploited: CISA's KEV, EPSS scores, and the CVSS vectors of vulnrichment."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from scanner.advisories import Cve
from scanner.feeds.cvss import base_score
from scanner.feeds.reading import FeedError, Row, Tally, csv_lines, day, each, instant
from scanner.i18n import _

_EPSS_HEAD = re.compile(r"#.*score_date:(\S+)")


def kev(value: Mapping[str, Any], tally: Tally) -> Iterator[Row]:
    """The CVEs that are known to be exploited."""
    tally.saw(instant(value["dateReleased"]))

    def read(entry: Mapping[str, Any]) -> Iterator[Row]:
        yield Cve(
            id=entry["cveID"],
            kev_added=day(entry["dateAdded"]),
            kev_due=day(entry["dueDate"]),
            kev_ransomware=str(entry.get("knownRansomwareCampaignUse", "")).lower() == "known",
        )

    yield from each(tally, ((str(entry.get("cveID")), entry) for entry in value["vulnerabilities"]), read)


def epss(text: str, where: str, tally: Tally) -> Iterator[Row]:
    """The likelihood of exploitation; without the line that dates the scores the file is refused."""
    head, _newline, rest = text.partition("\n")
    dated = _EPSS_HEAD.match(head)
    if dated is None:
        raise FeedError(_("{path}: no score_date in its first line; scores from before 2022 are not read").format(path=where))
    tally.saw(instant(dated[1]))

    def read(line: dict[str, str]) -> Iterator[Row]:
        yield Cve(id=line["cve"], epss=float(line["epss"]), percentile=float(line["percentile"]))

    yield from each(tally, csv_lines(rest, 3), read)


def vulnrichment(text: str, tally: Tally) -> Iterator[Row]:
    """The CVSS of each CVE: its numbering authority's, else CISA's."""

    def read(line: dict[str, str]) -> Iterator[Row]:
        tally.saw(day(line["published"]) if line["published"] else None)
        vector = line["cna_cvss"] or line["adp_cvss"]
        if not vector:
            tally.outside += 1
            return
        yield Cve(id=line["cve"], cvss=base_score(vector), vector=vector)

    yield from each(tally, csv_lines(text, 2), read)
