"""The user of a container's process: from the names in the image to the credentials of the process."""

from __future__ import annotations

import os
from typing import NamedTuple

from dx_local.worker.containers.errors import DockerError
from dx_local.worker.sandbox import mounts

_SET_GROUPS, _USERS, _GROUPS = "setgroups", "uid_map", "gid_map"

# As Docker has it. Larger numbers would be taken for others by the kernel.
_HIGHEST = (1 << 31) - 1


class User(NamedTuple):
    """A user and a group, with further groups."""

    uid: int
    gid: int
    groups: tuple[int, ...]
    home: str


def find_user(text: str) -> User:
    """Return the user that `NAME|UID[:GROUP|GID]` means in the current root folder. Raises DockerError."""
    name, _, group = (text or "0").partition(":")
    accounts = _lines("/etc/passwd", 6)
    account = next((each for each in accounts if name in (each[0], each[2])), None)
    if account is None and not name.isdigit():
        raise DockerError(f"unable to find user {name}: no matching entries in passwd file")
    uid = int(account[2] if account else name)
    gid = int(account[3]) if account else 0
    home = account[5] if account else "/"
    known = _lines("/etc/group", 4)
    if group:
        found = next((each for each in known if group in (each[0], each[2])), None)
        if found is None and not group.isdigit():
            raise DockerError(f"unable to find group {group}: no matching entries in group file")
        gid = int(found[2] if found else group)
    user_name = account[0] if account else ""
    if max(uid, gid) > _HIGHEST:
        raise DockerError(f"uids and gids must be in range 0-{_HIGHEST}")
    groups = tuple(int(each[2]) for each in known if user_name and user_name in each[3].split(","))
    return User(uid, gid, groups if not group else (), home or "/")


def numbers_of(root: str, text: str) -> tuple[int, int]:
    """Return the numbers of `USER[:GROUP]` by the accounts in a root folder; (0, 0) for an empty text.

    Raises DockerError for an unknown name.
    """
    name, colon, group = (text or "0:0").partition(":")
    numbers = []
    for each, file in ((name, "passwd"), (group if colon else name, "group")):
        found = next((line[2] for line in _lines(f"{root}/etc/{file}", 3) if line[0] == each), each)
        if not found.isdigit():
            raise DockerError(f"unable to find {each} in /etc/{file}")
        numbers.append(int(found))
    return numbers[0], numbers[1]


def _lines(path: str, fields: int) -> list[list[str]]:
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            lines = [line.rstrip("\n").split(":") for line in file]
    except OSError:
        return []
    return [line for line in lines if len(line) >= fields and line[2].isdigit()]


def become(user: User, proc: int) -> None:
    """Give this process a user's credentials. `proc` is the open folder /proc/self.

    If only one user exists in the user namespace, the process enters a new one, in which that user has the
    wanted number. Raises OSError.
    """
    if (user.uid, user.gid) == (os.getuid(), os.getgid()) == (0, 0) and not user.groups:
        return
    if _is_mapped(user.uid, _USERS, proc) and _is_mapped(user.gid, _GROUPS, proc):
        if _read(_SET_GROUPS, proc).strip() == "allow":
            os.setgroups(list(user.groups))
        os.setgid(user.gid)
        os.setuid(user.uid)
        return
    own_user, own_group = os.getuid(), os.getgid()
    mounts.perform([mounts.unshare(mounts.NEW_USER)])
    _write(_SET_GROUPS, "deny", proc)
    _write(_USERS, f"{user.uid} {own_user} 1", proc)
    _write(_GROUPS, f"{user.gid} {own_group} 1", proc)


def _is_mapped(number: int, kind: str, proc: int) -> bool:
    ranges = [tuple(map(int, line.split())) for line in _read(kind, proc).splitlines()]
    return any(first <= number < first + count for first, _, count in ranges)


def _read(name: str, proc: int) -> str:
    with open(os.open(name, os.O_RDONLY, dir_fd=proc), encoding="utf-8") as file:
        return file.read()


def _write(name: str, text: str, proc: int) -> None:
    with open(os.open(name, os.O_WRONLY, dir_fd=proc), "w", encoding="utf-8") as file:
        file.write(text)
