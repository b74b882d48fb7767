"""The order of a run: all that decides what is looked at and how it is judged, fixed before the first packet."""

from __future__ import annotations

from typing import Literal, Self

from pydantic import model_validator

from scanner.advisories import FeedKind
from scanner.faults import WrongValueError
from scanner.i18n import N_
from scanner.record import Instant, Name, Record, Sha256, Sorted, Text
from scanner.run_files import FileDigest, FilePath
from scanner.sights import Sight, Vantage
from scanner.targets import Pace, Permit, Rate, RunKind, Scope

__all__ = ["Feed", "FileDigest", "FilePath", "Order"]


class Feed(Record):
    """Outside data a judgement rests on, with the date from inside it."""

    name: Name
    kind: FeedKind
    sha256: Sha256
    dated: Instant


class Order(Record):
    """What was asked for, on which authority, judged by what and as of when."""

    schema_version: Literal[1] = 1
    run: Name
    nonce: Sha256
    """Random, drawn before the scan: an old scan cannot be presented as this one."""
    kind: RunKind
    ordered_at: Instant
    judged_at: Instant
    """The instant as of which ages and expiries are judged."""
    scope: Scope
    permit: Permit
    permit_envelope: Sha256 | None
    """Digest of inputs/permit.dsse.json, the permit as its authority signed it; None for an unsigned permit."""
    baseline: Sha256
    """Digest of inputs/baseline.yaml."""
    tailoring: Sha256 | None = None
    """Digest of inputs/tailoring.yaml: what is demanded beyond the baseline; None where nothing is."""
    deviations: Sha256 | None
    """Digest of inputs/deviations.yaml: waivers and remediation plans."""
    trust_anchors: Sha256 | None
    """Digest of inputs/anchors.pem: the CA store peers were checked against."""
    crls: Sha256 | None = None
    """Digest of inputs/crls.pem: the CRLs in which peers' certificates were looked up."""
    feeds: Sorted[Feed]
    vantage: Vantage
    pace: Pace = Pace.NORMAL
    """How gently the operator wanted to look; within the permit's rate."""
    tool: Text
    """Name and version of the program that looked."""
    checks: Sorted[FileDigest]
    """Digests of the code that judges, as it was at the time of the scan."""
    plan: Sorted[Sight]
    skipped: Sorted[Sight] = ()
    """Sights of the plan that the operator asked not to take; they show as not assessed."""

    @property
    def rate(self) -> Rate:
        """The rate in force: the permit's, or the pace's where that is gentler."""
        return self.permit.rate.at_most(self.pace.rate)

    @model_validator(mode="after")
    def _one_story(self) -> Self:
        if self.permit.kind is not self.kind:
            raise WrongValueError(
                N_("a permit for a {permitted} does not cover a run that is a {kind}"), permitted=self.permit.kind, kind=self.kind
            )
        if self.permit.agency != self.scope.agency.code:
            raise WrongValueError(
                N_("the permit is for {permitted}, the scope is of {agency}"),
                permitted=self.permit.agency,
                agency=self.scope.agency.code,
            )
        return self
