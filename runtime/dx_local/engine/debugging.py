"""Settings of debuggers for jobs, as users write them."""

from __future__ import annotations

import importlib.util
import socket
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from dx_local.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Sequence

ALL_REASONS = "All"
"""The name that stands for the reasons of all failures."""

DEBUG_REASONS = ("AppError", "AppInternalError", "ExecutionError", ALL_REASONS)
"""The reasons that `dx run --debug-on` accepts."""

DEFAULT_PORT = 5678
"""The port of debugpy in its documentation."""

_LOOPBACK = "127.0.0.1"


@dataclass(frozen=True)
class ShellPlace:
    """The home of a job that has ended, and its label, for a shell in its place."""

    home: str
    label: str


@dataclass(frozen=True)
class DebugServer:
    """The port at which a job waits for a client of debugpy, and the folder of that package."""

    port: int
    package: str


def parse_debug_reasons(texts: Sequence[str]) -> tuple[str, ...]:
    """Return the reasons in options such as `AppError` or `AppError,ExecutionError`. Raises UsageError."""
    reasons = [reason.strip() for text in texts for reason in text.split(",")]
    for reason in reasons:
        if reason not in DEBUG_REASONS:
            raise UsageError(f"{reason!r} is not one of {', '.join(DEBUG_REASONS)}")
    return tuple(dict.fromkeys(reasons))


def parse_port(port: int) -> DebugServer:
    """Return the server of debugpy at a port. Raises UsageError if it is in use, or debugpy is missing."""
    found = importlib.util.find_spec("debugpy")
    if found is None or found.origin is None:
        from dx_app_wizard.installation import install_hint  # few runs need it

        raise UsageError("the package debugpy is not installed", install_hint("debugpy"))
    try:
        socket.create_server((_LOOPBACK, port)).close()
    except OSError as error:
        raise UsageError(
            f"port {port} cannot be used: {error.strerror}", "Choose another one: --debugpy PORT"
        ) from None
    return DebugServer(port, str(Path(found.origin).parent))
