"""Revocation by the CRLs the operator gave (RFC 5280 sections 5 and 6.3): nothing is fetched, and no answer is no absolution."""

from __future__ import annotations

import re
import warnings
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.utils import CryptographyDeprecationWarning
from cryptography.x509 import Certificate, CertificateRevocationList

from scanner.observations import Reason, Unobserved
from scanner.probes.certificates import attempted

_PEM = re.compile(rb"-----BEGIN X509 CRL-----.+?-----END X509 CRL-----", re.DOTALL)
_EVALUATED = (x509.IssuingDistributionPoint, x509.AuthorityKeyIdentifier, x509.CRLNumber)
"""Extensions that may be critical; a delta CRL's indicator is not among them, for a delta alone says too little."""


@dataclass(frozen=True, slots=True)
class Found:
    """Whether a CRL lists a certificate of the chain, and which."""

    revoked: bool
    detail: str


def crls_in(data: bytes) -> tuple[CertificateRevocationList, ...]:
    """The CRLs in this PEM file; raises ValueError where one cannot be read or there is none."""
    blocks = _PEM.findall(data)
    if not blocks:
        raise ValueError("no CRL in PEM form")
    return tuple(x509.load_pem_x509_crl(block) for block in blocks)


def looked_up(
    chain: Sequence[Certificate], anchors: Iterable[Certificate], crls: Iterable[CertificateRevocationList], at: datetime
) -> Found | Unobserved:
    """Whether the peer's certificate or an intermediate is listed; unobserved where a CRL that decides it was not given.

    A listing counts from a CRL that is past its time as well: what was revoked stays so. Its absence counts only from one in time.
    """
    issuers, given = (*anchors, *chain), tuple(crls)
    open_questions = []
    for certificate in _relied_on(chain):
        mine = [crl for crl in given if _decides(crl, certificate, issuers)]
        if any(_lists(crl, certificate) for crl in mine):
            return Found(revoked=True, detail=f"{_called(certificate)} was revoked")
        if not any(_in_time(crl, at) for crl in mine):
            open_questions.append(f"no valid CRL of the issuer of {_called(certificate)} was given")
    if open_questions:
        return Unobserved(reason=Reason.NOT_GIVEN, detail="; ".join(open_questions)[:300])
    return Found(revoked=False, detail="")


def _relied_on(chain: Sequence[Certificate]) -> Iterator[Certificate]:
    """The peer's own certificate and the intermediates: a root is trusted for being in the store, and revokes nothing of itself."""
    yield chain[0]
    for served in chain[1:]:
        if not _issued_by(served, served):
            yield served


def _issued_by(certificate: Certificate | CertificateRevocationList, issuer: Certificate) -> bool:
    """Whether the issuer's name is the one that stands here; its signature is another question."""
    name = attempted(lambda: issuer.subject)
    return name is not None and name == attempted(lambda: certificate.issuer)


def _decides(crl: CertificateRevocationList, certificate: Certificate, issuers: Sequence[Certificate]) -> bool:
    """Whether the CRL is of the certificate's issuer, covers all reasons for certificates of its kind, and is signed by that issuer."""
    signers = [one for one in issuers if _issued_by(certificate, one) and _issued_by(crl, one) and _may_sign_crls(one)]
    return _covers(crl, certificate) and any(_signed_by(crl, signer) for signer in signers)


def _covers(crl: CertificateRevocationList, certificate: Certificate) -> bool:
    extensions = attempted(lambda: crl.extensions)
    if extensions is None or any(one.critical and not isinstance(one.value, _EVALUATED) for one in extensions):
        return False
    point = next((one.value for one in extensions if isinstance(one.value, x509.IssuingDistributionPoint)), None)
    if point is None:
        return True
    if point.indirect_crl or point.only_some_reasons or point.only_contains_attribute_certs:
        return False
    authority = _is_authority(certificate)
    return not (point.only_contains_ca_certs and not authority) and not (point.only_contains_user_certs and authority)


def _is_authority(certificate: Certificate) -> bool:
    basic = attempted(lambda: certificate.extensions.get_extension_for_class(x509.BasicConstraints))
    return basic is not None and basic.value.ca


def _may_sign_crls(issuer: Certificate) -> bool:
    usage = attempted(lambda: issuer.extensions.get_extension_for_class(x509.KeyUsage))
    return usage is None or usage.value.crl_sign


def _signed_by(crl: CertificateRevocationList, issuer: Certificate) -> bool:
    key = attempted(issuer.public_key)
    if key is None:
        return False
    try:
        return crl.is_signature_valid(key)  # type: ignore[arg-type]  # a key of another kind raises TypeError
    except (TypeError, ValueError, UnsupportedAlgorithm):
        return False


def _lists(crl: CertificateRevocationList, certificate: Certificate) -> bool:
    with warnings.catch_warnings():  # a serial number of zero or less may be listed too
        warnings.simplefilter("ignore", CryptographyDeprecationWarning)
        return crl.get_revoked_certificate_by_serial_number(certificate.serial_number) is not None


def _in_time(crl: CertificateRevocationList, at: datetime) -> bool:
    return crl.next_update_utc is not None and crl.last_update_utc <= at < crl.next_update_utc


def _called(certificate: Certificate) -> str:
    return f"'{attempted(certificate.subject.rfc4514_string) or 'a certificate without a readable subject'}'"
