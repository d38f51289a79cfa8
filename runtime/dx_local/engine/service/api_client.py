"""A client of the platform that a shell was made a client of; only of one on this machine."""

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

_HOW = 'Start one with `dx-local serve`, then type eval "$(dx-local env)"; or use `dx-local exec -- COMMAND`.'
_TIMEOUT = 600  # seconds; putting millions of rows in order takes a while


@dataclass(frozen=True)
class ApiClient:
    """Where the platform listens, what it knows us by, and the project that dx would use."""

    port: int
    token: str
    project: str

    @classmethod
    def of_environment(cls, variables: Mapping[str, str] | None = None) -> ApiClient:
        """Return the client that the variables describe. Raises UsageError where they name none of ours."""
        found = os.environ if variables is None else variables
        host, port = found.get("DX_APISERVER_HOST", ""), found.get("DX_APISERVER_PORT", "")
        if host != "127.0.0.1" or not port.isdecimal():
            raise UsageError("this shell is no client of a platform of dx-local", _HOW)
        try:
            token = str(json.loads(found["DX_SECURITY_CONTEXT"])["auth_token"])
        except (KeyError, ValueError, TypeError):
            raise UsageError("DX_SECURITY_CONTEXT holds no token", _HOW) from None
        return cls(int(port), token, _project(found))

    def call(self, path: str, request: dict[str, Any]) -> Any:
        """Call a method and return its answer. Raises UsageError with what the platform says against it."""
        headers = {"Authorization": f"Bearer {self.token}", "Content-Type": "application/json"}
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=_TIMEOUT)
        try:
            connection.request("POST", path, json.dumps(request), headers)
            response = connection.getresponse()
            answer = json.loads(response.read())
        except (OSError, http.client.HTTPException, ValueError) as error:
            raise UsageError(f"the platform does not answer: {error}", _HOW) from None
        finally:
            connection.close()
        if response.status != 200:
            raise UsageError(f"{answer['error']['type']}: {answer['error']['message']}")
        return answer


def _project(variables: Mapping[str, str]) -> str:
    """Return the project that `dx` works in, as its variables and then its settings say."""
    for name in ("DX_WORKSPACE_ID", "DX_PROJECT_CONTEXT_ID"):
        if variables.get(name):
            return variables[name]
    try:
        settings = Path(variables["DX_USER_CONF_DIR"], "environment.json").read_text(encoding="utf-8")
        return str(json.loads(settings)["DX_PROJECT_CONTEXT_ID"])
    except (OSError, ValueError, KeyError, TypeError):
        raise UsageError("no project is selected", "Select one with `dx select`.") from None
