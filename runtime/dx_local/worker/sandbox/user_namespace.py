"""A user namespace: a process becomes root in it, of the files of its own user or, if it was root, of all."""

from __future__ import annotations

import os
import pwd
from typing import NamedTuple

from dx_local.worker.sandbox import mounts


class IdMaps(NamedTuple):
    """All users and groups that there are in a user namespace, each to be the same in one below it."""

    users: str
    groups: str

    @classmethod
    def own(cls) -> IdMaps:
        """Return those of this process's namespace."""
        return cls(_as_it_is("uid_map"), _as_it_is("gid_map"))

    def write(self, proc: int, pid: int) -> None:
        """Give them to the namespace of a process; `proc` is the open folder /proc. Raises OSError.

        Only a process of the namespace above may do so.
        """
        for kind, text in (("uid_map", self.users), ("gid_map", self.groups)):
            _write(f"{pid}/{kind}", text, proc)


def own_home() -> str:
    """Return the home of this process's user, whatever HOME says, or `/` for one who is not known here."""
    try:
        return pwd.getpwuid(os.getuid()).pw_dir
    except KeyError:
        return "/"


def enter(others: int) -> None:
    """Enter a new user namespace, as root, and others of these kinds, which belong to it.

    Only root can take all users and groups along; others take themselves, and all else is nobody's. Raises
    OSError where the system does not allow it.
    """
    user, group = os.geteuid(), os.getegid()
    if user == 0 and _enter_with_all(others):
        return
    if user != 0:
        mounts.perform([mounts.unshare(mounts.NEW_USER | others)])
    _write("/proc/self/setgroups", "deny")
    _write("/proc/self/uid_map", f"0 {user} 1")
    _write("/proc/self/gid_map", f"0 {group} 1")


def owns_the_system() -> bool:
    """Tell whether this process is root of the system's files, too, and not of its user's only."""
    return os.stat("/usr").st_uid == os.geteuid() == 0


def _enter_with_all(others: int) -> bool:
    """Enter the namespaces; return whether all users and groups came along.

    It takes somebody outside to let them in.
    """
    waiting, entered = os.pipe()
    process = os.getpid()
    helper = os.fork()
    if helper == 0:
        status = 1
        try:
            os.close(entered)
            if os.read(waiting, 1):
                for kind in ("uid_map", "gid_map"):
                    _write(f"/proc/{process}/{kind}", _as_it_is(kind))
                status = 0
        finally:
            os._exit(status)
    try:
        os.close(waiting)
        mounts.perform([mounts.unshare(mounts.NEW_USER | others)])
        os.write(entered, b"+")
    finally:
        os.close(entered)
        _, status = os.waitpid(helper, 0)
    return status == 0


def _as_it_is(kind: str) -> str:
    """Return a map of all IDs that this process's namespace has, each to itself."""
    with open(f"/proc/self/{kind}", encoding="ascii") as file:
        ranges = [line.split() for line in file]
    return "".join(f"{first} {first} {count}\n" for first, _, count in ranges)


def _write(path: str, text: str, folder: int | None = None) -> None:
    file = os.open(path, os.O_WRONLY, dir_fd=folder)
    try:
        os.write(file, text.encode())
    finally:
        os.close(file)
