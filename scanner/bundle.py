"""Bundles: the files of a run, or of a gateway's register, as one tar whose bytes depend on nothing but them."""

from __future__ import annotations

import io
import re
from collections.abc import Mapping

from scanner.faults import StoreError
from scanner.run_files import PATH

BUNDLE_LIMIT = 512 * 1024 * 1024
_FILES_LIMIT = 200_000
_PATH = re.compile(PATH)


def packed(files: Mapping[str, bytes]) -> bytes:
    """The files as one tar whose bytes depend on nothing but them: sorted, no owner, no time, no compression."""
    import tarfile

    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.USTAR_FORMAT) as tar:
        for path in sorted(files):
            member = tarfile.TarInfo(path)
            member.size = len(files[path])
            member.mode = 0o600
            tar.addfile(member, io.BytesIO(files[path]))
    return buffer.getvalue()


def unpacked(data: bytes) -> dict[str, bytes]:
    """The files of a bundle; refuses links, strange paths, repeats, more than the limits, and any other packing of the same files."""
    import tarfile

    if len(data) > BUNDLE_LIMIT:
        raise StoreError(f"a bundle of {len(data)} bytes; at most {BUNDLE_LIMIT} are read")
    files: dict[str, bytes] = {}
    try:
        with tarfile.open(fileobj=io.BytesIO(data), mode="r:") as tar:
            for member in tar:
                if not member.isreg() or not _PATH.match(member.name) or member.name in files or len(files) >= _FILES_LIMIT:
                    raise StoreError(f"the bundle holds {member.name[:80]!r}, which has no place in it")
                content = tar.extractfile(member)
                files[member.name] = content.read() if content else b""
    except (tarfile.TarError, EOFError, UnicodeError, ValueError):
        raise StoreError("not a bundle: not a tar file, or cut short") from None
    if packed(files) != data:
        raise StoreError("the bundle holds bytes that belong to no file")
    return files
