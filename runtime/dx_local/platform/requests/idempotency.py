"""Nonces: repeat a creating call safely; the same nonce returns the first answer and creates nothing new.

Source: https://documentation.dnanexus.com/developer/api/nonces
"""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING

from dx_local.platform.core.errors import InvalidInput
from dx_local.platform.core.json_text import to_json
from dx_local.platform.core.schema import NonceRow
from dx_local.platform.requests import request_fields as read

if TYPE_CHECKING:
    from collections.abc import Callable

    from dx_local.platform.core.context import JSON, Context

_MAXIMUM_BYTES = 128
_KEPT_FOR = 60 * 60 * 1000  # ms


def replay(context: Context, route: str, request: JSON, call: Callable[[], JSON]) -> JSON:
    """Return call(), or the earlier answer to the same request with the same nonce within the last hour.

    Raises InvalidInput if the nonce was used with a different request, or is longer than 128 bytes.
    """
    nonce = read.optional_text(request, "nonce")
    if nonce is None:
        return call()
    if len(nonce.encode()) > _MAXIMUM_BYTES:
        raise InvalidInput(f'"nonce" must have at most {_MAXIMUM_BYTES} bytes')
    caller = context.caller
    route = f"{route} {caller.user} {caller.job or ''}"
    digest = hashlib.sha256(json.dumps(request, sort_keys=True).encode()).hexdigest()
    earlier = context.store.one(
        NonceRow,
        "SELECT * FROM nonce WHERE nonce = ? AND route = ? AND created > ?",
        nonce,
        route,
        context.now() - _KEPT_FOR,
    )
    if earlier is None:
        answer = call()
        context.store.execute(
            "INSERT OR REPLACE INTO nonce (nonce, route, request, response, created) VALUES (?, ?, ?, ?, ?)",
            nonce,
            route,
            digest,
            to_json(answer),
            context.now(),
        )
        return answer
    if earlier["request"] != digest:
        raise InvalidInput("this nonce was used before with a different request; use a new one")
    return earlier["response"]
