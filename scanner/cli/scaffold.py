"""What `checks new` writes: a check pack of one's own, with a check, its passing and its failing example, and its test."""

from __future__ import annotations

import re
from collections.abc import Mapping

from scanner.faults import InputError
from scanner.i18n import _

_ID = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)+")

_PROJECT = """\
[build-system]
requires = ["hatchling"]
build-backend = "hatchling.build"

[project]
name = "{pack}"
version = "0.1.0"
requires-python = ">=3.11"
dependencies = ["clearance"]

# By this entry point Clearance finds the pack, where a baseline says `packs: [{pack}]`.
[project.entry-points."clearance.checks"]
{pack} = "{package}"

[tool.hatch.build.targets.wheel]
packages = ["{package}"]

# So the tests run before the pack is installed, too.
[tool.pytest.ini_options]
pythonpath = ["."]
"""

_CHECK = '''\
"""Checks of our own; pure: no network, no clock, no file."""

from __future__ import annotations

from typing import Annotated

from scanner.check import Parameters, Retest, Stricter, check
from scanner.findings import Fail, Pass, Verdict, said
from scanner.observations import SshObservation
from scanner.specimens import ssh


class {class_name}Parameters(Parameters):
    """What a baseline may set; each value says which direction demands more."""

    refused: Annotated[tuple[str, ...], Stricter.SUPERSET] = ("SSH-1", "SSH-2.0-dropbear")


@check(
    "{id}",
    observes=SshObservation,
    parameters={class_name}Parameters,
    passes=(ssh(),),
    fails=(ssh(banner="SSH-2.0-dropbear_2019.78"),),
    fixes={{"debian": "apt-get install openssh-server, and stop the other server"}},
    retests={{"debian": Retest("ssh-keyscan HOST 2>&1 | grep ^#", "names OpenSSH")}},
)
def {function}(seen: SshObservation, parameters: {class_name}Parameters) -> Verdict:
    """The SSH server is one that we know how to keep.

    Fails where the banner begins with a refused word. Source: our own rule; name the clause here.
    """
    if seen.banner.startswith(parameters.refused):
        return Fail(said("answers as {{banner}}", banner=seen.banner))
    return Pass()
'''

_TEST = '''\
"""The check judges what it is about, and nothing else."""

from scanner.findings import Fail, Pass
from scanner.specimens import ssh

from {package}.{module} import {class_name}Parameters, {function}


def test_a_known_server_passes_and_a_refused_one_fails() -> None:
    assert isinstance({function}(ssh(), {class_name}Parameters()), Pass)
    assert isinstance({function}(ssh(banner="SSH-2.0-dropbear_2019.78"), {class_name}Parameters()), Fail)


def test_what_is_refused_is_the_baselines_to_say() -> None:
    strict = {class_name}Parameters(refused=("SSH-2.0-OpenSSH_9.2",))
    assert isinstance({function}(ssh(), strict), Fail)
'''


def files(check: str, pack: str) -> Mapping[str, str]:
    """The files of the check, and of its pack where there is none yet; raises InputError where a name is none."""
    for what in (check, pack):
        if not _ID.fullmatch(what) or len(what) > 60:
            text = _(
                "{name!r} is no name: small letters and digits, two words at least with a dash between, as in our-ssh-server"
            )
            raise InputError(text.format(name=what[:60]))
    function, package = check.replace("-", "_"), pack.replace("-", "_")
    words = {
        "id": check,
        "pack": pack,
        "package": package,
        "function": function,
        "module": function,
        "class_name": "".join(word.capitalize() for word in check.split("-")),
    }
    return {
        "pyproject.toml": _PROJECT.format(**words),
        f"{package}/__init__.py": f'"""The check pack {pack}."""\n',
        f"{package}/{function}.py": _CHECK.format(**words),
        f"tests/test_{function}.py": _TEST.format(**words),
    }


SHARED = ("pyproject.toml", "__init__.py")
"""What a pack has once, however many checks it holds."""
