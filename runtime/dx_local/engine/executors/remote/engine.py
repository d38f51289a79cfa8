"""The seam to an engine: it runs a function with a payload on some node, and reports what its nodes do.

Nothing in this module, or in one that it imports, belongs to a certain engine.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from dx_local.errors import DxLocalError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from concurrent.futures import Future

    from dx_local.engine.cluster.node_sizes import NodeSize
    from dx_local.engine.settings import JobSettings


class NodeLostError(Exception):
    """The node that ran an assignment is gone, so that nothing is known about the end of the job.

    `node` is its name if the engine knows it, `reason` a phrase such as `no word for 30 s`.
    """

    def __init__(self, node: str | None, reason: str) -> None:
        super().__init__(f"node {node} is lost ({reason})" if node else f"the node is lost ({reason})")
        self.node = node
        self.reason = reason


class EngineUnusableError(DxLocalError):
    """The engine can run nothing any more; its message and hint go to the user, and the run ends."""

    code = "engine"


@dataclass(frozen=True)
class EngineEvents:
    """Functions that an engine calls, from any of its threads."""

    requested: Callable[[str], None]
    """Called when nodes are requested, with a phrase such as `up to 4 nodes (partition short, 4 h each)`."""
    arrived: Callable[[str, int], None]
    """Called with the name and the cores of a node that is ready."""
    lost: Callable[[str, str], None]
    """Called with the name of a node that is gone unexpectedly, and the reason."""
    queued: Callable[[str], None]
    """Called with the reason for which requested nodes do not come yet."""
    slots_changed: Callable[[], None]
    """Called when `slots` or `capacity` has changed."""


class Engine(Protocol):
    """Runs assignments on nodes. Its methods are called in one thread, but `start` and `close` in others.

    An engine runs each assignment at most once: if it cannot tell whether one has run, that is NodeLostError.
    """

    address: str
    """The IP address or name of this machine by which nodes reach it."""

    def start(self) -> None:
        """Start the engine, once and before `submit`; may take seconds. Raises EngineUnusableError."""

    def submit(self, assignment: Mapping[str, Any], job_class: str | None) -> Future[dict[str, Any]]:
        """Run `dx_local.engine.executors.remote.node.run_assignment(assignment)` on some node.

        `job_class` is None for a job that takes one slot. Otherwise it names the jobs that take
        `assignment["cores"]` cores and `assignment["memory"]` bytes; nodes of the size `node_size` can run
        them. The future raises NodeLostError, EngineUnusableError, or any other exception of the function.
        """
        ...

    def slots(self) -> int:
        """Return the number of jobs to run at once: the free and used slots of the nodes that are there.

        While there is none, it is that of the nodes that may be requested, so that jobs request them. Jobs
        that wait for others are not counted; see `capacity`.
        """
        ...

    def capacity(self) -> int:
        """Return the number of jobs that all nodes can hold at once, including those that wait for others."""
        ...

    def expect(self, jobs: int) -> None:
        """Remember the number of jobs that run or could run now; an engine may request nodes for them."""

    def node_size(self) -> NodeSize | None:
        """Return the size of the largest node, or None if it is unknown; also before `start`."""
        ...

    def close(self) -> None:
        """End everything that the engine has started, and give its nodes back; may take seconds."""


class EngineFactory(Protocol):
    """A function or class that makes an engine."""

    def __call__(self, settings: JobSettings, events: EngineEvents) -> Engine:
        """Return an engine that has not been started; quick. Raises UsageError for unusable settings."""
        ...
