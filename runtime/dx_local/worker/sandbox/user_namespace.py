"""User namespaces, in which a process is root: over its user's files or, if it was root, over all files."""

from __future__ import annotations

import os
import pwd
from typing import NamedTuple

from dx_local.worker.sandbox import mounts


class IdMaps(NamedTuple):
    """The users and groups of a user namespace, mapped to themselves in one below it."""

    users: str
    groups: str

    @classmethod
    def own(cls) -> IdMaps:
        """Return the maps of this process's namespace."""
        return cls(_identity_map("uid_map"), _identity_map("gid_map"))

    def write(self, proc: int, pid: int) -> None:
        """Set the maps of a process's namespace; `proc` is the open folder /proc. Raises OSError.

        The kernel permits it only to a process of the parent namespace.
        """
        for kind, text in (("uid_map", self.users), ("gid_map", self.groups)):
            _write(f"{pid}/{kind}", text, proc)


def own_home() -> str:
    """Return the home of this process's user, regardless of HOME; `/` for a user unknown to this machine."""
    try:
        return pwd.getpwuid(os.getuid()).pw_dir
    except KeyError:
        return "/"


def enter(others: int) -> None:
    """Enter a new user namespace as root, and new namespaces of these other kinds, which it owns.

    If this process is root, all users and groups exist in the namespace; otherwise only its own do, and the
    files of all others appear to be nobody's. Raises OSError if the system does not permit it.
    """
    user, group = os.geteuid(), os.getegid()
    if user == 0 and _enter_with_all_ids(others):
        return
    if user != 0:
        mounts.perform([mounts.unshare(mounts.NEW_USER | others)])
    # The kernel demands this before an ordinary user may map a group: see user_namespaces(7).
    _write("/proc/self/setgroups", "deny")
    _write("/proc/self/uid_map", f"0 {user} 1")
    _write("/proc/self/gid_map", f"0 {group} 1")


def is_root_of_host() -> bool:
    """Return whether this process owns the system's files, rather than only those of its user."""
    return os.stat("/usr").st_uid == os.geteuid() == 0


def _enter_with_all_ids(others: int) -> bool:
    """Enter the namespaces; return whether all users and groups exist in them.

    A process cannot map more than itself, so a child that stays outside writes the maps.
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
                    _write(f"/proc/{process}/{kind}", _identity_map(kind))
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


def _identity_map(kind: str) -> str:
    """Return a map of all IDs of this process's namespace, each to itself."""
    with open(f"/proc/self/{kind}", encoding="ascii") as file:
        ranges = [line.split() for line in file]
    return "".join(f"{first} {first} {count}\n" for first, _, count in ranges)


def _write(path: str, text: str, folder: int | None = None) -> None:
    file = os.open(path, os.O_WRONLY, dir_fd=folder)
    try:
        os.write(file, text.encode())
    finally:
        os.close(file)
