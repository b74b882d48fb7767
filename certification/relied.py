"""Which trust roots were relied on before: another one is not believed for lying where the last one lay. Pure.

A trust root proves itself by keys that stand in it, so that anybody can make one. The first is compared by a person, by another channel; after
that only what root keys of a known one signed follows it (TUF, root rotation), or what a person names by its digest. See docs/adr/0033.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Literal

from pydantic import Field

from certification.keyring import RootKind
from certification.refusals import Code, Refusal
from certification.trust import ROOT_THRESHOLD, TrustRoot
from scanner.findings import said
from scanner.record import Record, RecordError, Sha256, Sorted


class KnownRoot(Record):
    """A trust root that was relied on, and what tells its successor."""

    kind: RootKind
    version: Annotated[int, Field(ge=1)]
    sha256: Sha256
    threshold: Annotated[int, Field(ge=ROOT_THRESHOLD)]
    root_keys: Annotated[Sorted[Sha256], Field(min_length=ROOT_THRESHOLD)]

    def shares_keys(self, root: TrustRoot) -> bool:
        """Whether so many of its root keys stand in this root as it asks for."""
        return len({key.keyid for key in root.keyring.root_keys} & set(self.root_keys)) >= self.threshold

    def endorsed(self, root: TrustRoot) -> bool:
        """Whether so many of its root keys signed this root as it asks for."""
        return root.keyring.kind is self.kind and len(root.signers & set(self.root_keys)) >= self.threshold


class KnownRoots(Record):
    """All that were relied on: of each family the newest."""

    schema_version: Literal[1] = 1
    roots: Sorted[KnownRoot] = ()


class Reliance(StrEnum):
    """Why a trust root is relied on."""

    KNOWN = "known"
    FIRST = "first"
    """Nothing was relied on before: a person compares the digest, or nobody does."""
    NEXT = "next"
    """Root keys of a known one signed it."""
    NAMED = "named"
    """A person named it by its digest."""


def known(root: TrustRoot) -> KnownRoot:
    """What is remembered of this root."""
    ring = root.keyring
    return KnownRoot(
        kind=ring.kind,
        version=ring.version,
        sha256=root.sha256,
        threshold=max(ring.threshold, ROOT_THRESHOLD),
        root_keys=tuple(key.keyid for key in ring.root_keys),
    )


def read_known_roots(data: bytes) -> KnownRoots:
    """The memory in these bytes; refuses what is not whole, since a stranger's root could not be told then."""
    try:
        found = KnownRoots.read(data)
    except RecordError as error:
        raise Refusal(Code.ROOT_MEMORY_LOST, said("{why}", why=str(error))) from None
    if not found.roots:
        raise Refusal(Code.ROOT_MEMORY_LOST, said("it remembers nothing, and is written only once something is"))
    return found


def follows(before: KnownRoot, root: TrustRoot) -> bool:
    """Whether this is the same root (False) or its successor (True); refuses an older one and a stranger's."""
    if root.sha256 == before.sha256:
        return False
    version = root.keyring.version
    if version > before.version and before.endorsed(root):
        return True
    if version < before.version and before.kind is root.keyring.kind and before.shares_keys(root):
        raise Refusal(Code.ROOT_OLDER, said("version {seen}, after version {last}", seen=version, last=before.version))
    message = said(
        "version {seen}, SHA-256 {digest}, after version {last}, {before}",
        seen=version, digest=grouped(root.sha256), last=before.version, before=grouped(before.sha256),
    )  # fmt: skip
    raise Refusal(Code.ROOT_CHANGED, message)


def relied_on(memory: KnownRoots, root: TrustRoot, *, named: bool) -> tuple[KnownRoots, Reliance]:
    """The memory after this root is relied on, and why it is; refuses one that is neither known, nor next, nor named by a person.

    One that is older than a known one is relied on where it is named, and changes no memory.
    """
    refusals = []
    for before in memory.roots:
        try:
            if not follows(before, root):
                return memory, Reliance.KNOWN
            others = tuple(each for each in memory.roots if each != before)
            return KnownRoots(roots=(*others, known(root))), Reliance.NEXT
        except Refusal as error:
            refusals.append(error)
    older = next((error for error in refusals if error.code is Code.ROOT_OLDER), None)
    if named:
        return memory if older else KnownRoots(roots=(*memory.roots, known(root))), Reliance.NAMED
    if refusals:
        raise older or refusals[0]
    return KnownRoots(roots=(known(root),)), Reliance.FIRST


def grouped(digest: str) -> str:
    """A digest in eight groups of eight, as it is read out to another person."""
    return " ".join(digest[place : place + 8] for place in range(0, len(digest), 8))
