"""Advisories: what vendors say about packages and releases, as records; the slice of it that one run is judged by."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date
from enum import StrEnum
from typing import Annotated, Literal, Self

from pydantic import Field, StringConstraints, model_validator

from scanner.record import Instant, Name, PeerText, Record, Sha256, Sorted

Namespace = Annotated[str, StringConstraints(max_length=80, pattern=r"^[a-z][a-z0-9-]*(:[A-Za-z0-9._-]+){1,2}$")]
"""One release of one vendor, whose versions compare with no other's: debian:12, almalinux:9, alpine:v3.20:main."""

PackageName = Annotated[str, StringConstraints(min_length=1, max_length=200, pattern=r"^[A-Za-z0-9_@][A-Za-z0-9_@.+:~-]*$")]
"""A package's name as its vendor writes it."""

PackageVersion = Annotated[str, StringConstraints(min_length=1, max_length=200, pattern=r"^[A-Za-z0-9_.+:~^-]+$")]
"""A version as its vendor writes it, with epoch and revision where it has them."""

AdvisoryId = Annotated[str, StringConstraints(max_length=120, pattern=r"^[A-Za-z0-9][A-Za-z0-9._:/+-]*$")]
CveId = Annotated[str, StringConstraints(pattern=r"^CVE-[0-9]{4}-[0-9]{4,19}$")]
ModuleStream = Annotated[str, StringConstraints(max_length=120, pattern=r"^[A-Za-z0-9._+-]+:[A-Za-z0-9._+-]+$")]
"""A module and its stream, as postgresql:15."""

UNNAMED = "unnamed:unnamed"
"""The stream of a modular package whose advisory does not name it: it can be matched with no host's stream."""

SOURCE = "src"
"""The architecture of a statement about an rpm's source package: it stands for every package that is built from it."""

Product = Annotated[str, StringConstraints(max_length=80, pattern=r"^[a-z0-9][a-z0-9._+-]*$")]
Cycle = Annotated[str, StringConstraints(min_length=1, max_length=80, pattern=r"^[\x21-\x7e]([\x20-\x7e]*[\x21-\x7e])?$")]
Share = Annotated[float, Field(ge=0, le=1)]
BASE = "base"
"""The channel every installation receives, without a subscription."""


class FixStatus(StrEnum):
    """What the vendor says about one advisory, one package and one release."""

    FIXED = "fixed"
    NO_FIX_YET = "no-fix-yet"
    POSTPONED = "postponed"
    WILL_NOT_FIX = "will-not-fix"
    NOT_AFFECTED = "not-affected"
    UNDETERMINED = "undetermined"
    UNSUPPORTED = "unsupported"


class Dated(StrEnum):
    """Where the date of a fix comes from."""

    VENDOR = "vendor"
    """The vendor says on which day."""
    OBSERVED = "observed"
    """The vendor gives no day: the feed was first seen with it on this one, so the fix is at least as old."""


class Severity(StrEnum):
    """The vendor's own rating, in one spelling."""

    CRITICAL = "critical"
    HIGH = "high"
    MEDIUM = "medium"
    LOW = "low"
    NEGLIGIBLE = "negligible"
    UNKNOWN = "unknown"


def worst(ratings: Iterable[Severity]) -> Severity:
    """The gravest of these ratings, of which there must be one; an unknown one stands behind all others."""
    return min(ratings, key=tuple(Severity).index)


class Layer(StrEnum):
    """What a feed answers: which versions a repository offers, or which advisories stand against a package."""

    REPOSITORY = "repository"
    ADVISORIES = "advisories"


class FeedKind(StrEnum):
    """What a feed is for; a baseline says for each how old it may be."""

    VENDOR = "vendor"
    ARCHIVE = "archive"
    """A repository that changes at point releases only, so that its age says nothing."""
    KEV = "kev"
    EPSS = "epss"
    CVSS = "cvss"
    EOL = "eol"


class Fix(Record):
    """One advisory about one package of one release."""

    namespace: Namespace
    package: PackageName
    """The source package's name for deb and apk, the binary package's for rpm, but where the architecture is SOURCE."""
    advisory: AdvisoryId
    module: ModuleStream | None = None
    """The module stream the package must come from; None is a package outside modules."""
    channel: Name = BASE
    """Where the fix is published: base, esm-infra, esm-apps, fips, eus ..."""
    architectures: Sorted[Name] = ()
    """The architectures the fix is for; empty is every one."""
    status: FixStatus
    fixed: PackageVersion | None = None
    """The first version that holds the fix."""
    since: date | None = None
    """The day on which the fix reached this release; None where nobody can say."""
    dated: Dated = Dated.VENDOR
    note: PeerText = ""
    """The vendor's reason for the status, in its words."""

    @model_validator(mode="after")
    def _whole(self) -> Self:
        if (self.fixed is not None) != (self.status is FixStatus.FIXED):
            raise ValueError("a version stands where the status is fixed, and nowhere else")
        return self


class Advisory(Record):
    """What a vendor published under one identifier, which may be a CVE's own."""

    id: AdvisoryId
    title: PeerText = ""
    severity: Severity = Severity.UNKNOWN
    published: date | None = None
    cves: Sorted[CveId] = ()


class Cve(Record):
    """How bad a CVE is, and whether it is exploited; a fact that no feed gave is None."""

    id: CveId
    cvss: Annotated[float, Field(ge=0, le=10)] | None = None
    vector: PeerText | None = None
    epss: Share | None = None
    percentile: Share | None = None
    kev_added: date | None = None
    kev_due: date | None = None
    kev_ransomware: bool = False


class Available(Record):
    """The newest version of a binary package that a repository offers."""

    namespace: Namespace
    pocket: Name
    """The part of the repository: bookworm, bookworm-security, jammy-updates, baseos ..."""
    package: PackageName
    arch: Name
    version: PackageVersion
    source: PackageName
    module: ModuleStream | None = None


class Tier(Record):
    """A longer support: lts, elts, esm, eus ..."""

    name: Name
    ends: date | bool


class Release(Record):
    """Until when a release of a product is supported: a day, or a bare yes or no; None where the source says nothing."""

    product: Product
    cycle: Cycle
    codename: PeerText = ""
    released: date | None = None
    eol: date | bool | None = None
    """Since when it is past its end of life; True: it is, False: it is not."""
    extended: Sorted[Tier] = ()
    """Longer support that must be paid for or chosen; it counts only where the host shows that it has it."""
    source: Name
    """The feed that says so."""


class FeedRef(Record):
    """The feed a record came from, by name and digest, and the date that stands inside it."""

    name: Name
    kind: FeedKind
    generated_at: Instant
    sha256: Sha256
    records: Annotated[int, Field(ge=0)]
    malformed: Annotated[int, Field(ge=0)] = 0
    """How many of its records could not be read."""
    signed: bool = False
    """Whether the vendor's signature was there and was verified."""


class Coverage(Record):
    """A namespace that a feed speaks of: where a namespace has none, nothing is known of its packages."""

    namespace: Namespace
    layer: Layer
    feed: Name
    pocket: Name | None = None
    """The part of the repository, in the layer of repositories."""


class Asked(Record):
    """The packages of a namespace for which the store was asked: silence about any other package is not an answer."""

    namespace: Namespace
    packages: Sorted[PackageName]
    """Names as in `Fix.package` and, for repositories, as in `Available.package`."""


class Advisories(Record):
    """The slice: everything the store holds about the packages and releases that were asked for, and nothing else."""

    schema_version: Literal[1] = 1
    feeds: Sorted[FeedRef]
    covered: Sorted[Coverage]
    asked: Sorted[Asked]
    fixes: Sorted[Fix]
    advisories: Sorted[Advisory]
    cves: Sorted[Cve]
    available: Sorted[Available]
    releases: Sorted[Release]
