"""`docker ps`, `logs`, `wait`, `stop`, `kill`, `rm` and `prune`."""

from __future__ import annotations

import shutil
import signal
import sys
import time
from typing import TYPE_CHECKING

from dx_local.worker.containers.errors import DockerError
from dx_local.worker.containers.images.job_images import SHOWN_ID
from dx_local.worker.containers.options import parse, table
from dx_local.worker.containers.running import process
from dx_local.worker.containers.running.state import EXITED, RUNNING, all_containers, find_containers
from dx_local.worker.containers.verbs.tables import age_text, print_rows

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dx_local.worker.containers.running.state import Container

_PS_OPTIONS = table("a,all q,quiet no-trunc l,latest s,size", "f,filter format n,last")
_LOGS_OPTIONS = table("f,follow t,timestamps details", "since until n,tail")
_STOP_OPTIONS = table("", "t,time s,signal timeout")
_KILL_OPTIONS = table("", "s,signal")
_RM_OPTIONS = table("f,force v,volumes l,link")
_PRUNE_OPTIONS = table("a,all f,force volumes", "filter")
_PS_TITLES = ("CONTAINER ID", "IMAGE", "COMMAND", "CREATED", "STATUS", "PORTS", "NAMES")
_SHOWN_COMMAND = 20
_STOP_SECONDS = 10.0
_POLL_SECONDS = 0.05


def ps(words: Sequence[str]) -> int:
    """List the containers that run, or all."""
    parsed = parse(words, _PS_OPTIONS)
    filters = [text.partition("=") for text in parsed.all("filter")]
    shows_all = bool({"all", "latest"} & parsed.flags) or any(name == "status" for name, _, _ in filters)
    found = [each for each in all_containers() if shows_all or each.is_running()]
    for name, _, value in filters:
        found = [each for each in found if _fits(each, name, value)]
    if "latest" in parsed.flags or "last" in parsed.values:
        found = found[: int(parsed.last("last", "1"))]
    rows = []
    for each in found:
        command = " ".join(each.spec.command)
        is_whole = "no-trunc" in parsed.flags
        shown = command if is_whole or len(command) <= _SHOWN_COMMAND else f"{command[: _SHOWN_COMMAND - 1]}…"
        rows.append(
            {
                "ID": each.container_id if is_whole else each.container_id[:SHOWN_ID],
                "Image": each.spec.image,
                "Command": f'"{shown}"',
                "CreatedAt": age_text(each.content["created"]),
                "Status": _status_text(each),
                "Ports": "",
                "Names": each.name,
            }
        )
    print_rows(rows, _PS_TITLES, parsed, id_field="ID")
    return 0


def _fits(container: Container, name: str, value: str) -> bool:
    if name == "name":
        return value.strip("^/$") in container.name
    if name == "id":
        return container.container_id.startswith(value)
    if name == "status":
        return container.state == value
    if name == "ancestor":
        return container.spec.image in (value, f"{value}:latest") or container.spec.image_id.startswith(value)
    if name == "label":
        label, equals, text = value.partition("=")
        labels = container.spec.labels
        return label in labels and (not equals or labels[label] == text)
    raise DockerError(f"--filter {name} is not supported without a Docker daemon")


def _status_text(container: Container) -> str:
    state, content = container.state, container.content
    if state == RUNNING:
        return f"Up {age_text(content['started'])[: -len(' ago')]}"
    if state == EXITED:
        return f"Exited ({content.get('exit_code')}) {age_text(content.get('finished') or time.time())}"
    return "Created"


def logs(words: Sequence[str]) -> int:
    """Print the output of a container that was started in the background."""
    parsed = parse(words, _LOGS_OPTIONS)
    (container,) = find_containers(parsed.words[:1])
    try:
        log = open(container.log, "rb")  # noqa: SIM115  (closed below)
    except FileNotFoundError:
        return 0
    with log:
        tail = parsed.last("tail", "all")
        if tail != "all":
            lines = log.read().splitlines(keepends=True)
            sys.stdout.buffer.write(b"".join(lines[len(lines) - int(tail) :] if int(tail) else []))
        while True:
            has_ended = not container.is_running()
            shutil.copyfileobj(log, sys.stdout.buffer)
            sys.stdout.buffer.flush()
            if "follow" not in parsed.flags or has_ended:
                return 0
            time.sleep(_POLL_SECONDS)


def wait(words: Sequence[str]) -> int:
    """Wait for containers, and print their exit codes."""
    for container in find_containers(parse(words, table("")).words):
        print(container.wait(), flush=True)
    return 0


def stop(words: Sequence[str]) -> int:
    """Stop containers: a signal, and after some seconds SIGKILL."""
    parsed = parse(words, _STOP_OPTIONS)
    seconds = float(parsed.last("time") or parsed.last("timeout") or _STOP_SECONDS)
    number = _signal_number(parsed.last("signal", "TERM"))
    for container, name in zip(find_containers(parsed.words), parsed.words):  # noqa: B905  (Python 3.8)
        if container.is_running():
            process.stop(container, seconds, number)
        print(name)
    return 0


def kill(words: Sequence[str]) -> int:
    """Send a signal to containers."""
    parsed = parse(words, _KILL_OPTIONS)
    number = _signal_number(parsed.last("signal", "KILL"))
    for container, name in zip(find_containers(parsed.words), parsed.words):  # noqa: B905  (Python 3.8)
        process.kill(container, number)
        print(name)
    return 0


def _signal_number(text: str) -> int:
    if text.isdigit():
        return int(text)
    name = text.upper() if text.upper().startswith("SIG") else f"SIG{text.upper()}"
    if name not in signal.Signals.__members__:
        raise DockerError(f"invalid signal: {text}")
    return signal.Signals[name]


def remove(words: Sequence[str]) -> int:
    """Remove containers; running ones only with --force."""
    parsed = parse(words, _RM_OPTIONS)
    for container, name in zip(find_containers(parsed.words), parsed.words):  # noqa: B905  (Python 3.8)
        if container.is_running():
            if "force" not in parsed.flags:
                raise DockerError(f"container {name} is running; stop it first, or pass -f")
            process.stop(container, 0, signal.SIGKILL)
        container.remove()
        print(name)
    return 0


def prune(words: Sequence[str]) -> int:
    """Remove all containers that do not run; images stay, because they are shared with other jobs."""
    parse(words, _PRUNE_OPTIONS)
    for container in all_containers():
        if not container.is_running():
            container.remove()
            print(container.container_id)
    print("Total reclaimed space: 0B")
    return 0
