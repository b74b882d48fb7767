"""Feed bundles: the gatherer vouches for the files, another person lets them go to the sites; both sign, or it is not imported."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import ClassVar, Literal

from pydantic import Field

from certification.opening import in_role, opened
from certification.refusals import Code, Refusal
from certification.rendering import rendered
from certification.signers import Signer, signed
from certification.statements import Predicate, Role, Statement, subjects
from certification.trust import TrustedKey, TrustRoot
from scanner.findings import said
from scanner.record import sha256

MANIFEST = "manifest.json"
GATHERED = "gathered.dsse.json"
APPROVED = "approved.dsse.json"


class FeedBundlePredicate(Predicate):
    """The bundle by its serial; the manifest, which is the subject, says all else."""

    serial: int = Field(ge=1)


class FeedsGatheredStatement(Statement):
    """The gatherer vouches that these files are those that vendors published."""

    role: ClassVar[Role] = Role.FEED_GATHERER
    predicate_type: Literal["urn:npd:clearance:feeds-gathered/v1"] = Field(
        default="urn:npd:clearance:feeds-gathered/v1", alias="predicateType"
    )
    predicate: FeedBundlePredicate


class FeedsApprovedStatement(Statement):
    """Another person lets the bundle, as it was gathered, go to the sites."""

    role: ClassVar[Role] = Role.FEED_APPROVER
    predicate_type: Literal["urn:npd:clearance:feeds-approved/v1"] = Field(
        default="urn:npd:clearance:feeds-approved/v1", alias="predicateType"
    )
    predicate: FeedBundlePredicate


def sign_gathering(manifest: bytes, serial: int, signer: Signer, at: datetime) -> bytes:
    """The gatherer's envelope over a bundle's manifest."""
    return signed(
        FeedsGatheredStatement(
            subject=subjects({MANIFEST: sha256(manifest)}), predicate=FeedBundlePredicate(stated_at=at, serial=serial)
        ),
        signer,
    )


def sign_approval(manifest: bytes, gathered: bytes, serial: int, signer: Signer, at: datetime) -> bytes:
    """The approver's envelope over the manifest and over what the gatherer signed."""
    return signed(_approval(manifest, gathered, serial, at), signer)


def _approval(manifest: bytes, gathered: bytes, serial: int, at: datetime) -> FeedsApprovedStatement:
    return FeedsApprovedStatement(
        subject=subjects({MANIFEST: sha256(manifest), GATHERED: sha256(gathered)}),
        predicate=FeedBundlePredicate(stated_at=at, serial=serial),
    )


def gathered_by(manifest: bytes, gathered: bytes, serial: int, trust: TrustRoot, at: datetime) -> str:
    """The person who gathered this very manifest; refuses any other envelope."""
    trust.current(at)
    found = opened(gathered, FeedsGatheredStatement, trust, at)
    wanted = subjects({MANIFEST: sha256(manifest)})
    if found.statement.subject != wanted or found.statement.predicate.serial != serial:
        raise Refusal(Code.FEEDS_DIFFER, said("what was gathered is another manifest than the bundle's"))
    return found.signer.known.holder


def verified_bundle(manifest: bytes, gathered: bytes, approved: bytes, serial: int, trust: TrustRoot, at: datetime) -> None:
    """Returns where a gatherer and an approver, two people with two keys, signed this very manifest."""
    gatherer = gathered_by(manifest, gathered, serial, trust, at)
    found = opened(approved, FeedsApprovedStatement, trust, at)
    wanted = subjects({MANIFEST: sha256(manifest), GATHERED: sha256(gathered)})
    if found.statement.subject != wanted or found.statement.predicate.serial != serial:
        raise Refusal(Code.FEEDS_DIFFER, said("what was approved is another bundle than this"))
    _another(gatherer, found.signer)


def approved_bundle(
    manifest: bytes,
    gathered: bytes,
    serial: int,
    trust: TrustRoot,
    at: datetime,
    *,
    signer: Signer,
    confirm: Callable[[str], bool],
) -> bytes:
    """The approver's envelope over this gathered bundle. `confirm` is shown what will be signed, and may still say no.

    Who may not approve it, is refused before anything is shown.
    """
    gatherer = gathered_by(manifest, gathered, serial, trust, at)
    key = trust.key(signer.keyid)
    in_role(key, FeedsApprovedStatement.role)
    key.valid(at, at)
    _another(gatherer, key)
    if not confirm(rendered(_approval(manifest, gathered, serial, at))):
        raise Refusal(Code.NOT_CONFIRMED, said("nothing was signed"))
    approved = sign_approval(manifest, gathered, serial, signer, at)
    verified_bundle(manifest, gathered, approved, serial, trust, at)
    return approved


def _another(gatherer: str, approver: TrustedKey) -> None:
    if approver.known.holder == gatherer:
        raise Refusal(Code.QUORUM_ONE_PERSON, said("{person} gathered and approved the bundle", person=gatherer))
