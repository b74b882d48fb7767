"""What the second person is shown of a bundle before signing: of each feed where it comes from, how old it is, and its digest."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime

from certification.refusals import Code, Refusal
from scanner.feeds.bundle import BundledFile, DateFrom, FeedManifest
from scanner.feeds.importing import Imported
from scanner.findings import said
from scanner.i18n import N_, _, ngettext

_SAYS = {
    DateFrom.FILE: N_("the date inside the file"),
    DateFrom.SERVER: N_("when its server says that it was last changed"),
    DateFrom.GATHERER: N_("the gatherer's word alone, given by hand"),
    None: N_("the gatherer's word alone: the bundle does not tell who says it"),
}


def agreeing(manifest: FeedManifest, found: Iterable[Imported]) -> Mapping[str, Imported]:
    """The feeds read anew, by their files' digests; refuses a manifest that says anything else of them than was read."""
    feeds = {one.ref.sha256: one for one in found}
    for entry in manifest.files:
        one = feeds.get(entry.sha256)
        read = (one.ref.name, one.ref.generated_at, one.ref.records) if one else (None, None, 0)
        inside = one is not None and bool(one.dated_inside)
        if (entry.feed, entry.generated_at, entry.records) != read or (entry.date_from is DateFrom.FILE) > inside:
            raise Refusal(Code.FEEDS_DIFFER, said("the manifest says of {name} what was not read in it", name=entry.name))
    return feeds


def listing(manifest: FeedManifest, feeds: Mapping[str, Imported], gatherer: str, at: datetime) -> str:
    """The bundle as text: every file, and of every feed its address, kind, date, age, records and digest."""
    count = len(manifest.files)
    text = ngettext(
        "Bundle {serial}, gathered by {gatherer} on {day}: {count} file",
        "Bundle {serial}, gathered by {gatherer} on {day}: {count} files",
        count,
    )
    head = text.format(serial=manifest.serial, gatherer=gatherer, day=_moment(manifest.created), count=count)
    ends = _("  it may be imported until {ends}; the bundle before it is {previous}").format(
        ends=_moment(manifest.expires), previous=manifest.previous or _("none")
    )
    return "\n".join([head, ends, *(line for entry in manifest.files for line in _lines(entry, feeds, at))]) + "\n"


def _lines(entry: BundledFile, feeds: Mapping[str, Imported], at: datetime) -> Iterator[str]:
    yield ""
    one = feeds.get(entry.sha256)
    if one is None:
        yield _("{name}: a release file or a signature, which vouches for others").format(name=entry.name)
    else:
        yield _("{name}: feed {feed}, kind {kind}").format(name=entry.name, feed=one.ref.name, kind=one.ref.kind)
    yield _("  address  {url}").format(url=entry.url)
    if one is not None:
        days = (at - one.ref.generated_at).days
        age = ngettext("{count} day old", "{count} days old", days).format(count=days)
        says = _SAYS[DateFrom.FILE if one.dated_inside else entry.date_from]
        yield _("  dated    {day}, {age}: {says}").format(day=_moment(one.ref.generated_at), age=age, says=_(says))
        yield _("  records  {count}").format(count=one.ref.records)
        if one.ref.malformed:
            text = ngettext("{count} record cannot be read", "{count} records cannot be read", one.ref.malformed)
            yield "  ! " + text.format(count=one.ref.malformed)
    yield _("  SHA-256  {digest}").format(digest=entry.sha256)


def _moment(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d %H:%M} UTC"
