"""Who can use a host: its accounts, how each proves itself, when it last did, and who may become root."""

from __future__ import annotations

from typing import Literal

from scanner.record import Instant, PeerText, Record, Sorted

ADMIN_GROUPS = ("root", "sudo", "wheel", "admin")
"""Groups whose members administer by the custom of the distributions."""

TOTAL = frozenset({"ALL", "/bin/sh", "/bin/bash", "/usr/bin/sh", "/usr/bin/bash", "/bin/su", "/usr/bin/su", "/usr/sbin/visudo"})
"""Commands that give as much as all of them."""


class Account(Record):
    """One line of /etc/passwd, without its comment and home."""

    name: PeerText
    kept_in: Literal["empty", "shadow", "here"]
    """Where the password is: here where the hash stands in /etc/passwd itself, for everybody to read; empty where none is asked for."""
    uid: int
    gid: int
    shell: PeerText

    @property
    def can_log_in(self) -> bool:
        """Whether its shell is one that runs commands."""
        return not self.shell.endswith(("/nologin", "/false", "/sync", "/shutdown", "/halt"))


class Group(Record):
    """A group and the members named in it."""

    name: PeerText
    gid: int
    members: Sorted[PeerText]


class Credential(Record):
    """What the shadow file says of one account; the hash itself never left the host."""

    name: PeerText
    state: Literal["open", "locked", "none", "empty"]
    """Open where a password lets in, empty where none is asked for; none has no password, and may still have keys."""
    scheme: PeerText
    """The hash's own name of its scheme, as 6 or y; `none` where there is no hash, `other` where it has no name, as DES has none."""
    changed: int | None
    """The day of the last change, counted from 1 January 1970."""
    maximum: int | None
    """After how many days the password must be changed; None where never."""
    inactive: int | None
    """How many days after that the account is closed; None where never."""
    expires: int | None


class LastLogin(Record):
    """When an account last logged in; None where it never did."""

    name: PeerText
    at: Instant | None


class SudoGrant(Record):
    """One rule of sudoers, aliases expanded, includes read."""

    who: PeerText
    """An account's name, %group or #uid; `ALL` is everybody."""
    commands: Sorted[PeerText]
    asks: bool
    """Whether sudo asks for a password first."""

    @property
    def is_total(self) -> bool:
        """Whether it gives every command, or one that gives every other."""
        return not TOTAL.isdisjoint(self.commands)


class Accounts(Record):
    """The accounts and the groups of the host itself, not those of a directory."""

    accounts: Sorted[Account]
    groups: Sorted[Group]

    def administrators(self, grants: tuple[SudoGrant, ...]) -> frozenset[str]:
        """Accounts with user id 0, members of groups that administer, and whomever sudo gives what is as much as everything."""
        given = {grant.who for grant in grants if grant.is_total}
        if "ALL" in given:
            return frozenset(account.name for account in self.accounts)
        groups = [group for group in self.groups if group.name in ADMIN_GROUPS or given & {f"%{group.name}", f"%#{group.gid}"}]
        named = {member for group in groups for member in group.members}
        gids = {group.gid for group in groups}
        own = {account.name for account in self.accounts if self._administers(account, gids, given)}
        return frozenset(named | own)

    @staticmethod
    def _administers(account: Account, gids: set[int], given: set[str]) -> bool:
        return account.uid == 0 or account.gid in gids or bool(given & {account.name, f"#{account.uid}"})


class LoginKey(Record):
    """A public key that opens an account over SSH."""

    account: PeerText
    fingerprint: PeerText
    """As in SHA256:..."""
