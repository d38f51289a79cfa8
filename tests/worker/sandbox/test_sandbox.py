"""The sandbox of a job: its content, its permissions, and its isolation from the host."""

from __future__ import annotations

import os
import shutil
import textwrap
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from dx_local.worker.sandbox.trial import SandboxError, check_support

if TYPE_CHECKING:
    from tests.worker.conftest import Workshop

AS_ROOT = pytest.mark.skipif(os.geteuid() != 0, reason="only root's jobs may remove files of root")


def said_by(workshop: Workshop, script: str, *layers: Path) -> list[str]:
    """Run a script as a job in bash; return its output."""
    job = workshop.run(f"main() {{\n{script}\n}}", "bash", layers=layers)
    assert job.code == 0, job.said("STDERR")
    return job.said()


@pytest.fixture
def layer(tmp_path: Path) -> Path:
    """An app's resources: programs, links, data, and folders that are links on the host."""
    for folder in ("usr/local/bin", "usr/share/reference", "bin", "opt/tool", "data", "etc"):
        (tmp_path / "layer" / folder).mkdir(parents=True)
    for name in ("usr/local/bin/greet", "bin/short", "usr/local/bin/nproc"):
        (tmp_path / "layer" / name).write_text(f"#!/bin/sh\necho {name}\n")
        (tmp_path / "layer" / name).chmod(0o751)
    (tmp_path / "layer" / "usr/local/bin/hello").symlink_to("greet")
    for name in ("usr/share/reference/genome.fa", "opt/tool/settings", "data/table", "etc/tool.conf"):
        (tmp_path / "layer" / name).write_text(f"{name}\n")
    return tmp_path / "layer"


def test_home_is_where_workers_have_it(isolated: Workshop) -> None:
    job = isolated.run("main() { echo $PWD $HOME ~; echo x > /home/dnanexus/file; cat ~/file; }", "bash")
    assert job.said() == ["/home/dnanexus /home/dnanexus /home/dnanexus", "x"]
    assert (job.folder.home / "file").read_text() == "x\n"


def test_a_job_is_root(isolated: Workshop) -> None:
    assert said_by(isolated, "whoami; id -u") == ["root", "0"]


def test_layers_lie_over_the_root(isolated: Workshop, layer: Path) -> None:
    script = """
    greet; hello; short; nproc; /bin/short; ls -ld /bin | cut -c 1
    stat -c %a /usr/local/bin/greet; readlink /usr/local/bin/hello
    cat /usr/share/reference/genome.fa /opt/tool/settings /data/table /etc/tool.conf
    """
    programs = ["usr/local/bin/greet", "usr/local/bin/greet", "bin/short", "usr/local/bin/nproc", "bin/short"]
    assert said_by(isolated, script, layer) == [
        *programs,
        *("l", "751", "greet"),
        *("usr/share/reference/genome.fa", "opt/tool/settings", "data/table", "etc/tool.conf"),
    ]


def test_the_upper_of_two_layers_wins(isolated: Workshop, layer: Path, tmp_path: Path) -> None:
    (tmp_path / "above" / "data").mkdir(parents=True)
    (tmp_path / "above" / "data" / "table").write_text("above\n")
    assert said_by(isolated, "cat /data/table; greet", tmp_path / "above", layer) == [
        "above",
        "usr/local/bin/greet",
    ]


def test_names_with_marks_of_mount_options_are_fine(isolated: Workshop, tmp_path: Path) -> None:
    layer = tmp_path / "a:b,c\\d e=é"
    (layer / "opt").mkdir(parents=True)
    (layer / "opt" / "there").write_text("yes\n")
    assert said_by(isolated, "cat /opt/there", layer) == ["yes"]


PLACES = (
    "/usr/local/bin",
    "/usr/share",
    "/usr/lib",
    "/etc",
    "/opt",
    "/var/lib",
    "/var/log",
    "/srv",
    "/mnt",
    "/",
)


def test_what_a_job_writes_outside_its_home_goes_with_it(isolated: Workshop) -> None:
    script = "\n".join(
        f"mkdir {place.rstrip('/')}/of-a-job; ls -d {place.rstrip('/')}/of-a-job" for place in PLACES
    )
    assert len(said_by(isolated, script)) == len(PLACES)
    assert not [place for place in PLACES if Path(place, "of-a-job").exists()]
    assert said_by(isolated, f"ls -d {{{','.join(PLACES)}}}/of-a-job 2>/dev/null || echo none") == ["none"]


def test_devices_can_be_used_and_not_removed(isolated: Workshop) -> None:
    script = """
    echo x > /dev/null; head -c 1 /dev/zero | wc -c; echo y > /dev/shm/file; cat /dev/shm/file
    python3 -c 'import os, pty; print(os.write(pty.openpty()[1], b"z"))'
    echo to stderr > /dev/stderr
    test -w /dev || echo kept
    """
    assert said_by(isolated, script) == ["1", "y", "1", "kept"]


def test_settings_of_the_kernel_cannot_be_changed(isolated: Workshop) -> None:
    settings = "/proc/sys/kernel/pid_max /proc/sysrq-trigger /sys/kernel"
    script = (
        f"for path in {settings}; do if test -w $path; then echo $path; fi; done; test -w /proc/self/comm"
    )
    assert said_by(isolated, script) == []


def test_files_of_the_system_can_be_changed_and_stay_as_they_were(isolated: Workshop) -> None:
    before = Path("/etc/hosts").read_bytes()
    script = "echo 127.0.0.9 there >> /etc/hosts; grep there /etc/hosts; rm -r /usr/share/doc || true"
    assert said_by(isolated, script) == ["127.0.0.9 there"]
    assert Path("/etc/hosts").read_bytes() == before
    assert Path("/usr/share/doc").is_dir()


def test_a_layer_stays_as_it_was(isolated: Workshop, layer: Path) -> None:
    script = "echo more >> /opt/tool/settings; rm /usr/local/bin/greet; cat /opt/tool/settings"
    assert said_by(isolated, script, layer) == ["opt/tool/settings", "more"]
    assert (layer / "opt/tool/settings").read_text() == "opt/tool/settings\n"
    assert (layer / "usr/local/bin/greet").exists()


def test_a_folder_of_the_user_cannot_be_changed(isolated: Workshop, tmp_path: Path) -> None:
    (tmp_path / "notes").write_text("mine")
    script = f"rm -rf {tmp_path} 2>&1 || true; echo x > {tmp_path}/notes || echo no"
    assert said_by(isolated, script, tmp_path)[-1] == "no"
    assert (tmp_path / "notes").read_text() == "mine"


def test_temporary_files_are_the_jobs_own(isolated: Workshop) -> None:
    script = """
    echo /tmp/of* /var/tmp/of* ${TMPDIR-none}
    echo x | tee /tmp/of-a-job /var/tmp/of-a-job
    """
    for _ in range(3):
        assert said_by(isolated, script) == ["/tmp/of* /var/tmp/of* none", "x"]
    assert not Path("/tmp/of-a-job").exists()


def test_two_jobs_at_once_have_temporary_files_of_the_same_name(isolated: Workshop) -> None:
    job_id = isolated.start("main() { echo one > /tmp/name; echo ready; sleep 100; }", "bash")
    isolated.wait_for_line(job_id, "ready")
    assert said_by(isolated, "cat /tmp/name 2>/dev/null || echo none; echo two > /tmp/name") == ["none"]
    isolated.executor.kill(job_id)
    isolated.wait(job_id)


def test_shared_memory_is_the_jobs_own(isolated: Workshop) -> None:
    assert said_by(isolated, "ls /dev/shm; echo x > /dev/shm/of-a-job") == []
    assert not Path("/dev/shm/of-a-job").exists()


def test_a_job_may_change_its_environment_for_itself(isolated: Workshop) -> None:
    change = "import dxpy; open(dxpy.__path__[0] + '/of_a_job.py', 'w').write('x = 1')"
    assert isolated.run(f"{change}\nimport dxpy.of_a_job; print(dxpy.of_a_job.x)").said() == ["1"]
    assert isolated.run("import dxpy.of_a_job").code == 1


def test_the_log_sockets_are_where_dxpy_looks_for_them(isolated: Workshop) -> None:
    code = (
        "import dxpy, logging\nlogging.getLogger().addHandler(dxpy.DXLogHandler())\nlogging.error('said')\n"
    )
    job = isolated.run(f'cat > log.py <<< "{code}"\nmain() {{ python3 log.py; }}', "bash")
    assert job.said("ERROR") == ["said"]


def test_python_starts_processes_and_shares_memory(isolated: Workshop) -> None:
    code = """
    import multiprocessing
    def twice(x):
        return 2 * x
    with multiprocessing.Pool(2) as pool:
        print(pool.map(twice, [1, 2, 3]))
    """
    assert isolated.run(textwrap.dedent(code)).said() == ["[2, 4, 6]"]


def test_an_archive_of_others_unpacks(isolated: Workshop) -> None:
    script = """
    echo x > file
    tar cf archive.tar --owner=1234 --group=1234 --mode=0600 file
    rm file; tar xf archive.tar && cat file
    """
    assert said_by(isolated, script) == ["x"]


def test_without_isolation_jobs_run_on_the_host(bare_workshop: Workshop) -> None:
    job = bare_workshop.run("main() { echo ~; id -u; }", "bash")
    assert job.said() == [str(job.folder.home), str(os.getuid())]
    assert bare_workshop.announced == []


def test_a_run_in_the_home_of_jobs_is_not_hidden_by_it(tmp_path: Path) -> None:
    with pytest.raises(SandboxError, match="/home/dnanexus/app/jobs would be hidden"):
        check_support(str(tmp_path), "/home/dnanexus/app/jobs")


# The time when the sandbox was made: namespace numbers are reused.
MADE = "stat -c %w /"


def test_a_sandbox_that_a_job_left_unchanged_is_reused(isolated: Workshop) -> None:
    script = f"""
    {MADE}; test ! -e ~/file; echo x > ~/file; ls /usr/local/bin > ~/list
    test -z "$(ls -A /tmp/folder /var/tmp/of-a-job 2> /dev/null)"; mkdir -p /tmp/folder/deep; chmod 1700 /tmp
    echo x | tee /tmp/folder/file > /var/tmp/of-a-job; ln -s /usr/bin /tmp/folder/deep/link
    """
    # Sandboxes expire after some seconds, which a busy machine may take between two jobs.
    sandboxes = [said_by(isolated, script)[0] for _ in range(6)]
    assert len(set(sandboxes)) < 6


@pytest.mark.parametrize(
    "change",
    [
        "echo x > /etc/of-a-job",
        "echo x > /etc/of-a-job; rm /etc/of-a-job",
        "mkdir /of-a-job",
        pytest.param("rm -r /usr/share/doc/bash", marks=AS_ROOT),
        "chmod 700 /opt",
        "touch /usr/local/bin",
        "echo x > /dev/shm/of-a-job",
        "mount -t tmpfs x /mnt",
        "mount -t tmpfs x /mnt; umount /mnt",
        "mount -o remount,bind,noexec /opt",
        "mount --bind /etc ~",
        "umount -l /proc",
        "env -i setsid sleep 9 > /dev/null 2>&1 & sleep 0.2",
    ],
)
def test_a_sandbox_that_a_job_changed_is_not_reused(isolated: Workshop, change: str) -> None:
    changed = said_by(isolated, f"{MADE}\n{change}")[0]
    # Other tests may have left free sandboxes, which are used first.
    assert changed not in [said_by(isolated, MADE)[0] for _ in range(3)]


def test_mounts_that_a_job_has_shared_are_private_in_the_next_one(isolated: Workshop) -> None:
    script = "grep -c shared: /proc/self/mountinfo || mount --make-rshared /"
    assert [said_by(isolated, script) for _ in range(4)] == [["0"]] * 4


# Changes the options of /proc as programs `mount` of 2023 and later do, by fsconfig(2).
RECONFIGURE = """
import ctypes, os, sys
libc = ctypes.CDLL(None)
context = libc.syscall(433, -100, b"/proc", 0)
name, value = sys.argv[1].encode().split(b"=")
for command, arguments in ((1, (name, value)), (7, (None, None))):
    assert libc.syscall(431, context, command, *arguments, 0) == 0
"""


@pytest.mark.parametrize("option", ["hidepid=2", "subset=pid"])
def test_options_of_proc_that_a_job_has_changed_are_usual_in_the_next_one(
    isolated: Workshop, option: str
) -> None:
    shown = "grep ' /proc .* - proc ' /proc/self/mountinfo | sed 's/.* - //'"
    for _ in range(4):
        said = said_by(isolated, f"{shown}\npython3 -c '{RECONFIGURE}' {option}\n{shown}")
        assert said[0] == "proc proc rw"
        assert said[1] != said[0]


def test_a_layer_that_was_replaced_is_seen_by_the_next_job(isolated: Workshop, tmp_path: Path) -> None:
    layer = tmp_path / "replaced"
    said = []
    for text in ("old", "new"):
        (layer / "opt").mkdir(parents=True)
        (layer / "opt" / "text").write_text(text)
        said += said_by(isolated, "cat /opt/text", layer)
        said_by(isolated, "true")  # by its end the other's sandbox is free
        shutil.rmtree(layer)
    assert said == ["old", "new"]
