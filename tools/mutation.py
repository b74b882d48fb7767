"""What a mutation run found: the numbers of each module, and each change of the code that no test noticed."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from mutmut.configuration import config
from mutmut.mutation.data import SourceFileMutationData
from mutmut.mutation.diff_apply import get_diff_for_mutant
from mutmut.stats import status_by_exit_code
from mutmut.utils.file_utils import walk_mutatable_files

WORDS = ("killed", "survived", "not reached", "not run")


@dataclass(frozen=True, slots=True)
class Module:
    """One module and what became of its mutants, by name."""

    path: Path
    became: Mapping[str, str]

    def row(self) -> str:
        """Its line of the table."""
        count = Counter(self.became.values())
        return f"| {self.path} | {len(self.became)} | " + " | ".join(str(count[word]) for word in WORDS) + " |"


def modules() -> list[Module]:
    """Every module that was mutated."""
    found = []
    for path in sorted(walk_mutatable_files()):
        data = SourceFileMutationData(path=path)
        data.load()
        found.append(Module(path, {name: _word(code) for name, code in data.exit_code_by_key.items()}))
    return found


def _word(code: int | None) -> str:
    """A mutant that runs for ever or ends the interpreter was noticed; of one that was interrupted nobody knows."""
    status = status_by_exit_code[code]
    noticed = {"killed": "killed", "timeout": "killed", "segfault": "killed"}
    return noticed.get(status) or {"survived": "survived", "no tests": "not reached"}.get(status, "not run")


def told(found: list[Module]) -> Iterator[str]:
    """The table, and under it each survivor with the lines it changes."""
    yield "| module | mutants | " + " | ".join(WORDS) + " |"
    yield "|---|---" + "|---" * len(WORDS) + "|"
    yield from (module.row() for module in found)
    yield Module(Path("all"), {name: word for module in found for name, word in module.became.items()}).row()
    for module in found:
        for name, word in module.became.items():
            if word != "killed":
                yield f"\n{name}: {word}"
                yield from _changed(name, module.path)


def _changed(name: str, path: Path) -> Iterator[str]:
    for line in get_diff_for_mutant(name, path=path).splitlines():
        if line[:1] in ("+", "-") and not line.startswith(("+++", "---")):
            yield f"  {line}"


if __name__ == "__main__":
    if not Path("mutants").is_dir() or not config().only_mutate:
        sys.exit("error: nothing was mutated yet: run `make mutation`")
    sys.stdout.writelines(f"{line}\n" for line in told(modules()))
