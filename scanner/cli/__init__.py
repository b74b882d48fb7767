"""The command line: the one place where engine, content and keys meet, and where files, clock and terminal are."""

from __future__ import annotations

import gc
import importlib
import importlib.util
import os
import sys
import traceback
from collections.abc import Sequence
from pathlib import Path
from types import ModuleType

import click
from click.core import ParameterSource

from scanner import i18n
from scanner.cli import leaves
from scanner.cli.exits import ExitStatus
from scanner.cli.helps import speak, spoken
from scanner.cli.summaries import SUMMARIES
from scanner.i18n import _

KEPT = frozenset({"scan", "check", "recheck", "evaluate", "attest", "report", "seal"})
"""The verbs that make a run, write into one or give something of it away: the run's trail tells who ran them."""
_WORDS = "clearance.words"
_PLUGINS = "pydantic.plugin._loader"
_ALLOCATIONS = 50_000
"""How often the memory is searched for what refers to itself: loading modules leaves none of it, and the usual 700 take a twentieth of the start."""
COMMANDS = {
    "completion": "completion",
    "init": "starting",
    "inventory": "inventory",
    "doctor": "doctor",
    "plan": "planning",
    "scan": "look",
    "check": "look",
    "recheck": "rechecking",
    "attest": "answers",
    "questionnaire": "answers",
    "evaluate": "judging",
    "report": "judging",
    "runs": "runs",
    "diff": "changes",
    "compare": "comparing",
    "drift": "drifting",
    "checks": "content",
    "explain": "content",
    "baseline": "baselines",
    "waivers": "waivers",
    "permit": "permits",
    "seal": "certify",
    "unseal": "certify",
    "request": "requests",
    "submit": "submitting",
    "receive": "submitting",
    "renew": "requests",
    "refuse": "requests",
    "approve": "certify",
    "issue": "certify",
    "countersign": "papers",
    "verify": "verifying",
    "log": "ledger",
    "suspend": "status",
    "resume": "status",
    "revoke": "status",
    "status": "status",
    "gateway": "gateway",
    "feeds": "feeds",
    "trust": "keyring",
    "keys": "keyring",
}
"""Each verb and the module of this package that holds it; loaded only when it is used."""


class _WithoutPlugins(ModuleType):
    """What pydantic asks for plug-ins: there are none."""

    @staticmethod
    def get_plugins() -> tuple[()]:
        """None at all."""
        return ()


class _Verbs(click.Group):
    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        command: click.Command = getattr(importlib.import_module(f"scanner.cli.{COMMANDS[cmd_name]}"), cmd_name)
        return spoken(leaves.finished(command, cmd_name))

    def resolve_command(self, ctx: click.Context, args: list[str]) -> tuple[str | None, click.Command | None, list[str]]:
        """The verb, as click finds it; its words are noted, of a group with the word after it, since settings are for some and not for others."""
        name, command, rest = super().resolve_command(ctx, args)
        ctx.meta[_WORDS] = " ".join([str(name), *(rest[:1] if isinstance(command, click.Group) else [])])
        return name, command, rest

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Lists the verbs by their stored summaries: no module is loaded for the list."""
        with formatter.section(_("Commands")):
            formatter.write_dl([(name, _(SUMMARIES.get(name, ""))) for name in COMMANDS])


@click.group(cls=_Verbs, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.option("--lang", type=click.Choice(i18n.LANGUAGES), default="en", envvar="CLEARANCE_LANG", help="Language of all text.")
@click.option("--color", type=click.Choice(["auto", "never", "always"]), default="auto", help="Colour on the terminal.")
@click.option("--quiet", "-q", is_flag=True, help="Print one verdict line and nothing else.")
@click.option("--debug", is_flag=True, help="Show the traceback of an internal error.")
@click.version_option(package_name="clearance", prog_name="clearance")
@click.pass_context
def clearance(context: click.Context, lang: str, color: str, quiet: bool, debug: bool) -> None:
    """Look at an agency's systems, judge them against a baseline, certify what may connect.

    Human text goes to stderr, data to stdout. Exit statuses: 0 done or authorise, 10 deny or authorise-trial,
    11 incomplete, 12 integrity or trust failure, 13 refused, 14 nothing reachable, 2 usage, 70 internal, 130 interrupted.
    """
    from scanner import settings
    from scanner.cli.console import Console

    found = settings.read(Path.cwd()) if settings.applies(context.meta.get(_WORDS, "")) else {}
    if context.get_parameter_source("lang") is ParameterSource.DEFAULT:
        lang = found.get("lang", lang)
    i18n.choose(lang)
    context.default_map = settings.defaults(found)
    context.obj = Console(color=color, quiet=quiet, debug=debug, language=lang)


def main() -> None:
    """Runs the command line; every way out is a documented exit status."""
    gc.set_threshold(_ALLOCATIONS, 20, 20)
    debug, error, code = "--debug" in sys.argv[1:], None, None
    speak()
    i18n.choose(_language(sys.argv[1:]))
    try:
        _insist_on_own_engine()
        status = (
            spoken(clearance).main(prog_name="clearance", standalone_mode=False) or ExitStatus.DONE
        )  # click returns the status of Exit
    except click.ClickException as usage:
        usage.show()
        error, status = usage.format_message(), ExitStatus.USAGE
    except (KeyboardInterrupt, click.Abort):
        looking = {"scan", "check"} & set(sys.argv[1:])
        error = (
            _("interrupted; what was seen is kept, go on with --resume")
            if looking
            else _("interrupted; nothing was half-written")
        )
        click.echo(error, err=True)
        status = ExitStatus.INTERRUPTED
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        status = ExitStatus.DONE
    except Exception as trouble:  # noqa: BLE001 - the last handler: no traceback, and with it no secret, unless asked for
        error, status = _told(trouble, debug=debug)
        code = getattr(trouble, "code", None)
    if KEPT.intersection(sys.argv[1:]):
        from scanner.cli.trail import note

        note(sys.argv[1:], int(status))
    leaves.tell(ExitStatus(status), error, None if code is None else str(code))
    gc.freeze()  # the process ends: what is left in memory is not searched once more for what refers to itself
    sys.exit(status)


def _language(words: Sequence[str]) -> str:
    """The language asked for before the verb, else by the environment: `--help` answers in it wherever it stands."""
    asked = os.environ.get("CLEARANCE_LANG", "")
    for word, following in zip(words, (*words[1:], ""), strict=False):
        if word in COMMANDS:
            break
        if word == "--lang":
            asked = following
        elif word.startswith("--lang="):
            asked = word.removeprefix("--lang=")
    return asked if asked in i18n.LANGUAGES else "en"


def _told(error: Exception, *, debug: bool) -> tuple[str, ExitStatus]:
    """Says what went wrong, where and what to do; with --debug also the traceback. Secrets stand in neither."""
    from scanner.cli.console import explained
    from scanner.redaction import redacted

    if debug:
        click.echo(redacted("".join(traceback.format_exception(error))), err=True)
    message, status = explained(error)
    click.echo(redacted(message), err=True)
    return redacted(message), status


def _insist_on_own_engine() -> None:
    """Refuses to run when another distribution's packages of the same plain names stand in front of ours; no plug-in reads our records.

    pydantic lets every installed distribution hook into validation by an entry point; here none may, nor is any looked for: the module that
    would look, for which the standard library's reader of mail is loaded, is taken by one that knows of none. Should pydantic look elsewhere
    one day, the variable still forbids it.
    """
    os.environ["PYDANTIC_DISABLE_PLUGINS"] = "__all__"
    sys.modules.setdefault(_PLUGINS, _WithoutPlugins(_PLUGINS))
    home = Path(__file__).resolve().parents[2]
    for name in ("scanner", "checks", "certification", "gateway", "report_templates"):
        found = importlib.util.find_spec(name)
        origin = Path(str(found.origin)).resolve() if found and found.origin else None
        if origin != home / name / "__init__.py":
            raise click.ClickException(
                _("the package {name} is not Clearance's own; use a virtual environment of its own").format(name=name)
            )
