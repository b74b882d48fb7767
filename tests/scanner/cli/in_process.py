"""Commands as a person would run them, without a process for each: what the command line does is what is tested, and start-up is not."""

from __future__ import annotations

import contextlib
import io
import sys
from pathlib import Path
from subprocess import CompletedProcess

import pytest

from scanner.cli import main


def clearance(*words: str, folder: Path) -> CompletedProcess[str]:
    """One command as a person would run it in this folder, without a process of its own."""
    out, err = io.TextIOWrapper(io.BytesIO(), "utf-8"), io.TextIOWrapper(io.BytesIO(), "utf-8")
    with pytest.MonkeyPatch.context() as patch, contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        patch.chdir(folder)
        patch.setattr(sys, "argv", ["clearance", *words])
        with pytest.raises(SystemExit) as left:
            main()
    texts = []
    for stream in (out, err):
        stream.flush()
        texts.append(stream.buffer.getvalue().decode())
    return CompletedProcess(words, int(left.value.code or 0), *texts)


def refused(done: CompletedProcess[str], status: int, *said: str) -> None:
    assert (done.returncode, done.stdout) == (status, ""), done.stderr
    for words in said:
        assert words in done.stderr
