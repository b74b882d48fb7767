"""Reason codes: every way in which certification says no, each with the explanation the documentation prints."""

from __future__ import annotations

from enum import StrEnum

from scanner.i18n import _


class RefusalKind(StrEnum):
    """What sort of no it is; decides the exit status."""

    INPUT = "input"
    """What the operator gave cannot be used: a key file, a signing request."""
    INTEGRITY = "integrity"
    """Bytes are not what was signed, or do not belong together."""
    TRUST = "trust"
    """Signed, and not by whom it had to be."""
    POLICY = "policy"
    """Whole and well signed, and the rules do not allow it."""


class Code(StrEnum):
    """The reason codes of certification."""

    ENVELOPE_MALFORMED = "envelope-malformed"
    ENVELOPE_NOT_CANONICAL = "envelope-not-canonical"
    PAYLOAD_TYPE = "payload-type"
    SIGNATURE_COUNT = "signature-count"
    SIGNATURE_REPEATED = "signature-repeated"
    SIGNATURE_WRONG = "signature-wrong"
    PREDICATE_TYPE = "predicate-type"
    PAYLOAD_MALFORMED = "payload-malformed"
    PAYLOAD_NOT_CANONICAL = "payload-not-canonical"
    CRITICAL_UNKNOWN = "critical-unknown"

    KEY_UNKNOWN = "key-unknown"
    KEY_ROLE = "key-role"
    KEY_NOT_VALID = "key-not-valid"
    KEY_REVOKED = "key-revoked"
    KEY_ENDED = "key-ended"
    KEY_WEAK = "key-weak"
    KEY_UNREADABLE = "key-unreadable"
    KEY_FILE_OPEN = "key-file-open"
    RECIPIENT = "recipient"
    NOT_ENCRYPTED = "not-encrypted"
    NOT_OPENED = "not-opened"
    EXTRA_MISSING = "extra-missing"
    KEY_EXISTS = "key-exists"
    SIGNER_UNAVAILABLE = "signer-unavailable"
    TOKEN_URI = "token-uri"  # noqa: S105 - a reason code
    TOKEN_MISSING = "token-missing"  # noqa: S105 - a reason code
    TOKEN_KEY = "token-key"  # noqa: S105 - a reason code
    TOKEN_FAILED = "token-failed"  # noqa: S105 - a reason code
    PIN_UNREADABLE = "pin-unreadable"
    PIN_WRONG = "pin-wrong"
    PIN_LOCKED = "pin-locked"

    ROOT_THRESHOLD = "root-threshold"
    ROOT_UNSIGNED = "root-unsigned"
    ROOT_NOT_VALID = "root-not-valid"
    ROOT_NOT_PINNED = "root-not-pinned"
    ROOT_CHANGED = "root-changed"
    ROOT_OLDER = "root-older"
    ROOT_MEMORY_LOST = "root-memory-lost"
    ROOT_KEY_TWICE = "root-key-twice"
    ROOT_KEY_ID = "root-key-id"
    ROOT_INCONSISTENT = "root-inconsistent"
    ROOT_LIMITS = "root-limits"
    ROOT_NOT_NEXT = "root-not-next"
    ROOT_NOT_ENDORSED = "root-not-endorsed"
    ROOT_KEY_DROPPED = "root-key-dropped"

    QUORUM_MISSING = "quorum-missing"
    QUORUM_ONE_PERSON = "quorum-one-person"
    QUORUM_ONE_AUTHORITY = "quorum-one-authority"
    APPROVED_ALREADY = "approved-already"
    APPROVER_IS_INSPECTOR = "approver-is-inspector"
    APPROVER_OF_AGENCY = "approver-of-agency"
    NOT_CONFIRMED = "not-confirmed"

    EVIDENCE_ADDED = "evidence-added"
    EVIDENCE_REMOVED = "evidence-removed"
    EVIDENCE_CHANGED = "evidence-changed"
    EVIDENCE_MALFORMED = "evidence-malformed"
    EVIDENCE_MISSING = "evidence-missing"
    MANIFEST_DIFFERS = "manifest-differs"
    INPUT_DIFFERS = "input-differs"
    SEAL_DIFFERS = "seal-differs"
    PERMIT_UNSIGNED = "permit-unsigned"
    PERMIT_DIFFERS = "permit-differs"
    PERMIT_SIGNER = "permit-signer"
    ASSESSMENT_DIFFERS = "assessment-differs"
    EVALUATION_DIFFERS = "evaluation-differs"
    INSPECTOR_NOT_PERMITTED = "inspector-not-permitted"
    INSPECTOR_NOT_INDEPENDENT = "inspector-not-independent"
    ORDER_REPLAYED = "order-replayed"
    OTHER_SYSTEM = "other-system"
    CHRONOLOGY = "chronology"

    REQUEST_REFUSED = "request-refused"
    REQUEST_SPENT = "request-spent"
    CLIENT_KEY_TAKEN = "client-key-taken"
    CLIENT_KEY_REVOKED = "client-key-revoked"
    TRIALS_SPENT = "trials-spent"
    REQUEST_GRANTED = "request-granted"
    REQUEST_DIFFERS = "request-differs"
    SUBMISSION_MALFORMED = "submission-malformed"
    REQUEST_SIGNER = "request-signer"
    CSR_MALFORMED = "csr-malformed"
    CSR_WEAK_KEY = "csr-weak-key"
    CSR_UNPROVEN = "csr-unproven"
    AUTHORISATION_DIFFERS = "authorisation-differs"

    CHECKS_DIFFER = "checks-differ"
    RECOMPUTE_DIFFERS = "recompute-differs"
    FEEDS_DIFFER = "feeds-differ"
    RECOMPUTE_FAILED = "recompute-failed"

    LOG_BROKEN = "log-broken"
    LOG_FORKED = "log-forked"
    ENTRY_BACKDATED = "entry-backdated"
    LOG_ROLLED_BACK = "log-rolled-back"
    LOG_UNKNOWN = "log-unknown"
    LOG_ENTRY_MISSING = "log-entry-missing"
    LOG_ENTRY_CHANGED = "log-entry-changed"
    NOT_IN_LOG = "not-in-log"
    NOT_COSIGNED = "not-cosigned"
    WITNESS_OF_OWN_LOG = "witness-of-own-log"
    WITNESS_STATE_LOST = "witness-state-lost"
    LOG_PROOF_MALFORMED = "log-proof-malformed"
    CLOCK_BACKWARDS = "clock-backwards"
    CHECKPOINT_MALFORMED = "checkpoint-malformed"
    CHECKPOINT_UNSIGNED = "checkpoint-unsigned"

    EVENT_DIFFERS = "event-differs"
    EVENT_LATE = "event-late"
    SERIAL_UNKNOWN = "serial-unknown"
    SERIAL_TWICE = "serial-twice"
    SUPERSEDES_OTHER = "supersedes-other"
    STILL_IN_FORCE = "still-in-force"
    ALREADY_SUSPENDED = "already-suspended"
    ALREADY_REVOKED = "already-revoked"
    ALREADY_SUPERSEDED = "already-superseded"
    ALREADY_EXPIRED = "already-expired"
    SUSPENDED = "suspended"
    REVOKED = "revoked"
    SUPERSEDED = "superseded"

    BASELINE_LABORATORY = "baseline-laboratory"
    BASELINE_NOT_ACCEPTED = "baseline-not-accepted"
    SELF_CHECK = "self-check"
    LEVEL_TOO_LOW = "level-too-low"
    DECISION = "decision"
    TRIAL_ONLY = "trial-only"
    NOTHING_OBSERVED = "nothing-observed"
    EVIDENCE_OLD = "evidence-old"
    ECHELON_UNKNOWN = "echelon-unknown"
    AGENCY_UNKNOWN = "agency-unknown"
    ECHELON_DIFFERS = "echelon-differs"
    ABOVE_CEILING = "above-ceiling"
    OUTSIDE_PERMIT = "outside-permit"
    NOT_INSPECTED = "not-inspected"
    VALIDITY_TOO_LONG = "validity-too-long"
    NOTHING_LEFT = "nothing-left"
    QR_MALFORMED = "qr-malformed"
    QR_POINTER = "qr-pointer"
    QR_DIFFERS = "qr-differs"
    COUNTERSIGNER = "countersigner"
    PDF_MALFORMED = "pdf-malformed"
    PDF_DIFFERS = "pdf-differs"
    PDF_CHANGED = "pdf-changed"
    PDF_OTHER_RENDERER = "pdf-other-renderer"
    NOT_YET_VALID = "not-yet-valid"
    EXPIRED = "expired"

    CA_DIFFERS = "ca-differs"
    CLIENT_CERTIFICATE_DIFFERS = "client-certificate-differs"
    CRL_DIFFERS = "crl-differs"
    GATEWAY_NAME = "gateway-name"
    BUNDLE_MALFORMED = "bundle-malformed"
    CHECKPOINT_OLD = "checkpoint-old"
    BUNDLE_STALE = "bundle-stale"
    BUNDLE_OLDER = "bundle-older"
    BUNDLE_DIFFERS = "bundle-differs"
    REGISTER_TWICE = "register-twice"
    STILL_STOPPED = "still-stopped"
    MARK_LOST = "mark-lost"

    @property
    def kind(self) -> RefusalKind:
        """What sort of no this is."""
        return _MEANING[self][0]

    @property
    def explanation(self) -> str:
        """What it means, in the chosen language."""
        return _(_MEANING[self][1])


def N_(text: str) -> str:  # noqa: N802 - gettext's own name for "translate later"
    """The text itself, marked for the catalogue."""
    return text


_INPUT, _INTEGRITY, _TRUST, _POLICY = RefusalKind.INPUT, RefusalKind.INTEGRITY, RefusalKind.TRUST, RefusalKind.POLICY

_MEANING: dict[Code, tuple[RefusalKind, str]] = {
    Code.ENVELOPE_MALFORMED: (_INTEGRITY, N_("The file is not a DSSE envelope, or is larger than what is read.")),
    Code.ENVELOPE_NOT_CANONICAL: (
        _INTEGRITY,
        N_("The envelope's bytes are not their RFC 8785 form, so something was added or rewritten."),
    ),
    Code.PAYLOAD_TYPE: (_INTEGRITY, N_("The envelope holds another type of payload than an in-toto statement.")),
    Code.SIGNATURE_COUNT: (
        _INTEGRITY,
        N_("The envelope holds no signature, or more signatures than such a statement may have."),
    ),
    Code.SIGNATURE_REPEATED: (_INTEGRITY, N_("One key id signs twice in one envelope.")),
    Code.SIGNATURE_WRONG: (_INTEGRITY, N_("A signature does not belong to these bytes and this key.")),
    Code.PREDICATE_TYPE: (_INTEGRITY, N_("A signature made for one type of statement is shown as another.")),
    Code.PAYLOAD_MALFORMED: (_INTEGRITY, N_("The signed payload is not the statement it should be.")),
    Code.PAYLOAD_NOT_CANONICAL: (_INTEGRITY, N_("The signed payload is not in its RFC 8785 form.")),
    Code.CRITICAL_UNKNOWN: (
        _INTEGRITY,
        N_("The statement carries a restriction this version does not know; a newer version is needed."),
    ),
    Code.KEY_UNKNOWN: (_TRUST, N_("The signing key does not stand in the trust root.")),
    Code.KEY_ROLE: (_TRUST, N_("The signing key stands in the trust root for another role.")),
    Code.KEY_NOT_VALID: (_TRUST, N_("The signing key was not yet or no longer valid when the statement was made.")),
    Code.KEY_ENDED: (
        _TRUST,
        N_("A key had ended before what it signed was entered or approved; somebody whose key is valid signs it anew."),
    ),
    Code.KEY_REVOKED: (_TRUST, N_("The signing key has been revoked; nothing proves that it signed before.")),
    Code.KEY_WEAK: (_INPUT, N_("The key is of a type or size that is not accepted here.")),
    Code.KEY_UNREADABLE: (_INPUT, N_("The key file cannot be read, holds no private key, or the passphrase is wrong.")),
    Code.KEY_FILE_OPEN: (_INPUT, N_("The key file can be read by others than its owner.")),
    Code.RECIPIENT: (_INPUT, N_("Nobody, too many, or something that is no recipient is named to encrypt to.")),
    Code.NOT_ENCRYPTED: (_INPUT, N_("The file is not encrypted to recipients.")),
    Code.NOT_OPENED: (_INTEGRITY, N_("The file is encrypted to somebody else, or was changed on the way.")),
    Code.EXTRA_MISSING: (_INPUT, N_("A part of the program that this needs is not installed.")),
    Code.KEY_EXISTS: (_INPUT, N_("A file stands where the new key would be written; keys are never overwritten.")),
    Code.SIGNER_UNAVAILABLE: (_INPUT, N_("This kind of signer is not known, or a part it needs is not installed.")),
    Code.TOKEN_URI: (_INPUT, N_("The pkcs11: URI is not well formed or does not say enough.")),
    Code.TOKEN_MISSING: (_INPUT, N_("The token, or the library that talks to it, is not there, or several fit the URI.")),
    Code.TOKEN_KEY: (_INPUT, N_("The token holds no key, or several keys, that fit the URI, or the halves do not match.")),
    Code.TOKEN_FAILED: (_INPUT, N_("The token or its library failed; nothing was signed.")),
    Code.PIN_UNREADABLE: (_INPUT, N_("The PIN could not be had: no terminal, or a file that is missing or open to others.")),
    Code.PIN_WRONG: (_INPUT, N_("The token refused the PIN; it is not tried a second time.")),
    Code.PIN_LOCKED: (_INPUT, N_("The token is locked after wrong PINs; its administrator must unlock it.")),
    Code.ROOT_THRESHOLD: (_TRUST, N_("The trust root asks for fewer than two root keys, or for more than it has.")),
    Code.ROOT_UNSIGNED: (_TRUST, N_("The trust root is not signed by as many of its root keys as it asks for.")),
    Code.ROOT_NOT_VALID: (_TRUST, N_("The trust root is not yet valid or has expired; fetch the current one.")),
    Code.ROOT_NOT_PINNED: (_TRUST, N_("The trust root is not the one whose digest was given.")),
    Code.ROOT_CHANGED: (
        _TRUST,
        N_(
            "The trust root is neither the one relied on before nor signed by its root keys; name it with --trust-sha256 if another channel tells its digest."
        ),
    ),
    Code.ROOT_OLDER: (
        _TRUST,
        N_("The trust root is older than the one relied on before; name it with --trust-sha256 to look at what was."),
    ),
    Code.ROOT_MEMORY_LOST: (
        _TRUST,
        N_("The memory of trust roots relied on cannot be read, so that a stranger's could not be told."),
    ),
    Code.ROOT_KEY_TWICE: (_TRUST, N_("One key, or one holder of root keys, stands twice in the trust root.")),
    Code.ROOT_KEY_ID: (_TRUST, N_("A key id in the trust root is not the SHA-256 of its key.")),
    Code.ROOT_INCONSISTENT: (_TRUST, N_("The trust root contradicts itself.")),
    Code.ROOT_NOT_NEXT: (_TRUST, N_("The trust root is not the next version of the one before.")),
    Code.ROOT_NOT_ENDORSED: (_TRUST, N_("Too few root keys of the trust root before have signed its successor.")),
    Code.ROOT_KEY_DROPPED: (
        _TRUST,
        N_("A key of the trust root before is missing in its successor, or belongs to somebody else there."),
    ),
    Code.ROOT_LIMITS: (_TRUST, N_("The trust root allows certificates a longer life than this version does.")),
    Code.QUORUM_MISSING: (_TRUST, N_("Fewer approvals than the two that a certificate needs.")),
    Code.QUORUM_ONE_PERSON: (_TRUST, N_("All approvals come from one person.")),
    Code.QUORUM_ONE_AUTHORITY: (_TRUST, N_("All approvals come from one authority; two must sign.")),
    Code.APPROVED_ALREADY: (_POLICY, N_("This person, key or authority has already approved.")),
    Code.APPROVER_IS_INSPECTOR: (_TRUST, N_("An approver inspected the system.")),
    Code.APPROVER_OF_AGENCY: (_TRUST, N_("An approver belongs to the agency or to the operator of the system.")),
    Code.NOT_CONFIRMED: (_POLICY, N_("The signer did not confirm what was shown; nothing was signed.")),
    Code.EVIDENCE_ADDED: (_INTEGRITY, N_("The bundle holds a file that was not signed for.")),
    Code.EVIDENCE_REMOVED: (_INTEGRITY, N_("A file that was signed for is missing from the bundle.")),
    Code.EVIDENCE_CHANGED: (_INTEGRITY, N_("A file of the bundle is not the one that was signed for.")),
    Code.EVIDENCE_MALFORMED: (_INTEGRITY, N_("A file of the bundle is not the record it should be.")),
    Code.EVIDENCE_MISSING: (
        _INTEGRITY,
        N_("The bundle lacks a file that every bundle needs, such as the seal or the evaluation."),
    ),
    Code.MANIFEST_DIFFERS: (_INTEGRITY, N_("The manifest does not list exactly the files of the bundle.")),
    Code.INPUT_DIFFERS: (_INTEGRITY, N_("An input of the run is not the one the order names.")),
    Code.SEAL_DIFFERS: (_INTEGRITY, N_("What the scanner instance signed is not what the bundle holds.")),
    Code.PERMIT_UNSIGNED: (_TRUST, N_("The run has no signed permit, so its evidence cannot be certified.")),
    Code.PERMIT_DIFFERS: (_INTEGRITY, N_("The permit that was signed is not the permit of the order.")),
    Code.PERMIT_SIGNER: (_TRUST, N_("The permit is signed by somebody else than the person it names as permitting.")),
    Code.ASSESSMENT_DIFFERS: (_INTEGRITY, N_("The assessment is not of this order and this evidence.")),
    Code.EVALUATION_DIFFERS: (_INTEGRITY, N_("The inspector signed the evaluation of another assessment.")),
    Code.INSPECTOR_NOT_PERMITTED: (
        _TRUST,
        N_("The evaluation is signed by somebody the permit does not name as inspector."),
    ),
    Code.INSPECTOR_NOT_INDEPENDENT: (
        _TRUST,
        N_("An inspector belongs to the agency or to the operator of the system."),
    ),
    Code.ORDER_REPLAYED: (_INTEGRITY, N_("The evidence was gathered for another order: its nonce or run differs.")),
    Code.OTHER_SYSTEM: (_INTEGRITY, N_("The evidence is of another agency, system or fingerprint than the request.")),
    Code.CHRONOLOGY: (_INTEGRITY, N_("The statements are dated in an impossible order; check the clocks.")),
    Code.REQUEST_REFUSED: (_POLICY, N_("An authority refused the request for good; the agency has to make a new one.")),
    Code.REQUEST_SPENT: (
        _POLICY,
        N_("A request leads to one certificate; the agency has to make a new one, for a new client key."),
    ),
    Code.CLIENT_KEY_TAKEN: (
        _POLICY,
        N_("Another certificate that is not at its end is for this client key; supersede it, or ask with a new key."),
    ),
    Code.CLIENT_KEY_REVOKED: (
        _POLICY,
        N_("A certificate for this client key was revoked, so no other is made for it; ask with a new key."),
    ),
    Code.TRIALS_SPENT: (
        _POLICY,
        N_(
            "A system is let in on trial twice within a year; mend what stands in the way of an official certificate, and ask for that."
        ),
    ),
    Code.REQUEST_GRANTED: (_POLICY, N_("A certificate was issued on the request; it can be revoked, and no longer refused.")),
    Code.SUBMISSION_MALFORMED: (
        _INTEGRITY,
        N_("The file is no submission: a sealed bundle and the request for it, and nothing else."),
    ),
    Code.REQUEST_DIFFERS: (
        _INTEGRITY,
        N_("The request is for another bundle, or not the request the authorisation names."),
    ),
    Code.REQUEST_SIGNER: (_TRUST, N_("The request is signed by another agency than the one it is for.")),
    Code.CSR_MALFORMED: (_INPUT, N_("The certificate signing request cannot be read.")),
    Code.CSR_WEAK_KEY: (
        _INPUT,
        N_("The client key is too weak: RSA from 2048 bits, ECDSA P-256 or P-384, or Ed25519 is needed."),
    ),
    Code.CSR_UNPROVEN: (_INTEGRITY, N_("The certificate signing request does not prove possession of its key.")),
    Code.AUTHORISATION_DIFFERS: (
        _INTEGRITY,
        N_("The authorisation does not say what follows from the evidence and the request."),
    ),
    Code.CHECKS_DIFFER: (
        _INTEGRITY,
        N_("The judgement was made by another version of the checks: neither a match nor a forgery."),
    ),
    Code.FEEDS_DIFFER: (_INTEGRITY, N_("What was gathered or approved is not the feed bundle that is here.")),
    Code.RECOMPUTE_DIFFERS: (_INTEGRITY, N_("The same checks arrive at another assessment from this evidence.")),
    Code.RECOMPUTE_FAILED: (_INTEGRITY, N_("The evidence cannot be judged again.")),
    Code.ENTRY_BACKDATED: (
        _INTEGRITY,
        N_("An entry of the log says that it was made before the witness last cosigned the log without it."),
    ),
    Code.LOG_FORKED: (_INTEGRITY, N_("The log shows two stories: what was signed before is not how it begins now.")),
    Code.LOG_ROLLED_BACK: (_INTEGRITY, N_("The log has become shorter than it was when it was last seen.")),
    Code.LOG_UNKNOWN: (_TRUST, N_("The log is not one of those the trust root names.")),
    Code.LOG_ENTRY_MISSING: (_INTEGRITY, N_("An entry was taken out of the log.")),
    Code.LOG_ENTRY_CHANGED: (_INTEGRITY, N_("An entry of the log, or what is noted about it, is not what was logged.")),
    Code.NOT_COSIGNED: (
        _TRUST,
        N_("No other authority's witness has cosigned the log as far as this; have it cosigned, then prove again."),
    ),
    Code.WITNESS_STATE_LOST: (
        _TRUST,
        N_(
            "What this witness cosigned before is not there, and a second story could not be told from the first; restore its state, or give the witness a new key in the trust root."
        ),
    ),
    Code.WITNESS_OF_OWN_LOG: (_TRUST, N_("An authority cannot witness its own log.")),
    Code.NOT_IN_LOG: (_TRUST, N_("Nothing proves that this stands in the issuance log.")),
    Code.LOG_PROOF_MALFORMED: (
        _INTEGRITY,
        N_("The file is not a proof of inclusion in a log, or not in the form it is written in."),
    ),
    Code.CLOCK_BACKWARDS: (_TRUST, N_("This machine's clock is behind a time it has already seen.")),
    Code.CHECKPOINT_MALFORMED: (
        _INTEGRITY,
        N_("The file is not a log's signed checkpoint, or not in the form it is written in."),
    ),
    Code.CHECKPOINT_UNSIGNED: (_TRUST, N_("The checkpoint lacks the signature of the log or of a witness.")),
    Code.LOG_BROKEN: (_INTEGRITY, N_("The issuance log's file is not whole, or is another log's.")),
    Code.EVENT_DIFFERS: (_INTEGRITY, N_("The status event is about another certificate, or not signed by whom it names.")),
    Code.EVENT_LATE: (_POLICY, N_("The status event was made before another that is in the log by now; make it anew.")),
    Code.SERIAL_UNKNOWN: (_TRUST, N_("No certificate of this serial stands in the log.")),
    Code.SERIAL_TWICE: (_INTEGRITY, N_("Two certificates of one serial.")),
    Code.SUPERSEDES_OTHER: (
        _POLICY,
        N_("Only a new evaluation of the same system leads to a certificate that supersedes another."),
    ),
    Code.STILL_IN_FORCE: (_POLICY, N_("The certificate is in force, so there is nothing to resume.")),
    Code.ALREADY_SUSPENDED: (_POLICY, N_("The certificate is suspended; only resuming or revoking it comes next.")),
    Code.ALREADY_REVOKED: (_POLICY, N_("The certificate is revoked for good.")),
    Code.ALREADY_SUPERSEDED: (_POLICY, N_("The certificate was superseded by another.")),
    Code.ALREADY_EXPIRED: (_POLICY, N_("The certificate has expired; nothing more can be done to it.")),
    Code.SUSPENDED: (_TRUST, N_("The certificate is suspended.")),
    Code.REVOKED: (_TRUST, N_("The certificate was revoked.")),
    Code.SUPERSEDED: (_TRUST, N_("Another certificate has taken its place.")),
    Code.BASELINE_LABORATORY: (
        _POLICY,
        N_("A baseline made for exercises is never accepted by a production trust root."),
    ),
    Code.BASELINE_NOT_ACCEPTED: (_POLICY, N_("The trust root does not accept this version of the baseline.")),
    Code.SELF_CHECK: (_POLICY, N_("A self-check can never be certified; an inspection is needed.")),
    Code.LEVEL_TOO_LOW: (_POLICY, N_("Only systems of level 3 and above may connect.")),
    Code.DECISION: (_POLICY, N_("The decision of the assessment allows no certificate.")),
    Code.TRIAL_ONLY: (_POLICY, N_("The decision of the assessment allows a trial certificate only.")),
    Code.NOTHING_OBSERVED: (_POLICY, N_("Nothing was observed, so there is nothing to certify on.")),
    Code.EVIDENCE_OLD: (_POLICY, N_("The evidence is more than 30 days old.")),
    Code.ECHELON_UNKNOWN: (_POLICY, N_("The trust root grants this echelon nothing at this time.")),
    Code.AGENCY_UNKNOWN: (
        _POLICY,
        N_("The trust root does not name this agency: have it added under agencies, with its echelon."),
    ),
    Code.ECHELON_DIFFERS: (_POLICY, N_("By the trust root the agency is of another echelon than it says.")),
    Code.ABOVE_CEILING: (_POLICY, N_("More is asked for than the echelon may have.")),
    Code.OUTSIDE_PERMIT: (_POLICY, N_("An address is asked for that the inspection's permit does not cover.")),
    Code.NOT_INSPECTED: (
        _POLICY,
        N_("An address is asked for at which the inspection saw nothing; declare the host and have it inspected."),
    ),
    Code.VALIDITY_TOO_LONG: (
        _POLICY,
        N_("The certificate is valid for longer than its kind, its evidence and its conditions allow."),
    ),
    Code.NOTHING_LEFT: (
        _POLICY,
        N_("The evidence or a condition has run out, so the certificate would never be valid."),
    ),
    Code.QR_MALFORMED: (_INTEGRITY, N_("The text is no QR token in its one written form.")),
    Code.QR_POINTER: (_INPUT, N_("The code holds a digest and no signatures: verify the certificate's file.")),
    Code.QR_DIFFERS: (_INTEGRITY, N_("The QR token is another certificate's.")),
    Code.COUNTERSIGNER: (
        _POLICY,
        N_("Only an approver of the certificate signs its PDF, with an X.509 certificate of the same key."),
    ),
    Code.PDF_MALFORMED: (_INTEGRITY, N_("The PDF does not carry a certificate in the way this program writes them.")),
    Code.PDF_DIFFERS: (_INTEGRITY, N_("What the PDF shows is not what was signed.")),
    Code.PDF_CHANGED: (_INTEGRITY, N_("Something other than signatures was added to the PDF after it was made.")),
    Code.PDF_OTHER_RENDERER: (
        _INPUT,
        N_("The PDF was made with another version of Typst, the fonts or the template: what it shows cannot be compared here."),
    ),
    Code.NOT_YET_VALID: (_POLICY, N_("The certificate is not valid yet.")),
    Code.EXPIRED: (_POLICY, N_("The certificate has expired.")),
    Code.CA_DIFFERS: (_TRUST, N_("The connection CA's certificate is not the one that its key in the trust root leads to.")),
    Code.CLIENT_CERTIFICATE_DIFFERS: (
        _INTEGRITY,
        N_("The X.509 client certificate is not the one that follows from the authorisation."),
    ),
    Code.CRL_DIFFERS: (_INTEGRITY, N_("The revocation list is not its CA's, not in its time, or not what the bundle says.")),
    Code.GATEWAY_NAME: (_POLICY, N_("A name cannot stand in a certificate or in a gateway's configuration.")),
    Code.BUNDLE_MALFORMED: (_INTEGRITY, N_("The file is not a gateway bundle, or a part of it is not what was signed for.")),
    Code.CHECKPOINT_OLD: (
        _TRUST,
        N_(
            "The gateway bundle is dated long after another authority's witness last saw the log; export it after a new cosignature."
        ),
    ),
    Code.BUNDLE_STALE: (_TRUST, N_("The gateway bundle is too old to go by; fetch a newer one.")),
    Code.BUNDLE_OLDER: (_TRUST, N_("A newer gateway bundle, log or trust root has been applied here before.")),
    Code.BUNDLE_DIFFERS: (_INTEGRITY, N_("Two different gateway bundles bear one sequence number.")),
    Code.REGISTER_TWICE: (_INTEGRITY, N_("A register names a certificate twice, out of order, or as another.")),
    Code.STILL_STOPPED: (
        _TRUST,
        N_("The bundle lets in again what was stopped here, without two authorities having resumed it."),
    ),
    Code.MARK_LOST: (
        _TRUST,
        N_("The gateway's memory of what it applied is lost or broken, and an older bundle could not be told."),
    ),
}
