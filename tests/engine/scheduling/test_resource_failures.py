"""Recognise failures for lack of memory or disk space, and explain them."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from dx_app_wizard.dxapp.instances import find_instance_type
from dx_local.engine.executors.protocol import JobExit
from dx_local.engine.scheduling.launches import memory_limit_of
from dx_local.engine.scheduling.resource_failures import (
    REASON,
    failure_of,
    next_larger,
)
from dx_local.engine.settings import parse_memory_limit
from dx_local.platform.core.full_disk import is_full
from dx_local.platform.core.states import Failure
from dx_local.platform.execution.job_usage import JobUsage
from dx_local.worker.process.oom_kills import OutOfMemoryKills

if TYPE_CHECKING:
    from pathlib import Path

    from dx_local.platform.core.schema import JobWorker

GIB = 1 << 30
REGION = "aws:us-east-1"
JOB: JobWorker = {"function": "align", "instance_type": "mem1_ssd1_v2_x4", "region": REGION}
USED = JobUsage(memory=3 * GIB // 2, cpu_seconds=1, disk=0)
QUIET = OutOfMemoryKills()


def because(message: str, reason: str = "AppInternalError", end: JobExit | None = None) -> Failure:
    return failure_of(JOB, end or JobExit(1), Failure(reason, message), QUIET)


@pytest.mark.parametrize(
    "message",
    [
        "MemoryError",
        "numpy._core._exceptions._ArrayMemoryError: Unable to allocate 7.45 GiB",
        "terminate called after throwing an instance of 'std::bad_alloc'",
        "java.lang.OutOfMemoryError: Java heap space",
        "bash: fork: Cannot allocate memory",
        "bash: xmalloc: cannot allocate 1048576 bytes",
        "samtools sort: couldn't allocate memory for bam_mem",
        "sort: memory exhausted",
        "# There is insufficient memory for the Java Runtime Environment to continue.",
        "[E::sam_read1] Out of memory",
    ],
)
@pytest.mark.parametrize("reason", ["AppError", "AppInternalError"])
def test_a_message_that_tells_of_a_shortage_makes_the_reason(message: str, reason: str) -> None:
    assert because(message, reason) == Failure(REASON, message)


@pytest.mark.parametrize(
    "message",
    ["cp: error writing 'x': No space left on device", "OSError: [Errno 122] Disk quota exceeded"],
)
def test_a_message_about_a_full_disk_gets_the_platforms_warning(message: str) -> None:
    expected = f"{message} Warning: Low disk space during this job."
    assert because(message) == Failure(REASON, expected)


def test_a_failure_on_a_full_disk_is_a_shortage_even_if_its_message_is_silent() -> None:
    failure = failure_of(JOB, JobExit(1), Failure("AppError", "no luck"), QUIET, disk_is_full=True)
    assert failure == Failure(REASON, "no luck Warning: Low disk space during this job.")
    output_error = Failure("OutputError", "no output")
    assert failure_of(JOB, JobExit(0), output_error, QUIET, disk_is_full=True) == output_error


def test_a_disk_with_space_is_not_full(tmp_path: Path) -> None:
    assert (is_full(tmp_path), is_full(tmp_path / "gone")) == (False, False)


@pytest.mark.parametrize(
    ("message", "reason"),
    [
        ("MemoryError", "OutputError"),
        ("the memory of reads is long; cannot allocate them to bins", "AppError"),
        ("ended with exit code 1", "AppInternalError"),
        ("was killed by signal 9 (SIGKILL)", "AppInternalError"),
    ],
)
def test_other_failures_stay_what_they_are(message: str, reason: str) -> None:
    assert because(message, reason) == Failure(reason, message)


def test_a_kill_at_the_limit_names_limit_and_remedy() -> None:
    end = JobExit(-9, USED, memory_limit=8 * GIB, killed_for_memory=1)
    first, said, remedy = re.split(
        r"(?<=job\.|GiB\.)[ \n](?=[A-Z])", because("It was killed.", end=end).message
    )
    assert first == "It was killed. Warning: Out of memory error occurred during this job."
    assert said == "The job needs more memory than its limit of 8.0 GiB."
    assert "more memory, such as mem2_ssd1_v2_x4 (16 GiB): runSpec.systemRequirements" in remedy
    assert '{"align": {"instanceType": …}}' in remedy


def test_a_limit_below_the_instance_types_memory_may_be_raised() -> None:
    message = because("MemoryError", end=JobExit(1, USED, memory_limit=2 * GIB)).message
    assert message == (
        "MemoryError\nThe job's memory limit is 2.0 GiB; its largest process held 1.5 GiB."
        " Pass a larger --memory-limit: mem1_ssd1_v2_x4 has 8 GiB."
    )


@pytest.mark.parametrize(
    ("exit_code", "message", "is_shortage"),
    [
        (-9, "was killed", True),
        (137, "ended", True),
        (1, "died with <Signals.SIGKILL: 9>", True),
        (1, "ended", False),
    ],
)
def test_a_kill_while_the_machine_was_full(
    tmp_path: Path, exit_code: int, message: str, is_shortage: bool
) -> None:
    statistics = tmp_path / "vmstat"
    statistics.write_text("nr_free_pages 1\noom_kill 3\n")
    kills = OutOfMemoryKills(statistics)
    assert not kills.happened()
    statistics.write_text("nr_free_pages 1\noom_kill 4\n")
    failures = [
        failure_of(JOB, JobExit(exit_code), Failure("AppInternalError", message), kills) for _ in range(2)
    ]
    assert [failure.reason == REASON for failure in failures] == [is_shortage] * 2
    assert is_shortage == ("--max-parallel" in failures[0].message)
    warning = f"{message} Warning: Out of memory error occurred during this job.\n"
    assert is_shortage == failures[0].message.startswith(warning)


@pytest.mark.parametrize("ran_out", [False, True])
def test_a_kill_on_a_node_counts_if_that_node_was_full(ran_out: bool) -> None:
    message = because("was killed", end=JobExit(-9, node="n1", memory_ran_out=ran_out)).message
    assert ("Node n1 ran out of memory, or of the memory that its scheduler grants" in message) == ran_out


def test_a_limit_is_a_size_or_that_of_the_instance_type() -> None:
    assert memory_limit_of(JOB, parse_memory_limit("2GiB")) == 2 * GIB
    assert memory_limit_of(JOB, parse_memory_limit("instance")) == 8 * GIB
    assert memory_limit_of({**JOB, "instance_type": "mem9_ssd9_x9"}, "instance") is None


@pytest.mark.parametrize(
    ("name", "larger"),
    [("mem1_ssd1_v2_x2", "mem2_ssd1_v2_x2"), ("mem3_ssd1_v2_x2", "mem3_ssd1_v2_x4")],
)
def test_the_next_larger_instance_type_has_as_many_cores_if_there_is_one(name: str, larger: str) -> None:
    worker = find_instance_type(name, REGION)
    assert worker is not None
    found = next_larger(worker, REGION)
    assert found is not None
    assert (found.memory_gib > worker.memory_gib, found.name) == (True, larger)
