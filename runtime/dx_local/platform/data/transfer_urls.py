"""Signed URLs to upload and download the bytes of files without a token."""

from __future__ import annotations

import hashlib
import hmac
import secrets
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import quote

from dx_local.platform.core.errors import InvalidAuthentication, PermissionDenied

if TYPE_CHECKING:
    from dx_local.platform.core.context import Context, Platform


@dataclass(frozen=True)
class UploadTicket:
    """The right to upload a part of a file, of this size and MD5 (hex; empty if unknown), until `expires`."""

    file_id: str
    index: int
    size: int
    md5: str
    expires: int

    def url(self, context: Context) -> str:
        """Return the URL to which a client uploads the part."""
        return f"{context.base_url}/F/U/{self._signature(context.platform)}/{self._path()}"

    def check(self, platform: Platform, signature: str) -> None:
        """Raise PermissionDenied for a forged signature, and InvalidAuthentication for an expired ticket."""
        _check(platform, self._signature(platform), signature, self.expires)

    def _path(self) -> str:
        return "/".join((self.file_id, str(self.index), str(self.size), self.md5 or "-", str(self.expires)))

    def _signature(self, platform: Platform) -> str:
        return _sign(platform, f"U/{self._path()}")


@dataclass(frozen=True)
class DownloadTicket:
    """The right to download a file until `expires`; `nonce` makes each ticket unique."""

    file_id: str
    expires: int
    nonce: str

    @classmethod
    def preauthenticated(cls, file_id: str, now: int, duration: int) -> DownloadTicket:
        """Return a new ticket that is valid for duration (ms)."""
        return cls(file_id, now + duration, secrets.token_hex(8))

    def url(self, context: Context, name: str) -> str:
        """Return the URL of the download; it ends with the file's name, which the server ignores."""
        # Clients remove the segments "." and ".." from URLs before they send them.
        last_segment = self.file_id if name in {".", ".."} else quote(name, safe="")
        signature = self._signature(context.platform)
        return f"{context.base_url}/F/D/{signature}/{self._path()}/{last_segment}"

    def check(self, platform: Platform, signature: str) -> None:
        """Raise PermissionDenied for a forged signature, and InvalidAuthentication for an expired ticket."""
        _check(platform, self._signature(platform), signature, self.expires)

    def _path(self) -> str:
        return f"{self.expires}/{self.nonce}/{self.file_id}"

    def _signature(self, platform: Platform) -> str:
        return _sign(platform, f"D/{self._path()}")


def _sign(platform: Platform, message: str) -> str:
    return hmac.new(platform.secret, message.encode(), hashlib.sha256).hexdigest()[:40]


def _check(platform: Platform, expected: str, given: str, expires: int) -> None:
    if not hmac.compare_digest(expected.encode(), given.encode()):
        raise PermissionDenied("this URL was not issued by this server")
    if platform.clock() >= expires:
        raise InvalidAuthentication("The supplied authentication token has expired; request another URL")
