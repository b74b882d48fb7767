"""No secret in an error or a traceback: what looks like one is taken out, and what tells where it went wrong stays."""

from __future__ import annotations

import sys

import pytest

from scanner import cli
from scanner.i18n import catalogue
from scanner.redaction import redacted

PEM = "-----BEGIN ENCRYPTED PRIVATE KEY-----\nMIIEvQIBADANBg\nkqhkiG9w0B\n-----END ENCRYPTED PRIVATE KEY-----"
SECRETS = (
    (f"key: {PEM} in keys.pem", "MIIEvQIBADANBg"),
    ("-----BEGIN OPENSSH PRIVATE KEY-----\nb3BlbnNzaC1rZXk", "b3BlbnNzaC1rZXk"),
    ("AGE-SECRET-KEY-1QQPZRY9X8GF2TVDW0S3JN54KHCE6MUA7L", "QQPZRY9X8"),
    ("open https://admin:Mat-Khau-9@10.1.1.1/x failed", "Mat-Khau-9"),
    ("Authorization: Bearer abcdefgh12345678", "abcdefgh12345678"),
    ("Basic dXNlcjpwYXNzd29yZA==", "dXNlcjpwYXNzd29yZA"),
    ("password=hunter2; user=audit", "hunter2"),
    ("{'passphrase': b'mo cua ra', 'user': 'audit'}", "mo cua ra"),
    ("pkcs11:token=A;object=K?pin-value=271828", "271828"),
    ("login(user='audit', pin=271828)", "271828"),
    ("api_key: Zx81kk99", "Zx81kk99"),
    ("eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjMifQ.c2ln", "eyJzdWIi"),
    # beside, or after, what is left alone
    ("/etc/passwd: No such file or directory; password: hunter2", "hunter2"),
    ("/run/token: No such file or directory: token=abc", "abc"),
    ("unclosed token: line 14, column 97, token: abc", "abc"),
    ("password: None, pin: 271828", "271828"),
    # only the form with a colon is prose, and only a whole sentence of ours is ours
    ("password=No such file or directory", "No such"),
    ("password: No", "No"),
    ("passphrase: of-no-known-format", "of-no-known-format"),
    ("token: line-14", "line-14"),
    ("the token: abcdef0123456789", "abcdef0123456789"),
)


@pytest.mark.parametrize(("text", "secret"), SECRETS)
def test_what_looks_like_a_secret_is_taken_out(text: str, secret: str) -> None:
    assert secret in text
    assert secret not in redacted(text)
    assert "[redacted]" in redacted(text)


@pytest.mark.parametrize(
    "text",
    [
        "error: scope.yaml:12: hosts.0.address: '10.15.3.300' is not an IP address",
        'File "/opt/clearance/certification/signers.py", line 10, in signer_of\n    raise ValueError',
        "password=None",
        "SHA-256 9f3c0000000000000000000000000000000000000000000000000000000000e1",
        "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIA==",
        "Sở Thông tin: không có giấy phép thì không gửi gói tin nào",
        "error: /etc/passwd: of no known format; docs/feeds.md lists the files that are read",
        "error: ./token: No such file or directory",
        "error: scan.xml: not well-formed XML: unclosed token: line 14, column 97",
    ],
)
def test_what_tells_where_it_went_wrong_stays(text: str) -> None:
    assert redacted(text) == text


def test_no_sentence_of_ours_that_follows_a_colon_is_taken_for_a_secret() -> None:
    sentences = {text for pair in catalogue("vi").known.items() for text in pair if len(text) >= 16 and "{" not in text}
    assert len(sentences) > 1_000
    spoiled = [text for text in sentences if redacted(f"/etc/passwd: {text}") != f"/etc/passwd: {redacted(text)}" and " " in text]
    assert spoiled == []


@pytest.mark.parametrize("debug", [False, True])
def test_neither_the_message_nor_the_traceback_of_a_crash_holds_a_secret(
    debug: bool, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def crash(**_given: object) -> None:
        pin = "271828"
        raise RuntimeError(f"cannot open token with pin-value={pin}")

    monkeypatch.setattr(cli.clearance, "main", crash)
    monkeypatch.setattr(sys, "argv", ["clearance", *(["--debug"] if debug else []), "verify"])
    with pytest.raises(SystemExit) as left:
        cli.main()
    said = capsys.readouterr().err
    assert left.value.code == 70
    assert "271828" not in said
    assert ("Traceback" in said) is debug
    assert "RuntimeError" in said
    assert "--debug" in said
