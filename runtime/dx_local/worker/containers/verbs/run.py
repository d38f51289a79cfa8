"""`docker run`, `create`, `start` and `exec`."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

from dx_local.worker.containers.errors import DockerError
from dx_local.worker.containers.images.obtain import obtain_image
from dx_local.worker.containers.options import parse, table
from dx_local.worker.containers.running import process
from dx_local.worker.containers.running.process import Command, StartError
from dx_local.worker.containers.running.state import create_container, find_container, find_containers
from dx_local.worker.containers.verbs import new_container

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dx_local.worker.containers.options import Parsed
    from dx_local.worker.containers.running.state import Container

_START_OPTIONS = table("a,attach i,interactive", "detach-keys")
_EXEC_OPTIONS = table(
    "i,interactive t,tty d,detach privileged", "e,env env-file w,workdir u,user detach-keys", may_follow=False
)


def run(words: Sequence[str]) -> int:
    """Create a container and run it."""
    try:
        parsed = new_container.parse_options(words)
        container = _create(parsed)
    except DockerError as error:
        raise StartError(str(error)) from error
    if "detach" in parsed.flags:
        _start_in_background(container)
        print(container.container_id)
        return 0
    return _run(container, has_input=container.spec.has_input)


def create(words: Sequence[str]) -> int:
    """Create a container, and print its ID."""
    print(_create(new_container.parse_options(words)).container_id)
    return 0


def start(words: Sequence[str]) -> int:
    """Start containers that were created, or have ended."""
    parsed = parse(words, _START_OPTIONS)
    containers = find_containers(parsed.words)
    if {"attach", "interactive"} & parsed.flags:
        return _run(containers[0], has_input="interactive" in parsed.flags)
    for container, name in zip(containers, parsed.words):  # noqa: B905  (workers may run Python 3.8)
        if not container.is_running():
            process.run_in_background(container)
        print(name)
    return 0


def execute(words: Sequence[str]) -> int:
    """Run a further program in a running container."""
    parsed = parse(words, _EXEC_OPTIONS)
    if len(parsed.words) < 2:
        raise DockerError('"docker exec" requires at least 2 arguments: a container and a command')
    container = find_container(parsed.words[0])
    if not container.is_running():
        raise DockerError(f"container {container.name} is not running")
    spec = container.spec
    command = Command(
        tuple(parsed.words[1:]),
        {**spec.variables, **new_container.given_variables(parsed)},
        parsed.last("workdir") or spec.working_folder,
        parsed.last("user") or spec.user,
    )
    if "detach" in parsed.flags:
        nothing = os.open(os.devnull, os.O_RDWR)
        process.start_inside(container, command, (nothing, nothing, nothing), is_attached=False)
        return 0
    streams = _streams(has_input="interactive" in parsed.flags)
    return process.watch(process.start_inside(container, command, streams, is_attached=True))


def _create(parsed: Parsed) -> Container:
    image = obtain_image(parsed.words[0])
    made = create_container(new_container.container_spec(image, parsed), parsed.last("name"))
    if path := parsed.last("cidfile"):
        with open(path, "x", encoding="utf-8") as file:
            file.write(made.container_id)
    return made


def _run(container: Container, *, has_input: bool) -> int:
    sys.stdout.flush()
    return process.run(container, _streams(has_input=has_input))


def _start_in_background(container: Container) -> None:
    try:
        process.run_in_background(container)
    except StartError:
        if container.spec.is_removed:
            container.remove()
        raise


def _streams(*, has_input: bool) -> tuple[int, int, int]:
    return (0 if has_input else os.open(os.devnull, os.O_RDONLY), 1, 2)
