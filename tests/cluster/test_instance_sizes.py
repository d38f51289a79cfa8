"""With `--sizes instance`, jobs take what their instance types have, on nodes of their own for each size."""

from __future__ import annotations

import socket
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, Any

import pytest
from tests.cluster.conftest import options_of, skip_without_slurm
from tests.cluster.slurm import slurm

from dx_local.engine.cluster import node_sizes
from dx_local.engine.cluster.node_sizes import NodeSize
from dx_local.engine.executors.cgroups import VARIABLE
from dx_local.engine.scheduling import stalls
from dx_local.errors import UsageError
from dx_local.testing import JobFailedError, run_app

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.cluster.slurm import Slurm
    from tests.conftest import MakeApp

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]

SHARES = """
import os, resource, dxpy

def own_share():
    pid = os.getpid()
    while pid > 1:
        with open("/proc/%d/cmdline" % pid) as file:
            words = file.read().split("\\0")
        if any(word.endswith("process_worker_pool.py") for word in words):
            return {"cores": float(words[words.index("-c") + 1]), "gib": limit_in_gib()}
        with open("/proc/%d/stat" % pid) as file:
            pid = int(file.read().rpartition(")")[2].split()[1])

def limit_in_gib():
    return resource.getrlimit(resource.RLIMIT_DATA)[0] >> 30

@dxpy.entry_point("main")
def main(waits):
    jobs = [dxpy.new_dxjob({}, "process") for _ in range(3)]
    if waits:
        for job in jobs:
            job.wait_on_done()
    return {"own": own_share(), "others": [job.get_output_ref("own") for job in jobs]}

@dxpy.entry_point("process")
def process():
    return {"own": own_share()}

dxpy.run()
"""
X2 = {"cores": 2.0, "gib": 4}
X4 = {"cores": 4.0, "gib": 8}


def app_of_types(make_app: MakeApp, main: str, process: str) -> Path:
    """Write the app with instance types of mem1_ssd1_v2, such as `x2`."""
    types = {
        name: {"instanceType": f"mem1_ssd1_v2_{size}"}
        for name, size in (("main", main), ("process", process))
    }
    return make_app(
        SHARES,
        inputs={"waits": "boolean"},
        outputs={"own": "hash", "others": "array:hash"},
        runSpec={"systemRequirements": types},
    )


def as_on_a_larger_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    """Accept nodes of this machine with more cores than it has."""
    monkeypatch.setattr(node_sizes, "machine_size", lambda: NodeSize(4, 8 << 30))


@pytest.fixture(scope="module")
def large_nodes() -> Iterator[Slurm]:
    """Run a Slurm of two nodes with 2 and 4 cores, and 8 GiB each."""
    skip_without_slurm()
    with slurm(last_cores=4, memory_mib=8192) as running:
        yield running


@pytest.fixture(params=["local", "slurm"])
def options(
    request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> Iterator[dict[str, Any]]:
    """Return the options for up to two nodes with 4 cores and 8 GiB, on which one of Slurm's has as many."""
    monkeypatch.setenv(VARIABLE, "none")  # the limit is one that a job can read
    config = tmp_path / "cluster.toml"
    as_on_a_larger_machine(monkeypatch)
    chosen: dict[str, Any] = {"sizes": "instance", "isolation": "none", "executor_config": str(config)}
    if request.param == "local":
        config.write_text('[executor]\nnodes = 2\ncores_per_node = 4\nmemory_per_node = "8GiB"\n')
        yield {"on": "local", **chosen}
        return
    # Nodes of this machine would take its cores for theirs.
    config.write_text('[executor]\nsetup = "export PARSL_CORES=$SLURM_CPUS_ON_NODE"\n')
    cluster = request.getfixturevalue("large_nodes")
    yield {**options_of(cluster, monkeypatch), **chosen}
    cluster.end_all_jobs()


@pytest.mark.parametrize("waits", [False, True])
def test_jobs_of_two_sizes_run_on_nodes_of_their_own(
    make_app: MakeApp, options: dict[str, Any], waits: bool
) -> None:
    run = run_app(app_of_types(make_app, "x2", "x4"), {"waits": waits}, **options)
    assert run.output == {"own": X2, "others": [X4] * 3}


def test_a_single_node_is_handed_from_one_size_to_the_next(
    make_app: MakeApp, options: dict[str, Any]
) -> None:
    run = run_app(app_of_types(make_app, "x2", "x4"), {"waits": False}, **{**options, "nodes": 1})
    assert run.output == {"own": X2, "others": [X4] * 3}


def test_a_job_that_waits_on_the_only_node_for_one_of_another_size_ends_with_a_sentence(
    make_app: MakeApp, options: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stalls, "PATIENCE_SECONDS", 2)
    with pytest.raises(JobFailedError, match=r"All 1 places for jobs on the nodes"):
        run_app(app_of_types(make_app, "x2", "x4"), {"waits": True}, **{**options, "nodes": 1})


@pytest.mark.parametrize(("main", "process", "refused"), [("x8", "x2", "main"), ("x2", "x8", "process")])
def test_a_job_that_is_larger_than_any_node_is_refused_before_anything_is_submitted(
    request: pytest.FixtureRequest,
    make_app: MakeApp,
    options: dict[str, Any],
    main: str,
    process: str,
    refused: str,
) -> None:
    cluster = request.getfixturevalue("large_nodes") if options["on"] == "slurm" else None
    before = cluster and cluster.jobs("all")
    with pytest.raises(UsageError) as caught:
        run_app(app_of_types(make_app, main, process), {"waits": False}, **options)
    assert (
        f"A job at the entry point '{refused}' needs 8 cores and 16.0 GiB of memory (mem1_ssd1_v2_x8), but"
        " the largest node has 4 cores and 8.0 GiB of memory."
    ) in " ".join(str(caught.value).split())
    assert (cluster and cluster.jobs("all")) == before


@contextmanager
def taken_port_after_a_free_one() -> Iterator[int]:
    """Take a port whose predecessor is free, and return it."""
    with ExitStack() as held:
        while True:
            taken = held.enter_context(socket.create_server(("127.0.0.1", 0)))
            port: int = taken.getsockname()[1]
            try:
                socket.create_server(("127.0.0.1", port - 1)).close()
            except OSError:
                continue
            break
        yield port


def test_a_port_that_the_second_size_would_take_is_named_at_once(
    make_app: MakeApp, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    as_on_a_larger_machine(monkeypatch)
    with taken_port_after_a_free_one() as port:
        config = tmp_path / "cluster.toml"
        # The first port is for jobs without a size.
        config.write_text(
            '[executor]\non = "local"\nnodes = 1\ncores_per_node = 4\nmemory_per_node = "8GiB"\n'
            f"worker_port = {port - 1}\n"
        )
        with pytest.raises(JobFailedError, match=f"Parsl cannot listen at 127.0.0.1:{port}: Address already"):
            run_app(
                app_of_types(make_app, "x2", "x4"),
                {"waits": False},
                sizes="instance",
                executor_config=str(config),
            )
