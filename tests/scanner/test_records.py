"""Records, strict YAML, the run folder and its bundle, and the registry: what they refuse, and that their bytes never depend on chance."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
import tarfile
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from scanner import strict_yaml
from scanner.baseline import load
from scanner.findings import said
from scanner.i18n import _, ngettext, shown
from scanner.observations import Reason, Sighting, Unobserved
from scanner.order import FileDigest
from scanner.record import (
    Instant,
    Name,
    PeerText,
    Record,
    RecordError,
    Sorted,
    Text,
    escaped,
    parse_json,
    sha256,
)
from scanner.registry import RegistryError, code_digests, load_checks
from scanner.specimens import tls
from scanner.store import ORDER, Run, StoreError, manifest_of, packed, unpacked
from scanner.strict_yaml import InputError
from scanner.targets import Permit, Scope

ROOT = Path(__file__).resolve().parents[2]


class Specimen(Record):
    """A record with one field of each kind."""

    name: Name = "a"
    text: Text = ""
    said: PeerText = ""
    at: Instant = datetime(2026, 1, 1, tzinfo=UTC)
    many: Sorted[str] = ()
    number: int = 0


def test_sets_are_written_in_order_and_without_repeats() -> None:
    assert Specimen(many=("b", "a", "b")).many == ("a", "b")
    assert Specimen(many=("b", "a")).written() == Specimen(many=("a", "b", "a")).written()


def test_the_written_form_is_canonical_json() -> None:
    assert Specimen(text="Mẫu").written().decode() == (
        '{"at":"2026-01-01T00:00:00Z","many":[],"name":"a","number":0,"said":"","text":"Mẫu"}'
    )


def test_instants_are_utc_in_whole_seconds_and_naive_ones_are_refused() -> None:
    hanoi = datetime(2026, 1, 1, 7, 0, 0, 999_999, tzinfo=timezone(timedelta(hours=7)))
    assert Specimen(at=hanoi).at == datetime(2026, 1, 1, tzinfo=UTC)
    with pytest.raises(ValidationError):
        Specimen(at=datetime(2026, 1, 1))  # noqa: DTZ001 - a naive instant is the point


@pytest.mark.parametrize(
    "written",
    [
        "20271231",
        "1800000000",
        "-1",
        "2027-12-31",
        "2027-12-31T00:00:00",
        "2027-12-31T24:00:00Z",
        "2027-02-30T00:00:00Z",
        "2027-12-31T23:59:60Z",
        "27-12-31T00:00:00Z",
        "2027-W53-5T00:00:00Z",
        "never",
        "",
        "٢٠٢٧-12-31T00:00:00Z",
        "0001-01-01T00:00:00+07:00",
        "9999-12-31T23:59:59-07:00",
        1_800_000_000,
        None,
        True,
    ],
)
def test_what_is_no_instant_of_its_own_is_never_taken_for_one(written: object) -> None:
    """A day alone, a number, a day that there is not: read as another instant, a waiver would end too early or too late."""
    with pytest.raises(RecordError):
        Specimen.read(json.dumps({"at": written, "name": "a"}).encode())


@pytest.mark.parametrize(
    "written", ["2027-12-31T07:00:00+07:00", "2027-12-31T00:00Z", "2027-12-31 00:00:00.5Z", "2027-12-30T14:00:00-10:00"]
)
def test_one_instant_may_be_written_in_several_ways(written: str) -> None:
    assert Specimen.read(json.dumps({"at": written, "name": "a"}).encode()).at == datetime(2027, 12, 31, tzinfo=UTC)


@pytest.mark.parametrize("text", ["a\u0301", "\u202eabc", "\x1b[31m", "\x00", "\ud800"])
def test_text_of_our_own_is_nfc_without_control_or_formatting_characters(text: str) -> None:
    with pytest.raises(ValidationError):
        Specimen(text=text)


@pytest.mark.parametrize(
    "data",
    [
        b'{"name":"a","name":"b"}',
        b'{"number":NaN}',
        b'{"number":Infinity}',
        b'{"number":1.5}',
        b'{"number":"1"}',
        b'{"number":99999999999999999999}',
        b'{"unknown":1}',
        b'{"name":"../etc"}',
        b'{"name":""}',
        b'{"said":"\\u001b[31m"}',
        b"\xff",
        b"",
        b"[]",
        b"null",
        b'{"name":"a"} trailing',
        b"[" * 5_000 + b"]" * 5_000,
    ],
)
def test_what_is_not_exactly_the_record_is_refused(data: bytes) -> None:
    with pytest.raises(RecordError):
        Specimen.read(data)


def test_a_record_longer_than_the_limit_is_not_even_parsed() -> None:
    with pytest.raises(RecordError, match="at most"):
        parse_json(b" " * 200, limit=100)


def test_records_cannot_be_changed() -> None:
    with pytest.raises(ValidationError):
        Specimen().name = "b"


@given(st.binary(max_size=2_000))
def test_what_a_peer_sent_never_refuses_a_record_and_is_printable(data: bytes) -> None:
    record = Specimen(said=escaped(data))
    assert record.said.isascii()
    assert record.said == "" or record.said.isprintable()
    assert Specimen.read(record.written()) == record


@given(st.text(max_size=300))
def test_any_message_keeps_its_values_harmless(value: str) -> None:
    message = said("saw {value}", value=value)
    assert message.shown().isprintable()
    assert "{value}" not in message.shown() or "{value}" in value


def test_a_value_never_fills_another_place() -> None:
    assert said("{a} and {b}", a="{b}", b="x").shown() == "{b} and x"


def test_the_bytes_are_the_same_under_any_hash_seed_and_zone() -> None:
    code = (
        "from scanner.specimens import *\nimport hashlib\n"
        "print(hashlib.sha256(tls().written() + host().written() + ports().written()).hexdigest())"
    )
    digests = set()
    for seed, zone in (("0", "UTC"), ("1", "Asia/Ho_Chi_Minh"), ("4242", "America/Caracas")):
        environment = {**os.environ, "PYTHONHASHSEED": seed, "TZ": zone, "PYTHONPATH": str(ROOT)}
        done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True)
        digests.add(done.stdout)
    assert len(digests) == 1


# --- strict YAML ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "line", "words"),
    [
        ("a: 1\nb: 2\na: 3\n", 3, "'a' stands twice"),
        ("a: &x 1\nb: *x\n", 1, "aliases"),
        ("a:\n  - [1\n", 3, ""),
        ("a: 1.10\n", 1, "quotes"),
        ("a: 007\n", 1, "quotes"),
        ("a:\n\tb: 1\n", 2, ""),
        ("? [1, 2]\n: 3\n", 1, "key"),
    ],
)
def test_yaml_that_could_be_misread_is_refused_with_its_line(text: str, line: int, words: str) -> None:
    with pytest.raises(InputError) as refused:
        strict_yaml.parse(text.encode(), "file.yaml")
    assert f"file.yaml:{line}" in str(refused.value)
    assert words in str(refused.value)


@pytest.mark.parametrize("data", [b"", b"\xff\xfe", b"a: 1\n" * 2_000_000, b"[" * 3_000])
def test_yaml_that_cannot_be_read_names_the_file(data: bytes) -> None:
    with pytest.raises(InputError, match=r"file\.yaml"):
        strict_yaml.parse(data, "file.yaml")


def test_yaml_1_2_keeps_times_and_words_as_text() -> None:
    value = strict_yaml.parse(b"a: 22:22\nb: no\nc: true\nd: 12\ne: '012'\n", "f").value
    assert value == {"a": "22:22", "b": "no", "c": True, "d": 12, "e": "012"}


@given(st.binary(max_size=300))
def test_any_bytes_are_yaml_or_an_input_error(data: bytes) -> None:
    try:
        strict_yaml.parse(data, "f")
    except InputError as error:
        assert str(error).startswith("f")


# --- scope and permit ----------------------------------------------------------------------------

SCOPE = json.loads(json.dumps({
    "agency": {"code": "H1", "name": {"vi": "A", "en": "A"}, "echelon": "province"},
    "system": {"id": "S", "name": {"vi": "A", "en": "A"}, "level": 3, "operator": "IT"},
    "hosts": [{"id": "web", "address": "192.0.2.1", "services": [{"port": 443, "speaks": "https"}]}],
}))  # fmt: skip


@pytest.mark.parametrize(
    "hosts",
    [
        [],
        [{"id": "agency", "address": "192.0.2.1"}],
        [{"id": "../x", "address": "192.0.2.1"}],
        [{"id": "a:1", "address": "192.0.2.1"}],
        [{"id": "a", "address": "192.0.2.1; rm -rf /"}],
        [{"id": "a", "address": "-oProxyCommand=x"}],
        [{"id": "a", "address": "192.0.2.1"}, {"id": "a", "address": "192.0.2.2"}],
        [{"id": "a", "address": "192.0.2.1", "services": [{"port": 0, "speaks": "https"}]}],
        [{"id": "a", "address": "192.0.2.1", "services": [{"port": 1, "speaks": "https"}, {"port": 1, "speaks": "ssh"}]}],
        [{"id": "a", "address": "192.0.2.1", "login": {"user": "a", "host_keys": []}}],
        [{"id": "a", "address": "192.0.2.1", "login": {"user": "-l root", "host_keys": ["ssh-ed25519 AAAA"]}}],
    ],
)
def test_a_scope_that_makes_no_sense_is_refused(hosts: list[object]) -> None:
    with pytest.raises(RecordError):
        Scope.read(json.dumps({**SCOPE, "hosts": hosts}).encode())


PERMIT = {
    "kind": "self-check",
    "decision": "1",
    "agency": "H1",
    "permitted_by": {"person": "a", "organisation": "A"},
    "inspectors": [{"person": "b", "organisation": "A"}],
    "addresses": ["192.0.2.0/24", "2001:db8::/32"],
    "window": {"begins": "2026-01-01T00:00:00+00:00", "ends": "2026-01-02T00:00:00+00:00"},
}


def test_the_window_includes_its_beginning_and_not_its_end() -> None:
    permit = Permit.read(json.dumps(PERMIT).encode())
    begins, ends = permit.window.begins, permit.window.ends
    assert permit.closed(begins) is None
    assert permit.closed(ends - timedelta(seconds=1)) is None
    assert permit.closed(ends) is not None
    assert permit.closed(begins - timedelta(seconds=1)) is not None


@pytest.mark.parametrize(
    ("address", "inside"),
    [
        ("192.0.2.0", True),
        ("192.0.2.255", True),
        ("192.0.3.0", False),
        ("2001:db8::1", True),
        ("::ffff:192.0.2.7", True),
        ("::ffff:192.0.3.7", False),
        ("127.0.0.1", False),
        ("::1", False),
        ("169.254.169.254", False),
        ("0.0.0.0", False),
        ("255.255.255.255", False),
        ("224.0.0.1", False),
        ("example.test", False),
        ("", False),
    ],
)
def test_the_permit_holds_exactly_its_addresses(address: str, inside: bool) -> None:
    assert (Permit.read(json.dumps(PERMIT).encode()).outside(address) is None) is inside


@pytest.mark.parametrize("address", ["127.0.0.1", "169.254.169.254"])
def test_special_ranges_must_be_listed_literally(address: str) -> None:
    wide = Permit.read(json.dumps({**PERMIT, "addresses": ["0.0.0.0/0"]}).encode())
    assert wide.outside(address) is not None
    assert wide.outside("8.8.8.8") is None
    literal = Permit.read(json.dumps({**PERMIT, "addresses": [f"{address}/32"]}).encode())
    assert literal.outside(address) is None


# --- the run folder and the bundle ---------------------------------------------------------------


def test_a_bundle_is_the_same_whatever_the_order_of_its_files() -> None:
    files = {"order.json": b"{}", "observations/tls/web_443.json": b"[]"}
    assert packed(files) == packed(dict(reversed(files.items())))
    assert unpacked(packed(files)) == files


def _tar(*members: tuple[tarfile.TarInfo, bytes]) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.USTAR_FORMAT) as tar:
        for member, data in members:
            member.size = len(data)
            tar.addfile(member, io.BytesIO(data))
    return buffer.getvalue()


def _member(name: str, kind: bytes = tarfile.REGTYPE, link: str = "") -> tarfile.TarInfo:
    member = tarfile.TarInfo(name)
    member.type, member.linkname, member.mode = kind, link, 0o600
    return member


@pytest.mark.parametrize(
    "data",
    [
        _tar((_member("../order.json"), b"{}")),
        _tar((_member("/etc/passwd"), b"{}")),
        _tar((_member("a/../../b"), b"{}")),
        _tar((_member(".hidden"), b"{}")),
        _tar((_member("order.json", tarfile.SYMTYPE, "/etc/passwd"), b"")),
        _tar((_member("order.json", tarfile.LNKTYPE, "other"), b"")),
        _tar((_member("order.json", tarfile.CHRTYPE), b"")),
        _tar((_member("dir", tarfile.DIRTYPE), b"")),
        _tar((_member("order.json"), b"{}"), (_member("order.json"), b"[]")),
        packed({"order.json": b"{}"}) + b"trailing",
        packed({"order.json": b"{}"})[:-100],
        b"",
        b"not a tar",
        b"\x1f\x8b" + bytes(100),
    ],
)
def test_a_bundle_that_is_packed_in_any_other_way_is_refused(data: bytes) -> None:
    with pytest.raises(StoreError):
        unpacked(data)


@given(st.binary(max_size=1_500))
def test_any_bytes_are_a_bundle_or_refused(data: bytes) -> None:
    with pytest.raises(StoreError):
        unpacked(data)


@pytest.mark.parametrize("path", ["../x", "/x", "a//b", ".x", "a/.b", "", "a\\b", "a b"])
def test_nothing_is_written_outside_the_run(tmp_path: Path, path: str) -> None:
    with pytest.raises(StoreError):
        Run(tmp_path / "run").write(path, b"")


def test_links_in_a_run_folder_are_not_followed(tmp_path: Path) -> None:
    run = Run(tmp_path / "run")
    run.write("order.json", b"{}")
    (run.folder / "manifest.json").symlink_to("/etc/passwd")
    with pytest.raises(StoreError):
        run.read("manifest.json")


def test_the_manifest_names_every_file_but_itself_and_its_signatures() -> None:
    files = {"order.json": b"{}", "observations/tls/web_443.json": b"[]", "manifest.json": b"old", "journal.sqlite": b"x"}
    assert manifest_of(files).files == (
        FileDigest(path="observations/tls/web_443.json", sha256=sha256(b"[]")),
        FileDigest(path="order.json", sha256=sha256(b"{}")),
    )


def test_changed_lost_and_added_evidence_is_told_apart(tmp_path: Path) -> None:
    run = Run(tmp_path / "run")
    run.write(ORDER, b"{}")
    run.write("observations/tls/web_443.json", b"[]")
    run.write_manifest()
    run.insist_on_manifest()
    run.write("observations/tls/web_443.json", b"[1]")
    with pytest.raises(StoreError, match="changed or lost"):
        run.insist_on_manifest()
    (run.folder / "observations" / "tls" / "web_443.json").unlink()
    with pytest.raises(StoreError, match="changed or lost"):
        run.insist_on_manifest()


def test_a_run_that_exists_is_not_begun_again(tmp_path: Path) -> None:
    run = Run(tmp_path / "run")
    run.write(ORDER, b"{}")
    with pytest.raises((StoreError, InputError)):
        Run.create(tmp_path / "run", None, {})  # type: ignore[arg-type]


def test_what_could_not_be_seen_is_read_back_as_what_could_not_be_seen() -> None:
    seen = tls()
    for result in (seen, Unobserved(reason=Reason.TIMED_OUT)):
        record = Sighting.model_validate(
            {
                "sight": {"subject": "web:443", "kind": "tls"},
                "observed_at": seen.seen.observed_at,
                "vantage": seen.seen.vantage,
                "result": result,
            }
        )
        assert Sighting.read(record.written()) == record


# --- the registry --------------------------------------------------------------------------------


def _package(folder: Path, monkeypatch: pytest.MonkeyPatch, name: str, **modules: str) -> object:
    home = folder / name
    home.mkdir()
    (home / "__init__.py").write_text("")
    for module, text in modules.items():
        (home / f"{module}.py").write_text(text)
    monkeypatch.syspath_prepend(str(folder))
    return __import__(name)


_CHECK = '''
from scanner.check import Parameters, check
from scanner.findings import Fail, Pass, Verdict
from scanner.observations import TlsObservation
from scanner.specimens import tls

@check("{id}", observes=TlsObservation, passes=(tls(),), fails=(tls(compression=True),), fixes={{"any": "do it"}})
def one(tls: TlsObservation, _: Parameters) -> Verdict:
    """Compression is off.

    Fails on compression.
    """
    return Fail() if tls.compression else Pass()
'''


def test_a_check_is_found_by_being_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    package = _package(tmp_path, monkeypatch, "pack_one", subject=_CHECK.format(id="my-check"))
    assert list(load_checks(package)) == ["my-check"]  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("modules", "said"),
    [
        ({"broken": "import no_such_module"}, "broken"),
        ({"broken": "this is no Python"}, "broken"),
        ({"one": _CHECK.format(id="same-check"), "two": _CHECK.format(id="same-check")}, "same-check"),
        ({"lazy": _CHECK.format(id="lazy-check").replace("fails=(tls(compression=True),)", "fails=()")}, "lazy"),
        ({"odd": _CHECK.format(id="Not An Id")}, "odd"),
        ({}, "holds no check"),
    ],
)
def test_a_check_that_cannot_load_stops_the_run_with_its_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, modules: dict[str, str], said: str
) -> None:
    name = f"pack_{abs(hash((said, tuple(modules))))}"
    package = _package(tmp_path, monkeypatch, name, **modules)
    with pytest.raises(RegistryError, match=said):
        load_checks(package)  # type: ignore[arg-type]


def test_the_code_that_judges_is_fingerprinted_file_by_file() -> None:
    checks = load_checks()
    paths = {entry.path for entry in code_digests(checks)}
    assert {"scanner/judge.py", "scanner/scoring.py", "scanner/evaluate.py", "checks/tls.py"} <= paths
    assert len(code_digests(checks)) == len(paths)


def test_a_baseline_is_bound_to_the_digest_of_its_bytes() -> None:
    data = (ROOT / "examples" / "lab-baseline.yaml").read_bytes()
    assert load(data, "lab", load_checks()).digest == sha256(data)


def test_messages_go_through_one_catalogue() -> None:
    assert _("") == ""
    assert _("no such sentence") == "no such sentence"
    assert ngettext("{count} host", "{count} hosts", 2) == "{count} hosts"
    assert shown(said("saw {x}", x="1")) == "saw 1"


def test_what_a_peer_says_is_cut_and_says_that_it_was() -> None:
    said = escaped(b"A" * 10_000_000)
    assert 1_024 <= len(said) < 1_200
    assert said != "A" * len(said)
