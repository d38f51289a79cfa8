"""Detect the media type of a file from its first bytes, as the platform does when a file is closed.

Text and gzip have been observed on the platform; the other names are those of `file --mime-type`.
"""

from __future__ import annotations

import codecs
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

UNKNOWN = "application/octet-stream"

BYTES_READ = 4096
"""Number of bytes by which a file is recognized."""

_TAR_MAGIC_AT = 257
_MAGIC = {
    b"\x1f\x8b": "application/gzip",
    b"BZh": "application/x-bzip2",
    b"\xfd7zXZ\0": "application/x-xz",
    b"\x28\xb5\x2f\xfd": "application/zstd",
    b"7z\xbc\xaf\x27\x1c": "application/x-7z-compressed",
    b"PK\x03\x04": "application/zip",
    b"PK\x05\x06": "application/zip",
    b"%PDF-": "application/pdf",
    b"\x89PNG\r\n\x1a\n": "image/png",
    b"\xff\xd8\xff": "image/jpeg",
    b"GIF8": "image/gif",
    b"\x89HDF\r\n\x1a\n": "application/x-hdf5",
}


def media_type_of(path: Path) -> str:
    """Return the media type of a file; only its first bytes are read."""
    with path.open("rb") as file:
        return media_type(file.read(BYTES_READ))


def media_type(beginning: bytes) -> str:
    """Return the media type for the first bytes of a file: by magic number, or else text or unknown."""
    for magic, name in _MAGIC.items():
        if beginning.startswith(magic):
            return name
    if beginning[_TAR_MAGIC_AT:].startswith(b"ustar"):
        return "application/x-tar"
    return "text/plain" if _is_text(beginning) else UNKNOWN


def _is_text(beginning: bytes) -> bool:
    if b"\0" in beginning:
        return False
    try:
        # In a file longer than BYTES_READ, the last character may be cut off.
        codecs.getincrementaldecoder("utf-8")().decode(beginning, final=len(beginning) < BYTES_READ)
    except UnicodeDecodeError:
        return False
    return True
