"""An engine of threads in this process, for tests, and as the example of an engine."""

from __future__ import annotations

import os
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

from dx_local.api.listening import HOST
from dx_local.engine.cluster.node_sizes import NodeSize
from dx_local.engine.executors.remote.node.agent import Agent
from dx_local.engine.executors.remote.node.node_name import node_name

if TYPE_CHECKING:
    from collections.abc import Mapping

    from dx_local.engine.executors.remote.engine import EngineEvents
    from dx_local.engine.settings import JobSettings

_WAITING_PER_SLOT = 4
"""Number of jobs for each slot, as jobs that wait for others keep their thread."""


class ThreadEngine:
    """Runs assignments in threads of this process, which counts as one node; an `Engine`."""

    address = HOST

    def __init__(self, settings: JobSettings, events: EngineEvents) -> None:
        self._slots = settings.slots
        self._events = events
        self._threads = ThreadPoolExecutor(self.capacity(), "assignment")
        self._agent: Agent | None = None

    def start(self) -> None:
        """Start the agent."""
        self._agent = Agent(watches_parent=False)
        self._events.arrived(node_name(), self._slots)

    def submit(
        self,
        assignment: Mapping[str, Any],
        job_class: str | None,  # noqa: ARG002 - classes make no difference
    ) -> Future[dict[str, Any]]:
        """Run an assignment in a thread."""
        assert self._agent is not None
        return self._threads.submit(self._agent.run, assignment)

    def slots(self) -> int:
        """Return the number of jobs to run at once."""
        return self._slots

    def expect(self, jobs: int) -> None:
        """Do nothing: there is one node."""

    def capacity(self) -> int:
        """Return the number of threads."""
        return self._slots * _WAITING_PER_SLOT

    def node_size(self) -> NodeSize:
        """Return the cores of this machine."""
        return NodeSize(os.cpu_count() or 1)

    def close(self) -> None:
        """Kill all jobs and end the threads."""
        self._threads.shutdown(wait=False, cancel_futures=True)
        if self._agent:
            self._agent.close()
        self._threads.shutdown()
