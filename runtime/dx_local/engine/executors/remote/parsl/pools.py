"""Follow the worker pools of all nodes, and report those that arrive and those that are lost."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING

from dx_local.engine.executors.remote.parsl.configuration import LOST_SECONDS
from dx_local.engine.executors.remote.parsl.pool_ids import node_of

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from dx_local.engine.executors.remote.engine import EngineEvents
    from dx_local.engine.executors.remote.parsl.configuration import NodeExecutor

LOST_REASON = f"no word for {LOST_SECONDS} s"

_SECONDS_BETWEEN_LOOKS = 0.5


@dataclass(frozen=True)
class _Pool:
    node: str
    block: str
    workers: int
    cores: int
    job_cores: int

    @property
    def slots(self) -> int:
        return max(1, self.cores // self.job_cores)


class PoolWatch:
    """Looks at the interchanges twice a second, in threads of its own.

    `on_dead` is called with a message if an interchange has ended by itself.
    """

    def __init__(
        self,
        executors: Sequence[NodeExecutor],
        workers_per_core: int,
        events: EngineEvents,
        on_dead: Callable[[str], None],
    ) -> None:
        self._executors = executors
        self._workers_per_core = workers_per_core
        self._events = events
        self._on_dead = on_dead
        self._stop = threading.Event()
        self._pools: dict[str, _Pool] = {}
        self._queued: dict[str, str] = {}
        self._threads = [
            threading.Thread(target=work, name=work.__name__, daemon=True)
            for work in (self._watch_pools, self._watch_interchanges)
        ]

    def start(self) -> None:
        """Begin to look."""
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """Stop looking; a look that has begun is awaited for a moment."""
        self._stop.set()
        for thread in self._threads:
            thread.join(timeout=2)

    def slots(self) -> int:
        """Return the number of jobs that the nodes that are here run at a time."""
        return sum(pool.slots for pool in list(self._pools.values()))

    def workers(self, job_cores: int | None = None) -> int:
        """Return the number of workers here, of one class or all; each holds a job, even a waiting one."""
        pools = list(self._pools.values())
        return sum(pool.workers for pool in pools if job_cores in (None, pool.job_cores))

    def cores_of_largest(self) -> int | None:
        """Return the cores of the largest node here; None without nodes."""
        return max((pool.cores for pool in list(self._pools.values())), default=None)

    def _watch_pools(self) -> None:
        while not self._stop.wait(_SECONDS_BETWEEN_LOOKS):
            for executor in list(self._executors):
                if executor.interchange_proc is not None and not executor.bad_state_is_set:
                    self._look(executor)

    def _watch_interchanges(self) -> None:
        # In a thread of its own, since nothing answers the other one if an interchange has ended.
        while not self._stop.wait(_SECONDS_BETWEEN_LOOKS):
            for executor in list(self._executors):
                process = executor.interchange_proc
                if process is not None and process.poll() is not None and not executor.bad_state_is_set:
                    self._on_dead(f"Parsl's interchange ended with exit code {process.returncode}.")
                    return

    def _look(self, executor: NodeExecutor) -> None:
        found = {manager["manager"]: manager for manager in executor.connected_managers()}
        if self._stop.is_set():
            return
        for name, manager in found.items():
            if name not in self._pools:
                self._arrived(name, manager["block_id"], manager["worker_count"], executor)
        mine = [name for name, pool in self._pools.items() if pool.job_cores == executor.job_cores]
        for name in mine:
            if name not in found:
                self._gone(name, executor)
        self._report_queue(executor)

    def _arrived(self, name: str, block: str, workers: int, executor: NodeExecutor) -> None:
        jobs = max(1, round(workers / self._workers_per_core))
        pool = _Pool(node_of(name), block, workers, jobs * executor.job_cores, executor.job_cores)
        executor.cores_of_node = max(executor.cores_of_node, pool.cores)
        self._pools[name] = pool
        self._events.arrived(pool.node, pool.cores)
        self._events.slots_changed()

    def _gone(self, name: str, executor: NodeExecutor) -> None:
        pool = self._pools.pop(name)
        if not executor.was_given_back(pool.block):
            self._events.lost(pool.node, LOST_REASON)
        self._events.slots_changed()

    def _report_queue(self, executor: NodeExecutor) -> None:
        """Report the reasons for which the scheduler keeps requests waiting, each time they change."""
        reasons: dict[str, str] = getattr(executor.provider, "reasons", {})
        for job, reason in reasons.items():
            if self._queued.get(job) != reason:
                self._queued[job] = reason
                self._events.queued(reason)
