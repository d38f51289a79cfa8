"""The containers of a job: folders with `container.json`, the changed files, and a lock while it runs."""

from __future__ import annotations

import contextlib
import os
import re
import time
from typing import TYPE_CHECKING, Any, NamedTuple

from dx_local.worker.containers.errors import DockerError
from dx_local.worker.containers.images import places
from dx_local.worker.containers.images.json_files import read_json, write_json
from dx_local.worker.containers.running.root_folder import Mount, RootFolders
from dx_local.worker.process import locks

if TYPE_CHECKING:
    from collections.abc import Sequence

    JSON = dict[str, Any]

CREATED, RUNNING, EXITED = "created", "running", "exited"
_ID_BYTES = 32
_LONGEST_CODE = 16
_ALONE = locks.Wish(renews=False)  # `docker` makes namespaces
_SHARED = locks.Wish(shared=True, renews=False)
_NAME = re.compile(r"[a-zA-Z0-9][a-zA-Z0-9_.-]*")


class ContainerSpec(NamedTuple):
    """The process of a container and its surroundings, decided when the container is created."""

    image: str
    """The name by which the user called the image."""
    image_id: str
    layers: tuple[str, ...]
    command: tuple[str, ...]
    variables: dict[str, str]
    working_folder: str
    user: str
    hostname: str
    mounts: tuple[Mount, ...]
    labels: dict[str, str]
    has_input: bool
    """True if it reads the input of `docker`."""
    has_terminal: bool
    is_removed: bool
    """True if it is removed once it has ended."""


class Container:
    """A container of this job."""

    def __init__(self, container_id: str, content: JSON) -> None:
        self.container_id = container_id
        self.content = content
        self.spec = ContainerSpec(**content["spec"])
        self.spec = self.spec._replace(mounts=tuple(Mount(*each) for each in self.spec.mounts))

    @property
    def folder(self) -> str:
        """Its folder."""
        return f"{places.CONTAINERS}/{self.container_id}"

    @property
    def _lock_file(self) -> str:
        return f"{self.folder}/lock"

    @property
    def name(self) -> str:
        """Its name."""
        return str(self.content["name"])

    @property
    def root_folders(self) -> RootFolders:
        """The folders of its file system."""
        return RootFolders(self.folder, tuple(self.spec.layers))

    @property
    def log(self) -> str:
        """The file with the output of a container that runs in the background."""
        return f"{self.folder}/log"

    @property
    def state(self) -> str:
        """One of `created`, `running` and `exited`."""
        if self.is_running():
            return RUNNING
        return CREATED if self.content.get("started") is None else EXITED

    def is_running(self) -> bool:
        """Return whether the process that watches it holds the lock."""
        with contextlib.suppress(FileNotFoundError):
            return locks.is_held(self._lock_file)
        return False

    def wait(self) -> int:
        """Wait until it does not run, and return its exit code."""
        with contextlib.suppress(FileNotFoundError), locks.hold(self._lock_file, _SHARED) as lock:
            if code := os.pread(lock.file, _LONGEST_CODE, 0):
                return int(code)
        return 0

    def lock(self) -> locks.Lock:
        """Return a lock that marks it as running until it is released. Raises DockerError if it runs."""
        lock = locks.try_hold(self._lock_file, _ALONE)
        if lock is None:
            raise DockerError(f"container {self.name} is already running")
        os.ftruncate(lock.file, 0)
        return lock

    def record(self, **changes: Any) -> None:
        """Record facts about it, which only the process does that runs it."""
        self.content.update(changes)
        write_json(f"{self.folder}/container.json", self.content)

    def read_again(self) -> None:
        """Read what other processes have recorded."""
        self.content.update(read_json(f"{self.folder}/container.json") or {})

    def remove(self) -> None:
        """Remove it with all its files."""
        self.root_folders.remove()


def create_container(spec: ContainerSpec, name: str = "") -> Container:
    """Create a container. Raises DockerError if the name is taken or not valid."""
    if name and not _NAME.fullmatch(name):
        raise DockerError(f"invalid container name ({name}): only [a-zA-Z0-9][a-zA-Z0-9_.-] are allowed")
    places.make_state_folders()
    container_id = os.urandom(_ID_BYTES).hex()
    if name and any(name == other.name for other in all_containers()):
        raise DockerError(
            f'the container name "/{name}" is already in use; remove that container, or rename it'
        )
    hostname = spec.hostname or container_id[:12]
    spec = spec._replace(hostname=hostname, variables={"HOSTNAME": hostname, **spec.variables})
    content = {
        "name": name or f"container_{container_id[:8]}",
        "created": time.time(),
        "spec": spec._asdict(),
    }
    made = Container(container_id, content)
    os.mkdir(made.folder)
    made.root_folders.make()
    made.record()
    return made


def all_containers() -> list[Container]:
    """Return all containers, the last one first."""
    found = []
    with contextlib.suppress(FileNotFoundError):
        for container_id in os.listdir(places.CONTAINERS):
            content = read_json(f"{places.CONTAINERS}/{container_id}/container.json")
            if content:  # another process may be creating or removing it
                found.append(Container(container_id, content))
    return sorted(found, key=lambda each: each.content["created"], reverse=True)


def find_container(text: str) -> Container:
    """Return the container with a name, or with an ID that begins so. Raises DockerError."""
    every = all_containers()
    found = [each for each in every if each.name == text.lstrip("/")] or [
        each for each in every if each.container_id.startswith(text)
    ]
    if len(found) != 1 or not text:
        raise DockerError(
            f"No such container: {text}" if not found else f"{text!r} fits {len(found)} containers"
        )
    return found[0]


def find_containers(texts: Sequence[str]) -> list[Container]:
    """Return several containers. Raises DockerError."""
    return [find_container(text) for text in texts]
