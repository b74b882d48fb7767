"""The verbs about feeds as a person runs them: import, status, bundle, approve; and a scan that carries its slice."""

from __future__ import annotations

import hashlib
import io
import json
import os
import shutil
import subprocess
import sys
import tarfile
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from certification.feed_bundles import sign_gathering
from certification.signers import signer_of
from scanner.advisories import Advisories
from scanner.feeds.bundle import GATHERED, MANIFEST, DateFrom, FeedManifest, papers, write
from scanner.feeds.gathered import RECORD, Gathered, GatheredFile
from scanner.store import ADVISORIES, ORDER
from tests.printed import printed
from tests.scanner.cli.test_bad_input import ROOT, clearance, write_permit, write_scope
from tests.scanner.feeds.editions import kev, tracker, written
from tests.scanner.feeds.test_gathering import serving

YESTERDAY = (datetime.now(UTC) - timedelta(days=1)).strftime("%Y-%m-%d")
STATED = datetime.now(UTC).replace(microsecond=0) - timedelta(days=57)
"""When the tracker's server says that it was changed; no date stands in it."""


@pytest.fixture
def desk(made: Path, tmp_path: Path) -> Path:
    """A folder of the test's own, as `made` made it."""
    return Path(shutil.copytree(made, tmp_path / "desk"))


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with two feeds, their settings, two people's keys and a trust root that knows both."""
    tmp_path = tmp_path_factory.mktemp("desk")
    gathered = tmp_path / "gathered"
    gathered.mkdir()
    written(gathered / "kev.json", kev(YESTERDAY))
    written(gathered / "tracker.json", tracker({"bash": "5.2-1"}))
    write_record(gathered)
    settings = [
        f'[[feed]]\nfile = "{name}"\nurl = "https://vendor.example.test/{name}"\n' for name in ("kev.json", "tracker.json")
    ]
    written(tmp_path / "feeds.toml", "".join(settings))
    for name in ("root1", "root2", "gatherer", "approver"):
        assert clearance("keys", "new", f"{name}.pem", "--unencrypted", folder=tmp_path).returncode == 0
    write_trust(tmp_path)
    return tmp_path


def write_record(folder: Path, stated: datetime | None = STATED) -> None:
    """The record as gathering leaves it; the server of one of the files dates it."""
    dates = {"kev.json": None, "tracker.json": stated}
    files = [
        GatheredFile(
            name=name,
            url=f"https://vendor.example.test/{name}",
            sha256=hashlib.sha256((folder / name).read_bytes()).hexdigest(),
            last_modified=date,
        )
        for name, date in dates.items()
        if (folder / name).exists()
    ]
    (folder / RECORD).write_bytes(Gathered(files=tuple(files)).written())


def write_trust(desk: Path, approver: str = "chi", kind: str = "laboratory") -> None:
    def known(name: str, holder: str, role: str) -> dict[str, object]:
        days = {"valid_from": "2026-01-01T00:00:00Z", "valid_until": "2099-01-01T00:00:00Z"}
        return {"file": f"{name}.pub.pem", "holder_kind": "person", "holder": holder, "role": role, **days}

    spec = {
        "kind": kind,
        "version": 1,
        "expires": "2098-01-01T00:00:00Z",
        "threshold": 2,
        "root_keys": [{"file": f"{name}.pub.pem", "holder": name} for name in ("root1", "root2")],
        "authorities": [{"id": "a", "name": {"vi": "Bộ A", "en": "Ministry A"}}],
        "people": [{"id": person, "organisation": "A"} for person in ("binh", "chi")],
        "keys": [known("gatherer", "binh", "feed-gatherer"), known("approver", approver, "feed-approver")],
        "baselines": [],
        "ceilings": [],
        "max_trial_days": 92,
        "max_official_days": 366,
    }
    written(desk / "trust.yaml", spec)
    signers = ("--signer", "file:root1.pem", "--signer", "file:root2.pem")
    (desk / "trust.json").unlink(missing_ok=True)
    done = clearance("trust", "init", "trust.yaml", *signers, "--out", "trust.json", folder=desk)
    assert done.returncode == 0, done.stderr


BUNDLING = ("feeds", "bundle", "gathered", "--settings", "feeds.toml", "--signer", "file:gatherer.pem", "--out", "gathered.tar")
FIRST = ("--serial", "1", "--previous", "0")
APPROVING = ("feeds", "approve", "gathered.tar", "--trust", "trust.json", "--signer", "file:approver.pem")


def bundled(desk: Path, serial: int = 1, previous: int = 0, *more: str) -> Path:
    (desk / "gathered.tar").unlink(missing_ok=True)
    done = clearance(*BUNDLING, "--serial", str(serial), "--previous", str(previous), *more, folder=desk)
    assert done.returncode == 0, done.stderr
    done = clearance(*APPROVING, "--yes", "--out", f"bundle-{serial}.tar", folder=desk)
    assert done.returncode == 0, done.stderr
    return desk / f"bundle-{serial}.tar"


def test_neither_bundling_nor_approving_writes_over_anything(desk: Path) -> None:
    done = clearance(*BUNDLING, *FIRST, folder=desk)
    assert done.returncode == 0, done.stderr
    for words in ((*BUNDLING[:-1], "approver.pem", *FIRST), (*BUNDLING, *FIRST), (*APPROVING, "--yes", "--out", "approver.pem")):
        out = desk / (words[words.index("--out") + 1])
        before = out.read_bytes()
        done = clearance(*words, folder=desk)
        assert done.returncode == 2 and "nothing is overwritten" in done.stderr
        assert out.read_bytes() == before
    done = clearance(*APPROVING, "--yes", "--out", "new/folder/bundle.tar", folder=desk)
    assert done.returncode == 0, done.stderr
    done = clearance(*APPROVING, "--yes", "--out", "gathered.tar/bundle.tar", folder=desk)
    assert done.returncode == 2, done.stderr


def answering(said: str, *words: str, folder: Path) -> subprocess.CompletedProcess[str]:
    """One command, by a person who answers so when asked."""
    environment = {**os.environ, "NO_COLOR": "1", "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-m", "scanner.cli", *words]
    return subprocess.run(
        command, input=said, capture_output=True, text=True, timeout=120, check=False, env=environment, cwd=folder
    )


def flipped(bundle: Path, member: str, to: Path) -> Path:
    """The bundle with one bit changed in the middle of this file."""
    data = bytearray(bundle.read_bytes())
    with tarfile.open(bundle) as tar:
        found = tar.getmember(member)
    data[found.offset_data + found.size // 2] ^= 1
    to.write_bytes(data)
    return to


def dates_in(desk: Path, bundle: Path) -> dict[str, datetime]:
    """When each feed was made, as the store says after an import of this bundle."""
    done = clearance("feeds", "import", bundle, "--trust", "trust.json", "--format", "json", folder=desk)
    assert done.returncode == 0, done.stderr
    return {one["name"]: datetime.fromisoformat(one["generated_at"]) for one in printed("feeds-import", done.stdout)}


def test_a_bundle_travels_and_is_imported_with_the_dates_its_gatherer_states(desk: Path) -> None:
    bundle = bundled(desk)
    with tarfile.open(bundle) as tar:
        assert tar.getnames()[:3] == ["manifest.json", "gathered.dsse.json", "approved.dsse.json"]
        assert set(tar.getnames()[3:]) == {"kev.json", "tracker.json"}
        assert {(member.mtime, member.uid, member.uname) for member in tar} == {(0, 0, "")}
    done = clearance("feeds", "import", bundle, "--trust", "trust.json", "--format", "json", folder=desk)
    assert done.returncode == 0, done.stderr
    assert {one["name"] for one in printed("feeds-import", done.stdout)} == {"kev", "debian-tracker"}
    again = clearance("feeds", "import", bundle, "--trust", "trust.json", folder=desk)
    assert (again.returncode, again.stderr.count("as before")) == (0, 2)


def test_from_a_vendors_server_to_a_site_without_a_network(desk: Path) -> None:
    with serving(desk) as (url, ca):
        written(desk / "feeds.toml", f'ca = "{ca}"\n[[feed]]\nfile = "kev.json"\nurl = "{url}/kev.json"\n')
        (desk / "gathered" / "kev.json").unlink()
        done = clearance("feeds", "gather", "--settings", "feeds.toml", "--out", "gathered", folder=desk)
        assert (done.returncode, "--dated kev.json=INSTANT" in done.stderr) == (0, True), done.stderr
    done = clearance("feeds", "import", bundled(desk), "--trust", "trust.json", folder=desk)
    assert (done.returncode, "kev: 2 records of 2026-11-20" in done.stderr) == (0, True)
    done = clearance("feeds", "gather", "--settings", "feeds.toml", "--out", "gathered", folder=desk)
    assert (done.returncode, "cannot be fetched" in done.stderr) == (2, True)  # the server has gone


def test_an_older_bundle_is_refused_as_a_roll_back(desk: Path) -> None:
    first, second = bundled(desk, 1, 0), bundled(desk, 2, 1)
    assert clearance("feeds", "import", second, "--trust", "trust.json", folder=desk).returncode == 0
    done = clearance("feeds", "import", first, "--trust", "trust.json", folder=desk)
    assert done.returncode == 13
    assert "roll-back" in done.stderr


def test_a_bundle_that_only_its_gatherer_signed_is_not_imported(desk: Path) -> None:
    bundled(desk)
    done = clearance("feeds", "import", "gathered.tar", "--trust", "trust.json", folder=desk)
    assert done.returncode == 2
    assert "approved by nobody" in done.stderr


def test_one_person_with_two_keys_is_one_person(desk: Path) -> None:
    write_trust(desk, approver="binh")
    assert clearance(*BUNDLING, *FIRST, folder=desk).returncode == 0
    done = clearance(*APPROVING, "--yes", "--out", "bundle.tar", folder=desk)
    assert done.returncode == 12
    assert "quorum-one-person" in done.stderr
    assert "SHA-256  " not in done.stderr  # nothing is shown to who may not sign
    assert not (desk / "bundle.tar").exists()


def test_the_gatherers_key_cannot_approve(desk: Path) -> None:
    bundled(desk)
    words = ("--trust", "trust.json", "--signer", "file:gatherer.pem", "--yes", "--out", "bundle.tar")
    done = clearance("feeds", "approve", "gathered.tar", *words, folder=desk)
    assert (done.returncode, "key-role" in done.stderr) == (12, True)


def test_a_copied_file_is_as_old_as_its_server_said(desk: Path) -> None:
    shutil.copytree(desk / "gathered", desk / "copy", copy_function=shutil.copyfile)  # every file's own time is now
    shutil.rmtree(desk / "gathered")
    (desk / "copy").rename(desk / "gathered")
    bundle = bundled(desk)
    assert dates_in(desk, bundle)["debian-tracker"] == STATED
    manifest = FeedManifest.read(papers(bundle)[MANIFEST])
    assert {one.name: one.date_from for one in manifest.files} == {"kev.json": DateFrom.FILE, "tracker.json": DateFrom.SERVER}
    done = clearance("feeds", "status", folder=desk)
    assert (done.returncode, "57 days" in done.stdout) == (11, True), done.stdout


def test_what_neither_file_nor_server_dates_is_dated_by_its_gatherer_and_never_by_now(desk: Path) -> None:
    write_record(desk / "gathered", stated=None)
    done = clearance(*BUNDLING, *FIRST, folder=desk)
    assert (done.returncode, "--dated tracker.json=INSTANT" in done.stderr) == (2, True), done.stderr
    assert not (desk / "gathered.tar").exists()
    bundle = bundled(desk, 1, 0, "--dated", f"tracker.json={STATED.isoformat()}")
    assert dates_in(desk, bundle)["debian-tracker"] == STATED
    manifest = FeedManifest.read(papers(bundle)[MANIFEST])
    assert {one.date_from for one in manifest.files if one.name == "tracker.json"} == {DateFrom.GATHERER}


@pytest.mark.parametrize(
    ("word", "told"),
    [
        (f"tracker.json={(STATED + timedelta(seconds=1)).isoformat()}", "later it cannot have been made"),
        (f"kev.json={STATED.isoformat()}", "a date stands in the file itself"),
        (f"nosuch.json={STATED.isoformat()}", "the settings name no such file"),
        ("tracker.json", "FILE=INSTANT"),
        ("tracker.json=2026-10-01", "time zone"),
    ],
    ids=("later", "dated inside", "no such file", "no date", "no zone"),
)
def test_a_date_given_by_hand_makes_nothing_fresher_and_takes_no_others_place(desk: Path, word: str, told: str) -> None:
    done = clearance(*BUNDLING, *FIRST, "--dated", word, folder=desk)
    assert (done.returncode, told in done.stderr) == (2, True), done.stderr
    assert not (desk / "gathered.tar").exists()


def test_an_older_date_than_the_servers_may_be_given_by_hand(desk: Path) -> None:
    older = STATED - timedelta(days=3)
    assert dates_in(desk, bundled(desk, 1, 0, "--dated", f"tracker.json={older.isoformat()}"))["debian-tracker"] == older


def test_only_what_was_fetched_from_the_address_in_the_settings_is_bundled(desk: Path) -> None:
    settings = (desk / "feeds.toml").read_text()
    written(desk / "feeds.toml", settings.replace("vendor.example.test/tracker", "elsewhere.example.test/tracker"))
    done = clearance(*BUNDLING, *FIRST, folder=desk)
    assert (done.returncode, "fetched from https://vendor.example.test/tracker.json" in done.stderr) == (2, True), done.stderr
    written(desk / "feeds.toml", settings)
    written(desk / "gathered" / "tracker.json", tracker({"bash": "5.2-2"}))
    done = clearance(*BUNDLING, *FIRST, folder=desk)
    assert (done.returncode, "not the file that was fetched" in done.stderr) == (2, True), done.stderr
    (desk / "gathered" / RECORD).unlink()
    done = clearance(*BUNDLING, *FIRST, folder=desk)
    assert (done.returncode, "no record tells" in done.stderr) == (2, True), done.stderr
    assert not (desk / "gathered.tar").exists()


def test_the_second_person_sees_every_feed_and_is_asked(desk: Path) -> None:
    assert clearance(*BUNDLING, *FIRST, folder=desk).returncode == 0
    done = answering("n\n", *APPROVING, "--out", "bundle.tar", folder=desk)
    assert (done.returncode, "not-confirmed" in done.stderr) == (13, True), done.stderr
    assert not (desk / "bundle.tar").exists()
    digest = hashlib.sha256((desk / "gathered" / "tracker.json").read_bytes()).hexdigest()
    for word in (
        "Bundle 1, gathered by binh",
        "tracker.json: feed debian-tracker, kind vendor",
        "https://vendor.example.test/tracker.json",
        f"dated    {STATED:%Y-%m-%d %H:%M} UTC, 57 days old: when its server says that it was last changed",
        "records  1",
        f"SHA-256  {digest}",
        "kev.json: feed kev, kind kev",
        "the date inside the file",
        "records  2",
        "urn:npd:clearance:feeds-approved/v1",
        "Sign this?",
    ):
        assert word in done.stderr, done.stderr
    done = answering("y\n", *APPROVING, "--out", "bundle.tar", folder=desk)
    assert done.returncode == 0, done.stderr
    assert set(dates_in(desk, desk / "bundle.tar")) == {"kev", "debian-tracker"}


def test_a_date_that_rests_on_the_gatherers_word_is_shown_as_such(desk: Path) -> None:
    write_record(desk / "gathered", stated=None)
    assert clearance(*BUNDLING, *FIRST, "--dated", f"tracker.json={STATED.isoformat()}", folder=desk).returncode == 0
    done = answering("n\n", *APPROVING, "--out", "bundle.tar", folder=desk)
    assert "the gatherer's word alone" in done.stderr


def test_without_being_asked_one_signs_in_a_laboratory_only(desk: Path) -> None:
    write_trust(desk, kind="production")
    assert clearance(*BUNDLING, *FIRST, folder=desk).returncode == 0
    done = clearance(*APPROVING, "--yes", "--out", "bundle.tar", folder=desk)
    assert (done.returncode, "laboratory" in done.stderr) == (2, True), done.stderr
    assert not (desk / "bundle.tar").exists()


@pytest.mark.parametrize(
    ("name", "lie"),
    [
        ("kev.json", {"generated_at": datetime.now(UTC)}),
        ("kev.json", {"records": 1_662}),
        ("kev.json", {"feed": "epss"}),
        ("tracker.json", {"date_from": DateFrom.FILE}),
        ("tracker.json", {"feed": None, "generated_at": STATED}),
    ],
)
def test_a_manifest_that_says_of_a_file_what_is_not_in_it_is_not_approved(desk: Path, name: str, lie: dict[str, object]) -> None:
    assert clearance(*BUNDLING, *FIRST, folder=desk).returncode == 0
    made = FeedManifest.read(papers(desk / "gathered.tar")[MANIFEST])
    files = tuple(one.model_copy(update=lie) if one.name == name else one for one in made.files)
    manifest = made.model_copy(update={"files": files})
    signer = signer_of(f"file:{desk / 'gatherer.pem'}", lambda _text: "")
    signed = sign_gathering(manifest.written(), 1, signer, made.created)
    write(desk / "gathered.tar", {MANIFEST: manifest.written(), GATHERED: signed}, desk / "gathered", manifest)
    done = clearance(*APPROVING, "--yes", "--out", "bundle.tar", folder=desk)
    assert (done.returncode, "feeds-differ" in done.stderr) == (12, True), done.stderr
    assert not (desk / "bundle.tar").exists()


@pytest.mark.parametrize("member", ["manifest.json", "gathered.dsse.json", "approved.dsse.json", "kev.json", "tracker.json"])
def test_a_changed_byte_anywhere_in_a_bundle_is_refused(desk: Path, member: str) -> None:
    bad = flipped(bundled(desk), member, desk / "bad.tar")
    done = clearance("feeds", "import", bad, "--trust", "trust.json", folder=desk)
    assert done.returncode == 12, done.stderr
    changed = "refused [feeds-differ]" in done.stderr and "its digest differs" in done.stderr
    assert changed == (member in ("kev.json", "tracker.json")), done.stderr
    assert not (desk / "feeds.sqlite").exists()


def test_a_gathered_bundle_that_was_changed_is_not_approved(desk: Path) -> None:
    assert clearance(*BUNDLING, *FIRST, folder=desk).returncode == 0
    flipped(desk / "gathered.tar", "kev.json", desk / "gathered.tar")
    done = clearance(*APPROVING, "--yes", "--out", "bundle.tar", folder=desk)
    assert (done.returncode, "feeds-differ" in done.stderr) == (12, True), done.stderr


@pytest.mark.parametrize("kind", ["more", "fewer", "cut", "link"])
def test_a_signed_bundle_with_more_or_fewer_files_is_no_longer_what_was_signed(desk: Path, kind: str) -> None:
    bundle = bundled(desk)
    with tarfile.open(bundle) as tar:
        content = {member.name: tar.extractfile(member).read() for member in tar}  # type: ignore[union-attr]  # all are files
    with tarfile.open(desk / "bad.tar", "w", format=tarfile.USTAR_FORMAT) as tar:
        for name, data in content.items():
            if (kind, name) != ("fewer", "tracker.json"):
                member = tarfile.TarInfo(name)
                member.size = len(data)
                tar.addfile(member, io.BytesIO(data))
        if kind in ("more", "link"):
            member = tarfile.TarInfo("more.json")
            member.type, member.linkname = (tarfile.SYMTYPE, "/etc/passwd") if kind == "link" else (tarfile.REGTYPE, "")
            tar.addfile(member)
    if kind == "cut":
        with tarfile.open(bundle) as tar:
            ends = tar.getmember("tracker.json").offset_data + 10
        (desk / "bad.tar").write_bytes(bundle.read_bytes()[:ends])
    done = clearance("feeds", "import", "bad.tar", "--trust", "trust.json", folder=desk)
    assert (done.returncode, "refused [feeds-differ]" in done.stderr) == (12, True), done.stderr
    assert not (desk / "feeds.sqlite").exists()


@pytest.mark.parametrize("size", [0, 100, 600, 5_000])
def test_a_bundle_cut_short_is_refused(desk: Path, size: int) -> None:
    bundle = bundled(desk)
    (desk / "bad.tar").write_bytes(bundle.read_bytes()[:size])
    done = clearance("feeds", "import", "bad.tar", "--trust", "trust.json", folder=desk)
    assert done.returncode in (2, 12), done.stderr
    assert not (desk / "feeds.sqlite").exists()


def test_status_tells_ages_and_what_is_absent_by_its_exit_status(desk: Path) -> None:
    now = datetime.now(UTC).isoformat()
    words = ("--dated", f"tracker.json={now}")
    assert clearance("feeds", "import", "gathered/kev.json", "gathered/tracker.json", *words, folder=desk).returncode == 0
    done = clearance("feeds", "status", "--format", "json", folder=desk)
    told = printed("feeds-status", done.stdout)
    assert done.returncode == 11  # no EPSS and no support dates
    assert told["absent"] == ["epss", "eol"]
    assert {feed["name"]: (feed["state"], feed["namespaces"]) for feed in told["feeds"]} == {
        "debian-tracker": ("fresh", ["debian:12"]),
        "kev": ("fresh", []),
    }
    later = (datetime.now(UTC) + timedelta(days=8)).isoformat()
    done = clearance("feeds", "status", "--at", later, folder=desk)
    assert (done.returncode, "stale" in done.stdout) == (11, True)


def test_with_every_feed_fresh_the_status_is_done(desk: Path) -> None:
    baseline = Path(__file__).parents[3] / "examples" / "lab-baseline.yaml"
    assert clearance("feeds", "import", "gathered/kev.json", folder=desk).returncode == 0
    done = clearance("feeds", "status", "--baseline", baseline, folder=desk)
    assert (done.returncode, "unlimited" in done.stdout) == (0, True)


@pytest.mark.parametrize(
    ("words", "status", "told"),
    [
        (("import", "nosuch.json"), 2, "No such file"),
        (("import", "trust.yaml"), 2, "of no known format"),
        (("import", "/etc/passwd"), 2, "error: /etc/passwd: of no known format"),
        (("import", "broken.json"), 2, "broken.json: not JSON\n"),
        (("import", "broken.zip"), 2, "broken.zip: cannot be unpacked: damaged or cut short"),
        (("import", "gathered/tracker.json"), 2, "--dated tracker.json=INSTANT"),
        (("import", "gathered/kev.json", "--dated", "kev.json"), 2, "FILE=INSTANT"),
        (("status",), 2, "clearance feeds import"),
        (("status", "--store", "trust.yaml"), 2, "not a feed store"),
    ],
)
def test_mistakes_are_told_with_what_to_do(desk: Path, words: tuple[str, ...], status: int, told: str) -> None:
    written(desk / "broken.json", "{")
    written(desk / "broken.zip", b"PK\x03\x04 and no more")
    done = clearance("feeds", *words, folder=desk)
    assert (done.returncode, told in done.stderr) == (status, True), done.stderr


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("nosuch.json", "nosuch.json: không có tệp"),
        ("broken.json", "broken.json: không phải JSON"),
        ("broken.zip", "broken.zip: không giải nén được"),
        ("broken.tar", "broken.tar: không phải gói nguồn dữ liệu"),
        ("/etc/passwd", "/etc/passwd: không thuộc định dạng"),
    ],
)
def test_mistakes_are_told_in_the_language_asked_for(desk: Path, name: str, told: str) -> None:
    written(desk / "broken.json", "{")
    written(desk / "broken.zip", b"PK\x03\x04 and no more")
    written(desk / "broken.tar", b"manifest.json\0 and no more")
    done = clearance("--lang", "vi", "feeds", "import", name, "--trust", "trust.json", folder=desk)
    assert (done.returncode, told in done.stderr) == (2, True), done.stderr
    assert not any(word in done.stderr for word in ("Error", "BadZip", "not a", "No such")), done.stderr


def test_a_scan_names_its_feeds_in_the_order_and_carries_its_slice(desk: Path) -> None:
    write_scope(desk)
    write_permit(desk)
    assert clearance("feeds", "import", "gathered/kev.json", folder=desk).returncode == 0
    words = ("--permit", "permit.yaml", "--out", "run", "--feeds", "feeds.sqlite", "--timeout", "1", "--ports", "9")
    clearance("scan", "scope.yaml", *words, folder=desk)
    ordered = json.loads((desk / "run" / ORDER).read_bytes())["feeds"]
    assert [(feed["name"], feed["kind"]) for feed in ordered] == [("kev", "kev")]
    found = Advisories.read((desk / "run" / ADVISORIES).read_bytes())
    assert [ref.sha256 for ref in found.feeds] == [ordered[0]["sha256"]]
    done = clearance("evaluate", "run", folder=desk)
    assert done.returncode == 11, done.stderr


def test_a_run_goes_on_only_with_the_store_it_was_ordered_with(desk: Path) -> None:
    write_scope(desk)
    write_permit(desk)
    assert clearance("feeds", "import", "gathered/kev.json", folder=desk).returncode == 0
    words = ("--permit", "permit.yaml", "--out", "run", "--feeds", "feeds.sqlite", "--timeout", "1", "--ports", "9")
    clearance("scan", "scope.yaml", *words, folder=desk)
    written(desk / "kev.json", kev(datetime.now(UTC).strftime("%Y-%m-%d").replace("T", ""), ["CVE-2026-1234"]))
    today = json.loads((desk / "kev.json").read_text())
    today["dateReleased"] = (datetime.now(UTC) - timedelta(minutes=5)).isoformat()
    written(desk / "kev.json", today)
    assert clearance("feeds", "import", "kev.json", folder=desk).returncode == 0
    done = clearance("scan", "--resume", "--out", "run", "--feeds", "feeds.sqlite", "--timeout", "1", folder=desk)
    assert (done.returncode, "ordered with" in done.stderr) == (2, True), done.stderr
