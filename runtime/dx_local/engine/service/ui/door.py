"""Admit only browsers that came by the printed link.

The link holds a key. It is exchanged for a cookie, so that no later address holds a secret.
"""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING

from starlette.responses import PlainTextResponse, RedirectResponse

from dx_local.api.answers import check_origin
from dx_local.platform.core.errors import PermissionDenied

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

HOME = "/ui/"
"""The path of the first page."""

_KEY = "key"
_OWN_PAGES = ("same-origin", "none")  # none: the user typed or opened the address


class Door:
    """The key of the link, and the value of the cookie; both are valid as long as the server runs."""

    def __init__(self, port: int) -> None:
        self._key = secrets.token_urlsafe(32)
        self._ticket = secrets.token_urlsafe(32)
        # Cookies do not distinguish ports, so that two servers need different names.
        self._cookie = f"dx-local-ui-{port}"
        self.link = f"http://127.0.0.1:{port}{HOME}?{_KEY}={self._key}"

    def entry(self, request: Request) -> Response | None:
        """Return the response that exchanges the key for the cookie; None for a request without a key."""
        given = request.query_params.get(_KEY)
        if given is None:
            return None
        if not secrets.compare_digest(given.encode(), self._key.encode()):
            return self.refusal()
        response = RedirectResponse(HOME, 303)
        response.set_cookie(self._cookie, self._ticket, path=HOME, httponly=True, samesite="strict")
        return response

    def check(self, request: Request) -> None:
        """Raise PermissionDenied for a request that another page makes, or one without the cookie."""
        check_origin(request.headers)
        if request.headers.get("sec-fetch-site", "none") not in _OWN_PAGES:
            raise PermissionDenied("requests from other pages are rejected")
        given = request.cookies.get(self._cookie, "")
        if not secrets.compare_digest(given.encode(), self._ticket.encode()):
            raise PermissionDenied("the cookie is missing")

    @staticmethod
    def refusal() -> Response:
        """Return the response to a browser that did not come by the link."""
        return PlainTextResponse("Open the link that `dx-local serve --ui` printed when it started.\n", 403)
