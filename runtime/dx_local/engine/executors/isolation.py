"""Warnings about jobs that are less isolated from this machine than `--isolation` promises."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dx_local.engine.settings import Isolation

if TYPE_CHECKING:
    from dx_local.engine.executors.zygote import ZygoteCapabilities


def isolation_warning(isolation: Isolation, capabilities: ZygoteCapabilities) -> str | None:
    """Return a warning for the user, or None if nothing is missing.

    Raises OSError if the user insists on a sandbox that a zygote cannot provide.
    """
    if isolation is Isolation.NONE:
        return None
    problem = capabilities.no_sandbox_reason or capabilities.no_network_reason
    if problem is None:
        return capabilities.no_pid_namespace_reason and (
            f"Jobs see and reach the processes of this machine: {capabilities.no_pid_namespace_reason}."
        )
    if isolation is Isolation.NAMESPACE:
        raise OSError(
            f"--isolation namespace is not possible here: {problem}. "
            "Pass --isolation auto to use a sandbox only if possible, or --isolation none to use none."
        )
    if capabilities.no_sandbox_reason:
        return (
            f"Jobs run without a sandbox: {problem}. HOME is not /home/dnanexus, resources/ is not"
            " overlaid on /, and jobs have your permissions and network access."
        )
    return f"All jobs have network access, even if their app does not request it: {problem}."
