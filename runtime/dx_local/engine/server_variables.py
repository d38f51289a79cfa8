"""Environment variables by which dx and dxpy find the server of a platform.

Source: dxpy.utils.config, and dxpy.get_auth_server_name.
"""

from __future__ import annotations

import json


def api_server_variables(url: str) -> dict[str, str]:
    """Return the variables that name the API server at a URL such as `http://127.0.0.1:8100`."""
    protocol, _, address = url.partition("://")
    host, _, port = address.partition(":")
    return {"DX_APISERVER_PROTOCOL": protocol, "DX_APISERVER_HOST": host, "DX_APISERVER_PORT": port}


def auth_server_variables(url: str) -> dict[str, str]:
    """Return the variables that name the server for `dx login` and `dx logout`; the host has a scheme."""
    host, _, port = url.rpartition(":")
    return {"DX_AUTHSERVER_HOST": host, "DX_AUTHSERVER_PORT": port}


def security_context(token: str) -> dict[str, str]:
    """Return the variable that holds an access token."""
    return {"DX_SECURITY_CONTEXT": json.dumps({"auth_token_type": "Bearer", "auth_token": token})}
