"""`dx-local` on macOS, simulated on Linux by darwin_shim.py; nothing here has run on a Mac."""

from __future__ import annotations

import json
import os
import signal
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from tests.platforms.surroundings import DX_LOCAL, Surroundings, macos
from tests.worker.conftest import Sleep

if TYPE_CHECKING:
    from tests.conftest import MakeApp

pytestmark = [pytest.mark.slow, pytest.mark.platforms]

WIZARD = DX_LOCAL.with_name("dx-app-wizard")
OUTPUTS = {"told": "string"}


@pytest.fixture(scope="module")
def mac(tmp_path_factory: pytest.TempPathFactory) -> Surroundings:
    return macos(tmp_path_factory.mktemp("mac"))


def output(done: subprocess.CompletedProcess[str]) -> dict[str, Any]:
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)["output"]
    return found


def test_the_doctor_reports_a_mac(mac: Surroundings) -> None:
    done = mac.run("doctor", "--json")
    answer = json.loads(done.stdout)
    assert answer["isolation"] == "none: only Linux has the namespaces that sandboxes require"
    assert answer["bash"]["problem"] is None


@pytest.mark.parametrize("language", ["python", "bash"])
@pytest.mark.parametrize("pattern", ["basic", "parallelized", "scatter-process-gather"])
def test_a_generated_app_counts_right(mac: Surroundings, tmp_path: Path, language: str, pattern: str) -> None:
    options = ["--input", "reads:file", "--output", "n_lines:int", "--no-input"]
    made = subprocess.run(
        [WIZARD, "app", "--language", language, "--template", pattern, *options],
        cwd=tmp_path,
        env={**os.environ, **mac.variables},
        check=False,
        capture_output=True,
        text=True,
    )
    assert made.returncode == 0, made.stderr
    (tmp_path / "reads.txt").write_text("ACGT\n" * 1600)
    done = mac.run("run", "app", "-ireads=reads.txt", "--json", folder=tmp_path)
    assert output(done) == {"n_lines": 1600}
    assert done.stderr.count("without a sandbox: only Linux has the namespaces") == 1


TELLS_VARIABLES = """
import os, subprocess
@dxpy.entry_point("main")
def main():
    names = ("OBJC_DISABLE_INITIALIZE_FORK_SAFETY", "no_proxy", "LC_ALL", "LANG")
    return {"told": " ".join(os.environ[name] for name in names)}
"""


def test_jobs_have_variables_for_forks_and_a_locale_that_exists(mac: Surroundings, make_app: MakeApp) -> None:
    app = make_app(TELLS_VARIABLES, outputs=OUTPUTS)
    assert output(mac.run("run", app, "--json")) == {"told": "YES * en_US.UTF-8 en_US.UTF-8"}


@pytest.mark.parametrize("limit", ["1GiB", "instance"])
def test_a_memory_limit_is_refused(mac: Surroundings, make_app: MakeApp, limit: str) -> None:
    done = mac.run("run", make_app("", outputs={}), "--memory-limit", limit)
    assert done.returncode == 2
    assert "macOS cannot limit the memory of jobs" in done.stderr
    assert "Leave out --memory-limit" in done.stderr


@pytest.mark.parametrize("prefix", ["", "setsid "], ids=["in its group", "as a daemon"])
def test_processes_that_a_job_leaves_end_with_it(mac: Surroundings, make_app: MakeApp, prefix: str) -> None:
    sleep = Sleep()
    app = make_app(f"main() {{ {prefix}{sleep.command} & }}", interpreter="bash")
    assert output(mac.run("run", app, "--json")) == {}
    assert sleep.has_ended()


def test_a_filter_passes_on_the_last_output(mac: Surroundings, make_app: MakeApp) -> None:
    code = 'main() { exec > >(while read -r line; do sleep 0.3; echo "got $line"; done); echo last; }'
    done = mac.run("run", make_app(code, interpreter="bash"), "--progress", "plain")
    assert done.returncode == 0, done.stderr
    assert "got last" in done.stdout + done.stderr


@pytest.mark.parametrize("victim", ["the zygote", "dx-local"])
def test_jobs_end_when_their_parents_are_killed(
    mac: Surroundings, make_app: MakeApp, tmp_path: Path, victim: str
) -> None:
    sleep, marker = Sleep(), tmp_path / "marker"
    once = f"mkdir {marker} || exit 1"  # a job whose zygote is killed is tried again
    app = make_app(f"main() {{ {once}; setsid {sleep.command} & {sleep.command}; }}", interpreter="bash")
    process = subprocess.Popen(
        [DX_LOCAL, "run", app], env={**os.environ, **mac.variables}, stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )  # fmt: skip
    try:
        assert sleep.runs(2, within_seconds=60)
        children = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
        (zygote,) = (pid for pid in map(int, children) if b"zygote.py" in _command_line(pid))
        os.kill(zygote if victim == "the zygote" else process.pid, signal.SIGKILL)
        assert sleep.has_ended()
        process.wait(60)
    finally:
        process.kill()
        process.wait()


def _command_line(pid: int) -> bytes:
    return Path(f"/proc/{pid}/cmdline").read_bytes()


def test_a_served_platform_runs_dx(mac: Surroundings, make_app: MakeApp, tmp_path: Path) -> None:
    make_app("main() { dx-jobutil-add-output told yes; }", interpreter="bash", outputs=OUTPUTS)
    (tmp_path / "reads.txt").write_text("ACGT\n")
    commands = "dx upload reads.txt --brief >/dev/null && dx cat reads.txt && dx build app >/dev/null"
    done = mac.run(
        "exec", "--", "bash", "-ec", f"{commands} && dx run app -y --wait --brief", folder=tmp_path
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("ACGT\njob-")
