"""The words of the records that a person reads as words: each stands in the catalogue as it stands in the records."""

from __future__ import annotations

from scanner.i18n import N_

WORDS = (
    # why a file cannot be read, as records and bundles say it
    N_("not JSON"),
    N_("not a bundle: not a tar file, or cut short"),
    # decisions
    N_("authorise"),
    N_("authorise-trial"),
    N_("incomplete"),
    N_("deny"),
    # outcomes and statuses
    N_("notapplicable"),
    N_("notchecked"),
    N_("not-satisfied"),
    N_("not-applicable"),
    # how sure, and how something was seen
    N_("certain"),
    N_("stated"),
    N_("tentative"),
    N_("handshake"),
    N_("login"),
    N_("banner"),
    N_("document"),
    # answers
    N_("partly"),
    # why something could not be seen
    N_("unreachable"),
    N_("refused"),
    N_("timed-out"),
    N_("blocked"),
    N_("reset"),
    N_("name-unresolved"),
    N_("not-permitted"),
    N_("budget-spent"),
    N_("not-spoken"),
    N_("not-asked"),
    N_("not-given"),
    N_("silent"),
    N_("unreadable"),
    N_("no-credential"),
    N_("login-refused"),
    N_("host-key-changed"),
    N_("needs-rights"),
    N_("unsupported"),
    N_("disagreement"),
    N_("tool-missing"),
    N_("tool-failed"),
    N_("interrupted"),
    N_("crashed"),
    # certificates, and what becomes of them
    N_("trial"),
    N_("official"),
    N_("suspended"),
    N_("resumed"),
    N_("revoked"),
    N_("superseded"),
    N_("expired"),
    N_("suspend"),
    N_("resume"),
    N_("revoke"),
    N_("supersede"),
    N_("laboratory"),
    N_("production"),
    # feeds
    N_("fresh"),
    N_("stale"),
    N_("absent"),
    N_("unlimited"),
    # what stands in a trust root
    N_("authority"),
    N_("agency"),
    N_("key"),
    N_("log"),
    N_("witness"),
    N_("baseline"),
    N_("echelon"),
    # how fast is looked
    N_("gentle"),
    N_("normal"),
    N_("fast"),
)
