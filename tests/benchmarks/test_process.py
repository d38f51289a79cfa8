"""Tests of the benchmarks: commands are measured, no process is left behind, and probes return figures."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from benchmarks.commits import full_hash, installed
from benchmarks.peers.environment import programs_of
from benchmarks.process import CommandError

from dx_app_wizard.user_dirs import cache_dir

ROOT = Path(__file__).parents[2]

RUN = """
import sys
from pathlib import Path
from benchmarks import process
from dx_local.worker.process import linux

linux.adopt_orphans()
process.LIMIT_SECONDS = 0.5
try:
    print(process.run(process.Command(["bash", "-c", sys.argv[1]], Path.cwd(), {"A": "b"}, "line")))
except process.CommandError as error:
    print("failed:", error)
"""


def run(script: str) -> str:
    command = [sys.executable, "-c", RUN, script]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60, check=True)
    return done.stdout


def test_a_command_is_given_its_input_and_variables() -> None:
    assert "output='line b'" in run('echo -n "$(cat) $A"')


def test_processes_that_live_on_are_counted_and_ended() -> None:
    said = run("setsid sleep 61 < /dev/null & echo $!")
    assert "left_over=1" in said
    pid = said.partition("output='")[2].partition("\\")[0]
    assert not Path("/proc", pid).exists()


BURN = "import time\nwhile time.process_time() < 0.1: pass"


def test_the_time_of_orphans_counts() -> None:
    said = run(f"(setsid {sys.executable} -c '{BURN}' &) &")
    assert float(said.partition("cpu_seconds=")[2].partition(",")[0]) > 0.1


def test_the_reason_of_a_failure_is_its_last_line() -> None:
    assert run("echo once; echo no such thing >&2; exit 3") == "failed: ends with 3: no such thing\n"


def test_a_command_that_takes_too_long_is_ended() -> None:
    assert run("sleep 62 & wait") == "failed: has not ended after 0.5 seconds\n"


def benchmark(*options: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "benchmarks", "--plan", "tiny", *options]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=110, check=False)


@pytest.mark.slow
def test_our_own_probes_return_figures() -> None:
    done = benchmark("--only", "inside")
    assert done.returncode == 0, done.stderr
    assert "Measurements that failed" not in done.stdout
    assert "| `dx upload` | 0." in done.stdout


@pytest.mark.slow
def test_an_earlier_commit_takes_turns(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    environments = cache_dir("dx-local") / "environments"
    environments.mkdir(parents=True, exist_ok=True)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    (tmp_path / "dx-local").mkdir()
    (tmp_path / "dx-local" / "environments").symlink_to(environments)
    head = full_hash("HEAD")
    done = benchmark("--only", "resume", "--against", head[:12])
    assert done.returncode == 0, done.stderr
    assert f"**Compared with commit {head[:12]}**" in done.stdout
    assert "\n| resume of a finished run | " in done.stdout
    assert done.stderr.count("round 1 of 1: resume of a finished run, before\n") == 1
    assert installed(head, pytest.fail).commit == head


@pytest.mark.parametrize("commit", ["no-such-commit", "HEAD:Makefile", "--all", ""])
def test_a_commit_that_does_not_exist_is_reported(commit: str) -> None:
    done = benchmark(f"--against={commit}")
    assert (done.returncode, done.stdout) == (2, "")
    assert f"has no commit {commit!r}" in done.stderr


def test_a_peer_that_cannot_be_installed_is_reported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    with pytest.raises(CommandError, match="cannot be installed: error: Distribution not found"):
        programs_of("peer", [f"{tmp_path}/nowhere-1.0-py3-none-any.whl"])
