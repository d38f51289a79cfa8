"""HTTP responses: JSON with a content length, and errors in the format that DNAnexus clients expect."""

from __future__ import annotations

import ipaddress
import itertools
import json
import time
from functools import lru_cache
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from starlette.requests import ClientDisconnect
from starlette.responses import Response

from dx_local.platform.core import internal_errors, regexps
from dx_local.platform.core.errors import (
    ApiError,
    InsufficientStorage,
    InternalError,
    InvalidInput,
    PermissionDenied,
    ServiceUnavailable,
)
from dx_local.platform.core.full_disk import full_folder, is_full_disk

if TYPE_CHECKING:
    from collections.abc import Collection

    from starlette.datastructures import Headers

    from dx_local.platform.core.context import Platform

_numbers = itertools.count(1)


def answer_json(value: Any, status: int = 200) -> Response:
    """Return a response with a JSON value. It is never compressed, because clients do not support that."""
    headers = {
        "content-type": "application/json; charset=utf-8",
        "x-content-type-options": "nosniff",
        "x-request-id": f"{time.time_ns() // 1_000_000}-{next(_numbers) % 1_000_000}",
    }
    return Response(json.dumps(value, separators=(",", ":")).encode(), status, headers)


def answer_error(platform: Platform, error: Exception) -> Response:
    """Return the response for an error; an internal error is also written to the server's log."""
    known = _as_api_error(error)
    if known is None and is_full_disk(error, platform.folder):
        full = str(full_folder(error, platform.folder))
        known = InsufficientStorage(f"no space left on device: free some space on the disk of {full!r}")
    if known is None:
        known = InternalError(internal_errors.record(platform, error))
    response = answer_json(known.body(), known.status)
    if isinstance(known, ServiceUnavailable) and known.retry_after is not None:
        response.headers["retry-after"] = str(known.retry_after)
    return response


def check_origin(headers: Headers, hosts: Collection[str] = ()) -> None:
    """Raise PermissionDenied for a request that a web page from another host has made a browser send.

    The browser sends the page's origin. After DNS rebinding, when the page's own host name resolves to the
    loopback address, the Host header contains that name. `hosts` are the values of this header by which
    clients on other machines reach the server.
    """
    host = headers.get("host", "")
    if not (_is_loopback(f"//{host}") or host in hosts):
        raise PermissionDenied(f'the Host header must name this machine, not "{host}"')
    origin = headers.get("origin")
    if origin is not None and not _is_loopback(origin):
        raise PermissionDenied(f'requests from "{origin}" are rejected')


def _as_api_error(error: Exception) -> ApiError | None:
    if isinstance(error, ApiError):
        return error
    if isinstance(error, UnicodeEncodeError):
        return InvalidInput("the request contains half a surrogate pair, which is not valid Unicode")
    if isinstance(error, ClientDisconnect):
        return InvalidInput("the client disconnected during its request")  # this response reaches nobody
    return regexps.failed_in_sql(error)


@lru_cache(maxsize=64)  # clients send the same host with every request
def _is_loopback(url: str) -> bool:
    try:
        host = urlsplit(url).hostname or ""
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
