"""`make fuzz`: each target under atheris for a bounded time, its own code instrumented; stops at a find and keeps it.

`python -m tests.fuzzing [--seconds N] [TARGET ...]`
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
from pathlib import Path


def one(name: str, seconds: int, folder: Path) -> None:
    """Fuzzes one target in this process; does not return."""
    import atheris

    with atheris.instrument_imports(include=["scanner", "certification"]):
        from tests.fuzzing.targets import targets
    target = next(found for found in targets() if found.name == name)
    seeds = folder / "seeds"
    seeds.mkdir()
    for number, seed in enumerate(target.seeds()):
        (seeds / str(number)).write_bytes(seed)

    def run(data: bytes) -> None:
        try:
            target.parse(data)
        except target.documented:
            return

    options = [
        f"-max_total_time={seconds}",
        "-max_len=65536",
        "-timeout=10",
        "-rss_limit_mb=2048",
        "-print_final_stats=0",
        "-verbosity=0",
    ]
    atheris.Setup([sys.argv[0], *options, f"-artifact_prefix={folder}/find-", str(seeds)], run)
    atheris.Fuzz()


def main() -> int:
    """The number of targets with a find."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--seconds", type=int, default=20)
    parser.add_argument("--one", metavar="FOLDER", type=Path)
    parser.add_argument("names", nargs="*")
    given = parser.parse_args()
    if given.one is not None:
        one(given.names[0], given.seconds, given.one)
        return 0
    from tests.fuzzing.targets import targets

    finds = 0
    for target in targets():
        if given.names and target.name not in given.names:
            continue
        folder = Path(tempfile.mkdtemp(prefix=f"fuzz-{target.name}-"))
        words = [sys.executable, "-m", "tests.fuzzing", "--seconds", str(given.seconds), "--one", str(folder), target.name]
        done = subprocess.run(words, capture_output=True, text=True, check=False, timeout=given.seconds * 3 + 120)
        found = sorted(path.name for path in folder.glob("find-*"))
        failed = done.returncode != 0 or bool(found)
        finds += failed
        print(
            f"{'✗' if failed else '✓'} {target.name}: {', '.join(found) or 'nothing found'}"
            + (f" in {folder}" if failed else ""),
            flush=True,
        )
        if failed:
            print("\n".join(done.stderr.splitlines()[-25:]), file=sys.stderr)
    return finds


if __name__ == "__main__":
    sys.exit(main())
