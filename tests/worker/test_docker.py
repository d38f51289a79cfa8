"""docker in a job whose machine has a daemon: that gets the paths of the host. Here `echo` is its client."""

from __future__ import annotations

import json
import os
import socket
import subprocess
from typing import TYPE_CHECKING

import pytest

from dx_local.worker.programs import CONTAINERS

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

WRAPPER = CONTAINERS / "docker"
PLACES = {"/home/dnanexus": "/host/home", "/tmp": "/host/tmp"}


@pytest.fixture
def path(tmp_path: Path) -> str:
    """A PATH with a docker that is not a script: `echo`, which prints its arguments."""
    (tmp_path / "docker").symlink_to("/bin/echo")
    return f"{WRAPPER.parent}:{tmp_path}:{os.environ['PATH']}"


@pytest.fixture(autouse=True)
def daemon(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[socket.socket]:
    """A socket that accepts connections, like the daemon's."""
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(tmp_path / "docker.sock"))
        listener.listen()
        monkeypatch.setenv("DOCKER_HOST", f"unix://{tmp_path}/docker.sock")
        yield listener


def docker(path: str, *words: str, folder: str = "/tmp") -> subprocess.CompletedProcess[str]:
    environment = {
        "PATH": path,
        "DX_LOCAL_HOST_PATHS": json.dumps(PLACES),
        "DOCKER_HOST": os.environ["DOCKER_HOST"],
    }
    return subprocess.run(
        [WRAPPER, *words], env=environment, cwd=folder, capture_output=True, text=True, check=False
    )


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ("run -v /home/dnanexus:/data:ro image", "run -v /host/home:/data:ro image"),
        ("run --rm -itv /home/dnanexus/in:/in image ls", "run --rm -itv /host/home/in:/in image ls"),
        ("run -v=/tmp/x:/x -w /x image", "run -v /host/tmp/x:/x -w /x image"),
        ("run -v/tmp:/x -eA=1 image", "run -v /host/tmp:/x -e A=1 image"),
        ("run --volume=.:/x --name n image", "run --volume /host/tmp:/x --name n image"),
        ("run --volume /home/dnanexus2:/x image", "run --volume /home/dnanexus2:/x image"),
        ("run --mount type=bind,src=/tmp,dst=/x image", "run --mount type=bind,src=/host/tmp,dst=/x image"),
        ("run --mount type=volume,src=v,dst=/tmp image", "run --mount type=volume,src=v,dst=/tmp image"),
        ("run -v name:/tmp --init image samtools view -v /tmp:/x", None),
        ("container create -v /tmp:/x image", "container create -v /host/tmp:/x image"),
        ("load -i /home/dnanexus/image.tar", None),
        ("run --volume", None),
        ("run -it", None),
        ("", None),
    ],
)
def test_folders_of_the_job_are_given_by_their_paths_on_the_host(
    path: str, words: str, told: str | None
) -> None:
    done = docker(path, *words.split())
    assert (done.stdout.strip(), done.returncode) == (words if told is None else told, 0)


def test_a_folder_that_containers_cannot_see_is_named(path: str) -> None:
    done = docker(path, "run", "-v", "/data:/x", "-v", "/etc/localtime:/etc/localtime", "image")
    assert done.stdout == "run -v /data:/x -v /etc/localtime:/etc/localtime image\n"
    assert done.stderr.count("the container gets /data of this machine") == 1


def test_a_docker_that_is_a_script_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "docker").write_text('#!/bin/sh\necho "$@"\n')
    (tmp_path / "docker").chmod(0o755)
    path = f"{WRAPPER.parent}:{tmp_path}:{os.environ['PATH']}"
    assert docker(path, "run", "-v", "/tmp:/x", "image").stdout == "run -v /tmp:/x image\n"


@pytest.mark.parametrize("missing", ["daemon", "client"])
def test_without_daemon_or_client_the_job_does_the_work(
    path: str, daemon: socket.socket, missing: str
) -> None:
    if missing == "daemon":
        daemon.close()
    else:
        path = f"{WRAPPER.parent}:/usr/bin"
        if os.access("/usr/bin/docker", os.X_OK):
            pytest.skip("there is a docker")
    done = docker(path, "run", "image")
    assert done.returncode == 125
    assert done.stderr.startswith("docker: this job runs without a sandbox")


@pytest.mark.parametrize("program", ["docker", "podman"])
def test_without_sandbox_and_daemon_podman_still_runs(
    tmp_path: Path, daemon: socket.socket, program: str
) -> None:
    daemon.close()
    (tmp_path / program).write_text('#!/bin/sh\necho "$0 $@"\n')
    (tmp_path / program).chmod(0o755)
    environment = {**os.environ, "PATH": f"{WRAPPER.parent}:{tmp_path}:{os.environ['PATH']}"}
    words = [str(WRAPPER.with_name(program)), "run", "image"]
    done = subprocess.run(words, env=environment, capture_output=True, text=True, check=False)
    assert done.stdout == f"{tmp_path}/{program} run image\n"


@pytest.mark.parametrize("program", ["podman", "dx-docker"])
def test_other_names_use_the_daemon_too(path: str, program: str) -> None:
    words = [str(WRAPPER.with_name(program)), "run", "-v", "/tmp:/x", "image"]
    environment = {**os.environ, "PATH": path, "DX_LOCAL_HOST_PATHS": json.dumps(PLACES)}
    done = subprocess.run(words, env=environment, capture_output=True, text=True, check=False)
    removes = "" if program == "podman" else "--rm -e HOME=/root "
    assert done.stdout == f"run {removes}-v /host/tmp:/x image\n"
