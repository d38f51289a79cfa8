"""`dx-local serve` and `dx-local env`: start, find, stop, and start again."""

from __future__ import annotations

import json
import os
import shlex
import shutil
import signal
import socket
import sqlite3
import subprocess
from contextlib import ExitStack
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from tests.forked import run_ours
from tests.local_server import DX_LOCAL, LocalServer, user_variables
from tests.screens import Terminal

from dx_local.engine.service.state_folder import ServerInfo, hold
from dx_local.platform.core.context import Platform

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    Serve = Callable[..., LocalServer]


@pytest.fixture
def serve(tmp_path: Path) -> Iterator[Serve]:
    """Start servers on one state folder; those that still run end with the test."""
    with ExitStack() as stack:
        yield lambda *options: stack.enter_context(LocalServer(tmp_path, options))


def run(home: Path, *arguments: str | Path, **options: Any) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        arguments,
        env=user_variables(home),
        cwd=home,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        **options,
    )


def dx_local(home: Path, *arguments: str | Path) -> subprocess.CompletedProcess[str]:
    return run_ours("dx-local", arguments, user_variables(home), home)


def test_one_object_says_how_to_reach_the_server(serve: Serve) -> None:
    server = serve()
    assert set(server.ready) == {
        "schema", "url", "project", "state", "pid", "variables", "unset", "programs", "error"
    }  # fmt: skip
    assert server.ready["pid"] == server.process.pid
    assert server.ready["state"] == str(server.state)


def test_a_shell_becomes_a_client(serve: Serve, tmp_path: Path) -> None:
    server = serve()
    script = (
        f"export DX_PROJECT_CONTEXT_ID=project-of-the-cloud DX_JOB_ID=job-x; "
        f'eval "$({DX_LOCAL} env --state state)"; eval "$({DX_LOCAL} env --state state)"; '
        "dx whoami && dx pwd && dx env --bash && dx select --help >/dev/null"
    )
    done = run(tmp_path, "bash", "-c", script)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("local\nlocal:/\n")
    assert f"DX_PROJECT_CONTEXT_ID={server.project}" in done.stdout
    assert not (tmp_path / ".dnanexus_config").exists()


UNDOES = """
DX_SECURITY_CONTEXT=mine; export DX_SECURITY_CONTEXT
DX_USERNAME=me; export DX_USERNAME
PS1='$ '; env | sort > before
eval "$({dx_local} env --state state --prompt)"
eval "$({dx_local} env --state state)"
echo "$PS1${{DX_USERNAME-none}} $DX_APISERVER_PORT"
kill {pid}
eval "$({dx_local} env --unset)"
echo "$PS1$DX_USERNAME $DX_SECURITY_CONTEXT"
env | sort | diff before -
eval "$({dx_local} env --unset)"
"""


@pytest.mark.parametrize(
    "shell", ["bash", *(pytest.param(name, marks=pytest.mark.slow) for name in ("sh", "zsh"))]
)
def test_a_shell_is_as_before_once_it_has_left_even_a_stopped_server(
    serve: Serve, tmp_path: Path, shell: str
) -> None:
    if shutil.which(shell) is None:
        pytest.skip(f"{shell} is not installed")
    server = serve()
    port = server.ready["variables"]["DX_APISERVER_PORT"]
    done = run(tmp_path, shell, "-c", UNDOES.format(dx_local=DX_LOCAL, pid=server.process.pid))
    assert done.stdout.splitlines() == [f"(dx-local) $ none {port}", "$ me mine"], done.stdout + done.stderr
    assert done.stderr == "This shell is not connected to a local platform.\n"
    assert "mine" not in dx_local(tmp_path, "env", "--state", "state").stdout


def test_text_ends_with_a_line_that_says_ready(tmp_path: Path) -> None:
    with subprocess.Popen(
        [DX_LOCAL, "serve", "--state", "it's here"],
        cwd=tmp_path,
        env=user_variables(tmp_path),
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout
        lines = []
        for line in process.stdout:
            lines.append(line)
            if line.startswith("# ready "):
                process.send_signal(signal.SIGINT)
    assert process.returncode == 130
    exported = shlex.split("".join(lines), comments=True)
    assert f"DX_USER_CONF_DIR={tmp_path}/it's here/dnanexus_config" in exported


def test_a_terminal_shows_the_command_that_connects_a_shell(tmp_path: Path) -> None:
    state = tmp_path / "my state"
    cache = user_variables(tmp_path)["XDG_CACHE_HOME"]
    terminal = Terminal("serve", "--state", str(state), columns=200, XDG_CACHE_HOME=cache)
    try:
        shown = terminal.read_until_all(r"# ready http://127\.0\.0\.1:\d+ project-\w+")
        assert f"eval \"$(dx-local env --state '{state}')\"\n# ready" in shown
        assert "DX_SECURITY_CONTEXT" not in terminal.written
    finally:
        terminal.process.sendintr()
        assert terminal.read_to_end() == 130


def test_a_server_goes_on_when_nobody_reads_what_it_says(tmp_path: Path) -> None:
    with subprocess.Popen(
        [DX_LOCAL, "serve", "--state", "state"],
        env=user_variables(tmp_path),
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as process:
        assert process.stdout
        assert process.stderr
        process.stdout.close()
        process.stderr.close()
        ready = LocalServer(tmp_path, ready=json.loads(env_of(tmp_path)))
        assert ready.final(ready.run(ready.new_applet("quick", "main() { true; }")))["state"] == "done"
        process.send_signal(signal.SIGHUP)
    assert process.returncode == 129


def env_of(home: Path) -> str:
    return dx_local(home, "env", "--state", "state", "--wait", "30", "--json").stdout


def test_without_a_worker_environment_there_is_still_a_platform(tmp_path: Path) -> None:
    offline = {
        "XDG_CACHE_HOME": str(tmp_path / "cache"),
        "UV_CACHE_DIR": str(tmp_path / "uv"),
        "UV_OFFLINE": "1",
    }
    with LocalServer(tmp_path, extra=offline) as server:
        assert "dx is not available, and jobs cannot run" in server.errors
        failed = server.final(server.run(server.new_applet("quick", "main() { true; }")))
        assert failed["failureReason"] == "ExecutionError"
        assert "could not be created" in failed["failureMessage"]


def test_what_reaches_a_server_is_for_its_user_only(serve: Serve) -> None:
    state = serve().state
    for file in (state / "dx-local.json", state / "dnanexus_config" / "environment.json"):
        assert file.stat().st_mode & 0o777 == 0o600
    assert state.stat().st_mode & 0o777 == 0o700


def test_the_selected_project_and_folder_are_kept_apart_from_the_users_own(serve: Serve) -> None:
    server = serve()
    server.dx("new", "project", "other", "--brief", "--select")
    server.dx("mkdir", "/f")
    server.dx("cd", "/f")
    assert server.dx("pwd") == "other:/f"
    server.dx("select", "local")
    assert server.dx("pwd") == "local:/"


def test_two_servers_on_one_state_are_refused(serve: Serve, tmp_path: Path) -> None:
    server = serve()
    done = dx_local(tmp_path, "serve", "--state", "state", "--json")
    assert done.returncode == 4
    error = json.loads(done.stdout)["error"]
    assert error["code"] == "state"
    assert str(server.process.pid) in error["message"]


@pytest.mark.parametrize("options", [[], ["--json"], ["--wait", "0.2"]])
def test_env_without_a_server_says_how_to_start_one(tmp_path: Path, options: list[str]) -> None:
    done = dx_local(tmp_path, "env", *options)
    assert done.returncode == 2
    assert f"dx-local serve --state {tmp_path}/.local/state/dx-local/platform" in done.stdout + done.stderr


def test_env_does_not_take_a_killed_server_for_a_running_one(serve: Serve, tmp_path: Path) -> None:
    serve().end(signal.SIGKILL)
    done = dx_local(tmp_path, "env", "--state", "state", "--json")
    assert (done.returncode, json.loads(done.stdout)["error"]["code"]) == (2, "not-running")


def test_env_waits_by_itself_for_a_server_that_is_not_ready_yet(tmp_path: Path) -> None:
    starting = ServerInfo(token="t", secret="s", project="p", port=1)
    with hold(tmp_path / "state") as state:
        state.save(starting)
        with subprocess.Popen(
            [DX_LOCAL, "env", "--state", "state", "--json"],
            cwd=tmp_path,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=user_variables(tmp_path),
        ) as waiting:
            assert waiting.stderr
            assert waiting.stdout
            assert waiting.stderr.readline() == "Waiting for the server on 'state', which is starting.\n"
            state.save(replace(starting, pid=os.getpid()))
            assert json.loads(waiting.stdout.read())["url"] == "http://127.0.0.1:1"


def test_env_waits_for_a_server_that_starts(tmp_path: Path) -> None:
    with ExitStack() as stack:
        waiting = subprocess.Popen(
            [DX_LOCAL, "env", "--state", "state", "--wait", "30", "--json"],
            cwd=tmp_path,
            stdout=subprocess.PIPE,
            text=True,
            env=user_variables(tmp_path),
        )
        server = stack.enter_context(LocalServer(tmp_path))
        output, _ = waiting.communicate(timeout=60)
        assert json.loads(output) == server.ready


@pytest.mark.parametrize(
    ("number", "exit_code"), [(signal.SIGTERM, 143), (signal.SIGINT, 130), (signal.SIGKILL, -9)]
)
def test_what_was_acknowledged_is_there_after_a_restart(serve: Serve, number: int, exit_code: int) -> None:
    first = serve()
    file = first.dx("upload", "-", "--path", "/a.txt", "--brief", "--wait", stdin="hello")
    url = first.dx("make_download_url", file)
    assert first.end(number) == exit_code
    second = serve()
    assert second.dx("cat", "/a.txt") == "hello"
    same = ("url", "project", "variables")
    assert [second.ready[key] for key in same] == [first.ready[key] for key in same]
    assert run(second.home, "curl", "-sf", url).stdout == "hello"


def test_a_port_that_is_taken_meanwhile_is_left_to_its_taker(serve: Serve) -> None:
    first = serve()
    port = int(first.ready["variables"]["DX_APISERVER_PORT"])
    first.end(signal.SIGTERM)
    with socket.create_server(("127.0.0.1", port)):
        second = serve()
        assert second.ready["url"] != first.ready["url"]
        assert second.dx("whoami") == "local"


def test_a_chosen_port_that_is_taken_is_an_error(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        done = dx_local(tmp_path, "serve", "--state", "state", "--port", port)
    assert done.returncode == 2
    assert f"port {port} cannot be used: Address already in use" in done.stderr


def test_fresh_starts_empty_and_leaves_what_is_not_ours(serve: Serve) -> None:
    first = serve()
    first.dx("upload", "-", "--path", "/a.txt", "--brief", "--wait", stdin="hello")
    (first.state / "notes.txt").write_text("mine")
    first.end(signal.SIGTERM)
    second = serve("--fresh")
    assert second.dx("ls") == ""
    assert second.project != first.project
    assert (second.state / "notes.txt").read_text() == "mine"


def test_fresh_removes_everything_that_a_server_made(serve: Serve) -> None:
    first = serve()
    table = first.post(
        "/gtable/new", {"project": first.project, "columns": [{"name": "n", "type": "int32"}]}
    )["id"]
    first.post(f"/{table}/addRows", {"part": 1, "data": [[1]]})
    first.dx("upload", "-", "--path", "/a.txt", "--brief", "--wait", stdin="hello")
    assert first.final(first.run(first.new_applet("quick", "main() { true; }")))["state"] == "done"
    first.end(signal.SIGKILL)
    made = {path.name for path in first.state.iterdir()}
    assert {"gtables", "jobs", "files"} <= made
    serve("--fresh").end(signal.SIGTERM)
    assert not any((first.state / "files").iterdir())
    of_sqlite = {"platform.sqlite-shm", "platform.sqlite-wal"}
    assert {path.name for path in first.state.iterdir()} == made - {"gtables", "jobs"} - of_sqlite


@pytest.mark.parametrize("options", [[], ["--fresh"]])
def test_a_first_start_that_was_cut_short_does_not_block_the_folder(
    serve: Serve, tmp_path: Path, options: list[str]
) -> None:
    (tmp_path / "state" / "files").mkdir(parents=True)
    (tmp_path / "state" / "dx-local.lock").touch()
    assert serve(*options).dx("ls") == ""


@pytest.mark.parametrize("options", [[], ["--fresh"]])
def test_a_folder_of_somebody_else_is_refused_and_left_alone(tmp_path: Path, options: list[str]) -> None:
    (tmp_path / "state" / "files").mkdir(parents=True)
    (tmp_path / "state" / "files" / "thesis.txt").write_text("years of work")
    done = dx_local(tmp_path, "serve", "--state", "state", *options)
    assert done.returncode == 4
    assert "holds files that are not part of a platform of dx-local" in done.stderr
    assert [path.name for path in (tmp_path / "state").rglob("*")] == ["files", "thesis.txt"]


@pytest.mark.parametrize("mark", ["", "[]", "{}", '{"madeBy": "dx-local serve", "schema": 99}'])
def test_a_mark_that_is_not_ours_is_refused(tmp_path: Path, mark: str) -> None:
    (tmp_path / "state").mkdir()
    (tmp_path / "state" / "dx-local.json").write_text(mark)
    done = dx_local(tmp_path, "serve", "--state", "state", "--fresh")
    assert done.returncode == 4
    assert "this version of dx-local did not write" in done.stderr


def test_tables_of_another_version_are_refused(tmp_path: Path) -> None:
    Platform.open(tmp_path / "state").store.close()
    with sqlite3.connect(tmp_path / "state" / "platform.sqlite") as database:
        database.execute("PRAGMA user_version = 999")
    database.close()
    done = dx_local(tmp_path, "serve", "--state", "state")
    assert done.returncode == 4
    assert "another version of dx-local: its tables are of version 999" in done.stderr


def test_a_broken_database_is_refused_and_fresh_mends_it(serve: Serve, tmp_path: Path) -> None:
    server = serve()
    server.end(signal.SIGTERM)
    (server.state / "platform.sqlite").write_bytes(b"no database" * 1000)
    done = dx_local(tmp_path, "serve", "--state", "state")
    assert done.returncode == 4
    assert "cannot be read: file is not a database" in done.stderr
    assert serve("--fresh").dx("ls") == ""


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_that_cannot_be_written_is_an_error(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    assert dx_local(tmp_path, "serve", "--state", "state").returncode == 4


def test_a_file_in_place_of_the_folder_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "state").write_text("")
    assert dx_local(tmp_path, "serve", "--state", "state").returncode == 2


def test_the_workspace_of_a_run_can_be_served(serve: Serve, echo_app: Path, tmp_path: Path) -> None:
    done = dx_local(tmp_path, "run", echo_app, "-in=7", "--workspace-path", "state", "-q")
    assert done.returncode == 0, done.stderr
    server = serve()
    assert server.describe(server.dx("find", "jobs", "--brief"))["output"]["echo"]["n"] == 7
