"""The measured usage of jobs: of all their processes, however they end."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.conftest import ServedPlatform
    from tests.worker.conftest import Ended, Workshop

    from dx_local.platform.execution.job_usage import JobUsage

MIB = 1 << 20
BURN = "import time\nwhile time.process_time() < 0.2: pass"
HOLD = "x = bytearray(150 << 20)"


def usage(job: Ended) -> JobUsage:
    assert job.end.usage is not None
    return job.end.usage


@pytest.mark.parametrize("ending", ["", "\nraise SystemExit(3)", "\nimport os; os.kill(os.getpid(), 9)"])
def test_memory_and_cpu_time_of_a_python_job(workshop: Workshop, ending: str) -> None:
    used = usage(workshop.run(f"{HOLD}\n{BURN}{ending}"))
    assert 150 * MIB <= used.memory < 300 * MIB
    assert 0.2 <= used.cpu_seconds < 1


def test_a_child_that_bash_waits_for_counts(workshop: Workshop) -> None:
    used = usage(workshop.run(f"main() {{ python3 -c '{HOLD}\n{BURN}'; }}", "bash"))
    assert 150 * MIB <= used.memory < 300 * MIB
    assert used.cpu_seconds >= 0.2


def burns_behind(shop: Workshop, prefix: str) -> bool:
    """Return whether a process counts that a job starts in this way and leaves running."""
    code = f"main() {{ ({prefix}python3 -c '{BURN}\nprint(1, flush=True)\ntime.sleep(60)' &) | head -n 1; }}"
    return usage(shop.run(code, "bash")).cpu_seconds >= 0.2


@pytest.mark.parametrize("prefix", ["", "setsid "])
def test_what_a_job_leaves_running_counts(isolated: Workshop, prefix: str) -> None:
    assert burns_behind(isolated, prefix)


@pytest.mark.parametrize(("prefix", "counts"), [("", True), ("setsid ", False)])
def test_without_a_sandbox_what_a_job_leaves_running_counts_if_it_is_of_its_session(
    bare_workshop: Workshop, prefix: str, counts: bool
) -> None:
    assert burns_behind(bare_workshop, prefix) is counts


def test_a_daemon_that_has_ended_counts(workshop: Workshop) -> None:
    wait = "sleep 0.1; while pgrep -f burn.py > /dev/null; do sleep 0.1; done"
    code = f"cat > burn.py <<'END'\n{BURN}\nEND\nmain() {{ (python3 burn.py &); {wait}; }}"
    assert usage(workshop.run(code, "bash")).cpu_seconds >= 0.2


def test_a_killed_jobs_children_count(workshop: Workshop) -> None:
    job_id = workshop.start(
        f"main() {{ python3 -c '{BURN}\nprint(1, flush=True)\ntime.sleep(60)'; }}", "bash"
    )
    workshop.wait_for_line(job_id, "1")
    workshop.executor.kill(job_id)
    assert usage(workshop.wait(job_id)).cpu_seconds >= 0.2


def test_disk_is_the_size_of_the_home_at_the_end(workshop: Workshop) -> None:
    code = "mkdir -p in/a; truncate -s 5M in/a/x; ln in/a/x y; ln -s /usr z; truncate -s 99M gone; rm gone"
    used = usage(workshop.run(f"main() {{ {code}; }}", "bash"))
    assert 10 * MIB <= used.disk < 11 * MIB


def test_what_is_left_in_a_jobs_own_tmp_counts(isolated: Workshop) -> None:
    code = "mkdir -p /tmp/a /var/tmp; truncate -s 5M /tmp/a/x; truncate -s 2M /var/tmp/y; true > ~/z"
    used = usage(isolated.run(f"main() {{ {code}; }}", "bash"))
    assert 7 * MIB <= used.disk < 8 * MIB


def test_disk_of_many_files(workshop: Workshop) -> None:
    used = usage(
        workshop.run("main() { mkdir {1..30}; printf 12345 | tee {1..30}/{1..30} > /dev/null; }", "bash")
    )
    assert 900 * 5 <= used.disk < 900 * 5 + 10_000


def test_a_job_without_a_home_is_measured(workshop: Workshop) -> None:
    assert usage(workshop.run('main() { rm -rf "$HOME"; }', "bash")).disk == 0


def test_tools_count_for_the_job_that_called_them(workshop: Workshop, served: ServedPlatform) -> None:
    bare, calling = (
        usage(workshop.run_on(served, f"main() {{ {code}; }}", "bash"))
        for code in ("dx --help > /dev/null", "head -c 40M /dev/zero | dx upload --brief -")
    )
    assert calling.memory > bare.memory + 35 * MIB
