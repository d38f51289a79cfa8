"""Engines for tests: threads whose assignments and losses the test controls."""

from __future__ import annotations

import ipaddress
import json
import os
import subprocess
import sys
import threading
import time
from concurrent.futures import Future
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import pytest

from dx_local.engine.cluster.addresses import reachable_address
from dx_local.engine.cluster.settings import ClusterSettings
from dx_local.engine.executors.remote.engine import NodeLostError
from dx_local.engine.executors.remote.executor import RemoteExecutor
from dx_local.engine.executors.remote.node.node_name import NODE_VARIABLE
from dx_local.engine.executors.remote.thread_engine import ThreadEngine
from dx_local.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from dx_local.engine.executors.protocol import Api, Callbacks
    from dx_local.engine.settings import JobSettings


_RUNS_ASSIGNMENT = """
import json, sys
from dx_local.engine.executors.remote.node import run_assignment
print(json.dumps(run_assignment(json.load(sys.stdin))))
"""


class WatchedEngine(ThreadEngine):
    """Passes assignments and results as JSON texts, and keeps them."""

    assignments: list[str]
    results: list[str]

    def submit(self, assignment: Mapping[str, Any], job_class: str | None) -> Future[dict[str, Any]]:
        text = json.dumps(assignment)
        self.assignments.append(text)
        done: Future[dict[str, Any]] = Future()

        def report(inner: Future[dict[str, Any]]) -> None:
            try:
                result = json.dumps(inner.result())
            except BaseException as error:  # noqa: BLE001 - passed on
                done.set_exception(error)
            else:
                self.results.append(result)
                with suppress(Exception):  # lost already
                    done.set_result(json.loads(result))

        super().submit(json.loads(text), job_class).add_done_callback(report)
        self.submitted(json.loads(text), done)
        return done

    def submitted(self, assignment: Mapping[str, Any], done: Future[dict[str, Any]]) -> None:
        """React to a submission."""


class ProcessEngine(WatchedEngine):
    """Runs each assignment in a process with a cache of its own, which reaches no package index."""

    cache: Path

    def submit(
        self,
        assignment: Mapping[str, Any],
        job_class: str | None,  # noqa: ARG002 - classes make no difference
    ) -> Future[dict[str, Any]]:
        return self._threads.submit(self._run_apart, json.dumps(assignment))

    def _run_apart(self, assignment: str) -> dict[str, Any]:
        offline = {"XDG_CACHE_HOME": str(self.cache), "UV_OFFLINE": "1", NODE_VARIABLE: "n2"}
        done = subprocess.run(
            [sys.executable, "-c", _RUNS_ASSIGNMENT],
            input=assignment,
            env={**os.environ, **offline},
            stdout=subprocess.PIPE,
            text=True,
            check=True,
        )
        result: dict[str, Any] = json.loads(done.stdout)
        return result


class LosingEngine(WatchedEngine):
    """Declares the nodes of some tries lost while their jobs run on."""

    def is_lost(self, assignment: Mapping[str, Any]) -> bool:
        """Return whether to lose the node of an assignment."""
        raise NotImplementedError

    def submitted(self, assignment: Mapping[str, Any], done: Future[dict[str, Any]]) -> None:
        if self.is_lost(assignment):
            threading.Thread(target=self._lose, args=[assignment["job"], done], daemon=True).start()

    def _lose(self, job_id: str, done: Future[dict[str, Any]]) -> None:
        assert self._agent is not None
        while not (job := self._agent._jobs.get(job_id)) or not job._has_process:
            time.sleep(0.02)
        with suppress(Exception):
            done.set_exception(NodeLostError("n2", "no word for 30 s"))


def own_address() -> str:
    """Return an address of this machine that is not loopback; skip the test if there is none."""
    try:
        found = reachable_address(ClusterSettings(on="slurm"), None)
    except UsageError:
        pytest.skip("this machine has no address but loopback")
    if not ipaddress.ip_address(found).is_private:
        pytest.skip("this machine has no private address")
    return found


def executor_of(kind: type[ThreadEngine]) -> Callable[[JobSettings, Api, Callbacks], RemoteExecutor]:
    """Return the factory of an executor with an engine of a kind."""

    def make(settings: JobSettings, api: Api, callbacks: Callbacks) -> RemoteExecutor:
        return RemoteExecutor(settings, api, callbacks, kind)

    return make
