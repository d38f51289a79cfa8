"""Make Parsl's configuration for the settings of a cluster."""

from __future__ import annotations

import json
import os
import shlex
import signal
import sys
from concurrent.futures import InvalidStateError
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from parsl.config import Config
from parsl.executors import HighThroughputExecutor
from parsl.executors.errors import BadStateException
from parsl.jobs.states import JobState
from parsl.providers import LocalProvider

from dx_local.api.listening import HOST
from dx_local.engine.cluster.addresses import is_own_address
from dx_local.engine.cluster.node_sizes import cores_per_node
from dx_local.engine.executors.remote.node.node_name import NODE_VARIABLE
from dx_local.engine.executors.remote.parsl.pool_start.fence import OWNER_VARIABLE
from dx_local.engine.executors.remote.parsl.providers import make_provider
from dx_local.engine.executors.remote.parsl.selection import LeastLoadedFirst
from dx_local.engine.executors.remote.parsl.versions import versions
from dx_local.worker.process.signals import ENDING_SIGNALS

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from dx_local.engine.cluster.settings import ClusterSettings

HEARTBEAT_SECONDS = 5
LOST_SECONDS = 30
"""Time without a heartbeat after which a node is lost; its jobs end sooner, 10 s after its last word."""

_SCALING_SECONDS = 1
_IDLE_SECONDS = 60.0
_PACKAGE = "dx_local.engine.executors.remote.parsl"
# Parsl fills in the single braces when it starts, and the double ones for each request of a node.
_POOL_ARGUMENTS = (
    "{debug} {max_workers_per_node} -a {addresses} -p {prefetch_capacity} -c {cores_per_worker}"
    " -m {mem_per_worker} --poll {poll_period} --port={worker_port} --cert_dir {cert_dir} --logdir={logdir}"
    " --logconf={logconf} --block_id={{block_id}} --hb_period={heartbeat_period}"
    " {address_probe_timeout_string} --hb_threshold={heartbeat_threshold} --drain_period={drain_period}"
    " --cpu-affinity {cpu_affinity} {enable_mpi_mode} --mpi-launcher={mpi_launcher}"
    " --available-accelerators {accelerators}"
)


@dataclass(frozen=True)
class ExecutorCallbacks:
    """Functions that an executor calls in threads of Parsl."""

    demand: Callable[[], int]
    """Returns the number of jobs for which nodes are needed."""
    free_nodes: Callable[[], int]
    """Returns the number of nodes that may still be requested."""
    make_room: Callable[[], None]
    """Called if a class of jobs has no node, and may request none because other classes have them all."""
    on_requests: Callable[[Any, Any], None]
    """Called with the executor and the states of its requests, about once a second."""
    next_number: Callable[[], int]
    """Returns the number of the next node if all have the name of this machine."""


class NodeExecutor(HighThroughputExecutor):
    """Runs the jobs of one class: those that take the same number of cores.

    Parsl requests nodes for its outstanding tasks, and assumes a task for each worker. Here a node runs one
    job for each share of `job_cores`, and has further workers for jobs that wait for others. Thus the number
    of nodes follows `demand`, the number of jobs that could run now.
    """

    def __init__(
        self,
        job_cores: int,
        workers_per_core: int,
        callbacks: ExecutorCallbacks,
        **arguments: Any,
    ) -> None:
        super().__init__(cores_per_worker=job_cores / workers_per_core, **arguments)
        self.job_cores = job_cores
        self.cores_of_node = 1
        """Cores of a node, as far as known."""
        self._workers_per_core = workers_per_core
        self._callbacks = callbacks
        self._is_closing = False
        self._given_back: set[str] = set()

    @property
    def workers_per_node(self) -> int:
        """Return the number of jobs that run on a node at a time."""
        return max(1, self.cores_of_node // self.job_cores)

    @property
    def workers_of_node(self) -> int:
        """Return the number of worker processes of a node."""
        return self.workers_per_node * self._workers_per_core

    def outstanding(self) -> int:
        """Return the number of jobs for which nodes are needed."""
        submitted: int = super().outstanding()
        return max(1, self._callbacks.demand()) if submitted else 0

    def scale_out_facade(self, n: int) -> list[str]:
        """Request nodes, but with those of other classes no more than the settings allow."""
        if self._is_closing:
            return []
        free = self._callbacks.free_nodes()
        if free <= 0 and not self.open_requests():
            self._callbacks.make_room()
        granted: list[str] = super().scale_out_facade(max(0, min(n, free)))
        return granted

    def _get_launch_command(self, block_id: str) -> str:
        command: str = super()._get_launch_command(block_id)
        if isinstance(self.provider, LocalProvider):  # all of its nodes have the name of this machine
            number = self._callbacks.next_number()
            return f"export {NODE_VARIABLE}=local-{number} {OWNER_VARIABLE}={os.getpid()}; {command}"
        return command

    def scale_in(self, blocks: int, max_idletime: float | None = None) -> list[str]:
        """Give nodes back: those that have been idle for long enough, or any without `max_idletime`.

        Parsl itself takes requests in the queue for idle ones, and all idle ones if it is to give back none.
        """
        if self._is_closing:  # and its interchange may not answer
            self.give_back_all()
            return []
        if max_idletime is None:
            return list(super().scale_in(blocks))
        idle = _idle_blocks(self.connected_managers(), max_idletime)[:blocks]
        for block in idle:
            self._hold_block(block)  # type: ignore[no-untyped-call]
        jobs = [self.blocks_to_job_id[block] for block in idle]
        if not jobs or self.provider is None:
            return []
        ended = self._filter_scale_in_ids(jobs, self.provider.cancel(jobs))
        return [self.job_ids_to_block[job] for job in ended]

    def open_requests(self) -> int:
        """Return the number of requests that wait or have a node."""
        return sum(not status.terminal for status in list(self.status_facade.values()))

    def was_given_back(self, block: str) -> bool:
        """Return whether a request ended because dx-local wanted that."""
        status = self.status_facade.get(block)
        return status is not None and status.state == JobState.SCALED_IN

    def give_back_all(self) -> None:
        """Cancel all requests, and make no more; Parsl itself leaves those of an executor with a failure."""
        self._is_closing = True
        open_jobs = [
            self.blocks_to_job_id[block]
            for block, status in list(self.status_facade.items())
            if block in self.blocks_to_job_id and not status.terminal
        ]
        new = [job for job in open_jobs if job not in self._given_back]
        if new and self.provider is not None:
            self._given_back.update(new)
            self.provider.cancel(new)

    def fail_all(self, error: Exception) -> None:
        """Fail all jobs that were submitted, and those that will be."""
        with suppress(RuntimeError, InvalidStateError):  # a job has ended meanwhile
            self.set_bad_state_and_fail_all(error)
        for future in list(self.tasks.values()):
            with suppress(InvalidStateError):
                future.set_exception(BadStateException(self, error))  # type: ignore[no-untyped-call]

    def has_interchange(self) -> bool:
        """Return whether the interchange is there."""
        return self.interchange_proc is not None and self.interchange_proc.poll() is None

    def _start_local_interchange_process(self) -> None:
        before = signal.pthread_sigmask(signal.SIG_BLOCK, ENDING_SIGNALS)
        try:
            super()._start_local_interchange_process()
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, before)

    def end(self) -> None:
        """Kill the interchange if it is still there."""
        if self.interchange_proc is not None and self.has_interchange():
            self.interchange_proc.kill()
            self.interchange_proc.wait()


def _idle_blocks(managers: Sequence[Mapping[str, Any]], seconds: float) -> list[str]:
    """Return the requests whose nodes have run no job for a time, the longest idle first."""
    idle = [
        (manager["idle_duration"], manager["block_id"])
        for manager in managers
        if manager["active"] and not manager["tasks"] and manager["idle_duration"] > seconds
    ]
    return [block for _, block in sorted(idle, reverse=True)]


def executor_label(job_cores: int) -> str:
    """Return the label of the executor for jobs of a class."""
    return f"cores-{job_cores}"


def make_executor(
    settings: ClusterSettings,
    address: str,
    job_cores: int,
    callbacks: ExecutorCallbacks,
) -> NodeExecutor:
    """Return the executor for jobs that take a number of cores."""
    cores = cores_per_node(settings)
    python = settings.python or sys.executable
    start = [python, "-m", f"{_PACKAGE}.pool_start", json.dumps(versions())]
    executor = NodeExecutor(
        job_cores,
        settings.workers_per_core,
        callbacks,
        label=executor_label(job_cores),
        provider=make_provider(settings, cores, job_cores),
        launch_cmd=f"exec {_braced(shlex.join(start))} {_POOL_ARGUMENTS}",
        interchange_launch_cmd=[sys.executable, "-m", f"{_PACKAGE}.interchange_start", str(os.getpid())],
        address=address,
        worker_port=settings.worker_port,
        heartbeat_period=HEARTBEAT_SECONDS,
        heartbeat_threshold=LOST_SECONDS,
        encrypted=True,
        manager_selector=LeastLoadedFirst(),
        block_error_handler=callbacks.on_requests,
    )
    executor.cores_of_node = cores or 1
    if not is_own_address(address):  # but the far end of a tunnel
        executor.address = HOST  # of the interchange
    return executor


def make_config(executor: NodeExecutor, run_dir: Path) -> Config:
    """Return the configuration: Parsl tries nothing twice, since the app's executionPolicy decides that."""
    return Config(
        executors=[executor],
        run_dir=str(run_dir),
        retries=0,
        strategy="htex_auto_scale",
        strategy_period=_SCALING_SECONDS,
        max_idletime=_IDLE_SECONDS,
        usage_tracking=0,
        initialize_logging=False,
    )


def _braced(text: str) -> str:
    """Return text that str.format leaves as it is when applied twice."""
    return text.replace("{", "{{{{").replace("}", "}}}}")
