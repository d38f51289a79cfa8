"""The program `docker`: it finds the daemon of this machine, or does the work itself."""

from __future__ import annotations

import importlib
import os
import sys
from typing import TYPE_CHECKING, NoReturn

from dx_local.worker.channel import EXECUTOR_FOLDER, LAYERS_SOCKET
from dx_local.worker.containers import daemon, dx_docker
from dx_local.worker.containers.errors import DockerError
from dx_local.worker.containers.running.process import CANNOT_START, StartError
from dx_local.worker.containers.verbs import inspect

if TYPE_CHECKING:
    from collections.abc import Sequence

_VERBS = {
    "run": "run.run",
    "create": "run.create",
    "start": "run.start",
    "exec": "run.execute",
    "load": "images.load",
    "images": "images.images",
    "tag": "images.tag",
    "rmi": "images.rmi",
    "pull": "pull.pull",
    "save": "save.save",
    "build": "build.build",
    "rm": "containers.remove",
    "ps": "containers.ps",
    "prune": "containers.prune",
    "logs": "containers.logs",
    "wait": "containers.wait",
    "stop": "containers.stop",
    "kill": "containers.kill",
    "cp": "copy.copy",
    "inspect": "inspect.inspect",
    "version": "inspect.version",
    "info": "inspect.info",
    "login": "inspect.login",
    "logout": "inspect.logout",
}
"""The module and the function of each command, in the package `verbs`."""

# `docker image ls` is another name of `docker images`, and so on.
_GROUPS = {
    "buildx": {"build": "build"},
    "builder": {"build": "build"},
    "image": {"ls": "images", "list": "images", "rm": "rmi", "remove": "rmi", "prune": "prune"},
    "container": {"ls": "ps", "list": "ps", "remove": "rm", "prune": "prune"},
    "system": {"prune": "prune", "info": "info"},
}
_FAILED = 1
_NO_SANDBOX = (
    "this job runs without a sandbox, so only a Docker daemon on this machine could run containers, and none"
    " answers"
)
_NO_CACHE = (
    "dx-local has no folder for the cache of images; set XDG_CACHE_HOME to a folder that you can write to, or"
    " start a Docker daemon"
)


def main() -> None:
    """Carry out the command line, and exit with the code that docker would have."""
    program, words = sys.argv[0].rpartition("/")[2], sys.argv[1:]
    try:
        if program == "dx-docker":
            words = dx_docker.translated(words)
        daemon.become_client(sys.argv[0], words)
        if not os.path.exists(f"{EXECUTOR_FOLDER}/{LAYERS_SOCKET}"):
            daemon.become_daemonless("podman" if program == "podman" else "docker", sys.argv[0], words)
            has_sandbox = os.path.isdir(EXECUTOR_FOLDER)
            _fail(program, _NO_CACHE if has_sandbox else _NO_SANDBOX, CANNOT_START)
        sys.exit(_run(words))
    except StartError as error:
        _fail(program, str(error), error.exit_code)
    except DockerError as error:
        _fail(program, str(error), _FAILED)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        sys.exit(_FAILED)
    except OSError as error:
        _fail(program, ": ".join(filter(None, (error.filename, error.strerror or str(error)))), _FAILED)


def _run(words: Sequence[str]) -> int:
    if len(words) > 1 and words[0] in _GROUPS:
        names = _GROUPS[words[0]]
        words = [names.get(words[1], words[1]), *words[2:]]
    verb = words[0] if words else ""
    if verb in ("-v", "--version"):
        return inspect.print_version()
    if verb not in _VERBS:
        problem = f"{verb!r} is not supported without a Docker daemon" if verb else "no command"
        raise DockerError(f"{problem}; the commands are {', '.join(sorted(_VERBS))}")
    module, _, function = _VERBS[verb].partition(".")
    run = getattr(importlib.import_module(f"dx_local.worker.containers.verbs.{module}"), function)
    return int(run(words[1:]))


def _fail(program: str, message: str, code: int) -> NoReturn:
    sys.stdout.flush()
    print(f"{program}: {message}", file=sys.stderr)
    sys.exit(code)
