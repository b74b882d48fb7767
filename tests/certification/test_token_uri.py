"""PKCS#11 URIs: read strictly, written in one form, and never repeated in a message."""

from __future__ import annotations

from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from certification.refusals import Code, Refusal
from certification.token_uri import TokenUri, read_token_uri
from tests.certification.stage import refused

GOOD = "pkcs11:token=T;object=K?module-path=/usr/lib/x.so"
TEXT = st.text(st.characters(codec="utf-8", exclude_categories=("Cc", "Cs")), min_size=1, max_size=40)


def test_a_uri_names_token_key_and_library() -> None:
    assert read_token_uri(GOOD) == TokenUri(module="/usr/lib/x.so", token="T", object="K")
    found = read_token_uri("pkcs11:serial=00aa;id=%01%FF;type=private?pin-source=file:/run/pin&module-path=/x%20y.so")
    assert found == TokenUri(module="/x y.so", serial="00aa", id=b"\x01\xff", pin_source="file:/run/pin")
    assert read_token_uri("pkcs11:token=Th%E1%BA%BB%20s%E1%BB%91%3B1;object=a%3Db?module-path=/x.so").token == "Thẻ số;1"


@given(token=TEXT, key=TEXT, key_id=st.none() | st.binary(min_size=1, max_size=20), module=TEXT)
def test_what_is_written_is_read_again(token: str, key: str, key_id: bytes | None, module: str) -> None:
    uri = TokenUri(module=f"/{module}", token=token, object=key, id=key_id)
    assert read_token_uri(uri.written()) == uri


@given(st.text(max_size=80))
def test_no_text_does_anything_but_read_or_refuse(text: str) -> None:
    for candidate in (text, f"pkcs11:{text}", f"{GOOD}&{text}", f"pkcs11:token={text};object=K?module-path=/x.so"):
        try:
            read_token_uri(candidate)
        except Refusal as refusal:
            assert refusal.code is Code.TOKEN_URI


@pytest.mark.parametrize(
    "uri",
    [
        "pkcs11:",
        "PKCS11:token=T;object=K?module-path=/x.so",
        "pkcs11:token=T;object=K",
        "pkcs11:token=T?module-path=/x.so",
        "pkcs11:object=K?module-path=/x.so",
        "pkcs11:token=T;object=K?module-path=x.so",
        "pkcs11:token=T;object=K?module-path=",
        "pkcs11:token=T;token=T;object=K?module-path=/x.so",
        "pkcs11:token=T;object=K;?module-path=/x.so",
        "pkcs11:token=T;object=K?module-path=/x.so&module-path=/y.so",
        "pkcs11:token=T;object=K?module-path=/x.so&module-name=softhsm2",
        "pkcs11:token=T;object=K;x-vendor=1?module-path=/x.so",
        "pkcs11:token=T;object=K;type=public?module-path=/x.so",
        "pkcs11:token=T;object=K;module-path=/x.so",
        "pkcs11:token=;object=K?module-path=/x.so",
        "pkcs11:token=T T;object=K?module-path=/x.so",
        "pkcs11:token=Thẻ;object=K?module-path=/x.so",
        "pkcs11:token=%ZZ;object=K?module-path=/x.so",
        "pkcs11:token=%2;object=K?module-path=/x.so",
        "pkcs11:token=%FF;object=K?module-path=/x.so",
        "pkcs11:token=T%00;object=K?module-path=/x.so",
        "pkcs11:token=T;object=K%1B[2J?module-path=/x.so",
        "pkcs11:token=T;object=K?module-path=/x%0A.so",
        "pkcs11:token=T;object=K?module-path=/x.so\n",
        f"pkcs11:token={'T' * 5_000};object=K?module-path=/x.so",
    ],
)
def test_other_uris_are_refused(uri: str) -> None:
    with refused(Code.TOKEN_URI):
        read_token_uri(uri)


@pytest.mark.parametrize("planted", ["pin-value=PLANTED", "PLANTED", "%PLANTED=1", "PLANTED=PLANTED", "token=%PLANTED"])
def test_a_pin_in_the_uri_is_refused_and_not_repeated(planted: str) -> None:
    for uri in (f"{GOOD}&{planted}", f"pkcs11:{planted};object=K?module-path=/x.so", f"pkcs11:{planted}"):
        with pytest.raises(Refusal) as caught:
            read_token_uri(uri)
        assert "PLANTED" not in f"{caught.value!r}{caught.value.message}"


def test_a_separator_inside_a_value_stays_inside() -> None:
    uri = TokenUri(module="/x.so", token=";object=other?module-path=/evil.so", object="K")
    assert read_token_uri(uri.written()).object == "K"
    assert quote(";", safe="") in uri.written()
