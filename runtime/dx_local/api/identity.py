"""The discovery documents of OpenID Connect below `/.well-known/`: the issuer and the key of identity tokens.

Source: https://openid.net/specs/openid-connect-discovery-1_0.html
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from starlette.routing import Route

from dx_local.api.answers import answer_error, answer_json, check_origin
from dx_local.platform.execution import identity_tokens
from dx_local.platform.requests.background_work import WorkRequired

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

    from dx_local.platform.core.context import JSON, Platform

_KEYS = "/.well-known/jwks.json"


def identity_routes(platform: Platform) -> list[Route]:
    """Return the routes of the issuer's metadata and of its public key; they require no token."""

    async def issuer(request: Request) -> Response:
        return await _answer(platform, request, _issuer(platform))

    async def keys(request: Request) -> Response:
        return await _answer(platform, request, None)

    return [Route("/.well-known/openid-configuration", issuer), Route(_KEYS, keys)]


async def _answer(platform: Platform, request: Request, known: JSON | None) -> Response:
    try:
        check_origin(request.headers, platform.hosts)
        return answer_json(await _keys(platform) if known is None else known)
    except Exception as error:  # noqa: BLE001 - any error becomes a response
        return answer_error(platform, error)


async def _keys(platform: Platform) -> JSON:
    try:
        return identity_tokens.public_keys(platform)
    except WorkRequired as needed:
        await asyncio.to_thread(needed.work)
        return identity_tokens.public_keys(platform)


def _issuer(platform: Platform) -> JSON:
    return {
        "issuer": platform.base_url,
        "jwks_uri": f"{platform.base_url}{_KEYS}",
        "subject_types_supported": ["public"],
        "response_types_supported": ["id_token"],
        "claims_supported": ["sub", "aud", "exp", "iat", "iss", "jti", "nbf", *identity_tokens.CLAIMS],
        "id_token_signing_alg_values_supported": [identity_tokens.ALGORITHM],
        "scopes_supported": ["openid"],
    }
