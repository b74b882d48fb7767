"""The verbs about feeds as a person runs them: import, status, bundle, approve; and a scan that carries its slice."""

from __future__ import annotations

import json
import shutil
import tarfile
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from scanner.advisories import Advisories
from scanner.store import ADVISORIES, ORDER
from tests.printed import printed
from tests.scanner.cli.test_bad_input import clearance, write_permit, write_scope
from tests.scanner.feeds.editions import kev, tracker, written
from tests.scanner.feeds.test_gathering import serving

YESTERDAY = (datetime.now(UTC) - timedelta(days=1)).strftime("%Y-%m-%d")


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
    settings = [
        f'[[feed]]\nfile = "{name}"\nurl = "https://vendor.example.test/{name}"\n' for name in ("kev.json", "tracker.json")
    ]
    written(tmp_path / "feeds.toml", "".join(settings))
    for name in ("root1", "root2", "gatherer", "approver"):
        assert clearance("keys", "new", f"{name}.pem", "--unencrypted", folder=tmp_path).returncode == 0
    write_trust(tmp_path)
    return tmp_path


def write_trust(desk: Path, approver: str = "chi") -> None:
    def known(name: str, holder: str, role: str) -> dict[str, object]:
        days = {"valid_from": "2026-01-01T00:00:00Z", "valid_until": "2099-01-01T00:00:00Z"}
        return {"file": f"{name}.pub.pem", "holder_kind": "person", "holder": holder, "role": role, **days}

    spec = {
        "kind": "laboratory",
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


def bundled(desk: Path, serial: int = 1, previous: int = 0) -> Path:
    words = ("--serial", str(serial), "--previous", str(previous), "--signer", "file:gatherer.pem", "--out", "gathered.tar")
    done = clearance("feeds", "bundle", "gathered", "--settings", "feeds.toml", *words, folder=desk)
    assert done.returncode == 0, done.stderr
    approving = ("--trust", "trust.json", "--signer", "file:approver.pem", "--out", f"bundle-{serial}.tar")
    done = clearance("feeds", "approve", "gathered.tar", *approving, folder=desk)
    assert done.returncode == 0, done.stderr
    return desk / f"bundle-{serial}.tar"


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
        assert done.returncode == 0, done.stderr
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
    words = ("--serial", "1", "--previous", "0", "--signer", "file:gatherer.pem", "--out", "gathered.tar")
    assert clearance("feeds", "bundle", "gathered", "--settings", "feeds.toml", *words, folder=desk).returncode == 0
    approving = ("--trust", "trust.json", "--signer", "file:approver.pem", "--out", "bundle.tar")
    done = clearance("feeds", "approve", "gathered.tar", *approving, folder=desk)
    assert done.returncode == 12
    assert "quorum-one-person" in done.stderr
    assert not (desk / "bundle.tar").exists()


def test_the_gatherers_key_cannot_approve(desk: Path) -> None:
    bundled(desk)
    words = ("--trust", "trust.json", "--signer", "file:gatherer.pem", "--out", "bundle.tar")
    done = clearance("feeds", "approve", "gathered.tar", *words, folder=desk)
    assert (done.returncode, "key-role" in done.stderr) == (12, True)


@pytest.mark.parametrize("member", ["manifest.json", "gathered.dsse.json", "approved.dsse.json", "kev.json", "tracker.json"])
def test_a_changed_byte_anywhere_in_a_bundle_is_refused(desk: Path, member: str) -> None:
    bundle = bundled(desk)
    data = bytearray(bundle.read_bytes())
    with tarfile.open(bundle) as tar:
        found = tar.getmember(member)
    data[found.offset_data + found.size // 2] ^= 1
    (desk / "bad.tar").write_bytes(data)
    done = clearance("feeds", "import", "bad.tar", "--trust", "trust.json", folder=desk)
    assert done.returncode in (2, 12), done.stderr
    assert "internal" not in done.stderr
    assert ("its digest differs" in done.stderr) == (member in ("kev.json", "tracker.json")), done.stderr
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
        (("import", "gathered/tracker.json"), 2, "--dated tracker.json=INSTANT"),
        (("import", "gathered/kev.json", "--dated", "kev.json"), 2, "FILE=INSTANT"),
        (("status",), 2, "clearance feeds import"),
        (("status", "--store", "trust.yaml"), 2, "not a feed store"),
    ],
)
def test_mistakes_are_told_with_what_to_do(desk: Path, words: tuple[str, ...], status: int, told: str) -> None:
    done = clearance("feeds", *words, folder=desk)
    assert (done.returncode, told in done.stderr) == (status, True), done.stderr


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
