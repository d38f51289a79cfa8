"""The options of jobs that apply on nodes, and those that cannot."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

from dx_local.engine.settings import PYTHON_VERSION, Isolation, JobSettings, NetworkAccess, Sizes
from dx_local.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Mapping

_FOR_NODES = ("xtrace", "plain_bash", "isolation", "network", "memory_limit", "python", "sizes")


def check_settings(settings: JobSettings) -> None:
    """Raise UsageError for settings that make no sense if jobs run on nodes."""
    if settings.debugpy or settings.shell or settings.debug_on:
        raise UsageError(
            "jobs on nodes have no terminal and no debugger",
            "Debug with the executor `local`, or omit the options for debuggers.",
        )
    if settings.python and not PYTHON_VERSION.fullmatch(settings.python):
        raise UsageError(
            f"--python {settings.python}: nodes do not have the files of this machine",
            "Pass a version such as 3.12.",
        )


def settings_for_nodes(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Return the settings for a node, of a job's settings as a dictionary."""
    return {name: _plain(settings[name]) for name in _FOR_NODES if name in settings}


def _plain(value: Any) -> Any:
    return getattr(value, "value", value)


def settings_on_node(data: Mapping[str, Any]) -> JobSettings:
    """Return the settings of a node from those that `settings_for_nodes` has returned."""
    sizes = Sizes(data.get("sizes", Sizes.SLOT))
    limit = data.get("memory_limit")
    if sizes is Sizes.INSTANCE and limit is None and sys.platform != "darwin":  # which limits no memory
        limit = "instance"
    return JobSettings(
        **{
            **data,
            "isolation": Isolation(data["isolation"]),
            "network": NetworkAccess(data["network"]),
            "memory_limit": limit,
            "sizes": sizes,
        }
    )
