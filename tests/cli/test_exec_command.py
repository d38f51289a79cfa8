"""`dx-local exec`: exit codes, signals, and cleaning up."""

from __future__ import annotations

import signal
import subprocess
from typing import TYPE_CHECKING

import pexpect
import pytest
from tests.forked import run_ours
from tests.local_server import DX_LOCAL, LocalServer, processes_in, user_variables

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def temporary(tmp_path: Path) -> Path:
    folder = tmp_path / "tmp"
    folder.mkdir()
    return folder


def variables(home: Path) -> dict[str, str]:
    return {
        **user_variables(home),
        "TMPDIR": str(home / "tmp"),
        "DX_PROJECT_CONTEXT_ID": "project-of-the-cloud",
    }


def start(home: Path, *arguments: str | Path) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [DX_LOCAL, "exec", *arguments],
        env=variables(home),
        cwd=home,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


def run(home: Path, *arguments: str | Path) -> tuple[int, str, str]:
    done = run_ours("dx-local", ["exec", *arguments], variables(home), home)
    return done.returncode, done.stdout, done.stderr


def test_a_command_is_a_client_of_a_platform_of_its_own(tmp_path: Path, temporary: Path) -> None:
    script = "echo hello | dx upload - --path /a.txt --brief --wait >/dev/null && dx pwd && dx cat /a.txt"
    assert run(tmp_path, "--", "bash", "-c", script) == (0, "local:/\nhello\n", "")
    assert list(temporary.iterdir()) == []
    assert list(tmp_path.iterdir()) == [temporary]


@pytest.mark.parametrize(
    ("script", "exit_code"), [("exit 0", 0), ("exit 7", 7), ("kill -TERM $$", 143), ("kill -KILL $$", 137)]
)
def test_the_exit_code_is_that_of_the_command(
    tmp_path: Path, temporary: Path, script: str, exit_code: int
) -> None:
    assert run(tmp_path, "bash", "-c", script)[0] == exit_code
    assert list(temporary.iterdir()) == []


def test_options_after_the_command_are_its_own(tmp_path: Path, temporary: Path) -> None:
    assert run(tmp_path, "echo", "--state", "--help", "-h")[:2] == (0, "--state --help -h\n")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_signals_are_passed_on(tmp_path: Path, temporary: Path, number: int) -> None:
    script = "trap 'echo got it; exit 9' INT TERM; echo ready; while true; do sleep 0.05; done"
    with start(tmp_path, "--", "bash", "-c", script) as process:
        assert process.stdout
        assert process.stdout.readline() == "ready\n"
        process.send_signal(number)
        output, _ = process.communicate(timeout=60)
    assert (process.returncode, output) == (9, "got it\n")
    assert list(temporary.iterdir()) == []


def test_nohup_holds_for_the_command(tmp_path: Path, temporary: Path) -> None:
    script = "echo ready; sleep 0.5; exit 3"
    with subprocess.Popen(
        ["nohup", DX_LOCAL, "exec", "--", "bash", "-c", script],
        env={**user_variables(tmp_path), "TMPDIR": str(temporary)},
        cwd=tmp_path,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout
        assert process.stdout.readline() == "ready\n"
        process.send_signal(signal.SIGHUP)
    assert process.returncode == 3


@pytest.mark.parametrize(
    ("program", "exit_code", "message"),
    [("no-such-program", 127, "was not found"), ("./broken", 126, "cannot be executed")],
)
def test_a_command_that_cannot_be_run_is_named(
    tmp_path: Path, temporary: Path, program: str, exit_code: int, message: str
) -> None:
    (tmp_path / "broken").write_bytes(b"\x7fELF?")
    (tmp_path / "broken").chmod(0o755)
    found, output, errors = run(tmp_path, "--", program)
    assert (found, output) == (exit_code, "")
    assert f"program {program!r} {message}" in errors
    assert list(temporary.iterdir()) == []


def test_without_a_command_the_usage_is_shown(tmp_path: Path, temporary: Path) -> None:
    exit_code, _, errors = run(tmp_path)
    assert exit_code == 2
    assert "Missing argument" in errors


def test_a_state_is_kept_for_the_next_command(tmp_path: Path, temporary: Path) -> None:
    assert run(tmp_path, "--state", "kept", "dx", "mkdir", "/here")[0] == 0
    assert run(tmp_path, "--state", "kept", "dx", "ls")[:2] == (0, "here/\n")


def test_a_state_that_is_served_is_refused(tmp_path: Path, temporary: Path) -> None:
    with LocalServer(tmp_path):
        exit_code, _, errors = run(tmp_path, "--state", "state", "true")
    assert exit_code == 4
    assert "another process serves" in errors
    assert f'eval "$(dx-local env --state {tmp_path / "state"})"' in errors


def test_a_shell_in_a_terminal_keeps_ctrl_c_to_itself(tmp_path: Path, temporary: Path) -> None:
    shell = pexpect.spawn(
        str(DX_LOCAL),
        ["exec", "--", "bash", "--norc", "--noprofile"],
        env={**user_variables(tmp_path), "TMPDIR": str(temporary), "PS1": "ready> ", "TERM": "dumb"},
        cwd=str(tmp_path),
        encoding="utf-8",
        timeout=30,
    )
    shell.expect("ready> ")
    # Only what runs in the foreground by now is sure to get the signal.
    shell.sendline("bash -c 'echo begun $((6 * 7)); exec sleep 600'")
    shell.expect("begun 42")
    shell.sendintr()
    shell.expect("ready> ")
    shell.sendline("dx pwd; exit 5")
    shell.expect("local:/")
    shell.expect(pexpect.EOF)
    shell.close()
    assert shell.exitstatus == 5
    assert list(temporary.iterdir()) == []


def test_ctrl_c_in_a_terminal_reaches_the_command_once(tmp_path: Path, temporary: Path) -> None:
    script = "trap 'n=$((n + 1))' INT; echo ready; until [ $n ]; do sleep 0.02; done; sleep 0.3; exit $n"
    running = pexpect.spawn(
        str(DX_LOCAL),
        ["exec", "--", "bash", "-c", script],
        env={**user_variables(tmp_path), "TMPDIR": str(temporary)},
        cwd=str(tmp_path),
        encoding="utf-8",
        timeout=30,
    )
    running.expect("ready")
    running.sendintr()
    running.expect(pexpect.EOF)
    running.close()
    assert running.exitstatus == 1


def test_jobs_end_with_the_command(tmp_path: Path, temporary: Path, sleeping_app: Path) -> None:
    script = f"dx build {sleeping_app} --brief >&2 && dx run sleeps -y --brief >&2 && sleep 1"
    exit_code, _, errors = run(tmp_path, "--", "bash", "-c", script)
    assert exit_code == 0, errors
    assert list(temporary.iterdir()) == []
    assert processes_in(tmp_path) == []
