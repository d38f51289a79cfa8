"""Memory limits of jobs: for each process or, with control groups, for all processes together.

The tests with groups run where DX_LOCAL_CGROUP says in which folder of the machine to make them.
"""

from __future__ import annotations

import asyncio
import os
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from tests.worker.conftest import Workshop

from dx_local.engine.executors.cgroups import VARIABLE, MemoryGroups, NoControlGroupsError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.conftest import ServedPlatform

    from dx_local.engine.environments.python_environments import WorkerEnvironment

MIB = 1 << 20
LIMIT = 200 * MIB
TAKES = "x = bytearray(300 << 20)"
IN_CHILD = f"main() {{ python3 -c '{TAKES}'; }}"
# Two processes with half of it each.
TOGETHER = """main() {
    for n in 1 2; do python3 -c 'import time; x = bytearray(120 << 20); time.sleep(5)' & done
    wait -n
}"""

with_groups = pytest.mark.skipif(
    os.environ.get(VARIABLE, "none") == "none", reason=f"{VARIABLE} does not say where to make groups"
)


@pytest.fixture
def grouped(tmp_path: Path, worker_environment: WorkerEnvironment) -> Iterator[Workshop]:
    """An executor that enforces memory limits with control groups."""
    shop = Workshop(tmp_path, worker_environment, memory_limit=LIMIT)
    yield shop
    shop.close()
    shop.loop.close()
    assert not list(Path(os.environ[VARIABLE]).glob("dx-local-*"))


@pytest.mark.parametrize(("code", "interpreter"), [(TAKES, "python3"), (IN_CHILD, "bash")])
def test_a_process_cannot_hold_more_than_the_limit(workshop: Workshop, code: str, interpreter: str) -> None:
    job = workshop.run(code, interpreter, memory_limit=LIMIT)
    assert job.code == 1
    assert job.said("STDERR")[-1] == "MemoryError"
    assert (job.end.memory_limit, job.end.killed_for_memory) == (LIMIT, 0)


def test_a_job_within_its_limit_and_one_without_are_left_alone(workshop: Workshop) -> None:
    assert workshop.run("x = bytearray(100 << 20)", memory_limit=LIMIT).code == 0
    assert workshop.run(TAKES).code == 0


def test_tools_are_held_to_the_limit(workshop: Workshop, served: ServedPlatform) -> None:
    code = "main() { head -c 300M /dev/zero | dx upload --brief -; }"
    job = workshop.run_on(served, code, "bash", memory_limit=100 * MIB)
    assert (job.code, job.said("STDERR")[-1]) == (1, "MemoryError")


@with_groups
@pytest.mark.parametrize(
    ("code", "interpreter", "exit_code"),
    [(TAKES, "python3", -9), (IN_CHILD, "bash", 137), (TOGETHER, "bash", 137)],
)
def test_a_group_is_held_together(grouped: Workshop, code: str, interpreter: str, exit_code: int) -> None:
    job = grouped.run(code, interpreter, memory_limit=LIMIT)
    assert job.code == exit_code
    assert (job.end.memory_limit, job.end.killed_for_memory) == (LIMIT, 1)


@with_groups
def test_a_group_counts_warm_tools(grouped: Workshop, served: ServedPlatform) -> None:
    code = "main() { head -c 300M /dev/zero | dx upload --brief -; }"
    job = grouped.run_on(served, code, "bash", memory_limit=60 * MIB)
    assert job.end.killed_for_memory >= 1


@with_groups
def test_jobs_within_their_groups_are_left_alone(grouped: Workshop) -> None:
    jobs = [grouped.start("x = bytearray(50 << 20)", memory_limit=LIMIT) for _ in range(6)]
    assert [(job.code, job.end.killed_for_memory) for job in map(grouped.wait, jobs)] == [(0, 0)] * 6


@with_groups
def test_groups_of_killed_jobs_are_removed(grouped: Workshop) -> None:
    job_id = grouped.start("main() { echo up; sleep 60 & sleep 60; }", "bash", memory_limit=LIMIT)
    grouped.wait_for_line(job_id, "up")
    grouped.executor.kill(job_id)
    assert grouped.wait(job_id).code != 0


@with_groups
def test_each_try_of_a_job_gets_a_group_of_its_own(grouped: Workshop) -> None:
    variables = {"DX_JOB_ID": "job-000000000000000000000007"}
    for _ in range(2):
        job_id = grouped.start(
            "main() { echo up; setsid sleep 60 & }", "bash", variables=variables, memory_limit=LIMIT
        )
        assert grouped.wait(job_id).code == 0


@with_groups
def test_what_a_killed_executor_left_is_removed() -> None:
    left = Path(os.environ[VARIABLE]) / "dx-local-999999999-0"
    left.mkdir()
    asyncio.run(MemoryGroups().close())
    assert not left.exists()


def test_a_place_where_no_groups_can_be_made_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(VARIABLE, str(tmp_path / "nowhere"))
    with pytest.raises(NoControlGroupsError, match=r"nowhere: No such file or directory"):
        MemoryGroups()
    monkeypatch.setenv(VARIABLE, str(tmp_path))
    with pytest.raises(NoControlGroupsError, match=str(tmp_path)):
        MemoryGroups()
    assert not list(tmp_path.glob("dx-local-*"))
