"""Executors by name: the value of `JobSettings.executor`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dx_local.engine.executors.local import LocalExecutor
from dx_local.errors import UsageError

if TYPE_CHECKING:
    from dx_local.engine.executors.protocol import Api, Callbacks, Executor, ExecutorFactory
    from dx_local.engine.settings import JobSettings

EXECUTORS: dict[str, ExecutorFactory] = {
    "local": LocalExecutor,
}


def make_executor(settings: JobSettings, api: Api, callbacks: Callbacks) -> Executor:
    """Return the executor that the settings name. Raises UsageError for an unknown name."""
    if settings.executor not in EXECUTORS:
        raise UsageError(
            f"there is no executor {settings.executor!r}", f"Choose from: {', '.join(EXECUTORS)}."
        )
    return EXECUTORS[settings.executor](settings, api, callbacks)
