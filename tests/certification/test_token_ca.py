"""A connection CA whose key is on a token (SoftHSM2): shown first, one PIN each time, and the key stays where it is."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import pkcs11
import pytest
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from certification.client_certificate import client_certificate
from certification.connection_ca import ca_certificate, ca_key_of
from certification.refusals import Code, Refusal
from certification.request import Kind
from certification.revocation_list import Stopped, read_revocation_list, revocation_list
from certification.status import State
from certification.token_signer import Presence
from tests.certification.stage import refused
from tests.certification.test_client_certificate import granted_in
from tests.certification.tokens import MODULE, P384, PIN, Key, Store, ec_key, rsa_key, store_at, uri
from tests.gateway.stage import NOW, certificate, root

KEYS: dict[str, Key] = {"p256": ec_key(), "p384": ec_key(P384), "rsa": rsa_key(3_072)}


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    """A token with a CA key of each type."""
    made = store_at(tmp_path_factory.mktemp("softhsm") / "store")
    made.token("ca")
    for number, (label, private) in enumerate(KEYS.items(), 1):
        made.key("ca", label, private, f"{number:02x}")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SOFTHSM2_CONF", made.env["SOFTHSM2_CONF"])
        yield made
        pkcs11.unload(MODULE)


class Person:
    """Somebody at the token."""

    def __init__(self) -> None:
        self.seen: list[str] = []
        self.pins = 0
        self.presence = Presence(self.seen.append, lambda *_: self._pin())

    def _pin(self) -> str:
        self.pins += 1
        assert len(self.seen) == self.pins, "asked for the PIN before anything was shown"
        return PIN


@pytest.mark.parametrize("label", KEYS)
def test_a_ca_on_a_token_makes_certificates_and_lists(store: Store, label: str) -> None:
    granted, digest = granted_in(certificate(kind=Kind.TRIAL))
    person = Person()
    key = ca_key_of(uri("ca", label), lambda _: "", person.presence)
    ca = ca_certificate(root(ca=key), key, NOW)
    made = client_certificate(granted, digest, ca, key)
    made.verify_directly_issued_by(ca.certificate)
    with key.unlocked("a list") as private:
        pem = revocation_list({1: Stopped(State.REVOKED, NOW)}, ca, private, NOW, NOW + timedelta(days=1), 1)
        other = revocation_list({}, ca, private, NOW, NOW + timedelta(days=1), 2)
    assert read_revocation_list(pem, ca, NOW).serials == {1}
    assert read_revocation_list(other, ca, NOW).serials == frozenset()
    assert person.pins == 3
    assert any("P01" in text and granted.serial in text for text in person.seen)
    with key.unlocked("nothing") as private, pytest.raises(Refusal, match="never leaves"):
        private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


def test_without_anybody_at_the_token_nothing_is_signed(store: Store) -> None:
    with refused(Code.SIGNER_UNAVAILABLE):
        ca_key_of(uri("ca", "p256"), lambda _: "")
