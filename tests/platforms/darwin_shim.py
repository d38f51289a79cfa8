"""Make a Python on Linux look like one on macOS to code that asks: imported at its start, by a `.pth` file.

What only Linux has is removed, and the system and /proc are hidden. Modules that choose their implementation
when they are imported are imported before. This is no macOS: neither Apple's kernel nor its programs, file
systems and frameworks are simulated.
"""

from __future__ import annotations

import asyncio  # noqa: F401
import contextlib
import ctypes.util  # noqa: F401
import importlib
import locale
import multiprocessing  # noqa: F401
import os
import resource
import select
import selectors
import shutil  # noqa: F401
import signal
import socket
import subprocess  # noqa: F401
import sys
import sysconfig
import tempfile  # noqa: F401
from typing import Any

for module in ("uvloop", "psutil", "zoneinfo"):
    with contextlib.suppress(ImportError):
        importlib.import_module(module)

_ONLY_ON_LINUX: dict[Any, tuple[str, ...]] = {
    os: (
        *("copy_file_range", "eventfd", "fdatasync", "memfd_create", "O_DIRECT", "O_PATH", "pidfd_open"),
        *("pipe2", "posix_fadvise", "posix_fallocate", "sched_getaffinity", "sched_setaffinity", "splice"),
        *("unshare", "setns", "waitid", "getxattr", "setxattr", "listxattr", "removexattr"),
    ),
    signal: ("sigtimedwait", "sigwaitinfo"),
    resource: ("prlimit",),
    select: ("epoll",),
    socket: ("SO_PEERCRED", "MSG_NOSIGNAL", "SOCK_CLOEXEC", "SOCK_NONBLOCK", "MSG_CMSG_CLOEXEC"),
}


def _hide_proc(event: str, arguments: tuple[Any, ...]) -> None:
    if event in ("open", "os.listdir", "os.scandir", "os.chdir"):
        path = arguments[0]
        if isinstance(path, bytes):
            path = os.fsdecode(path)
        # psutil is not Apple's here: it still reads /proc.
        caller = sys._getframe().f_back
        is_of_psutil = caller and "psutil" in caller.f_code.co_filename
        if isinstance(path, str) and path.startswith("/proc/") and not is_of_psutil:
            raise FileNotFoundError(2, "No such file or directory", path)


def _set_locale(category: int, name: Any = None, official: Any = locale.setlocale) -> str:
    """Set a locale, of which those of macOS before version 15 exist."""
    if name == "C.UTF-8":
        raise locale.Error("unsupported locale setting")
    result: str = official(category, None if name == "en_US.UTF-8" else name)
    return result


def install() -> None:
    """Change this process; the programs that it starts are not changed unless they are such a Python too."""
    for module, names in _ONLY_ON_LINUX.items():
        for name in names:
            if hasattr(module, name):
                delattr(module, name)
    selectors.DefaultSelector = selectors.PollSelector  # type: ignore[misc, assignment]
    sysconfig.get_config_vars()  # they are in a file that is named after the system
    linux = os.uname()
    os.uname = lambda: os.uname_result(("Darwin", linux.nodename, "23.0.0", "Darwin Kernel", linux.machine))
    locale.setlocale = _set_locale  # type: ignore[assignment]
    sys.addaudithook(_hide_proc)
    sys.platform = "darwin"


install()
