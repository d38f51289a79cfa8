"""Translate failures of Parsl's tasks into those of the engine."""

from __future__ import annotations

from typing import TYPE_CHECKING

from parsl.executors.errors import BadStateException
from parsl.executors.high_throughput.errors import ManagerLost, VersionMismatch, WorkerLost

from dx_local.engine.executors.remote.engine import EngineUnusableError, NodeLostError
from dx_local.engine.executors.remote.parsl.pool_ids import node_of
from dx_local.engine.executors.remote.parsl.pools import LOST_REASON

if TYPE_CHECKING:
    from dx_local.engine.executors.remote.parsl.configuration import NodeExecutor


class GivenUpError(Exception):
    """The message for the user when no job can run any more."""


def translated(error: BaseException, executor: NodeExecutor) -> BaseException:
    """Return the engine's exception for one of Parsl; others, which come from a node's code, as they are."""
    if isinstance(error, ManagerLost):
        return NodeLostError(node_of(error.manager_id.decode()), LOST_REASON)
    if isinstance(error, WorkerLost):
        return NodeLostError(str(error.hostname), "its worker process was killed")
    if isinstance(error, BadStateException) or executor.bad_state_is_set:
        return EngineUnusableError(_message(executor.executor_exception or error))
    return error


def _message(error: BaseException) -> str:
    if isinstance(error, VersionMismatch):
        return (
            f"A node has other versions of Python or Parsl ({error.manager_version}) than dx-local"
            f" ({error.interchange_version})."
        )
    return str(error)
