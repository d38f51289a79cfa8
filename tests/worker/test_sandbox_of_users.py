"""The world of a job where the user is not root: tried by a user who owns nothing, in the system's Python."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

import dx_local.worker

if TYPE_CHECKING:
    from collections.abc import Iterator

_NOBODY = "65534"
_PYTHON = "/usr/bin/python3"
_RUNTIME = Path(dx_local.worker.__file__).parents[2]

IN_A_WORLD = """
import os, subprocess, sys
sys.path.insert(0, sys.argv[1])
from dx_local.worker import mounts, sandbox
from dx_local.worker.job import Job

folder = sys.argv[2]
sandbox.check(folder)
box = sandbox.Sandbox(folder)
os.makedirs(f"{folder}/job/home")
job = Job("job-x", "main", "bash", f"{folder}/job/home", None, {}, "",
          tuple(sys.argv[4:]), f"{folder}/job-x", False)
for _ in range(2):
    seen, world = box.take(job)
    pid = os.fork()
    if pid == 0:
        mounts.perform(world.entering())
        os.chdir(seen.home)
        variables = {"PATH": "/usr/local/bin:/usr/bin:/bin", "HOME": seen.home, **seen.variables}
        os.execve("/bin/bash", ["bash", "-e", "-c", sys.argv[3]], variables)
    _, status = os.waitpid(pid, 0)
    remover = box.worlds.give_back(world, is_clean=box.worlds.left_in(world) is None, is_deserted=True)
    if remover:
        os.waitpid(remover, 0)
box.close()
sys.exit(status >> 8)
"""


IN_A_NETWORK = """
import socket, sys
sys.path.insert(0, sys.argv[1])
from dx_local.worker import network, sandbox

sandbox.Sandbox(sys.argv[2])
network.Network(int(sys.argv[3])).enter()
socket.create_connection(("127.0.0.1", int(sys.argv[3])))
try:
    socket.create_connection(("192.0.2.1", 80))
except OSError as error:
    print(error.strerror)
"""


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder of nobody's, in one that everybody may enter."""
    if os.getuid() != 0 or not Path(_PYTHON).exists() or not shutil.which("setpriv"):
        pytest.skip("takes root, to become an ordinary user; for ordinary users the other tests do the same")
    folder = Path(tempfile.mkdtemp())
    try:
        os.chown(folder, int(_NOBODY), int(_NOBODY))
    except OSError as error:
        folder.rmdir()
        pytest.skip(f"this root is not root of other users: {error}")
    yield folder
    shutil.rmtree(folder)


def by_nobody(folder: Path, script: str, *layers: Path) -> subprocess.CompletedProcess[str]:
    """Run a script twice in the world of a job of nobody's; return what was said, and the last exit code."""
    return run_by_nobody(IN_A_WORLD, folder, script, *layers)


def run_by_nobody(program: str, *arguments: str | Path) -> subprocess.CompletedProcess[str]:
    command = ["setpriv", "--reuid", _NOBODY, "--regid", _NOBODY, "--clear-groups"]
    return subprocess.run(
        [*command, _PYTHON, "-I", "-c", program, _RUNTIME, *arguments],
        capture_output=True,
        text=True,
        check=False,
        cwd="/",
    )


def test_a_job_of_an_ordinary_user_may_change_what_root_may(folder: Path) -> None:
    script = """
    whoami
    for place in /usr/local/bin /usr/bin /usr/share /usr/lib /etc /etc/profile.d /opt /var/lib /root /; do
        mkdir "$place/of-a-job"
        cp /bin/true "$place/of-a-job"
    done
    echo '127.0.0.9 there' >> /etc/hosts
    rm /usr/bin/env
    ! test -e /usr/bin/env
    """
    done = by_nobody(folder, script)
    assert (done.returncode, done.stdout, done.stderr) == (0, "root\n" * 2, "")
    assert Path("/usr/bin/env").exists()


def test_archives_of_other_users_unpack(folder: Path) -> None:
    script = "echo x > file; tar cf a.tar --owner=1234 --group=1234 file; rm file; tar xf a.tar; cat file"
    done = by_nobody(folder, script)
    assert (done.returncode, done.stdout, done.stderr) == (0, "x\n" * 2, "")


def test_what_a_job_leaves_in_tmp_is_removed_even_if_nobody_could_enter_it(folder: Path) -> None:
    script = """
    ! test -e /tmp/secret
    mkdir -p /tmp/secret/deep
    echo x > /tmp/secret/deep/file
    chmod 0 /tmp/secret
    """
    done = by_nobody(folder, script)
    assert (done.returncode, done.stderr) == (0, "")


def test_layers_of_a_user_lie_over_folders_of_root(folder: Path) -> None:
    layer = folder / "layer"
    (layer / "usr/local/bin").mkdir(parents=True)
    (layer / "usr/local/bin/greet").write_text("#!/bin/sh\necho hello\n")
    (layer / "usr/local/bin/greet").chmod(0o755)
    for path in (layer, *layer.rglob("*")):
        os.chown(path, int(_NOBODY), int(_NOBODY))
    done = by_nobody(folder, "greet; echo x > /usr/local/bin/mine; rm /usr/local/bin/greet", layer)
    assert (done.stdout, done.stderr) == ("hello\n" * 2, "")


def test_a_network_of_an_ordinary_user_holds_the_api_alone(folder: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:  # its port is free there all the same
        done = run_by_nobody(IN_A_NETWORK, folder, str(taken.getsockname()[1]))
    assert (done.stdout, done.stderr) == ("Network is unreachable\n", "")
