"""Jobs are separated from each other, and from the processes and files of the user."""

from __future__ import annotations

import os
import shutil
import signal
import stat
import subprocess
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from tests.worker.conftest import Workshop, by_nobody, run_by_nobody

import dx_local.worker

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.conftest import RunningPlatform, ServedPlatform
    from tests.worker.conftest import Sleep

    from dx_local.engine.environments.python_environments import WorkerEnvironment

CHECKOUT = Path(__file__).parents[3]
# A folder of the host that is visible to jobs, because it contains programs for them.
OF_THE_HOST = Path(dx_local.worker.__file__).parent
OVERLAY = f"""
mount -t tmpfs x /mnt; cd /mnt; mkdir upper work shown
mount -t overlay x -o lowerdir={OF_THE_HOST},upperdir=upper,workdir=work,userxattr shown
touch shown/of-a-job; test -f shown/zygote.py
"""
REMOUNTED = f"mount --bind {OF_THE_HOST} {OF_THE_HOST}; ! mount -o remount,bind,rw {OF_THE_HOST}"
# Each exits with 0 and prints nothing, as root and as an ordinary user.
SCRIPTS = {
    "the job is not the first process": "test $$ -ne 1; test -d /proc/$$; test -d /proc/self; kill -0 1",
    "it sees no others": 'test "$(ps -A -o pid= | wc -l)" -le 5',
    "the first process cannot be killed": "kill -9 1; kill -TERM 1; kill -INT 1; sleep 0.1; kill -0 1",
    "the first process cannot be looked into": "! ls /proc/1/root/; ! ls /proc/1/fd; ! cat /proc/1/environ",
    "the first process cannot be followed": "! nsenter --target 1 --mount true",
    "the parent is nowhere": "! ls -d /proc/$PPID/root",
    "no other /proc is below": 'umount -l /proc; test -z "$(ls /proc)"',
    "what is read-only stays so": "! mount -o remount,bind,rw /dev; ! touch /dev/of-a-job",
    "nor does binding make it writable": f"{REMOUNTED}; ! touch {OF_THE_HOST}/of-a-job",
    "what is mounted stays there": "! umount -l /tmp; ! umount -l /dev; ! umount -l /.dx-local/sandboxes",
    "the folders of other jobs are hidden": 'test -z "$(ls -A /.dx-local/sandboxes)"',
    "the homes of others are hidden": 'test "$(ls -A /home)" = dnanexus',
    "kill %1": "set -m; sleep 100 & kill %1; wait %1 || test $? -eq 143",
    "mount -t proc": "mkdir new; mount -t proc proc new; test -d new/$$; umount new; rmdir new",
    "unshare -m": "unshare -m sh -ec 'mount -t tmpfs x /mnt; touch /mnt/file'; test ! -e /mnt/file",
    "an overlay": f"unshare -m sh -ec '{OVERLAY}'",
    "mount --rbind": "unshare -m sh -ec 'mount --rbind / /mnt; test -d /mnt/usr/bin -a -d /mnt/proc/self'",
    "chroot": "unshare -m sh -ec 'mount --rbind / /mnt; chroot /mnt /usr/bin/env true'",
    "a second PID namespace": "unshare -pf --mount-proc sh -ec 'test $$ -eq 1; ! pgrep bash'",
    "a second user namespace": "unshare -Urpmf --mount-proc sh -ec 'test $$ -eq 1; mount -t tmpfs x /mnt'",
}


@pytest.mark.parametrize("script", SCRIPTS.values(), ids=SCRIPTS)
def test_in_a_job(isolated: Workshop, script: str) -> None:
    job = isolated.run(f"main() {{\n{script}\n}} 2> /dev/null", "bash")
    assert (job.code, job.lines) == (0, [])


def test_in_jobs_of_an_ordinary_user(folder_of_nobody: Path) -> None:
    done = by_nobody(folder_of_nobody, *(f"exec 2> /dev/null\n{script}" for script in SCRIPTS.values()))
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("kill -TERM $$; sleep 5", -signal.SIGTERM),
        ("kill -9 $$; sleep 5", -signal.SIGKILL),
        ("exec > >(exec true); sleep 0.2; echo a; echo b; sleep 5", -signal.SIGPIPE),
        ("sleep 5 & kill -9 -1; exit 7", 7),
        ("kill -TERM 0; sleep 5", -signal.SIGTERM),
    ],
)
def test_a_signal_ends_the_shell_as_on_a_worker(isolated: Workshop, code: str, expected: int) -> None:
    assert isolated.run(f"main() {{ {code}; }}", "bash").code == expected


@contextmanager
def of_the_user(sleep: Sleep) -> Iterator[int]:
    """Run a process outside of all jobs; yield its ID."""
    with subprocess.Popen(sleep.command.split()) as process:
        try:
            yield process.pid
        finally:
            process.kill()


@pytest.mark.parametrize("code", ["sleep 9 & kill -9 -1", "pkill sleep", "pkill -9 -f 864"])
def test_processes_of_other_jobs_and_of_the_user_go_on(isolated: Workshop, sleep: Sleep, code: str) -> None:
    job_id = isolated.start(f"main() {{ {sleep.command} & echo ready; wait; }}", "bash")
    isolated.wait_for_line(job_id, "ready")
    with of_the_user(sleep):
        assert sleep.runs(2)
        isolated.run(f"main() {{ {code}; }}", "bash")
        assert len(sleep.pids()) == 2
    isolated.executor.kill(job_id)
    assert isolated.wait(job_id).code == -signal.SIGTERM


def test_a_job_in_python_is_kept_apart_as_well(isolated: Workshop, sleep: Sleep) -> None:
    code = """
import os, signal, subprocess
own = subprocess.Popen(["sleep", "9"])
os.kill(-1, signal.SIGKILL)
own.wait()
print(os.getppid(), os.getpid() != 1, os.access("/proc/self/oom_score_adj", os.W_OK))
print(subprocess.run(["pgrep", "-c", "sleep"], capture_output=True, text=True).stdout.strip())
"""
    with of_the_user(sleep) as pid:
        assert isolated.run(code).said() == ["0 True True", "0"]
        assert sleep.pids() == [pid]


def test_temporary_files_of_another_job_cannot_be_found(isolated: Workshop) -> None:
    job_id = isolated.start("main() { echo x > /tmp/of-another; echo ready; sleep 100; }", "bash")
    isolated.wait_for_line(job_id, "ready")
    found = isolated.run("main() { find / -name of-another 2> /dev/null || true; }", "bash")
    assert found.said() == []
    isolated.executor.kill(job_id)
    isolated.wait(job_id)


def test_waiting_in_the_background(isolated: Workshop, served: ServedPlatform) -> None:
    script = """
    file=$(echo x | dx upload --brief --wait --destination x -)
    dx wait $file & wait -n; echo $?
    timeout 1 dx wait $DX_JOB_ID || echo $?
    dx wait $DX_JOB_ID & sleep 0.5; kill $!; wait $! || echo $?
    """
    job = isolated.run_on(served, f"main() {{\n{script}\n}}", "bash")
    assert job.said()[-3:] == ["0", "124", "143"]


def test_dx_terminate_ends_daemons_as_well(running: RunningPlatform, sleep: Sleep) -> None:
    code = f"main() {{ (setsid {sleep.command} &); dx terminate $DX_JOB_ID; sleep 60; }}"
    job = running.run(code, "bash", {})
    assert running.post(f"/{job}/describe")["state"] == "terminated"
    assert sleep.has_ended()


@pytest.fixture
def homely(worker_environment: WorkerEnvironment) -> Iterator[Workshop]:
    """A workshop in the user's home, beside a file that no job needs."""
    folder = Path(tempfile.mkdtemp(prefix=".dx-local-test-", dir=Path.home()))
    (folder / "secret").write_text("secret")
    shop = Workshop(folder / "jobs", worker_environment)
    yield shop
    shop.close()
    shop.loop.close()
    shutil.rmtree(folder)


def test_of_the_users_home_there_is_what_the_job_needs(homely: Workshop) -> None:
    layer, source = homely.folder.parent / "app" / "resources", homely.folder.parent / "app" / "code.sh"
    (layer / "opt").mkdir(parents=True)
    (layer / "opt" / "brought").write_text("brought\n")
    other = homely.folder.parent / "shown"
    other.mkdir()
    (other / "file").write_text("shown\n")
    place = homely.folder.parent
    code = f"main() {{ find {place} -name secret; ls -A {place}; cat /opt/brought {other}/file; }}"
    source.write_text(code)
    job = homely.run(code, "bash", layers=(layer,), source=source, visible_paths=(other,))
    if not homely.is_isolated:
        pytest.skip(homely.no_sandbox_reason)
    assert (job.said(), job.said("STDERR")) == (["app", "jobs", "shown", "brought", "shown"], [])


@pytest.mark.skipif(not os.access(CHECKOUT, os.W_OK), reason="the checkout is another user's")
def test_what_the_user_calls_home_is_hidden_wherever_it_lies(
    own_workshop: Workshop, monkeypatch: pytest.MonkeyPatch
) -> None:
    with tempfile.TemporaryDirectory(prefix=".home-", dir=CHECKOUT) as home:
        for name in (".ssh", ".dnanexus_config"):
            Path(home, name).mkdir()
        monkeypatch.setenv("HOME", home)
        # In /tmp, which is empty for each job, the folder does not even exist.
        code = f"mkdir -p {home}; ls -A {home}; echo x > {home}/mine; cat {home}/mine"
        job = own_workshop.run(f"main() {{ {code}; }}", "bash")
        if not own_workshop.is_isolated:
            pytest.skip(own_workshop.no_sandbox_reason)
        assert (job.said(), job.said("STDERR")) == (["x"], [])
        assert sorted(path.name for path in Path(home).iterdir()) == [".dnanexus_config", ".ssh"]


def test_set_uid_bits_are_gone_with_the_job(workshop: Workshop) -> None:
    code = "cp /bin/true one; mkdir in; cp one in/two; chmod 6755 one; chmod 2710 in/two; ln one three"
    home = workshop.run(f"main() {{ {code}; }}", "bash").folder.home
    modes = [stat.S_IMODE((home / name).stat().st_mode) for name in ("one", "in/two", "three")]
    assert modes == [0o755, 0o710, 0o755]


@pytest.mark.skipif(os.getuid() != 0, reason="capabilities that ordinary users set are void outside")
@pytest.mark.skipif(not shutil.which("setcap"), reason="setcap is not installed")
def test_capabilities_of_files_are_gone_with_the_job(workshop: Workshop) -> None:
    job = workshop.run("main() { cp /bin/true one; setcap cap_net_admin+ep one; getcap one; }", "bash")
    if not workshop.is_isolated:
        pytest.skip(workshop.no_sandbox_reason)
    assert job.said() == ["one cap_net_admin=ep"]
    assert os.listxattr(job.folder.home / "one") == []


ADD_UP = """
import stat, sys
from pathlib import Path
sys.path.insert(0, sys.argv[1])
from dx_local.engine.executors.disk_usage import DiskUsage

home = Path(sys.argv[2])
program = home / "closed/deep/program"
program.parent.mkdir(parents=True)
program.write_bytes(b"12345")
program.chmod(0o4755)
for folder in (program.parent, program.parent.parent, home):
    folder.chmod(0)
use = DiskUsage(str(home))
print(use.add_up(), use.bytes, oct(stat.S_IMODE(program.stat().st_mode)))
"""


def test_set_uid_bits_are_gone_from_folders_that_a_job_closed(folder_of_nobody: Path) -> None:
    done = run_by_nobody(ADD_UP, folder_of_nobody)
    assert (done.stdout, done.stderr) == ("True 5 0o755\n", "")


@pytest.mark.parametrize("interpreter", ["bash", "python3"])
def test_jobs_run_below_the_shared_memory_that_they_have_for_themselves(
    worker_environment: WorkerEnvironment, monkeypatch: pytest.MonkeyPatch, interpreter: str
) -> None:
    with tempfile.TemporaryDirectory(dir="/dev/shm") as folder:
        monkeypatch.setattr(tempfile, "tempdir", folder)
        shop = Workshop(Path(folder, "jobs"), worker_environment)
        job = shop.run("print('ran')" if interpreter == "python3" else "echo ran", interpreter)
        shop.close()
        shop.loop.close()
    assert (job.code, job.said()) == (0, ["ran"])
