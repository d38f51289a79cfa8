"""The program `docker`: it finds the daemon of this machine, or does the work itself."""

from __future__ import annotations

import importlib
import os
import sys
from typing import TYPE_CHECKING

from dx_local.worker.channel import EXECUTOR_FOLDER, LAYERS_SOCKET
from dx_local.worker.containers import daemon
from dx_local.worker.containers.errors import DockerError
from dx_local.worker.containers.running.process import StartError

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
    "rm": "containers.remove",
}
"""The module and the function of each command, in the package `verbs`."""

# `docker image ls` is another name of `docker images`, and so on.
_GROUPS = {
    "image": {"ls": "images", "list": "images", "rm": "rmi", "remove": "rmi"},
    "container": {"ls": "ps", "list": "ps", "remove": "rm"},
}
_FAILED = 1
_WRONG_USE = 125


def main() -> None:
    """Carry out the command line, and exit with the code that docker would have."""
    program = os.path.basename(sys.argv[0])
    words = sys.argv[1:]
    if program == "docker":
        daemon.become_client(sys.argv[0], words)
    try:
        if not os.path.exists(f"{EXECUTOR_FOLDER}/{LAYERS_SOCKET}"):
            raise StartError(
                "this job runs without a sandbox, so only a Docker daemon on this machine could run containers,"
                " and none answers"
            )
        sys.exit(_run(program, words))
    except StartError as error:
        _fail(program, error, error.exit_code)
    except DockerError as error:
        _fail(program, error, _FAILED)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        sys.exit(_FAILED)


def _run(program: str, words: Sequence[str]) -> int:
    if words and words[0] in _GROUPS and len(words) > 1:
        names = _GROUPS[words[0]]
        words = [names.get(words[1], words[1]), *words[2:]]
    if not words:
        raise StartError("no command; the commands are " + ", ".join(_VERBS), _FAILED)
    if words[0] not in _VERBS:
        raise StartError(
            f"{words[0]!r} is not supported without a Docker daemon; supported are {', '.join(_VERBS)}", _FAILED
        )
    module, _, function = _VERBS[words[0]].partition(".")
    verb = getattr(importlib.import_module(f"dx_local.worker.containers.verbs.{module}"), function)
    return int(verb(words[1:]))


def _fail(program: str, error: DockerError, code: int) -> None:
    sys.stdout.flush()
    print(f"{program}: {error}", file=sys.stderr)
    sys.exit(code)
