"""Containers of an ordinary user: one whose number is the only one in the sandbox."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from tests.worker.conftest import run_by_nobody
from tests.worker.containers.image_files import BUSYBOX, Layer, busybox_layer, docker_archive

import dx_app_wizard
from dx_local.worker.programs import CONTAINERS

if TYPE_CHECKING:
    import subprocess

# Adds the image in an archive to a cache, and runs a bash script in a sandbox with that cache.
_WITH_IMAGE = """
import os, sys
sys.path[:0] = sys.argv[1:2] + sys.argv[3:4]
from pathlib import Path
from dx_local.engine.images import image_folder
from dx_local.engine.images.cache import ImageCache
from dx_local.worker.channel import LAYERS_SOCKET
from dx_local.worker.containers.images import archives
from dx_local.worker.job import Job
from dx_local.worker.sandbox import mounts
from dx_local.worker.sandbox.manager import SandboxManager

folder = sys.argv[2]
cache = ImageCache(Path(folder, "cache"))
image_folder.prepare(cache.folder)
with archives.open_archive(os.open(f"{folder}/image.tar", os.O_RDONLY), folder) as images:
    for name in images[0].names:
        cache.add_image(name, images[0])
executor = f"{folder}/executor"
os.makedirs(f"{executor}/job/home")
open(f"{executor}/{LAYERS_SOCKET}", "w").close()
sandboxes = SandboxManager(executor, "box", images=str(cache.folder), has_pid_namespace=True)
job = Job("job-x", "main", "bash", f"{executor}/job/home", None, {}, "", (), f"{executor}/job-x", {})
inside, sandbox = sandboxes.take(job)
pid = sandboxes.pool.fork(sandbox)
if pid == 0:
    mounts.perform(sandbox.entry_calls())
    os.setsid()
    os.chdir(inside.home)
    variables = {"PATH": f"{sys.argv[4]}:/usr/bin:/bin:/usr/sbin", "HOME": inside.home, **inside.variables}
    os.execve("/bin/bash", ["bash", "-c", sys.argv[5]], variables)
_, status = os.waitpid(pid, 0)
sandboxes.pool.kill_all()
sandboxes.close()
os._exit(status >> 8)
"""

_SCRIPT = r"""
mkdir d; echo mine > d/f
docker run --rm busy:1 sh -c 'id -u; stat -c %u /bin/busybox; ls /gone /kept 2> /dev/null'
docker run --rm -u worker -v $PWD/d:/d busy:1 \
    sh -c 'id -u; id -g; stat -c %u:%g /d/f /etc; echo more >> /d/f; cat /d/f'
docker run --rm -u 5 busy:1 sh -c 'touch /x && stat -c %u /x; chown 7 /x 2> /dev/null; echo $?'
docker run -d --name c -u 9 busy:1 sleep 100 > id
docker exec c id -u
docker exec -u 0 c id -u
docker cp d/f c:/copied
docker rm -f c
printf 'FROM busy:1\nRUN echo x > /x && rm /kept\nUSER 8\nRUN id -u > /y' > Dockerfile
docker build -q -t made . | grep -c sha256
docker run --rm made sh -c 'cat /x /y; id -u; ls /kept 2> /dev/null'
stat -c %u d/f
"""

_EXPECTED = [
    *("0", "0", "/kept"),
    *("1234", "1235", "1234:1235", "1234:1235", "mine", "more"),
    *("5", "1"),
    *("9", "0", "c"),
    *("1", "x", "8", "8"),
    "0",
]


def _run(folder: Path, script: str) -> subprocess.CompletedProcess[str]:
    lower = Layer().add("gone", b"1", uid=1000, gid=1000).add("kept", b"2", mode=0o4755).folder("closed", 0)
    layers = [busybox_layer(), lower.bytes(), Layer().add(".wh.gone", b"").bytes()]
    (folder / "image.tar").write_bytes(docker_archive(layers, "busy:1"))
    wizard = Path(dx_app_wizard.__file__).parents[1]
    return run_by_nobody(_WITH_IMAGE, folder, wizard, CONTAINERS, script)


@pytest.mark.skipif(not BUSYBOX.exists(), reason="images for tests are made from /bin/busybox")
def test_containers_have_the_users_that_they_want(folder_of_nobody: Path) -> None:
    done = _run(folder_of_nobody, _SCRIPT)
    assert (done.stdout.splitlines(), done.returncode) == (_EXPECTED, 0), done.stderr
    assert json.loads(next((folder_of_nobody / "cache" / "names").iterdir()).read_text())["name"] == "busy:1"
