"""A client of the platform to which the shell is connected; only platforms on this machine."""

from __future__ import annotations

import http.client
import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dx_local.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Mapping

_CONNECT_HINT = (
    'Start one with `dx-local serve`, then run eval "$(dx-local env)"; or use `dx-local exec -- COMMAND`.'
)
_TIMEOUT = 600  # seconds; sorting millions of rows takes a while


@dataclass(frozen=True)
class ApiClient:
    """Port of the platform, access token, and the project that dx would use."""

    port: int
    token: str
    project: str

    @classmethod
    def of_environment(cls, variables: Mapping[str, str] | None = None) -> ApiClient:
        """Return the client that environment variables describe. Raises UsageError if they are unset."""
        found = os.environ if variables is None else variables
        host, port = found.get("DX_APISERVER_HOST", ""), found.get("DX_APISERVER_PORT", "")
        if host != "127.0.0.1" or not port.isdecimal():
            raise UsageError("this shell is not connected to a platform of dx-local", _CONNECT_HINT)
        try:
            token = str(json.loads(found["DX_SECURITY_CONTEXT"])["auth_token"])
        except (KeyError, ValueError, TypeError):
            raise UsageError("DX_SECURITY_CONTEXT holds no token", _CONNECT_HINT) from None
        return cls(int(port), token, _project(found))

    def call(self, path: str, request: dict[str, Any]) -> Any:
        """Call a method and return its response. Raises UsageError with the error message of the platform."""
        headers = {"Authorization": f"Bearer {self.token}", "Content-Type": "application/json"}
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=_TIMEOUT)
        try:
            connection.request("POST", path, json.dumps(request), headers)
            response = connection.getresponse()
            answer = json.loads(response.read())
        except (OSError, http.client.HTTPException, ValueError) as error:
            raise UsageError(f"the platform does not respond: {error}", _CONNECT_HINT) from None
        finally:
            connection.close()
        if response.status != 200:
            raise UsageError(f"{answer['error']['type']}: {answer['error']['message']}")
        return answer


def _project(variables: Mapping[str, str]) -> str:
    """Return the current project of `dx`, from its variables or else its settings."""
    for name in ("DX_WORKSPACE_ID", "DX_PROJECT_CONTEXT_ID"):
        if variables.get(name):
            return variables[name]
    try:
        settings = Path(variables["DX_USER_CONF_DIR"], "environment.json").read_text(encoding="utf-8")
        return str(json.loads(settings)["DX_PROJECT_CONTEXT_ID"])
    except (OSError, ValueError, KeyError, TypeError):
        raise UsageError("no project is selected", "Select one with `dx select`.") from None
