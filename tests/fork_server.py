"""Run Python programs in forks of this process, which has already imported modules of others for them.

`python fork_server.py SOCKET MODULE,… PACKAGE…` imports what the MODULEs import, except for the PACKAGEs:
each program imports those itself, so they read its own variables and arguments. Then it serves (forked.py is
the client):

    client → server   one byte with three open files, the standard streams; then one line, a JSON object:
                      argv, variables, folder, session (true for a new one), terminal (true if the streams
                      are one, to be that of the session), and the seconds after which it is killed, or 0
    server → client   lines: the process ID; the exit code, negative for a signal, once the program has ended

It ends when its stdin does, and runs on Python 3.8 like the programs of jobs.
"""

from __future__ import annotations

import array
import fcntl
import gc
import importlib
import json
import os
import runpy
import select
import signal
import socket
import sys
import termios
import time
from contextlib import suppress
from pathlib import Path
from typing import Any


def modules_of_others(modules: list[str], own: list[str]) -> list[str]:
    """Return the modules that `modules` import and that belong to none of the packages `own`."""
    reader, writer = os.pipe()
    if os.fork() == 0:
        sys.argv = [modules[0].rpartition(".")[2]]
        for module in modules:
            importlib.import_module(module)
        names = [name for name in sys.modules if name.partition(".")[0] not in {"__main__", *own}]
        with os.fdopen(writer, "w") as file:
            file.write(" ".join(names))
        os._exit(0)
    os.close(writer)
    with os.fdopen(reader) as file:
        names = file.read().split()
    os.wait()
    return names


def requested(listener: socket.socket) -> dict[str, Any]:
    """Serve; return only in a fork, with the program that it shall become."""
    while True:
        ready, _, _ = select.select([listener, sys.stdin], [], [])
        if sys.stdin in ready:
            os._exit(0)
        connection, _ = listener.accept()
        with connection:
            if os.fork() == 0:
                listener.close()
                return attended(connection)
        with suppress(ChildProcessError):
            while os.waitpid(-1, os.WNOHANG)[0]:
                pass


def attended(connection: socket.socket) -> dict[str, Any]:
    """Fork once more: tell the client of the fork's end, and return the request in that fork."""
    files = array.array("i")
    # socket.recv_fds does this, but only since Python 3.9.
    _, ancillary, _, _ = connection.recvmsg(1, socket.CMSG_LEN(3 * files.itemsize))
    files.frombytes(ancillary[0][2])
    with connection.makefile("r", encoding="utf-8") as file:
        request: dict[str, Any] = json.loads(file.readline())
    pid = os.fork()
    if pid == 0:
        connection.close()
        return {**request, "streams": list(files)}
    for number in files:
        os.close(number)
    connection.sendall(b"%d\n" % pid)
    signal.signal(signal.SIGALRM, lambda *_: os.kill(pid, signal.SIGKILL))
    signal.alarm(request["seconds"])
    _, status = os.waitpid(pid, 0)
    code = -os.WTERMSIG(status) if os.WIFSIGNALED(status) else os.WEXITSTATUS(status)
    connection.sendall(b"%d\n" % code)
    os._exit(0)


def take_over(request: dict[str, Any]) -> None:
    """Give this process the folder, variables and standard streams of a request."""
    if request["session"]:
        os.setsid()
    if request["terminal"]:
        fcntl.ioctl(request["streams"][0], termios.TIOCSCTTY, 0)
    os.chdir(request["folder"])
    os.environ.clear()
    os.environ.update(request["variables"])
    time.tzset()
    for number, name in enumerate(("stdin", "stdout", "stderr")):
        opened = request["streams"][number]
        os.dup2(opened, number)
        os.close(opened)
        # A new object, because Python has recorded facts about the old file.
        stream = getattr(sys, name)
        file = open(  # noqa: SIM115
            number, "w" if number else "r", encoding="utf-8", errors=stream.errors, closefd=False
        )
        if name == "stderr" or stream.write_through:
            file.reconfigure(line_buffering=True)
        setattr(sys, name, file)
        setattr(sys, f"__{name}__", file)


def run(argv: list[str]) -> None:
    """Run `-c CODE ARGUMENT…`, `-m MODULE ARGUMENT…` or `PROGRAM ARGUMENT…` as __main__."""
    option, *arguments = argv
    if option == "-c":
        sys.argv = ["-c", *arguments[1:]]
        sys.path.insert(0, "")
        exec(compile(arguments[0], "<string>", "exec", dont_inherit=True), {"__name__": "__main__"})
    elif option == "-m":
        sys.argv = arguments
        sys.path.insert(0, "")
        runpy.run_module(arguments[0], run_name="__main__", alter_sys=True)
    else:
        sys.argv = argv
        sys.path.insert(0, str(Path(option).parent))
        runpy.run_path(option, run_name="__main__")


def main() -> None:
    """Import, serve, and become the programs."""
    address, modules, *own = sys.argv[1:]
    names = modules.split(",")
    sys.path[0] = str(Path(__file__).parents[1])  # for modules of ours; the programs have no use for it
    for name in names if not own else modules_of_others(names, own):
        # Some modules are in sys.modules under names by which they cannot be imported.
        with suppress(*[ImportError] if own else []):
            importlib.import_module(name)
    del sys.path[0]
    assert not {*own} & {*sys.modules}
    gc.collect()
    gc.freeze()
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(address)
    listener.listen()
    print("ready", flush=True)
    request = requested(listener)
    take_over(request)
    run(request["argv"])


if __name__ == "__main__":
    main()
