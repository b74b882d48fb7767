"""How a host lets people in: its PAM stacks, its password rules, its time-outs and automatic logins."""

from __future__ import annotations

import re

from scanner.record import PeerText, Record, Sorted

_NUMBER = re.compile(r"-?[0-9]{1,9}")
_BINDING = ("required", "requisite")
"""Controls under which a module's refusal is the stack's."""


class PamRule(Record):
    """One line of a PAM stack."""

    kind: PeerText
    """auth, account, password or session."""
    control: PeerText
    module: PeerText
    """The module's name without its folder, as in pam_unix.so."""
    arguments: tuple[PeerText, ...]

    def argument(self, name: str) -> str | None:
        """The value of an argument; empty where it stands alone, None where it does not stand."""
        for argument in self.arguments:
            key, _, value = argument.partition("=")
            if key == name:
                return value
        return None


class PamStack(Record):
    """The rules a service really goes through, its includes followed, in their order."""

    service: PeerText
    rules: tuple[PamRule, ...]


class PolicySetting(Record):
    """One setting of a file that rules passwords or logins; a setting that stands twice is there twice."""

    file: PeerText
    """The file's name, or for a drop-in that of the folder without .d: login.defs, pwquality.conf, faillock.conf, pwhistory.conf."""
    name: PeerText
    value: PeerText


class Authentication(Record):
    """The rules for passwords, lockout and idle shells."""

    stacks: Sorted[PamStack]
    settings: Sorted[PolicySetting]
    shell_timeouts: Sorted[int]
    """Every TMOUT that a profile sets; 0 never ends a shell."""

    def rules(self, kind: str, *modules: str) -> tuple[PamRule, ...]:
        """The rules with one of these modules, over all stacks."""
        return tuple(
            rule
            for stack in self.stacks
            for rule in stack.rules
            if rule.kind == kind and rule.module.removesuffix(".so") in modules
        )

    def demanded(self, kind: str, *modules: str, first: bool = True) -> bool:
        """Whether every stack in which pam_unix takes passwords demands one of these modules, before it where `first`."""
        stacks = [rules for stack in self.stacks if (rules := [rule for rule in stack.rules if rule.kind == kind])]
        taking = [rules for rules in stacks if any(rule.module == "pam_unix.so" for rule in rules)]
        return bool(taking) and all(_demanded(rules, modules, first=first) for rules in taking)

    def values(self, file: str, name: str) -> tuple[str, ...]:
        """Every value that a file and its drop-ins give a setting."""
        return tuple(setting.value for setting in self.settings if setting.file == file and setting.name == name)

    def numbers(self, file: str, name: str, *rules: PamRule) -> tuple[int, ...]:
        """A setting's numbers: the arguments of these rules where there are any, which win, else the file's.

        `never` is 0, as in faillock.conf(5); -1 stands for what is no number.
        """
        arguments = [value for rule in rules if (value := rule.argument(name)) is not None]
        return tuple(_number(value) for value in arguments or self.values(file, name))


def _number(value: str) -> int:
    return 0 if value == "never" else int(value) if _NUMBER.fullmatch(value) else -1


def _demanded(rules: list[PamRule], modules: tuple[str, ...], *, first: bool) -> bool:
    taken = next(place for place, rule in enumerate(rules) if rule.module == "pam_unix.so")
    found = [
        place
        for place, rule in enumerate(rules)
        if rule.module.removesuffix(".so") in modules and (rule.control in _BINDING or "die" in rule.control)
    ]
    return any(place < taken or not first for place in found)
