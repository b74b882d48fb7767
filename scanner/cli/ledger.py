"""The verbs about the log: log init, show, verify, cosign and prove."""

from __future__ import annotations

import os
from pathlib import Path

import click

from scanner.cli.certify import FILE, SIGNER, TRUST, proof_of
from scanner.cli.console import Console, bytes_of, head_of, insist_on_free, keep, now, pass_console
from scanner.cli.roots import trust_at
from scanner.cli.signing import signer_at
from scanner.faults import InputError
from scanner.i18n import _, ngettext

LOG = click.argument("log_file", metavar="LOG", type=FILE)


@click.group()
def log() -> None:
    """The log that every certificate stands in, and that another authority watches."""


@log.command("init")
@LOG
@TRUST
@click.option("--origin", required=True, help="The log's name in the trust root.")
@SIGNER
@pass_console
def log_init(console: Console, log_file: Path, trust: Path, origin: str, signer: str) -> None:
    """Make an empty log, signed with the log's key."""
    from certification.ledger import begun
    from certification.log_store import opened
    from certification.log_trust import log_authority
    from scanner.faults import InputError

    if log_file.exists():
        raise InputError(_("{path}: exists already; nothing was overwritten").format(path=log_file))
    root = trust_at(trust)
    log_authority(root, origin)
    with opened(log_file, origin) as made:
        begun(made, signer_at(signer), root, now())
    console.say(_("✓ log {origin}: {path}").format(origin=origin, path=log_file))


@log.command("show")
@LOG
@pass_console
def log_show(console: Console, log_file: Path) -> None:
    """Print the log's entries, oldest first; nothing is verified."""
    from certification.log_store import opened
    from scanner.record import escaped

    entries = []
    with opened(log_file) as found:
        for entry in found.entries():
            row = {
                "position": entry.position,
                "logged_at": escaped(entry.logged_at),
                "kind": escaped(entry.kind.rpartition(":")[2]),
                "serial": escaped(entry.serial),
            }
            entries.append(row)
            click.echo("\t".join(map(str, row.values())))
    console.found(entries=entries)


@log.command("verify")
@LOG
@TRUST
@click.option("--checkpoint", type=FILE, help="A checkpoint that was kept earlier: the log must begin with it.")
@click.option(
    "--keep", "keep_file", type=FILE, help="Where to keep the checkpoint; the log must begin with one that is there already."
)
@pass_console
def log_verify(console: Console, log_file: Path, trust: Path, checkpoint: Path | None, keep_file: Path | None) -> None:
    """Build the log's tree anew and compare: finds a fork, a rollback, a missing or changed entry and a wrong signature."""
    from certification.checkpoint import read_checkpoint
    from certification.ledger import in_time
    from certification.log_audit import audited
    from certification.log_store import opened

    at = now()
    kept = keep_file if keep_file is not None and os.path.lexists(keep_file) else None
    older = [read_checkpoint(bytes_of(path)) for path in (checkpoint, kept) if path is not None]
    root = trust_at(trust, at)
    with opened(log_file) as found:
        in_time(found, at)
        signed = audited(found, root, at, older)
    size = signed.checkpoint.size
    console.found(origin=signed.checkpoint.origin, size=size, root=signed.checkpoint.root.hex(), continues=bool(older))
    told = ngettext("✓ WHOLE  {log}: {count} entry, root {root}", "✓ WHOLE  {log}: {count} entries, root {root}", size)
    console.say(told.format(log=signed.checkpoint.origin, count=size, root=signed.checkpoint.root.hex()))
    if not older:
        console.say(_("  ! without --checkpoint nobody can tell whether it was longer before"))
    if keep_file is not None:
        for old in older:
            if old.checkpoint == signed.checkpoint:  # what was cosigned then stays so
                signed = old.also(*signed.signatures)
        keep(keep_file, signed.written())


@log.command("cosign")
@LOG
@TRUST
@SIGNER
@click.option("--state", type=FILE, required=True, help="What this witness cosigned last; never to be lost.")
@click.option("--first", is_flag=True, help="This witness cosigns the log for the first time: make its --state.")
@pass_console
def log_cosign(console: Console, log_file: Path, trust: Path, signer: str, state: Path, *, first: bool) -> None:
    """Cosign the log as another authority's witness, where it continues what was cosigned before.

    Only a witness that never cosigned the log may begin, with --first; one that lost its state cosigns nothing.
    """
    from certification.log_audit import audited
    from certification.log_store import opened
    from certification.log_trust import log_key, witness_key
    from certification.merkle import consistency
    from certification.newcomers import rightly_entered
    from certification.witness import cosigned, last_witnessed, never_before

    if first and not state.parent.is_dir():
        raise InputError(_("{path}: no such folder").format(path=state.parent))
    if first and os.path.lexists(state):
        raise click.UsageError(_("{path} is there, so it is not the first time: leave --first out").format(path=state))
    at, root = now(), trust_at(trust)
    key = signer_at(signer)
    with opened(log_file) as found:
        witness = witness_key(root, key.keyid, found.origin, at)
        if first:
            never_before(found.checkpoints(), witness)
        signed = audited(found, root, at)
        size = signed.checkpoint.size
        last = last_witnessed(state, found.origin, first=first)
        rightly_entered(found, root, 0 if last is None else last.size, None if last is None else last.cosigned_at, at)
        proof = consistency(found, last.size, size) if last is not None and last.size <= size else ()
        both = cosigned(
            state,
            log_key(signed, root, at),
            signed,
            proof,
            lambda point, when: key.cosign(point, witness.name, when),
            at,
            first=first,
        )
        found.keep_checkpoint(size, both.written())
    console.found(origin=both.checkpoint.origin, size=size, root=both.checkpoint.root.hex(), witness=witness.name)
    console.say(
        _("✓ cosigned by {name}: {log} with {count} entries").format(name=witness.name, log=both.checkpoint.origin, count=size)
    )


@log.command("prove")
@LOG
@click.argument("certificate", type=FILE)
@click.option("--out", type=FILE, help="The proof to write; CERTIFICATE.tlog-proof where it is not given.")
@pass_console
def log_prove(console: Console, log_file: Path, certificate: Path, out: Path | None) -> None:
    """Write the proof that a certificate stands in the log, with the cosignatures that the log has by now."""
    from certification.ledger import proven
    from certification.log_proof import FIRST_LINE
    from certification.log_store import opened

    with opened(log_file) as found:
        proof = proven(found, bytes_of(certificate))
    path = out or proof_of(certificate)
    if not head_of(path).startswith(FIRST_LINE.encode()):
        insist_on_free(path)
    keep(path, proof.written())
    if len(proof.checkpoint.signatures) < 2:  # the log's own is one
        console.say(
            _("! entry {index}: {path}; no witness has cosigned the log since, so nobody takes this proof yet").format(
                index=proof.index, path=path
            )
        )
        return
    console.say(_("✓ entry {index} is proven: {path}").format(index=proof.index, path=path))
