"""The configuration of Parsl, and what is rejected before Parsl starts anything."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from parsl.jobs.states import JobState, JobStatus

from dx_app_wizard.installation import install_hint
from dx_local.engine.cluster.settings import ClusterSettings
from dx_local.engine.executors.remote.node.guard import FENCE_SECONDS
from dx_local.engine.executors.remote.parsl.configuration import (
    ExecutorCallbacks,
    NodeExecutor,
    make_config,
    make_executor,
)
from dx_local.engine.executors.remote.parsl.failed_blocks import FailedBlocks
from dx_local.engine.executors.remote.parsl.providers import make_provider
from dx_local.engine.executors.remote.parsl.requirement import parsl_program
from dx_local.engine.executors.remote.parsl.selection import LeastLoadedFirst
from dx_local.engine.executors.remote.parsl.versions import differences, versions
from dx_local.errors import UsageError
from dx_local.testing import run_app

if TYPE_CHECKING:
    from collections.abc import Callable


def executor_for(job_cores: int = 1, **settings: Any) -> NodeExecutor:
    callbacks = ExecutorCallbacks(
        demand=lambda: 1,
        free_nodes=lambda: 1,
        make_room=lambda: None,
        on_requests=lambda *_: None,
        next_number=lambda: 1,
    )
    return make_executor(ClusterSettings(on="local", **settings), "127.0.0.1", job_cores, callbacks)


@pytest.fixture
def slurm_programs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Put programs on PATH that Parsl's provider for Slurm looks for."""
    for name in ("sbatch", "sacct"):
        (tmp_path / name).write_text("#!/bin/sh\nexit 1\n")
        (tmp_path / name).chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")


def test_parsl_tries_nothing_twice_and_encrypts() -> None:
    executor = executor_for()
    config = make_config(executor, Path("/tmp/run"))
    assert (config.retries, config.retry_handler, config.usage_tracking) == (0, None, 0)
    assert executor.encrypted is True
    assert (executor.heartbeat_period, executor.heartbeat_threshold) == (5, 30)
    assert executor.heartbeat_threshold > FENCE_SECONDS


def test_parsls_programs_are_found_without_path() -> None:
    executor = executor_for()
    assert executor.interchange_launch_cmd[0] == sys.executable
    assert f"exec {sys.executable} -m " in executor.launch_cmd
    assert parsl_program("process_worker_pool.py").is_file()
    with pytest.raises(FileNotFoundError, match="no program nothing"):
        parsl_program("nothing")


@pytest.mark.parametrize(("job_cores", "jobs", "workers"), [(1, 8, 32), (4, 2, 8)])
def test_a_node_has_further_workers_for_jobs_that_wait(job_cores: int, jobs: int, workers: int) -> None:
    executor = executor_for(job_cores, cores_per_node=8)
    assert (executor.workers_per_node, executor.workers_of_node) == (jobs, workers)
    assert 8 / executor.cores_per_worker == workers


@pytest.mark.usefixtures("slurm_programs")
def test_arguments_reach_parsls_provider() -> None:
    settings = ClusterSettings(
        on="slurm", nodes=3, cores_per_node=4, memory_per_node=9 << 30, provider=(("partition", "short"),)
    )
    provider = make_provider(settings, 4)
    assert (provider.partition, provider.max_blocks, provider.min_blocks) == ("short", 3, 0)
    assert (provider.cores_per_node, provider.mem_per_node, provider.exclusive) == (4, 9, False)
    assert provider.status_polling_interval <= 10


@pytest.mark.usefixtures("slurm_programs")
@pytest.mark.parametrize(
    ("provider", "message"),
    [
        ({"partitoin": "short"}, "Parsl's provider for slurm has no argument 'partitoin'"),
        ({"max_blocks": 3}, "max_blocks is set by dx-local"),
        ({"partition": 3}, "partition"),
    ],
)
def test_an_unusable_argument_of_the_provider_is_rejected(provider: dict[str, Any], message: str) -> None:
    with pytest.raises(UsageError) as caught:
        make_provider(ClusterSettings(on="slurm", provider=tuple(provider.items())), None)
    assert caught.value.message.startswith("[executor.provider]: ")
    assert message in caught.value.message


def test_a_scheduler_must_be_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(UsageError, match="the program qsub is not on PATH"):
        make_provider(ClusterSettings(on="pbs"), None)


def test_a_run_without_parsl_names_the_extra(
    make_app: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda _name: None)
    with pytest.raises(UsageError, match="jobs on a cluster need Parsl") as caught:
        run_app(make_app("true\n", interpreter="bash"), on="local")
    assert caught.value.hint == install_hint("parsl")


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("cores_per_node = 4096", "cores_per_node is 4096, but this machine has "),
        ('memory_per_node = "900TiB"', "memory_per_node is 900 TiB, but this machine has "),
        ('python = "/nope/python"', "'/nope/python', which is no program on this machine"),
        ('run_dir = "/proc/nope"', "'/proc/nope/dx-local-"),
        ("[executor.provider]\npartition = 'x'", "Parsl's provider for local has no argument 'partition'"),
    ],
)
def test_what_can_be_known_here_is_refused_before_a_run_begins(
    make_app: Callable[..., Path], tmp_path: Path, line: str, message: str
) -> None:
    config = tmp_path / "cluster.toml"
    config.write_text(f'[executor]\non = "local"\n{line}\n')
    folder, app = tmp_path / "run", make_app("main() { true; }\n", interpreter="bash")
    with pytest.raises(UsageError) as caught:
        run_app(app, folder=folder, executor_config=str(config))
    assert message in caught.value.message
    assert not folder.exists()


def test_a_node_that_is_lost_is_no_request_that_failed(monkeypatch: pytest.MonkeyPatch) -> None:
    said: list[str] = []
    executor = executor_for()
    monkeypatch.setattr(executor, "connected_blocks", lambda: ["0"])
    monkeypatch.setattr(executor, "connected_managers", list)
    blocks = FailedBlocks(said.append, said.append)
    blocks(executor, {"0": JobStatus(JobState.FAILED, exit_code=137)})
    assert said == []
    blocks(executor, {"1": JobStatus(JobState.MISSING, exit_code=2)})
    assert said == [
        "A batch job ended with exit code 2 before a worker came up on its node. It printed nothing."
    ]


def test_differing_versions_are_named() -> None:
    found = {**versions(), "parsl": "2020.1.1"}
    assert differences(versions(), versions(), "n1") == []
    assert differences(versions(), found, "n1") == [
        f"node n1 has Parsl 2020.1.1, but dx-local runs with Parsl {versions()['parsl']}"
    ]


def test_requests_that_wait_for_a_node_are_not_given_back(monkeypatch: pytest.MonkeyPatch) -> None:
    executor = executor_for()
    executor.blocks_to_job_id |= {"0": "100", "1": "101"}
    executor._status |= {block: JobStatus(JobState.PENDING) for block in ("0", "1")}
    monkeypatch.setattr(executor, "connected_managers", list)
    assert executor.scale_in(0, max_idletime=60) == []
    assert executor.scale_in(2, max_idletime=60) == []


def test_the_least_loaded_node_is_first() -> None:
    pools: dict[bytes, Any] = {
        b"busy": {"tasks": [1, 2], "worker_count": 4},
        b"free": {"tasks": [], "worker_count": 4},
        b"large": {"tasks": [1, 2, 3], "worker_count": 32},
    }
    assert LeastLoadedFirst().sort_managers(pools, set(pools)) == [b"busy", b"large", b"free"]
