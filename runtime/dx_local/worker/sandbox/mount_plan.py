"""The world of a job: mounts that are put together before its program starts."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from dx_local.worker.sandbox import mounts
from dx_local.worker.sandbox.host_folders import LOG, OURS, PRIVATE, SANDBOXES, SHARED_MEMORY, is_below

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dx_local.worker.sandbox.host_folders import HostView
    from dx_local.worker.sandbox.mounts import Call

_PROCESSES = "/proc"
_CONTROLS = ("/proc/sys", "/proc/sysrq-trigger")  # of the kernel, which obeys root in any namespace


@dataclass(frozen=True)
class Needs:
    """What of the host a world must hold, besides the home of whoever lives there."""

    layers: tuple[str, ...]
    """Folders that are laid over `/`, the topmost first."""
    shown: tuple[str, ...]
    """Files and folders of the host inside concealed folders that are found at their own paths."""
    links: tuple[tuple[str, str], ...]
    """Symbolic links inside concealed folders that are found as well, with what they lead to."""
    environment: str
    """The worker environment, which a job may change for itself: `pip install` works."""


class Places(NamedTuple):
    """Folders of the host that are found elsewhere in a world."""

    memory: str
    """Where what the world consists of is mounted, while it is put together."""
    temporary: Sequence[str]
    """Those that become the folders for temporary files, in the order of PRIVATE."""
    ours: str
    """What becomes OURS."""
    log: str
    """What becomes LOG."""


class Plan(NamedTuple):
    """The calls that make a world, and the folders that show whether it has been changed."""

    building: list[Call]
    """The calls that the zygote makes first, in a new mount namespace."""
    entering: list[Call]
    """The calls that make the result the root folder."""
    preparations: list[Call]
    """The calls that only the first process of the sandbox can make, inside."""
    traces: list[str]
    """Folders below the memory in which every change of the world changes something."""


def plan(host: HostView, places: Places, needs: Needs, *, has_processes: bool) -> Plan:
    """Return how to make a world with these needs and, if `has_processes`, with a PID namespace."""
    return _Planner(host, places, needs, has_processes=has_processes).plan()


class _Planner:
    def __init__(self, host: HostView, places: Places, needs: Needs, *, has_processes: bool) -> None:
        self._host = host
        self._has_processes = has_processes
        self._needs = needs
        self._places = places
        self._root = f"{places.memory}/root"
        self._count = 0
        self._calls: list[Call] = []
        self._preparations: list[Call] = []
        self._traces: list[str] = []
        self._places_made: set[str] = set()

    def plan(self) -> Plan:
        host, needs, places, root = self._host, self._needs, self._places, self._root
        self._add(mounts.unshare(mounts.NEW_MOUNTS), mounts.memory(places.memory), mounts.folder(root))
        # The host's top level comes first: a layer's `bin` must not hide that this is a link to `usr/bin`.
        self._add(mounts.overlay(root, [host.root, *needs.layers], self._writable()))
        self._show_processes()
        self._show_host()
        for path in (*host.covered, *host.parts):
            self._cover(path, [path])
        for path in host.inner:
            self._show_inner(path)
        for alias, path in host.aliases:
            if self._is_brought(alias):
                self._cover(path, [alias, path])
        self._add(*mounts.bind(places.ours, root + OURS), *mounts.bind(places.log, root + LOG))
        # In there lie the temporary files of other jobs.
        self._add(*mounts.bind(host.empty, f"{root}{OURS}/{SANDBOXES}"))
        for source, path in zip(places.temporary, PRIVATE):  # noqa: B905  (workers may run Python 3.8)
            self._add(mounts.bind_writable(source, root + path))
        for path in host.hidden:
            self._hide(path)
        for path in needs.shown:
            self._make_place(path)
            self._add(*mounts.bind(path, root + path))
        for path, target in needs.links:
            self._add(*self._folders_above(path), mounts.link(target, root + path))
        if not is_below(f"{needs.environment}/", host.covered):
            over = mounts.overlay(root + needs.environment, [needs.environment], self._writable())
            self._add(over._replace(may_fail=True))  # then it stays to be read only
        return Plan(self._calls, mounts.change_root(root), self._preparations, self._traces)

    def _add(self, *calls: Call) -> None:
        self._calls += calls

    def _is_brought(self, path: str) -> bool:
        """Tell whether a layer has a folder at a path."""
        return any(os.path.isdir(layer + path) for layer in self._needs.layers)

    def _show_processes(self) -> None:
        if not self._has_processes:
            self._add(mounts.bind_writable(_PROCESSES, self._root + _PROCESSES, deep=True))
            for path in _CONTROLS:
                self._add(*mounts.bind(path, self._root + path, may_fail=True))
            return
        # The kernel mounts a new /proc only if the mount namespace has another that hides nothing. So there
        # is one that no path leads to, below what is mounted at OURS later. It lets jobs mount theirs, too.
        hidden = f"{self._root}{OURS}{_PROCESSES}"
        self._add(mounts.folder(hidden), mounts.bind_writable(_PROCESSES, hidden, deep=True))
        self._preparations.append(mounts.processes(_PROCESSES))
        for path in _CONTROLS:
            self._preparations += mounts.bind(path, path, may_fail=True)

    def _show_host(self) -> None:
        for path in self._host.read_only:
            self._add(*mounts.bind(path, self._root + path, deep=True))
            if is_below(self._places.memory, (path,)):
                self._add(mounts.unmount(self._root + self._places.memory))  # or the world would show itself
        if os.path.isdir(SHARED_MEMORY):
            shared = f"{self._places.memory}/shared"
            self._add(*mounts.common_folder(shared))
            self._add(mounts.bind_writable(shared, self._root + SHARED_MEMORY))
            self._traces.append("shared")

    def _hide(self, path: str) -> None:
        folder = self._new_folder()
        self._add(mounts.bind_writable(folder, self._root + path))
        self._traces.append(str(self._count))

    def _make_place(self, path: str) -> None:
        """Make what a path of the host is mounted at; below PRIVATE it is there already (temporaries.py)."""
        if is_below(path, self._host.concealed) and not is_below(path, PRIVATE):
            make = mounts.folder if os.path.isdir(path) else mounts.file
            self._add(*self._folders_above(path), make(self._root + path)._replace(may_fail=True))

    def _folders_above(self, path: str) -> list[Call]:
        """Return the calls that make those that are not there of the folders in which a path lies."""
        folders = [path[:index] for index, character in enumerate(path) if character == "/"][1:]
        new = [folder for folder in folders if folder not in self._places_made]
        self._places_made.update(new)
        return [mounts.folder(self._root + folder)._replace(may_fail=True) for folder in new]

    def _new_folder(self) -> str:
        self._count += 1
        folder = f"{self._places.memory}/{self._count}"
        self._add(mounts.folder(folder))
        return folder

    def _writable(self) -> str:
        """Return a new folder for what is changed of one overlay."""
        folder = self._new_folder()
        self._add(mounts.folder(f"{folder}/upper"), mounts.folder(f"{folder}/work"))
        self._traces.append(f"{self._count}/upper")
        return folder

    def _cover(self, path: str, names: Sequence[str]) -> None:
        """Show a folder of the host with what the layers have under any of these names laid over."""
        above = [layer + name for layer in self._needs.layers for name in names]
        below = [self._host.beneath + path, *([] if path in self._host.opened else [path])]
        lowers = [self._apart(lower, path) for lower in above if os.path.isdir(lower)]
        lowers += [lower for lower in below if os.path.isdir(lower)]
        self._add(mounts.overlay(self._root + path, lowers, self._writable()))

    def _apart(self, layer: str, path: str) -> str:
        """Return a part of a layer as one that may be laid over path.

        No folder can be laid over one that it lies in; but seen through an overlay of its own it is another.
        """
        if not is_below(os.path.realpath(layer), (os.path.realpath(path),)):
            return layer
        folder = self._new_folder()
        self._add(mounts.overlay(folder, [layer, self._host.empty]))
        return folder

    def _show_inner(self, path: str) -> None:
        """Show a folder in an opened one, which no overlay holds."""
        if self._is_brought(path):
            self._cover(path, [path])
        else:
            # What cannot be shown is hidden from users by the host, or hidden in turn by a layer.
            self._add(*mounts.bind(path, self._root + path, deep=True, may_fail=True))
