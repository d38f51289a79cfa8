"""Make the API server in the environment dxpy's default server.

Some commands of `dx` return to dxpy's default server, which is DNAnexus's own, regardless of the environment:
`dx login --token` sends the token there, and `dx clearenv --reset` saves its address. Python imports this
module at its start if its folder is in PYTHONPATH.

Source: dxpy.scripts.dx (login), dxpy.utils.config (clear).
"""

from __future__ import annotations

import contextlib
import os

_PARTS = ("PROTOCOL", "HOST", "PORT")


def use_server_of_environment() -> None:
    """Set dxpy's default server to the one that DX_APISERVER_PROTOCOL, _HOST and _PORT name."""
    import dxpy

    for part in _PARTS:
        value = os.environ.get(f"DX_APISERVER_{part}")
        if value:
            setattr(dxpy, f"DEFAULT_APISERVER_{part}", value)
            dxpy.config.defaults[f"DX_APISERVER_{part}"] = value


if __name__ == "sitecustomize":
    with contextlib.suppress(ImportError):  # a program that finds its dxpy later, or does not use it
        use_server_of_environment()
