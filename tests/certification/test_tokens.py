"""Signers on real tokens (SoftHSM2): one PIN, tried once, after what is signed was shown; and every wrong key refused."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

import pkcs11
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.asymmetric.padding import MGF1, PSS, PKCS1v15
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature, encode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256, SHA384
from pkcs11 import Attribute, KeyType, ObjectClass, TokenFlag

from certification import token_signer, tokens
from certification.authorisation import AuthorisationStatement
from certification.envelope import Envelope, read_envelope
from certification.field_check import words_of
from certification.keys import Signature, public_key, spki_sha256, verified, verifier
from certification.permits import draft_permit
from certification.refusals import Code, Refusal
from certification.rendering import rendered
from certification.request import Kind
from certification.request_drafting import draft_request
from certification.signers import Signer, signed, signer_of
from certification.statements import read_statement
from certification.token_signer import Presence, TokenSigner
from certification.token_uri import TokenUri, read_token_uri
from certification.tokens import keys_on
from certification.trust import TrustRoot
from certification.verify import verify
from tests.certification import stage
from tests.certification.stage import SEEN, Case, known, refused
from tests.certification.tokens import MODULE, P384, PIN, Key, Store, ec_key, rsa_key, store_at, uri

STATEMENT = draft_permit(stage.permit(), SEEN)
ODD = "Khóa số 1; object=x?&%/ “ký”"
ORDERS = {
    "p256": 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551,
    "p384": 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFC7634D81F4372DDF581A0DB248B0A77AECEC196ACCC52973,
}
KEYS: dict[str, Key] = {
    "rsa": rsa_key(),
    "rsa-3072": rsa_key(3_072),
    "p256": ec_key(),
    "p384": ec_key(P384),
    "rsa-1024": rsa_key(1_024),
    "p521": ec_key(ec.SECP521R1()),
    ODD: ec_key(),
}


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    """Two tokens with keys, one that will be wrong about its PIN, one to be removed, two of one label."""
    made = store_at(tmp_path_factory.mktemp("softhsm") / "store")
    for label in ("one", "two", "wrong", "mended", "twin", "twin", "odd; token=one"):
        made.token(label)
    for number, (label, private) in enumerate(KEYS.items(), 1):
        made.key("one", label, private, f"{number:02x}")
    made.key("two", "approver", ec_key())
    made.key("wrong", "key", ec_key())
    made.key("odd; token=one", "key", ec_key())
    for double in ("a1", "a2"):
        made.key("two", "double", ec_key(), double)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SOFTHSM2_CONF", made.env["SOFTHSM2_CONF"])
        yield made
        pkcs11.unload(MODULE)


@pytest.fixture(autouse=True)
def _unspent(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(token_signer, "_SPENT", set())


class Holder:
    """The person at the token: enters this PIN, and remembers what happened in which order."""

    def __init__(self, pin: str = PIN) -> None:
        self.entered = pin
        self.story: list[str] = []

    def presence(self) -> Presence:
        """How the signer reaches this person."""
        return Presence(self.story.append, self._pin)

    def _pin(self, asked: TokenUri, warning: str) -> str:
        self.story.append("PIN")
        return self.entered


def token_signer_of(text: str, holder: Holder | None = None) -> Signer:
    """The signer of this URI, at which this person sits."""
    return signer_of(text, lambda _: pytest.fail("asked for a passphrase"), (holder or Holder()).presence())


class Logins:
    """Counts each login that reaches a token, and can answer in the token's place."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, raises: Exception | None = None, flags: TokenFlag | None = None) -> None:
        self.count = 0
        self._raises, self._flags = raises, flags
        original = tokens.token_of
        for module in (tokens, token_signer):
            monkeypatch.setattr(module, "token_of", lambda asked: _Spied(original(asked), self))


class _Spied:
    def __init__(self, token: Any, logins: Logins) -> None:
        self._token, self._logins = token, logins

    @property
    def flags(self) -> TokenFlag:
        return self._token.flags if self._logins._flags is None else self._logins._flags

    @property
    def serial(self) -> bytes:
        serial: bytes = self._token.serial
        return serial

    def open(self, user_pin: object = None) -> Any:
        if user_pin is None:
            return self._token.open()
        self._logins.count += 1
        if self._logins._raises is not None:
            raise self._logins._raises
        return self._token.open(user_pin=user_pin)


@pytest.mark.parametrize(
    ("key", "scheme"),
    [
        ("rsa", "rsassa-pss-sha256"),
        ("rsa-3072", "rsassa-pss-sha256"),
        ("p256", "ecdsa-sha2-nistp256"),
        ("p384", "ecdsa-sha2-nistp384"),
        (ODD, "ecdsa-sha2-nistp256"),
    ],
)
def test_a_key_on_a_token_signs_and_its_public_half_verifies(store: Store, key: str, scheme: str) -> None:
    held = token_signer_of(uri("one", key))
    assert held.keyid == spki_sha256(KEYS[key].public_key()) == spki_sha256(public_key(held.public_pem))
    envelope = read_envelope(signed(STATEMENT, held))
    known_key = verifier(KEYS[key].public_key())
    assert known_key.scheme == scheme
    verified(known_key, envelope.signatures[0], envelope.pae())
    with refused(Code.SIGNATURE_WRONG):
        verified(known_key, envelope.signatures[0], Envelope(envelope.payload + b" ").pae())


def test_what_is_signed_is_shown_before_the_pin_is_asked_for_once(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    logins, holder = Logins(monkeypatch), Holder()
    held = token_signer_of(uri("one", "p256"), holder)
    assert (holder.story, logins.count) == ([], 0), "public halves need no PIN"
    held.sign(STATEMENT)
    assert holder.story == [rendered(STATEMENT), "PIN"]
    assert logins.count == 1


def test_a_wrong_pin_is_tried_once_and_never_again(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    logins, holder = Logins(monkeypatch), Holder("PLANTED-9")
    held = token_signer_of(uri("wrong", "key"), holder)
    with pytest.raises(Refusal) as caught:
        held.sign(STATEMENT)
    assert caught.value.code is Code.PIN_WRONG
    assert "lock" in caught.value.message, "says what is known about the tries that are left"
    assert "PLANTED" not in f"{caught.value!r}{caught.value.message}{caught.value.__cause__!r}"
    holder.entered = PIN
    for again in (held, token_signer_of(uri("wrong", "key"), holder)):
        with refused(Code.PIN_WRONG):
            again.sign(STATEMENT)
    assert logins.count == 1, "not even the right PIN is tried after a wrong one"
    assert holder.story.count("PIN") == 1


@pytest.mark.parametrize(
    ("flags", "words"),
    [
        (TokenFlag.USER_PIN_FINAL_TRY, "one try is left"),
        (TokenFlag.USER_PIN_COUNT_LOW, "counts wrong"),
        (TokenFlag(0), "does not say"),
    ],
)
def test_the_tries_left_are_told_where_the_token_tells_them(
    store: Store, monkeypatch: pytest.MonkeyPatch, flags: TokenFlag, words: str
) -> None:
    Logins(monkeypatch, pkcs11.exceptions.PinIncorrect(), flags)
    with pytest.raises(Refusal) as caught:
        token_signer_of(uri("one", "rsa")).sign(STATEMENT)
    assert caught.value.code is Code.PIN_WRONG
    assert words in caught.value.message


def test_a_locked_token_is_not_asked_for_a_pin(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    logins, holder = Logins(monkeypatch, flags=TokenFlag.USER_PIN_LOCKED), Holder()
    with refused(Code.PIN_LOCKED):
        token_signer_of(uri("one", "rsa"), holder).sign(STATEMENT)
    assert (logins.count, holder.story) == (0, [])


def test_a_token_that_says_only_at_the_login_that_it_is_locked(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    Logins(monkeypatch, pkcs11.exceptions.PinLocked())
    with refused(Code.PIN_LOCKED):
        token_signer_of(uri("one", "rsa")).sign(STATEMENT)


def test_an_empty_pin_costs_no_try(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    logins = Logins(monkeypatch)
    with refused(Code.PIN_UNREADABLE):
        token_signer_of(uri("one", "rsa"), Holder("")).sign(STATEMENT)
    assert logins.count == 0


@pytest.mark.parametrize(
    ("text", "code"),
    [
        (uri("none", "p256"), Code.TOKEN_MISSING),
        (uri("twin", "p256"), Code.TOKEN_MISSING),
        (uri("one", "none"), Code.TOKEN_KEY),
        (uri("two", "double"), Code.TOKEN_KEY),
        (uri("one", "p256", "id=%7F"), Code.TOKEN_KEY),
        (uri("one", "p256", "model=other"), Code.TOKEN_MISSING),
        (uri("one", "rsa-1024"), Code.KEY_WEAK),
        (uri("one", "p521"), Code.KEY_WEAK),
        ("pkcs11:token=one;object=p256?module-path=/none.so", Code.TOKEN_MISSING),
        ("pkcs11:token=one;object=p256?module-path=/etc/passwd", Code.TOKEN_MISSING),
    ],
)
def test_other_tokens_and_keys_are_refused_without_a_pin(store: Store, text: str, code: Code) -> None:
    with refused(code):
        token_signer_of(text)


def test_an_id_chooses_between_two_keys_of_one_label(store: Store) -> None:
    one, other = (token_signer_of(uri("two", "double", f"id=%A{number}")) for number in (1, 2))
    assert one.keyid != other.keyid
    other.sign(STATEMENT)


def test_a_label_that_looks_like_a_uri_names_its_own_token(store: Store) -> None:
    listed = {key.uri.token: key for key in keys_on(MODULE)}
    odd = listed["odd; token=one"]
    assert odd.public is not None
    assert token_signer_of(odd.uri.written()).keyid == spki_sha256(odd.public)


def test_the_list_names_every_key_so_that_the_name_finds_it(store: Store) -> None:
    listed = keys_on(MODULE)
    assert {key.uri.object for key in listed} >= set(KEYS)
    for key in listed:
        if key.public is None:
            assert key.uri.object in {"rsa-1024", "p521"}
            assert key.why
        else:
            assert token_signer_of(key.uri.written()).keyid == spki_sha256(key.public)


def test_halves_that_do_not_match_are_refused(store: Store) -> None:
    token = tokens.token_of(read_token_uri(uri("mended", "any")))
    with token.open(rw=True, user_pin=PIN) as session:
        curve = pkcs11.util.ec.encode_named_curve_parameters("secp256r1")
        parameters = session.create_domain_parameters(KeyType.EC, {Attribute.EC_PARAMS: curve}, local=True)
        parameters.generate_keypair(store=True, label="pair")
        for found in list(session.get_objects({Attribute.CLASS: ObjectClass.PUBLIC_KEY, Attribute.LABEL: "pair"})):
            found.destroy()
        with tokens.token_of(read_token_uri(uri("one", "p256"))).open() as elsewhere:
            point = tokens.one_object(elsewhere, read_token_uri(uri("one", "p256")), ObjectClass.PUBLIC_KEY)[Attribute.EC_POINT]
        kind = {Attribute.CLASS: ObjectClass.PUBLIC_KEY, Attribute.KEY_TYPE: KeyType.EC, Attribute.TOKEN: True}
        session.create_object({**kind, Attribute.LABEL: "pair", Attribute.EC_PARAMS: curve, Attribute.EC_POINT: point})
    with refused(Code.TOKEN_KEY):
        token_signer_of(uri("mended", "pair")).sign(STATEMENT)


def test_a_token_removed_before_it_signs_is_refused(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    held = token_signer_of(uri("one", "rsa"))
    Logins(monkeypatch, pkcs11.exceptions.DeviceRemoved())
    with refused(Code.TOKEN_MISSING):
        held.sign(STATEMENT)


def test_a_key_that_vanishes_from_its_token_is_refused(store: Store) -> None:
    store_key = ec_key()
    store.key("mended", "brief", store_key, "77")
    held = token_signer_of(uri("mended", "brief"))
    token = tokens.token_of(read_token_uri(uri("mended", "brief")))
    with token.open(rw=True, user_pin=PIN) as session:
        for found in list(session.get_objects({Attribute.LABEL: "brief"})):
            found.destroy()
    with refused(Code.TOKEN_KEY):
        held.sign(STATEMENT)


def test_whatever_the_library_raises_becomes_a_refusal(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    Logins(monkeypatch, pkcs11.exceptions.GeneralError())
    with refused(Code.TOKEN_FAILED):
        token_signer_of(uri("one", "rsa")).sign(STATEMENT)


def test_no_token_signs_bytes_or_checkpoints(store: Store) -> None:
    held = token_signer_of(uri("one", "rsa"))
    assert sorted(name for name in vars(TokenSigner) if not name.startswith("_")) == [
        "cosign", "keyid", "public_pem", "sign", "sign_both", "sign_checkpoint", "sign_paper",
    ]  # fmt: skip
    with refused(Code.KEY_WEAK):
        held.sign_checkpoint(None, "log")  # type: ignore[arg-type]
    with refused(Code.KEY_WEAK):
        held.cosign(None, "log", SEEN)  # type: ignore[arg-type]


def _trust(signers: dict[str, Signer]) -> TrustRoot:
    """The stage's trust root with these people's keys instead of their own."""
    keyring = stage.keyring()
    keys = tuple(
        known(key.holder, key.role, authority=key.authority, keyid=held.keyid, public_key=held.public_pem)
        if (held := signers.get(key.holder))
        else key
        for key in keyring.keys
    )
    return stage.root(keys=keys)


def test_two_tokens_carry_a_certificate_from_evaluation_to_verification(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    uris = {"an": uri("one", "rsa"), "binh": uri("two", "approver"), "dung": uri("one", "p384"), "P01": uri("one", "p256")}
    held = {name: token_signer_of(text) for name, text in uris.items()}
    files = stage.signer
    monkeypatch.setattr(stage, "signer", lambda name: held.get(name) or files(name))
    bundle = stage.bundle()
    request = signed(draft_request(bundle, stage.CSR, Kind.OFFICIAL, ("verify",), "Xác thực", stage.ASKED), held["P01"])
    case = Case(bundle=bundle, trust=_trust(held), request=request)
    logins = Logins(monkeypatch)
    certificate = case.issue(case.approve("binh", case.approve("an")))
    assert logins.count == 2, "one PIN entry for each approval"
    assert verify(certificate, case.trust, stage.DRAFTED, bundle=bundle).granted.agency.code == "P01"


@pytest.mark.parametrize("object_", ["rsa", "p256", "p384"])
def test_a_key_on_a_token_countersigns_a_pdf(store: Store, object_: str, monkeypatch: pytest.MonkeyPatch) -> None:
    from certification.countersigning import countersign
    from certification.paper import certificate_pdf
    from certification.pdf_signatures import insist_on_signatures_only
    from certification.qr_token import joined

    held: dict[str, Signer] = {"an": token_signer_of(uri("one", object_))}
    files = stage.signer
    monkeypatch.setattr(stage, "signer", lambda name: held.get(name) or files(name))
    case = Case(trust=_trust(held))
    certificate = case.approve("binh", case.approve("an"))
    statement = read_statement(read_envelope(certificate).payload, AuthorisationStatement)
    pdf = certificate_pdf(certificate, joined(words_of(statement), (None,)).text(), case.trust, stage.LATER)
    logins = Logins(monkeypatch)
    own = x509_of(KEYS[object_], stage.SEEN)
    made = countersign(pdf, own, case.trust, stage.LATER, signer=held["an"], confirm=lambda _: True)
    assert logins.count == 1
    assert insist_on_signatures_only(made, case.trust, stage.LATER) == ("an",)


def x509_of(private: Any, at: datetime) -> bytes:
    """A certificate of this key, by itself."""
    from cryptography import x509
    from cryptography.hazmat.primitives.serialization import Encoding

    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "Nguyễn Văn An")])
    builder = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(private.public_key()).serial_number(7)
    builder = builder.not_valid_before(at - timedelta(days=9)).not_valid_after(at + timedelta(days=900))
    return builder.sign(private, SHA256()).public_bytes(Encoding.PEM)


def test_a_key_that_stands_not_in_the_trust_root_is_refused_before_the_pin(store: Store, case: Case) -> None:
    holder = Holder()
    with refused(Code.KEY_UNKNOWN), pytest.MonkeyPatch.context() as patch:
        patch.setattr(stage, "signer", lambda _: token_signer_of(uri("one", "p256"), holder))
        case.approve("an")
    assert holder.story == []


def test_rsa_verification_takes_one_scheme_alone() -> None:
    private, data = KEYS["rsa"], Envelope(STATEMENT.written()).pae()
    assert isinstance(private, rsa.RSAPrivateKey)
    key = verifier(private.public_key())
    good = private.sign(data, PSS(MGF1(SHA256()), 32), SHA256())
    verified(key, Signature(key.keyid, good.hex()), data)
    wrong = [
        private.sign(data, PSS(MGF1(SHA256()), 20), SHA256()),
        private.sign(data, PSS(MGF1(SHA256()), PSS.MAX_LENGTH), SHA256()),
        private.sign(data, PKCS1v15(), SHA256()),
        good[:-1],
        good + b"\x00",
        b"\x00" + good,
    ]
    for signature in wrong:
        with refused(Code.SIGNATURE_WRONG):
            verified(key, Signature(key.keyid, signature.hex()), data)


@pytest.mark.parametrize("curve", ["p256", "p384"])
def test_ecdsa_is_read_in_der_alone_with_either_s(curve: str) -> None:
    private, data = KEYS[curve], Envelope(STATEMENT.written()).pae()
    assert isinstance(private, ec.EllipticCurvePrivateKey)
    key = verifier(private.public_key())
    der = private.sign(data, ec.ECDSA(SHA256() if curve == "p256" else SHA384()))
    r, s = decode_dss_signature(der)
    order = ORDERS[curve]
    verified(key, Signature(key.keyid, encode_dss_signature(r, order - s).hex()), data)
    size = private.key_size // 8
    long_form = b"\x30\x81" + der[1:] if der[1] < 0x80 else der
    for wrong in (r.to_bytes(size) + s.to_bytes(size), der + b"\x00", der[:-1], long_form if long_form != der else b"\x00"):
        with refused(Code.SIGNATURE_WRONG):
            verified(key, Signature(key.keyid, wrong.hex()), data)


def test_other_keys_are_refused_wherever_a_key_is_accepted() -> None:
    from certification.keys import accepted

    for weak in (rsa_key(1_024), rsa.generate_private_key(3, 2_048), ec_key(ec.SECP521R1()), ec_key(ec.SECP256K1())):
        with refused(Code.KEY_WEAK):
            accepted(weak.public_key())
    assert accepted(ed25519.Ed25519PrivateKey.generate().public_key())
