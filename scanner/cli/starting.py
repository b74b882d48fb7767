"""The verb that begins: init asks little, and writes a scope, settings and an inventory to fill in; never over anything."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from scanner.cli.console import Console, keep, pass_console
from scanner.i18n import _

FOLDER = click.Path(path_type=Path, file_okay=False)
ECHELONS = ("central", "province", "commune")
"""The tiers there are since districts ended on 1 July 2025."""

SCOPE = """\
# {declares}
# {fills}
schema_version: 1
agency:
  code: {agency}
  name: {{vi: {name}, en: {name_en}}}
  echelon: {echelon}   # {echelons}
system:
  id: {system}
  name: {{vi: {system_name}, en: {system_name_en}}}
  level: {level}   # {levels}
  operator: {operator}   # {runs_it}
# {addresses}
# {logins}: login: {{user: audit, key: audit-key, host_keys: ["ssh-ed25519 AAAA..."]}}  (docs/host-access.md)
hosts: []
"""

SETTINGS = """\
# {about}
# {never}: docs/settings.md
scope = "scope.yaml"
permit = "permit.yaml"
runs = "runs"              # {each}
lang = "{lang}"
rate = "gentle"            # {paces}
# baseline = "npdb-2026"   # {which}
{usual}anchors = "{anchors}"   # {trusted}
# feeds = "feeds.sqlite"   # {patches}
# zone = "internal"
# deviations = "deviations.yaml"
"""


@click.command()
@click.argument("folder", type=FOLDER, default=Path())
@click.option("--agency", help="The agency's code, as in H15.")
@click.option("--name", help="The agency's name, in Vietnamese.")
@click.option("--name-en", help="The agency's name in English; the Vietnamese one where it is not given.")
@click.option("--echelon", type=click.Choice(ECHELONS), help="The tier of the agency.")
@click.option("--level", type=click.IntRange(1, 5), help="The information system's security level.")
@click.option("--system", help="A short id of the system, as in dvc.")
@click.option("--system-name", help="The system's name; its id where it is not given.")
@click.option("--operator", help="The unit that runs the system; the agency where it is not given.")
@pass_console
def init(console: Console, /, folder: Path, **options: Any) -> None:
    """Write scope.yaml, clearance.toml and inventory.xlsx to fill in; asks on a terminal for what no option says.

    Nothing that exists is ever overwritten.

    Example: clearance init --agency H15 --name "UBND tỉnh Mẫu" --echelon province --level 3 --system dvc
    """
    from scanner.faults import InputError
    from scanner.inventory.sheets import write

    paths = {name: folder / name for name in ("scope.yaml", "clearance.toml", "inventory.xlsx")}
    there = [str(path) for path in paths.values() if path.exists()]
    if there:
        raise InputError(_("{path}: exists already; nothing was overwritten").format(path=", ".join(there)))
    said = _answers(options)
    scope = SCOPE.format(**said, **_scope_remarks())
    _insist(scope, str(paths["scope.yaml"]))
    keep(paths["scope.yaml"], scope.encode())
    keep(paths["clearance.toml"], _settings(console.language).encode())
    keep(paths["inventory.xlsx"], write([]))
    console.say(_("✓ {names} written").format(names=", ".join(str(path) for path in paths.values())))
    console.say(_("Next: fill in inventory.xlsx, then `clearance inventory import inventory.xlsx`"))
    console.say(
        _("and a permit: clearance permit new permit.yaml --agency {agency} --decision NUMBER --address RANGE").format(
            agency=said["agency"]
        )
    )


def _answers(options: dict[str, Any]) -> dict[str, Any]:
    """What the scope says, from the options and, on a terminal, from the person; every text as YAML quotes it."""
    import json
    import sys
    import unicodedata

    asked = {
        "agency": _("Code of the agency, as in H15"),
        "name": _("Name of the agency (Vietnamese)"),
        "echelon": _("Echelon"),
        "level": _("Security level of the system"),
        "system": _("Short id of the system, as in dvc"),
    }
    missing = [name for name in asked if options[name] is None]
    if missing and not sys.stdin.isatty():
        text = _("no terminal to ask on: give {options}")
        raise click.UsageError(text.format(options=", ".join(f"--{name}" for name in missing)))
    kinds: dict[str, Any] = {"echelon": click.Choice(ECHELONS), "level": click.IntRange(1, 5)}
    given = dict(options)
    for name in missing:
        given[name] = click.prompt(asked[name], type=kinds.get(name, str), default={"level": 3}.get(name), err=True)
    given["name_en"] = given["name_en"] or given["name"]
    given["system_name"] = given["system_name_en"] = given["system_name"] or given["system"]
    given["operator"] = given["operator"] or given["name"]
    return {
        name: value if isinstance(value, int) else json.dumps(unicodedata.normalize("NFC", value.strip()), ensure_ascii=False)
        for name, value in given.items()
    }


def _scope_remarks() -> dict[str, str]:
    """What the scope's comments say, in the chosen language."""
    return {
        "declares": _("What you declare: your agency, your system, its hosts and what each service speaks."),
        "fills": _("`clearance inventory import` fills in the hosts."),
        "echelons": _("central, province or commune"),
        "levels": _("the information system's security level, 1 to 5; a connection needs 3 or higher"),
        "runs_it": _("the unit that runs it; an inspector may not belong to it"),
        "addresses": _("A name that has several addresses is no host: declare each address as a host of its own."),
        "logins": _("For host controls"),
    }


def _settings(language: str) -> str:
    """The settings with their comments in the chosen language; with this machine's own CA store where it has one in the usual place."""
    anchors = Path("/etc/ssl/certs/ca-certificates.crt")
    return SETTINGS.format(
        lang=language,
        anchors=anchors,
        usual="" if anchors.is_file() else "# ",
        about=_(
            "Settings of this folder: what plan, scan, check and doctor take where you give no option. An option always wins."
        ),
        never=_("Keys, passphrases and trust roots never stand here. All settings"),
        each=_("each run gets a folder of its own in here"),
        paces=_("gentle, normal or fast; never beyond the permit. Gentle: 8 minutes or more for the ports of each host"),
        which=_("the id of a shipped baseline, or a path"),
        trusted=_("the CAs that servers' certificates are checked against"),
        patches=_("see docs/feeds.md; without it patches are not assessed"),
    )


def _insist(scope: str, name: str) -> None:
    """Raises InputError where the scope would not be one once it has a host."""
    from scanner.inventory.scope_file import with_hosts

    with_hosts(scope, [{"id": "example", "address": "192.0.2.1"}], name)
