"""Checks of whether a served certificate was taken back, and of the order in which a chain is served."""

from __future__ import annotations

from scanner.check import Parameters, Retest, check
from scanner.findings import Fail, NotApplicable, Pass, Verdict, said
from scanner.observations import PeerCertificateObservation, Revocation, fact
from scanner.specimens import certificate, peer_certificate

_REVOKED = Revocation(crls="44" * 32, revoked=True, detail="'CN=dvc.example.vn' was revoked")
_ISSUER = certificate(subject="CN=Specimen CA", issuer="CN=Specimen Root")
_OTHER = certificate(subject="CN=Another CA", issuer="CN=Another Root")


@check(
    "peer-certificate-not-revoked",
    observes=PeerCertificateObservation,
    parameters=Parameters,
    facts=("revocation",),
    passes=(peer_certificate(),),
    fails=(peer_certificate(revocation=_REVOKED),),
    fixes={
        "any": (
            "Find out from the authority why it was revoked; make a new key, request a new certificate and install both: the old key "
            "may be in other hands."
        ),
        "nginx": "Replace the files of ssl_certificate and ssl_certificate_key, then nginx -t && systemctl reload nginx",
        "inspector": "Give the CRLs of every authority in the chain with --crls: openssl crl -inform DER -in ca.crl >> crls.pem",
        "apache": "Replace the files of SSLCertificateFile and SSLCertificateKeyFile, then apachectl configtest && systemctl reload apache2",
        "haproxy": "Replace the file that crt names, then haproxy -c -f /etc/haproxy/haproxy.cfg && systemctl reload haproxy",
    },
    retests={
        "any": Retest(
            (
                "openssl s_client -connect HOST:PORT -servername NAME -CAfile ca.pem -CRL crls.pem -crl_check_all </dev/null "
                "| grep 'Verify return code'"
            ),
            "says Verify return code: 0 (ok)",
        ),
        "inspector": Retest(
            "openssl storeutl -noout -text -crls crls.pem | grep -E 'Issuer|Next Update'",
            "names every authority of the chain, and a date to come for each",
        ),
    },
)
def not_revoked(peer: PeerCertificateObservation, _: Parameters) -> Verdict:
    """No certificate of the chain was revoked.

    Fails where a CRL the operator gave lists the peer's certificate or an intermediate (RFC 5280 section 6.3). Without a CRL of each
    issuer that is in time and signed by it, this is not checked: no authority's silence is its word.
    """
    found = fact(peer.revocation)
    return Fail(said("{what}", what=found.detail)) if found.revoked else Pass(said("the CRLs list none of the chain"))


@check(
    "peer-certificate-staple",
    observes=PeerCertificateObservation,
    parameters=Parameters,
    facts=("stapled",),
    passes=(peer_certificate(leaf={"must_staple": True}, stapled=True),),
    fails=(peer_certificate(leaf={"must_staple": True}, stapled=False),),
    fixes={
        "nginx": "ssl_stapling on; ssl_stapling_verify on; ssl_trusted_certificate CHAIN; resolver ADDRESS;",
        "apache": "SSLUseStapling on, and SSLStaplingCache shmcb:/run/apache2/stapling outside of any virtual host",
        "haproxy": "Put the response beside the certificate as site.pem.ocsp, and renew it before it ends (set ssl ocsp-response).",
        "any": "Or request a certificate without the TLS feature extension, where stapling cannot be had.",
    },
    retests={
        "any": Retest(
            "openssl s_client -connect HOST:PORT -servername NAME </dev/null | openssl x509 -noout -ext tlsfeature",
            "finds no such extension",
        ),
        "nginx": Retest(
            "openssl s_client -connect HOST:PORT -servername NAME -status </dev/null | grep 'OCSP Response Status'",
            "says successful",
        ),
        "apache": Retest(
            "openssl s_client -connect HOST:PORT -servername NAME -status </dev/null | grep 'OCSP Response Status'",
            "says successful",
        ),
        "haproxy": Retest(
            "openssl s_client -connect HOST:PORT -servername NAME -status </dev/null | grep 'OCSP Response Status'",
            "says successful",
        ),
    },
)
def staple(peer: PeerCertificateObservation, _: Parameters) -> Verdict:
    """A certificate that demands a stapled OCSP response comes with one.

    Fails where the certificate holds the status_request feature and the handshake brought no response for it (RFC 7633 section 4.2.3):
    strict clients then refuse the connection. A certificate that does not demand one is not judged.
    """
    if not peer.chain[0].must_staple:
        return NotApplicable(said("the certificate does not demand a stapled response"))
    return Pass() if fact(peer.stapled) else Fail(said("it demands a stapled OCSP response and came without one"))


@check(
    "peer-certificate-order",
    observes=PeerCertificateObservation,
    parameters=Parameters,
    passes=(peer_certificate(), peer_certificate(chain=(certificate(), _ISSUER))),
    fails=(
        peer_certificate(chain=(certificate(), _OTHER, _ISSUER)),
        peer_certificate(chain=(certificate(), _ISSUER, _OTHER)),
        peer_certificate(chain=(certificate(), certificate(), _ISSUER)),
    ),
    fixes={
        "nginx": "cat server.pem intermediate.pem > fullchain.pem: each certificate after the one it issued, and no other",
        "apache": "SSLCertificateFile: the server's certificate first, then each issuer after the one it issued, and no other",
        "haproxy": "site.pem: the certificate, then each issuer after the one it issued, then the key",
        "postgresql": "ssl_cert_file: the server's certificate first, then each issuer after the one it issued, and no other; then psql -c 'SELECT pg_reload_conf()'",
    },
    retests={
        "any": Retest(
            "openssl s_client -connect HOST:PORT -servername NAME -showcerts </dev/null | grep -E ' [si]:'",
            "shows as each next s: what the i: before it names",
        ),
        "postgresql": Retest(
            ("openssl s_client -connect HOST:5432 -starttls postgres -servername NAME -showcerts </dev/null | grep -E ' [si]:'"),
            "shows as each next s: what the i: before it names",
        ),
    },
)
def order(peer: PeerCertificateObservation, _: Parameters) -> Verdict:
    """The chain is served in order and without other certificates.

    Fails where a certificate is not followed by its issuer's (RFC 5246 section 7.4.2). Many clients find the path all the same; some
    embedded ones do not.
    """
    if peer.in_order:
        return Pass()
    return Fail(said("served in the order {names}", names=" | ".join(served.subject for served in peer.chain)))
