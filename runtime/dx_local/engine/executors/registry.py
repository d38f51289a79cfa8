"""Executors by name: the value of `JobSettings.executor`, and the choices of `--executor`.

To add an executor, write a module that follows `protocol.py`, and add its name and factory here.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from dx_local.errors import UsageError

if TYPE_CHECKING:
    from dx_local.engine.executors.protocol import Api, Callbacks, Executor, ExecutorFactory
    from dx_local.engine.settings import JobSettings


# Command lines list the names, so factories import their modules only when they are called.
def _local(settings: JobSettings, api: Api, callbacks: Callbacks) -> Executor:
    from dx_local.engine.executors.local import LocalExecutor

    return LocalExecutor(settings, api, callbacks)


def _thread(settings: JobSettings, api: Api, callbacks: Callbacks) -> Executor:
    from dx_local.engine.executors.remote.executor import RemoteExecutor
    from dx_local.engine.executors.remote.thread_engine import ThreadEngine

    return RemoteExecutor(settings, api, callbacks, ThreadEngine)


EXECUTORS: dict[str, ExecutorFactory] = {
    "local": _local,
    "thread": _thread,
}


def make_executor(settings: JobSettings, api: Api, callbacks: Callbacks) -> Executor:
    """Return the executor that the settings name. Raises UsageError for an unknown name."""
    if settings.executor not in EXECUTORS:
        raise UsageError(
            f"no executor is called {settings.executor!r}", f"Choose from: {', '.join(EXECUTORS)}."
        )
    return EXECUTORS[settings.executor](settings, api, callbacks)
