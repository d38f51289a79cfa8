"""docker in a job: its daemon is given the paths of the host. Here `echo` is the docker, and tells them."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

import pytest

from dx_local.worker.programs import CONTAINERS

WRAPPER = Path(CONTAINERS) / "docker"
PLACES = {"/home/dnanexus": "/host/home", "/tmp": "/host/tmp"}


@pytest.fixture
def path(tmp_path: Path) -> str:
    """A PATH with a docker that is not a script: `echo`, which prints its arguments."""
    (tmp_path / "docker").symlink_to("/bin/echo")
    return f"{WRAPPER.parent}:{tmp_path}:{os.environ['PATH']}"


def docker(path: str, *words: str, folder: str = "/tmp") -> subprocess.CompletedProcess[str]:
    environment = {"PATH": path, "DX_LOCAL_HOST_PATHS": json.dumps(PLACES)}
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


def test_without_a_docker_it_says_so() -> None:
    done = docker(f"{WRAPPER.parent}:/usr/bin", "run", "image")
    if done.returncode != 127:
        pytest.skip("there is a docker")
    assert done.stderr.endswith(": docker: command not found\n")
