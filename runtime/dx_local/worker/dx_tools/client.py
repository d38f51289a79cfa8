"""The client that a job finds as `dx` and `dx-*`: it has the tool server run the program of that name.

It is installed under each program's name in a folder that also contains `.server`, the tool server's socket,
and `.plain`, a folder of links to the programs themselves. It imports only modules that are compiled into
Python, because its start is most of the cost of a call. client.c does the same, for machines with a compiler;
a change in one belongs in the other. If a fork of the server could behave differently from the program, or
there is no server, this process becomes the program itself.
"""

from __future__ import annotations

import _signal as signal  # type: ignore[import-not-found,unused-ignore]
import _socket
import posix
import sys

_PASSED_ON = (signal.SIGHUP, signal.SIGINT, signal.SIGQUIT, signal.SIGTERM, signal.SIGUSR1, signal.SIGUSR2)
_MOST_FILES = 200


def main() -> None:
    """Run the program with the name that this was called by, and end as it ends."""
    folder, _, name = sys.argv[0].rpartition("/")
    folder = folder or "."
    if signal.getsignal(signal.SIGINT) != signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.SIG_DFL)  # to end without a traceback
    if may_be_warm():
        try:  # noqa: SIM105  (contextlib takes long to import)
            run_warm(f"{folder}/.server", name)
        except OSError:
            pass  # nothing has run yet: become the program
    program = posix.readlink(f"{folder}/.plain/{name}")
    posix.execv(program, [program, *sys.argv[1:]])


def may_be_warm() -> bool:
    """Return whether the program would run under the server's conditions: default Python, UTF-8, no terminal.

    dxpy chooses the sizes of its buffers depending on whether this is a job. Only bin/dx-jobutil-add-output
    supports gtables, and it is not part of the server.
    """
    variables = posix.environ
    return (
        variables.get(b"LC_ALL") in (b"C.UTF-8", b"en_US.UTF-8")
        and b"DX_JOB_ID" in variables
        and not any(name.startswith((b"PYTHON", b"LD_PRELOAD", b"_ARGCOMPLETE")) for name in variables)
        and None not in (sys.stdin, sys.stdout, sys.stderr)
        and not any(posix.isatty(number) for number in range(3))
        and not any("gtable" in argument for argument in sys.argv[1:])
        and not signal.pthread_sigmask(signal.SIG_BLOCK, ())
    )


def run_warm(address: str, name: str) -> None:
    """Run the program in the server and end this process; return or raise OSError if it was not run."""
    files = [int(number) for number in posix.listdir("/proc/self/fd")]
    files = [number for number in files if is_inherited(number)]
    if len(files) > _MOST_FILES:
        return
    current = posix.open(".", posix.O_PATH | posix.O_CLOEXEC)
    umask = posix.umask(0)
    posix.umask(umask)
    ignored = [number for number in range(1, signal.NSIG) if signal.getsignal(number) == signal.SIG_IGN]
    server = _socket.socket(_socket.AF_UNIX, _socket.SOCK_STREAM)
    server.connect(address)
    arguments = [argument.encode("utf-8", "surrogateescape") for argument in sys.argv[1:]]
    variables = [name + b"=" + value for name, value in posix.environ.items()]
    numbers = [umask, len(ignored), *ignored, len(files), *files, len(arguments)]
    fields = [name.encode(), *(b"%d" % number for number in numbers), *arguments, *variables]
    request = b"".join(field + b"\0" for field in fields)
    data = len(request).to_bytes(4, "big") + request
    rights = b"".join(number.to_bytes(4, sys.byteorder) for number in [current, *files])
    sent = server.sendmsg([data], [(_socket.SOL_SOCKET, _socket.SCM_RIGHTS, rights)])
    while sent < len(data):
        sent += server.send(data[sent:])
    if server.recv(1) != b"+":
        return
    # Now only the program has them open, so that the other ends of pipes notice when it closes them.
    for number in files:
        posix.close(number)
    for number in _PASSED_ON:
        if number not in ignored:
            signal.signal(number, lambda number, _frame: pass_on(server, number))
    end = server.recv(5, _socket.MSG_WAITALL)
    end_as(int.from_bytes(end[1:], "big") if len(end) == 5 else int(signal.SIGKILL))


def is_inherited(number: int) -> bool:
    """Return whether a file was inherited from the caller, rather than opened by this process."""
    try:
        return posix.get_inheritable(number)
    except OSError:
        return False


def pass_on(server: _socket.socket, number: int) -> None:
    """Have the server forward a signal, which this process received, to the program."""
    try:  # noqa: SIM105  (contextlib takes long to import)
        server.send(bytes([number]))
    except OSError:
        pass  # it has just ended


def end_as(status: int) -> None:
    """End in the same way as the process with this wait status."""
    if posix.WIFSIGNALED(status):
        number = posix.WTERMSIG(status)
        if number != signal.SIGKILL:
            signal.signal(number, signal.SIG_DFL)
        posix.kill(posix.getpid(), number)
    posix._exit(posix.WEXITSTATUS(status))  # noqa: SLF001


if __name__ == "__main__":
    main()
