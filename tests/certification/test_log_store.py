"""The log's store: only grows, counts each payload once, is durable, and says so when its file was tampered with."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from certification import merkle
from certification.log_store import SqliteLog, opened
from certification.refusals import Code
from tests.certification.stage import refused

ORIGIN = "mau.test/log"


def filled(log: SqliteLog, count: int) -> None:
    for number in range(count):
        log.append(b"payload %d" % number, b"envelope %d" % number, "urn:kind", f"CC-{number % 3}", "2026-11-24T00:00:00Z")


def test_what_is_appended_stands_there_in_order_and_is_proven(tmp_path: Path) -> None:
    with opened(tmp_path / "log", ORIGIN) as log:
        filled(log, 21)
        root = merkle.root(log, 21)
        for entry in log.entries():
            merkle.insist_on_inclusion(entry.leaf, entry.position, 21, merkle.inclusion(log, entry.position, 21), root)
    with opened(tmp_path / "log") as again:
        assert (again.origin, again.size, merkle.root(again, 21)) == (ORIGIN, 21, root)
        assert [entry.position for entry in again.entries(19)] == [19, 20]
        assert [entry.envelope for entry in again.entries(serial="CC-1")][:2] == [b"envelope 1", b"envelope 4"]


def test_a_payload_is_logged_once_whatever_its_envelope(tmp_path: Path) -> None:
    with opened(tmp_path / "log", ORIGIN) as log:
        assert log.append(b"p", b"one signature", "k", "s", "t") == 0
        assert log.append(b"p", b"another signature", "k", "s", "t") == 0
        assert (log.size, log.position(b"p"), log.position(b"q")) == (1, 0, None)


@pytest.mark.parametrize(
    "statement", ["DELETE FROM entry", "UPDATE entry SET serial = 'x'", "DELETE FROM node", "UPDATE node SET hash = x''"]
)
def test_nothing_is_taken_out_or_changed(tmp_path: Path, statement: str) -> None:
    with opened(tmp_path / "log", ORIGIN) as log:
        filled(log, 3)
    with closing(sqlite3.connect(tmp_path / "log")) as other, pytest.raises(sqlite3.IntegrityError, match="only grows"):
        other.execute(statement)


def test_a_file_that_lost_a_subtree_is_broken(tmp_path: Path) -> None:
    with opened(tmp_path / "log", ORIGIN) as log:
        filled(log, 8)
    with closing(sqlite3.connect(tmp_path / "log", isolation_level=None)) as other:
        other.execute("DROP TRIGGER node_remains")
        other.execute("DELETE FROM node WHERE level = 2")
    with opened(tmp_path / "log") as log, refused(Code.LOG_BROKEN):
        merkle.inclusion(log, 0, 8)


def test_another_log_no_log_and_no_file_are_told_apart_from_a_log(tmp_path: Path) -> None:
    with refused(Code.LOG_BROKEN), opened(tmp_path / "absent"):
        pass
    assert not (tmp_path / "absent").exists()
    with opened(tmp_path / "log", ORIGIN):
        pass
    with refused(Code.LOG_BROKEN), opened(tmp_path / "log", "other.test/log"):
        pass
    (tmp_path / "text").write_bytes(b"no database at all, whatever it is called" * 100)
    with refused(Code.LOG_BROKEN), opened(tmp_path / "text", ORIGIN):
        pass


def test_two_writers_do_not_fork_it(tmp_path: Path) -> None:
    with opened(tmp_path / "log", ORIGIN) as one, opened(tmp_path / "log") as two:
        for number in range(10):
            (one if number % 2 else two).append(b"%d" % number, b"", "k", "s", "t")
        assert one.size == two.size == 10
        assert [entry.position for entry in one.entries()] == list(range(10))


def test_the_newest_checkpoint_is_kept(tmp_path: Path) -> None:
    with opened(tmp_path / "log", ORIGIN) as log:
        assert log.checkpoint() is None
        for size, note in ((3, b"three"), (5, b"five"), (5, b"five, cosigned"), (4, b"four")):
            log.keep_checkpoint(size, note)
        assert log.checkpoint() == b"five, cosigned"
