"""Checks of the certificate chain an endpoint serves. The instant of judgement is the instant at which it was seen."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated, assert_never

from scanner.check import Parameters, Retest, Stricter, check
from scanner.findings import Fail, NotApplicable, Pass, Verdict, said
from scanner.observations import CertificateFacts, ChainFault, KeyAlgorithm, PeerCertificateObservation, Trust, fact
from scanner.specimens import AT, certificate, peer_certificate

_ROOT = certificate(subject="CN=Specimen CA", key=KeyAlgorithm.RSA, key_bits=1_024, signature_hash="sha1", not_after=AT)
_WEAK_ISSUER = certificate(
    subject="CN=Specimen CA", issuer="CN=Specimen Root", key=KeyAlgorithm.RSA, key_bits=1_024, signature_hash="sha1"
)


class DaysLeft(Parameters):
    """How long the chain must stay valid; 0 asks only that it is valid."""

    days: Annotated[int, Stricter.HIGHER] = 0


class KeySizes(Parameters):
    """The smallest keys, in bits."""

    rsa_bits: Annotated[int, Stricter.HIGHER] = 2_048
    ec_bits: Annotated[int, Stricter.HIGHER] = 256


class RefusedHashes(Parameters):
    """Hashes a signature may not rest on."""

    refused: Annotated[tuple[str, ...], Stricter.SUPERSET] = ("md2", "md4", "md5", "md5-sha1", "sha1")


def _faulty(*faults: ChainFault) -> PeerCertificateObservation:
    return peer_certificate(trust=Trust(anchors="33" * 32, faults=faults))


def _relied_on(peer: PeerCertificateObservation) -> tuple[CertificateFacts, ...]:
    """The peer's own certificate and the intermediates: a root is trusted for being in the store, not for its signature."""
    return peer.chain[:1] + tuple(served for served in peer.chain[1:] if served.subject != served.issuer)


@check(
    "peer-certificate-trusted",
    observes=PeerCertificateObservation,
    parameters=Parameters,
    facts=("trust",),
    passes=(peer_certificate(),),
    fails=tuple(_faulty(fault) for fault in ChainFault),
    fixes={
        "nginx": (
            "ssl_certificate must name a file with the server's certificate first and then every intermediate: cat "
            "server.pem intermediate.pem > fullchain.pem"
        ),
        "apache": ("SSLCertificateFile must name a file with the server's certificate first and then every intermediate."),
        "haproxy": (
            "bind ... ssl crt site.pem, where site.pem holds the certificate, the intermediates and the key in this order."
        ),
        "iis": (
            "Import the certificate as PFX with its chain, and the intermediates into Local Computer > Intermediate "
            "Certification Authorities."
        ),
        "any": (
            "A self-signed certificate or one of an unknown authority must be replaced by one of an authority in "
            "the inspector's store."
        ),
        "postgresql": "ssl_cert_file must name a file with the server's certificate first and then every intermediate, then psql -c 'SELECT pg_reload_conf()'",
        "redis": "tls-cert-file must name a file with the server's certificate first and then every intermediate, then systemctl restart redis-server",
    },
    retests={
        "any": Retest(
            "openssl s_client -connect HOST:PORT -servername NAME -CAfile ca.pem </dev/null | grep 'Verify return code'",
            "says Verify return code: 0 (ok)",
        ),
        "postgresql": Retest(
            (
                "openssl s_client -connect HOST:5432 -starttls postgres -servername NAME -CAfile ca.pem </dev/null | grep "
                "'Verify return code'"
            ),
            "says Verify return code: 0 (ok)",
        ),
    },
)
def trusted(peer: PeerCertificateObservation, _: Parameters) -> Verdict:
    """The certificate chain leads to a trusted authority.

    Fails on every fault in building a path from the served chain to the operator's trust anchors (RFC 5280 section 6).
    """
    trust = fact(peer.trust)
    return Fail(said("the chain is faulty: {faults}", faults=", ".join(trust.faults))) if trust.faults else Pass()


@check(
    "peer-certificate-name",
    observes=PeerCertificateObservation,
    parameters=Parameters,
    facts=("name_matches",),
    passes=(peer_certificate(),),
    fails=(peer_certificate(name_matches=False, leaf={"names": ("other.example.vn",)}),),
    fixes={
        "any": (
            "Request a certificate whose subject alternative name holds the declared name: openssl req -new -key "
            "key.pem -addext 'subjectAltName=DNS:NAME'"
        ),
        "nginx": ("Serve the right certificate for the name: a server block with this server_name and its own ssl_certificate."),
        "apache": (
            "Serve the right certificate for the name: a virtual host with this ServerName and its own SSLCertificateFile."
        ),
        "haproxy": "bind ... ssl crt /etc/haproxy/certs/, with a file in that folder for each name; the name the client asks for chooses it.",
        "iis": "Give the site a binding with this host name, Require Server Name Indication, and the certificate for it.",
    },
    retests={
        "any": Retest(
            "openssl s_client -connect HOST:PORT -servername NAME </dev/null | openssl x509 -noout -checkhost NAME",
            "says does match certificate",
        ),
    },
)
def name(peer: PeerCertificateObservation, _: Parameters) -> Verdict:
    """The certificate is for the declared name.

    Fails where the declared name is not among the subject alternative names (RFC 9525 section 6; the common name does
    not count).
    """
    if fact(peer.name_matches):
        return Pass()
    return Fail(said("{name} is not among the certificate's names: {names}", name=peer.sni, names=", ".join(peer.chain[0].names)))


@check(
    "peer-certificate-expiry",
    observes=PeerCertificateObservation,
    parameters=DaysLeft,
    passes=(
        peer_certificate(),
        peer_certificate(leaf={"not_after": AT}),
        (peer_certificate(leaf={"not_after": AT + timedelta(days=30)}), DaysLeft(days=30)),
        peer_certificate(chain=(certificate(), _ROOT.model_copy(update={"not_after": AT - timedelta(days=1)}))),
    ),
    fails=(
        peer_certificate(leaf={"not_after": AT - timedelta(seconds=1)}),
        (peer_certificate(leaf={"not_after": AT + timedelta(days=30, seconds=-1)}), DaysLeft(days=30)),
        peer_certificate(leaf={"not_before": AT + timedelta(seconds=1)}),
        peer_certificate(chain=(certificate(), _WEAK_ISSUER.model_copy(update={"not_after": AT - timedelta(days=1)}))),
    ),
    fixes={
        "any": (
            "Renew the certificate with its authority, install it with its intermediates, and set a reminder well "
            "before the next expiry."
        ),
        "nginx": ("Replace the files of ssl_certificate and ssl_certificate_key, then nginx -t && systemctl reload nginx"),
        "apache": (
            "Replace the files of SSLCertificateFile and SSLCertificateKeyFile, then apachectl configtest && "
            "systemctl reload apache2"
        ),
        "certbot": "certbot renew --deploy-hook 'systemctl reload nginx'",
        "haproxy": "Replace the file that crt names, then haproxy -c -f /etc/haproxy/haproxy.cfg && systemctl reload haproxy",
        "iis": "Import-PfxCertificate -FilePath site.pfx -CertStoreLocation Cert:\\LocalMachine\\My, then choose it in the site's binding.",
        "postgresql": "Replace the files of ssl_cert_file and ssl_key_file, then psql -c 'SELECT pg_reload_conf()'",
        "mariadb": "Replace the files of ssl_cert and ssl_key, then FLUSH SSL;  (10.4 or newer)",
        "redis": "Replace the files of tls-cert-file and tls-key-file, then systemctl restart redis-server",
    },
    retests={
        "any": Retest(
            ("openssl s_client -connect HOST:PORT -servername NAME </dev/null | openssl x509 -noout -enddate -checkend 2592000"),
            "says Certificate will not expire",
        ),
        "postgresql": Retest(
            (
                "openssl s_client -connect HOST:5432 -starttls postgres -servername NAME </dev/null | openssl x509 -noout "
                "-enddate -checkend 2592000"
            ),
            "says Certificate will not expire",
        ),
        "mariadb": Retest(
            (
                "openssl s_client -connect HOST:3306 -starttls mysql -servername NAME </dev/null | openssl x509 -noout "
                "-enddate -checkend 2592000"
            ),
            "says Certificate will not expire",
        ),
    },
)
def expiry(peer: PeerCertificateObservation, parameters: DaysLeft) -> Verdict:
    """The certificate is valid and stays so for long enough.

    Fails where the peer's certificate or an intermediate was not valid when it was seen, or had fewer days left than
    asked for (RFC 5280 section 4.1.2.5: the last instant belongs to the validity). The served root is left out.
    """
    at = peer.seen.observed_at
    begins = max(served.not_before for served in _relied_on(peer))
    ends = min(served.not_after for served in _relied_on(peer))
    if begins > at:
        return Fail(said("is not valid before {begins}", begins=f"{begins:%Y-%m-%d %H:%M} UTC"))
    if ends < at:
        return Fail(said("expired on {ends}", ends=f"{ends:%Y-%m-%d %H:%M} UTC"))
    seen = said(
        "is valid until {ends}, {days} days from when it was seen",
        ends=f"{ends:%Y-%m-%d %H:%M} UTC",
        days=(ends - at).days,
    )
    return Pass(seen) if ends - at >= timedelta(days=parameters.days) else Fail(seen)


@check(
    "peer-certificate-key-size",
    observes=PeerCertificateObservation,
    parameters=KeySizes,
    passes=(
        peer_certificate(),
        peer_certificate(leaf={"key": KeyAlgorithm.RSA, "key_bits": 2_048}),
        peer_certificate(leaf={"key": KeyAlgorithm.RSA, "key_bits": 16_384}),
        peer_certificate(leaf={"key": KeyAlgorithm.ED25519, "key_bits": 253}),
        peer_certificate(chain=(certificate(), _ROOT)),
        (peer_certificate(leaf={"key": KeyAlgorithm.RSA, "key_bits": 3_072}), KeySizes(rsa_bits=3_072)),
    ),
    fails=(
        peer_certificate(leaf={"key": KeyAlgorithm.RSA, "key_bits": 2_047}),
        peer_certificate(leaf={"key": KeyAlgorithm.EC, "key_bits": 224}),
        peer_certificate(leaf={"key": KeyAlgorithm.DSA, "key_bits": 1_024}),
        peer_certificate(chain=(certificate(), _WEAK_ISSUER)),
        (peer_certificate(leaf={"key": KeyAlgorithm.RSA, "key_bits": 2_048}), KeySizes(rsa_bits=3_072)),
    ),
    fixes={
        "any": (
            "Make a new key and request a certificate for it: openssl genpkey -algorithm EC -pkeyopt "
            "ec_paramgen_curve:P-256 -out key.pem\n"
            "or openssl genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:3072 -out key.pem; a weak intermediate is its "
            "authority's to replace."
        ),
        "iis": (
            "Request a new certificate with KeyLength = 3072 in the certreq policy file: certreq -new policy.inf request.csr"
        ),
    },
    retests={
        "any": Retest(
            "openssl s_client -connect HOST:PORT -servername NAME </dev/null | openssl x509 -noout -text | grep Public-Key",
            "prints 256 bits or more for EC, 3072 or more for RSA",
        ),
    },
)
def key_size(peer: PeerCertificateObservation, parameters: KeySizes) -> Verdict:
    """The keys of the certificate chain are large enough.

    Fails on RSA, DSA and EC keys with fewer bits than asked for, in the peer's certificate and the intermediates. RFC
    9325 section 4.5: RSA of at least 2048 bits. Ed25519 and Ed448 have one size, which is enough.
    """
    small = []
    for served in _relied_on(peer):
        match served.key:
            case KeyAlgorithm.RSA | KeyAlgorithm.DSA:
                least = parameters.rsa_bits
            case KeyAlgorithm.EC:
                least = parameters.ec_bits
            case KeyAlgorithm.ED25519 | KeyAlgorithm.ED448 | KeyAlgorithm.OTHER:
                least = 0
            case _:
                assert_never(served.key)
        if served.key_bits < least:
            small.append(f"{served.key} {served.key_bits}")
    if small:
        return Fail(said("keys are too small: {keys}", keys=", ".join(small)))
    if peer.chain[0].key is KeyAlgorithm.OTHER:
        return NotApplicable(said("the key is of an algorithm whose strength bits do not tell"))
    return Pass(said("{key} of {bits} bits", key=peer.chain[0].key, bits=peer.chain[0].key_bits))


@check(
    "peer-certificate-signature",
    observes=PeerCertificateObservation,
    parameters=RefusedHashes,
    passes=(
        peer_certificate(),
        peer_certificate(leaf={"signature_hash": "sha512"}),
        peer_certificate(leaf={"signature_hash": "none", "key": KeyAlgorithm.ED25519}),
        peer_certificate(chain=(certificate(), _ROOT)),
    ),
    fails=(
        peer_certificate(leaf={"signature_hash": "sha1"}),
        peer_certificate(leaf={"signature_hash": "SHA-1"}),
        peer_certificate(leaf={"signature_hash": "md5"}),
        peer_certificate(chain=(certificate(), _WEAK_ISSUER)),
    ),
    fixes={
        "any": "Request a new certificate signed with SHA-256: openssl req -new -sha256 -key key.pem -out request.csr",
        "own-ca": (
            "In the authority's openssl.cnf set default_md = sha256, then issue again; re-sign intermediates that rest on SHA-1."
        ),
    },
    retests={
        "any": Retest(
            (
                "openssl s_client -connect HOST:PORT -servername NAME </dev/null | openssl x509 -noout -text | grep "
                "'Signature Algorithm'"
            ),
            "names SHA-256 or stronger, and neither SHA-1 nor MD5",
        ),
    },
)
def signature(peer: PeerCertificateObservation, parameters: RefusedHashes) -> Verdict:
    """The certificate chain is signed with a strong hash.

    Fails where the peer's certificate or an intermediate is signed with a refused hash. RFC 9325 section 4.5: SHA-256
    or better; MD5 and SHA-1 must not be used. A root's own signature proves nothing and is left out.
    """
    refused = {name.replace("-", "").lower() for name in parameters.refused}
    used = {served.signature_hash for served in _relied_on(peer)}
    weak = sorted(name for name in used if name.replace("-", "").lower() in refused)
    return Fail(said("signed with {hashes}", hashes=", ".join(weak))) if weak else Pass()
