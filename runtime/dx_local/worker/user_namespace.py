"""A user namespace: a process becomes root in it, of the files of its own user or, if it was root, of all."""

from __future__ import annotations

import os
import pwd

from dx_local.worker import mounts


def own_home() -> str:
    """Return the home of this process's user, whatever HOME says, or `/` for one who is not known here."""
    try:
        return pwd.getpwuid(os.getuid()).pw_dir
    except KeyError:
        return "/"


def enter() -> None:
    """Enter a new user and a new mount namespace, as root.

    Only root can take all users and groups along; others take themselves, and all else is nobody's. Raises
    OSError where the system does not allow it.
    """
    user, group = os.geteuid(), os.getegid()
    if user == 0 and _enter_with_all():
        return
    if user != 0:
        mounts.perform([mounts.unshare(mounts.NEW_USER | mounts.NEW_MOUNTS)])
    _write("self", "setgroups", "deny")
    _write("self", "uid_map", f"0 {user} 1")
    _write("self", "gid_map", f"0 {group} 1")


def owns_the_system() -> bool:
    """Tell whether this process is root of the system's files, too, and not of its user's only."""
    return os.stat("/usr").st_uid == os.geteuid() == 0


def _enter_with_all() -> bool:
    """Enter the namespaces; return whether all users and groups came along.

    It takes somebody outside to let them in.
    """
    waiting, entered = os.pipe()
    process = str(os.getpid())
    helper = os.fork()
    if helper == 0:
        status = 1
        try:
            os.close(entered)
            if os.read(waiting, 1):
                for kind in ("uid_map", "gid_map"):
                    _write(process, kind, _as_it_is(kind))
                status = 0
        finally:
            os._exit(status)
    try:
        os.close(waiting)
        mounts.perform([mounts.unshare(mounts.NEW_USER | mounts.NEW_MOUNTS)])
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


def _write(process: str, kind: str, text: str) -> None:
    file = os.open(f"/proc/{process}/{kind}", os.O_WRONLY)
    try:
        os.write(file, text.encode())
    finally:
        os.close(file)
