"""The local executor: lines, ends, kills, and what is left behind."""

from __future__ import annotations

import asyncio
import os
import resource
import signal
import socket
import subprocess
import sys
import textwrap
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from tests.worker.conftest import zygotes_of
from tests.worker.remote_workshop import RemoteWorkshop

import dx_local.worker
from dx_local.engine.environments.python_environments import WorkerEnvironment

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.worker.conftest import Sleep, Workshop

    from dx_local.engine.executors.protocol import Launch


@pytest.fixture(scope="module")
def remote_workshop(
    tmp_path_factory: pytest.TempPathFactory, worker_environment: WorkerEnvironment
) -> Iterator[RemoteWorkshop]:
    shop = RemoteWorkshop(tmp_path_factory.mktemp("remote"), worker_environment)
    yield shop
    shop.close()
    shop.loop.close()


@pytest.fixture(params=["local", "remote"])
def anywhere(request: pytest.FixtureRequest) -> Workshop:
    """The workshop, on this machine and on a node."""
    name = "workshop" if request.param == "local" else "remote_workshop"
    shop: Workshop = request.getfixturevalue(name)
    return shop


@pytest.mark.parametrize(
    ("interpreter", "code", "expected"),
    [
        pytest.param("python3", "x = 1", 0, id="python-end"),
        pytest.param("python3", "import sys; sys.exit(0)", 0, id="python-exit-0"),
        pytest.param("python3", "import sys; sys.exit(3)", 3, id="python-exit-3"),
        pytest.param("python3", "import sys; sys.exit(None)", 0, id="python-exit-none"),
        pytest.param("python3", "import sys; sys.exit('no')", 1, id="python-exit-text"),
        pytest.param("python3", "import os; os._exit(9)", 9, id="python-os-exit"),
        pytest.param("python3", "1 / 0", 1, id="python-exception"),
        pytest.param("python3", "import os; os.kill(os.getpid(), 9)", -9, id="python-signal"),
        pytest.param("bash", "main() { :; }", 0, id="bash-end"),
        pytest.param("bash", "main() { exit 7; }", 7, id="bash-exit-7"),
        pytest.param("bash", "main() { kill -9 $$; }", -9, id="bash-signal"),
    ],
)
def test_exit_code_is_reported(anywhere: Workshop, interpreter: str, code: str, expected: int) -> None:
    assert anywhere.run(code, interpreter).code == expected


def test_lines_come_in_order_and_land_in_the_log_once(anywhere: Workshop) -> None:
    job = anywhere.run("for i in range(500): print('line', i)")
    assert job.said() == [f"line {i}" for i in range(500)]
    assert job.folder.log.read_text() == "".join(f"line {i}\n" for i in range(500))


def test_stdout_and_stderr_are_told_apart(anywhere: Workshop) -> None:
    job = anywhere.run("main() { echo out; echo err >&2; printf unfinished; }", "bash")
    assert job.said("STDOUT") == ["out", "unfinished"]
    assert job.said("STDERR") == ["err"]


def test_lines_arrive_while_the_job_runs(anywhere: Workshop) -> None:
    job_id = anywhere.start("print('ready')\nimport time\ntime.sleep(100)")
    anywhere.wait_for_line(job_id, "ready")
    anywhere.executor.kill(job_id)
    assert anywhere.wait(job_id).code == -signal.SIGTERM


def test_text_of_any_script_is_kept(anywhere: Workshop) -> None:
    assert anywhere.run("print('naïve 日本 \\U0001f9ec')").said() == ["naïve 日本 🧬"]


def test_bytes_that_are_not_text_become_replacement_characters(anywhere: Workshop) -> None:
    assert anywhere.run(r"main() { printf 'a\xffb\n'; }", "bash").said() == ["a\ufffdb"]


def test_a_line_of_ten_megabytes_comes_in_pieces(anywhere: Workshop) -> None:
    job = anywhere.run("print('é' * 5_000_000)")
    assert "".join(job.said()) == "é" * 5_000_000
    assert max(len(piece.encode()) for piece in job.said()) <= 64 * 1024


def test_stdin_is_empty(anywhere: Workshop) -> None:
    assert anywhere.run("import sys; print(repr(sys.stdin.read()))").said() == ["''"]


def test_jobs_share_neither_globals_nor_folder_nor_variables(workshop: Workshop) -> None:
    workshop.run(
        "import os, json, dxpy\njson.spoiled = dxpy.spoiled = 1\nos.environ['SPOILED'] = '1'\nos.chdir('/')"
    )
    job = workshop.run(
        "import os, json\n"
        "print(hasattr(json, 'spoiled'), hasattr(dxpy, 'spoiled'), 'SPOILED' in os.environ)\n"
        "print(os.getcwd())"
    )
    assert job.said() == ["False False False", job.home]


def test_random_numbers_differ_between_jobs(anywhere: Workshop) -> None:
    code = "import random; print(random.random())"
    assert anywhere.run(code).said() != anywhere.run(code).said()


def test_the_hosts_variables_stay_out(own_workshop: Workshop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DX_SECURITY_CONTEXT", '{"auth_token": "secret"}')
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    monkeypatch.setenv("PYTHONPATH", "/secret")
    job = own_workshop.run("main() { env; }", "bash")
    assert not [line for line in job.said() if "secret" in line]


def test_the_users_own_configuration_of_dx_is_not_read(
    own_workshop: Workshop, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / ".dnanexus_config").mkdir()
    (tmp_path / ".dnanexus_config" / "environment.json").write_text(
        '{"DX_PROJECT_CONTEXT_ID": "project-secret"}'
    )
    monkeypatch.setenv("HOME", str(tmp_path))
    assert own_workshop.run("print(dxpy.PROJECT_CONTEXT_ID)").said() == ["None"]


def test_many_jobs_at_once_keep_apart(anywhere: Workshop) -> None:
    jobs = [anywhere.start(f"print({number})") for number in range(40)]
    assert [anywhere.wait(job_id).said() for job_id in jobs] == [[str(number)] for number in range(40)]


def test_kill_reaches_the_whole_group(anywhere: Workshop, sleep: Sleep) -> None:
    job_id = anywhere.start(f"main() {{ {sleep.command} & echo ready; wait; }}", "bash")
    anywhere.wait_for_line(job_id, "ready")
    anywhere.executor.kill(job_id)
    assert anywhere.wait(job_id).code == -signal.SIGTERM
    assert sleep.has_ended()


def test_kill_ends_by_force_what_ignores_it(anywhere: Workshop) -> None:
    job_id = anywhere.start("main() { trap '' TERM; echo ready; while :; do sleep 1000; done; }", "bash")
    anywhere.wait_for_line(job_id, "ready")
    started = time.monotonic()
    anywhere.executor.kill(job_id)
    assert anywhere.wait(job_id).code == -signal.SIGKILL
    assert time.monotonic() - started < 5


def test_kill_right_after_start_ends_the_job(anywhere: Workshop) -> None:
    job_id = anywhere.start("import time; time.sleep(1000)")
    anywhere.executor.kill(job_id)
    assert anywhere.wait(job_id).code == -signal.SIGTERM


def test_kill_of_an_ended_job_does_nothing(anywhere: Workshop) -> None:
    job_id = anywhere.start("x = 1")
    anywhere.wait(job_id)
    anywhere.executor.kill(job_id)


@pytest.mark.parametrize("background", ["{} &", "setsid {} &", "(setsid {} & echo $!) &"])
def test_what_a_job_leaves_running_does_not_keep_it_from_ending(
    anywhere: Workshop, sleep: Sleep, background: str
) -> None:
    job = anywhere.run(f"main() {{ {background.format(sleep.command)} echo $!; }}", "bash")
    assert job.code == 0
    assert sleep.has_ended()


def test_a_daemon_of_a_running_job_is_left_alone(workshop: Workshop) -> None:
    job_id = workshop.start(
        "mkfifo gate\n"
        "main() { (setsid sleep 1000 & echo $! > pid) ; echo ready; read < gate; kill -0 $(cat pid); }",
        "bash",
    )
    workshop.wait_for_line(job_id, "ready")
    workshop.run("main() { :; }", "bash")
    (gate,) = workshop.folder.glob(f"*{job_id}/home/gate")
    gate.write_text("go\n")
    assert workshop.wait(job_id).code == 0


def test_closing_ends_running_jobs_and_leaves_nothing(own_workshop: Workshop, sleep: Sleep) -> None:
    code = f"main() {{ setsid {sleep.command} & echo ready; wait; }}"
    jobs = [own_workshop.start(code, "bash") for _ in range(3)]
    for job_id in jobs:
        own_workshop.wait_for_line(job_id, "ready")
    own_workshop.close()
    ended = [own_workshop.wait(job_id) for job_id in jobs]
    assert [job.code for job in ended] == [-signal.SIGKILL] * 3
    assert sleep.has_ended()


def test_a_closed_executor_starts_nothing(own_workshop: Workshop) -> None:
    own_workshop.close()
    with pytest.raises(RuntimeError, match="closed"):
        own_workshop.start("x = 1")


@pytest.mark.parametrize("is_outer", [True, False])
def test_jobs_of_a_zygote_that_dies_fail_and_later_ones_run(
    own_workshop: Workshop, sleep: Sleep, is_outer: bool
) -> None:
    job_id = own_workshop.start(f"main() {{ echo ready; {sleep.command}; }}", "bash")
    own_workshop.wait_for_line(job_id, "ready")
    os.kill(zygotes_of(own_workshop)[0 if is_outer else -1], signal.SIGKILL)
    job = own_workshop.wait(job_id)
    assert job.code is None
    assert "ended" in job.said("STDERR")[0]
    assert sleep.has_ended()
    assert own_workshop.run("print('again')").said() == ["again"]


def test_an_environment_that_does_not_work_fails_the_job(own_workshop: Workshop, tmp_path: Path) -> None:
    python = tmp_path / "python"
    python.write_text("#!/bin/sh\necho no dxpy here >&2\nexit 1\n")
    python.chmod(0o755)
    job = own_workshop.run("x = 1", environment=WorkerEnvironment(python, tmp_path, "0"))
    assert job.code != 0
    assert "no dxpy here" in job.folder.log.read_text()


def test_a_python_that_is_not_there_is_reported_at_once(own_workshop: Workshop, tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        own_workshop.start("x = 1", environment=WorkerEnvironment(tmp_path / "python", tmp_path, "0"))
    assert own_workshop.run("print('still works')").said() == ["still works"]


def test_a_machine_out_of_descriptors_is_reported_and_recovers(own_workshop: Workshop) -> None:
    own_workshop.run("x = 1")
    limits = resource.getrlimit(resource.RLIMIT_NOFILE)
    before = set(Path("/proc/self/fd").iterdir())
    lowest_free = os.open("/dev/null", os.O_RDONLY)
    os.close(lowest_free)
    resource.setrlimit(resource.RLIMIT_NOFILE, (lowest_free, limits[1]))
    try:
        with pytest.raises(OSError, match="Too many open files"):
            own_workshop.start("x = 1")
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, limits)
    assert set(Path("/proc/self/fd").iterdir()) == before
    assert own_workshop.run("print('still works')").said() == ["still works"]


def test_no_descriptor_is_left_open(workshop: Workshop) -> None:
    workshop.run("x = 1")
    before = set(Path("/proc/self/fd").iterdir())
    for _ in range(5):
        workshop.run("x = 1")
    assert set(Path("/proc/self/fd").iterdir()) == before


def test_jobs_inherit_no_descriptor(anywhere: Workshop) -> None:
    job = anywhere.run("import os; print(sorted(int(name) for name in os.listdir('/proc/self/fd'))[:-1])")
    assert job.said() == ["[0, 1, 2]"]


def test_log_messages_arrive_with_their_level(anywhere: Workshop) -> None:
    job = anywhere.run(
        "import logging\n"
        "logging.getLogger().addHandler(dxpy.DXLogHandler())\n"
        "logging.warning('careful')\n"
        "logging.critical('first\\nsecond')\n"
    )
    logged = [(line.source, line.message) for line in job.lines if line.source == "DX_APP"]
    assert logged == [("DX_APP", "careful"), ("DX_APP", "first"), ("DX_APP", "second")]
    assert job.said("WARNING") == ["careful"]


def test_killing_the_command_itself_leaves_neither_job_nor_folder(
    worker_environment: WorkerEnvironment, tmp_path: Path, sleep: Sleep, gone: Callable[[int], bool]
) -> None:
    script = f"""
        import sys
        sys.path.insert(0, {str(Path(__file__).parents[2])!r})
        from pathlib import Path
        from tests.worker.conftest import Workshop, zygotes_of
        from dx_local.engine.environments.python_environments import WorkerEnvironment
        bin = Path({str(worker_environment.bin)!r})
        shop = Workshop(Path({str(tmp_path)!r}), WorkerEnvironment(bin / "python", bin, ""))
        job_id = shop.start("main() {{ setsid {sleep.command} & echo ready; wait; }}", "bash")
        shop.wait_for_line(job_id, "ready")
        print(shop.executor._folder.path, *zygotes_of(shop), flush=True)
        shop.wait(job_id)
    """
    with subprocess.Popen([sys.executable, "-c", textwrap.dedent(script)], stdout=subprocess.PIPE) as command:
        assert command.stdout is not None
        folder, *zygotes = command.stdout.readline().decode().split()
        assert sleep.runs(1)
        command.kill()
    assert sleep.has_ended()
    assert all(gone(int(pid)) for pid in zygotes)  # they tidy up
    assert not Path(folder).exists()


def test_a_zygote_whose_executor_was_killed_removes_its_folder(
    worker_environment: WorkerEnvironment, tmp_path: Path
) -> None:
    folder = tmp_path / "dx-folder"
    folder.mkdir()
    ours, theirs = socket.socketpair()
    ours.close()
    script = Path(dx_local.worker.__file__).with_name("zygote.py")
    with theirs:
        command: list[str | Path] = [worker_environment.python, "-I", "-X", "utf8", script]
        command += [str(theirs.fileno()), folder, worker_environment.bin, "", "auto", tmp_path]
        subprocess.run(command, pass_fds=[theirs.fileno()], check=True, timeout=60)
    assert not folder.exists()


def test_the_start_of_a_job_can_be_cancelled_while_others_wait(
    own_workshop: Workshop, monkeypatch: pytest.MonkeyPatch
) -> None:
    start = own_workshop.executor.start

    async def cancelled(launch: Launch) -> None:
        task = asyncio.ensure_future(start(launch))
        await asyncio.sleep(0)  # it waits for the zygote now
        task.cancel()
        await asyncio.wait([task])

    monkeypatch.setattr(own_workshop.executor, "start", cancelled)
    own_workshop.start("")
    monkeypatch.undo()
    assert own_workshop.run("print('hello')").said() == ["hello"]
