"""The engine Parsl, as the remote executor uses it."""

from __future__ import annotations

import logging
import math
import os
import threading
from concurrent.futures import Future
from dataclasses import replace
from functools import partial
from itertools import count
from typing import TYPE_CHECKING, Any

from dx_local.api.listening import HOST, listen
from dx_local.engine.cluster.addresses import is_own_address, reachable_address
from dx_local.engine.cluster.node_sizes import (
    NodeSize,
    check_nodes_of_machine,
    cores_per_node,
    largest_node,
)
from dx_local.engine.executors.remote.engine import EngineUnusableError
from dx_local.engine.executors.remote.parsl.requirement import check_parsl, check_python
from dx_local.engine.executors.remote.parsl.run_folders import check_run_folder, make_run_folder
from dx_local.engine.settings import Sizes
from dx_local.errors import DxLocalError, UsageError
from dx_local.worker.process.trees import remove_tree

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from parsl.dataflow.dflow import DataFlowKernel

    from dx_local.engine.cluster.settings import ClusterSettings
    from dx_local.engine.executors.remote.engine import EngineEvents
    from dx_local.engine.executors.remote.parsl.configuration import NodeExecutor
    from dx_local.engine.executors.remote.parsl.pools import PoolWatch
    from dx_local.engine.settings import JobSettings

_GIVING_BACK_SECONDS = 15.0
_CLOSING_SECONDS = 4.0
_SPARE_SECONDS = 1.0
"""Time without a job after which a node is given back if another class of jobs has no node."""


class ParslEngine:
    """Runs assignments through Parsl's HighThroughputExecutor; an `Engine`.

    There is one executor, with nodes of its own, for each class of jobs in use.
    """

    def __init__(self, settings: JobSettings, events: EngineEvents) -> None:
        if settings.cluster is None:
            raise UsageError("no scheduler is chosen", "Choose one with --on.")
        check_parsl()
        self._settings: ClusterSettings = settings.cluster
        self._check_settings()
        self._largest: NodeSize | None = None
        self._has_classes = settings.sizes is Sizes.INSTANCE
        if self._has_classes:
            # A job that waits keeps the memory of its share, as it keeps its machine on the platform.
            self._settings = replace(settings.cluster, workers_per_core=1)
            self._largest = largest_node(self._settings)
        self._events = events
        self.address = reachable_address(self._settings, settings.listen)
        if self._settings.worker_port is None and not is_own_address(self.address):
            raise UsageError(
                f"{self.address} is not an address of this machine",
                "Choose an address by which nodes reach this machine. If it is the far end of a tunnel"
                " (ssh -R), set `worker_port` in [executor], too.",
            )
        self._executors: list[NodeExecutor] = []
        self._expected = 0
        self._numbers = count(1)
        self._kernel: DataFlowKernel | None = None
        self._watch: PoolWatch | None = None
        self._folder: Path | None = None
        self._failure: str | None = None
        self._lock = threading.Lock()

    def _check_settings(self) -> None:
        """Raise UsageError for settings that can be found unusable here, without a scheduler."""
        from dx_local.engine.executors.remote.parsl.providers import make_provider

        check_nodes_of_machine(self._settings)
        check_python(self._settings)
        make_provider(self._settings)
        check_run_folder(self._settings.run_dir)

    def start(self) -> None:
        """Start Parsl without nodes; they are requested for the first job. Raises EngineUnusableError."""
        try:
            self._start()
        except EngineUnusableError:
            raise
        except DxLocalError as error:
            raise EngineUnusableError(error.message, error.hint) from None

    def _start(self) -> None:
        from parsl.dataflow.dflow import DataFlowKernel

        from dx_local.engine.executors.remote.parsl.configuration import make_config
        from dx_local.engine.executors.remote.parsl.failed_blocks import FailedBlocks
        from dx_local.engine.executors.remote.parsl.pools import PoolWatch

        logging.getLogger("parsl").addHandler(logging.NullHandler())  # or warnings go to stderr
        self._on_requests = FailedBlocks(self._events.queued, self._give_up)
        executor = self._new_executor(1)
        self._folder = make_run_folder(self._settings.run_dir)
        try:
            self._kernel = DataFlowKernel(make_config(executor, self._folder))
        except Exception as error:
            raise EngineUnusableError(f"Parsl could not be started: {error}") from error
        self._watch = PoolWatch(self._executors, self._settings.workers_per_core, self._events, self._give_up)
        self._watch.start()
        self._events.requested(self._request())

    def _next_port(self) -> int | None:
        """Return the port of the next interchange if ports are chosen: each class of jobs has one of its own.

        Raises EngineUnusableError if it is taken, which Parsl would notice after minutes.
        """
        if self._settings.worker_port is None:
            return None
        port = self._settings.worker_port + len(self._executors)
        place = self.address if is_own_address(self.address) else HOST
        try:
            listen(port, place).close()
        except (OSError, OverflowError) as error:
            reason = os.strerror(error.errno or 0) if isinstance(error, OSError) else "There is no such port"
            raise EngineUnusableError(
                f"Parsl cannot listen at {place}:{port}: {reason}.",
                "Set `worker_port` in [executor] to the first of some free ports, one for each size of job.",
            ) from None
        return port

    def submit(self, assignment: Mapping[str, Any], job_class: str | None) -> Future[dict[str, Any]]:
        """Run an assignment on a node; see `Engine.submit`."""
        from dx_local.engine.executors.remote.parsl.busy_marks import run_marked
        from dx_local.engine.executors.remote.parsl.failures import translated

        result: Future[dict[str, Any]] = Future()
        if self._failure is not None or self._kernel is None:
            result.set_exception(EngineUnusableError(self._failure or "The engine has not been started."))
            return result
        executor = self._executor_of(self._share(assignment) if job_class else 1)

        def pass_on(done: Future[dict[str, Any]]) -> None:
            if error := done.exception():
                result.set_exception(translated(error, executor))
            else:
                result.set_result(done.result())

        self._kernel.submit(
            run_marked,
            app_args=(dict(assignment),),
            executors=[executor.label],
            cache=False,
            ignore_for_cache=None,
            app_kwargs={},
        ).add_done_callback(pass_on)
        return result

    def expect(self, jobs: int) -> None:
        """Remember the number of jobs that run or could run now; nodes are requested for them."""
        self._expected = jobs

    def slots(self) -> int:
        """Return the number of jobs to run at once: those of the nodes here, or of the first one."""
        here = self._watch.slots() if self._watch else 0
        return here or self._slots_of_first()

    def capacity(self) -> int:
        """Return the number of jobs that all nodes can hold when they are here, with those that wait."""
        if (held := self._held_by_classes()) is not None:
            return held
        size = self.node_size()
        cores = size.cores if size else 1
        # Of several classes, that with the smallest share: too many jobs are better than a false alarm.
        share = min((each.job_cores for each in self._executors if each.tasks), default=1)
        return self._settings.nodes * max(1, cores // share) * self._settings.workers_per_core

    def node_size(self) -> NodeSize | None:
        """Return the size of the largest node, or None if it is unknown."""
        if self._largest:
            return self._largest
        cores = cores_per_node(self._settings) or (self._watch and self._watch.cores_of_largest())
        return NodeSize(cores, self._settings.memory_per_node) if cores else None

    def close(self) -> None:
        """Give all nodes back, then end Parsl's processes."""
        if self._watch:
            self._watch.stop()
        self._bounded(self._give_back_all, _GIVING_BACK_SECONDS)
        self._bounded(self._close_parsl, _CLOSING_SECONDS)
        for executor in self._executors:
            executor.end()
        if self._folder:
            remove_tree(self._folder, ignore_errors=True)

    def _bounded(self, work: Callable[[], None], seconds: float) -> None:
        """Do a part of closing in a thread, and wait for so long."""
        thread = threading.Thread(target=work, name="parsl-close", daemon=True)
        thread.start()
        thread.join(timeout=seconds)

    def _give_back_all(self) -> None:
        for executor in self._executors:
            executor.give_back_all()

    def _close_parsl(self) -> None:
        # Parsl waits for ever for the answer of an interchange that has ended.
        is_whole = all(each.has_interchange() and not each.bad_state_is_set for each in self._executors)
        if is_whole and self._kernel and not self._kernel.cleanup_called:
            self._kernel.cleanup()

    def _slots_of_first(self) -> int:
        size = self.node_size()
        return size.cores if size else 1

    def _share(self, assignment: Mapping[str, Any]) -> int:
        """Return the cores of a node that a job of a class takes, with their part of the memory."""
        cores, memory, size = int(assignment["cores"]), assignment["memory"], self.node_size()
        if memory is None or size is None or size.memory is None:
            return cores
        return min(size.cores, max(cores, math.ceil(int(memory) * size.cores / size.memory)))

    def _executor_of(self, job_cores: int) -> NodeExecutor:
        for executor in self._executors:
            if executor.job_cores == job_cores:
                return executor
        executor = self._new_executor(job_cores)
        assert self._kernel is not None
        try:
            self._kernel.add_executors([executor])
        except Exception as error:
            self._executors.remove(executor)
            executor.end()
            raise EngineUnusableError(f"Parsl could not be started: {error}") from error
        return executor

    def _new_executor(self, job_cores: int) -> NodeExecutor:
        from dx_local.engine.executors.remote.parsl.configuration import ExecutorCallbacks, make_executor

        callbacks = ExecutorCallbacks(
            demand=lambda: self._demand(executor),
            free_nodes=self._free_nodes,
            make_room=self._make_room,
            on_requests=self._on_requests,
            next_number=partial(next, self._numbers),
        )
        settings = replace(self._settings, worker_port=self._next_port())
        executor = make_executor(settings, self.address, job_cores, callbacks)
        if self._largest:
            executor.cores_of_node = self._largest.cores
        self._executors.append(executor)
        return executor

    def _free_nodes(self) -> int:
        """Return the number of nodes that may still be requested."""
        return self._settings.nodes - sum(each.open_requests() for each in list(self._executors))

    def _make_room(self) -> None:
        """Give an idle node back, so that a class of jobs without a node can request one."""
        for executor in list(self._executors):
            if executor.scale_in_facade(1, max_idletime=_SPARE_SECONDS):
                return

    def _held_by_classes(self) -> int | None:
        """Return the number of jobs that the nodes hold; None while a class of jobs can get another node."""
        executors = list(self._executors)
        if not self._has_classes or self._free_nodes() > 0:
            return None
        if any(len(each.tasks) < each.open_requests() for each in executors):
            return None  # a node is idle, which will be given back for another class
        return sum(min(len(each.tasks), each.open_requests() * each.workers_of_node) for each in executors)

    def _demand(self, executor: NodeExecutor) -> int:
        """Return the number of jobs for which an executor needs nodes."""
        submitted = len(executor.tasks)
        if self._has_classes:
            is_full = submitted >= (self._watch.workers(executor.job_cores) if self._watch else 0) > 0
            # Jobs of this class may wait for a slot; those of others would have had nodes of their own.
            has_more = self._expected > sum(len(each.tasks) for each in list(self._executors))
            return submitted + (is_full and has_more)
        wanted = self._expected
        workers = self._watch.workers() if self._watch else 0
        if workers and submitted >= workers:  # by jobs that wait, or no worker could be free
            return max(wanted, executor.workers_per_node * (workers // executor.workers_of_node) + 1)
        return wanted

    def _give_up(self, message: str) -> None:
        """Fail all jobs, now and later, with a message for the user."""
        from dx_local.engine.executors.remote.parsl.failures import GivenUpError

        with self._lock:
            if self._failure is not None:
                return
            self._failure = message
        for executor in self._executors:
            executor.fail_all(GivenUpError(message))

    def _request(self) -> str:
        """Return a phrase for the nodes that may be requested."""
        settings = self._settings
        count = "1 node" if settings.nodes == 1 else f"up to {settings.nodes} nodes"
        places = {name: value for name, value in settings.provider if name in {"partition", "queue"}}
        details = [f"{name} {value}" for name, value in places.items()]
        each = "" if settings.nodes == 1 else " each"
        if size := self.node_size():
            details.append(f"{size.cores} core{'s' if size.cores > 1 else ''}{each}")
        if settings.on != "local":
            details.append(f"{settings.walltime}{each}")
        return f"{count} ({', '.join(details)})" if details else count
