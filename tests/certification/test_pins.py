"""PINs by reference: own files, descriptors and credentials; nothing that others may read, and never quoted."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from certification.pins import pin_at
from certification.refusals import Code, Refusal
from tests.certification.stage import refused


def _file(path: Path, data: bytes = b"1234\n", mode: int = 0o600) -> Path:
    path.write_bytes(data)
    path.chmod(mode)
    return path


def test_a_pin_is_one_line_of_an_own_file(tmp_path: Path) -> None:
    path = _file(tmp_path / "pin")
    assert pin_at(str(path)) == pin_at(f"file:{path}") == "1234"
    assert pin_at(str(_file(tmp_path / "dos", b"12 34\r\n"))) == "12 34"
    assert pin_at(str(_file(tmp_path / "bare", "mật".encode(), 0o400))) == "mật"


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o620, 0o601, 0o666])
def test_a_file_open_to_others_is_refused(tmp_path: Path, mode: int) -> None:
    with refused(Code.PIN_UNREADABLE):
        pin_at(str(_file(tmp_path / "pin", mode=mode)))


@pytest.mark.parametrize("data", [b"", b"\n", b"PLANTED\nPLANTED\n", b"PLANTED\xff", b"PLANTED" * 100, b"PLANTED\x00"])
def test_other_content_is_refused_and_not_quoted(tmp_path: Path, data: bytes) -> None:
    with pytest.raises(Refusal) as caught:
        pin_at(str(_file(tmp_path / "pin", data)))
    assert caught.value.code is Code.PIN_UNREADABLE
    assert "PLANTED" not in f"{caught.value!r}{caught.value.message}{caught.value.__cause__!r}"


def test_links_pipes_folders_and_missing_files_are_refused(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(_file(tmp_path / "pin"))
    os.mkfifo(tmp_path / "pipe", 0o600)
    for path in ("link", "pipe", ".", "none"):
        with refused(Code.PIN_UNREADABLE):
            pin_at(str(tmp_path / path))


def test_a_pin_comes_through_an_open_descriptor_and_no_standard_one() -> None:
    reading, writing = os.pipe()
    os.write(writing, b"1234\n")
    os.close(writing)
    assert pin_at(f"fd:{reading}") == "1234"
    for wrong in ("fd:0", "fd:2", "fd:", "fd:x", "fd:-3", "fd:999"):
        with refused(Code.PIN_UNREADABLE):
            pin_at(wrong)


def test_a_credential_of_a_service_is_found_by_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with refused(Code.PIN_UNREADABLE):
        pin_at("credential:pin")
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(tmp_path))
    assert pin_at(f"credential:{_file(tmp_path / 'pin', mode=0o440).name}") == "1234"
    _file(tmp_path / "open", mode=0o444)
    for wrong in ("open", "../pin", "..", "", "none"):
        with refused(Code.PIN_UNREADABLE):
            pin_at(f"credential:{wrong}")
