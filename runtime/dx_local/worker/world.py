"""The world of one job: its own mounts, put together before its program starts, gone with its processes."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING

from dx_local.worker import mounts
from dx_local.worker.host_view import HOME, OURS, PRIVATE, is_below

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dx_local.worker.host_view import HostView
    from dx_local.worker.mounts import Call

_LOG_SOCKETS = ("priority", "bulk")
_CONTROLS = ("/proc/sys", "/proc/sysrq-trigger")  # of the kernel, which obeys root in any namespace
_SHARED_MEMORY = "/dev/shm"  # noqa: S108
_LOG_FOLDERS = ("dnanexus", "dnanexus/log")  # below /opt; source: dxpy.dxlog.DXLogHandler


@dataclass(frozen=True)
class Needs:
    """What of the host a job's world must hold; all but the layers is found where it is said here."""

    layers: Sequence[str]
    """Folders that are laid over `/`, the topmost first."""
    home: str
    """The folder that becomes /home/dnanexus."""
    temporary: Sequence[str]
    """The folders that become those for temporary files, in the order of PRIVATE."""
    shown: Sequence[str]
    """Files and folders of the host inside folders like PRIVATE that a job finds at their own paths."""
    ours: str
    """What becomes OURS."""
    log_sockets: str
    """What the paths of the two sockets for log messages begin with, as the job sees them."""
    environment: str
    """The worker environment, which a job may change for itself: `pip install` works."""


def plan(host: HostView, place: str, needs: Needs) -> list[Call]:
    """Return the calls that make the root of a process a world as needed, which lies in memory.

    That is mounted at place, in the process's own namespace.
    """
    return _Plan(host, place, needs).calls()


class _Plan:
    def __init__(self, host: HostView, place: str, needs: Needs) -> None:
        self._host = host
        self._needs = needs
        self._place = place
        self._root = f"{place}/root"
        self._count = 0
        self._calls: list[Call] = []

    def calls(self) -> list[Call]:
        host, needs, root = self._host, self._needs, self._root
        self._add(mounts.unshare(mounts.NEW_MOUNTS), mounts.memory(self._place), mounts.folder(root))
        # The host's top level comes first: a layer's `bin` must not hide that this is a link to `usr/bin`.
        self._add(mounts.overlay(root, [host.root, *needs.layers], self._writable()))
        self._show_host()
        for path in (*host.covered, *host.parts):
            self._cover(path, [path])
        for path in host.inner:
            self._show_inner(path)
        for alias, path in host.aliases:
            if self._is_brought(alias):
                self._cover(path, [alias, path])
        self._add(mounts.bind_writable(needs.home, root + HOME), *mounts.bind(needs.ours, root + OURS))
        for source, path in zip(needs.temporary, PRIVATE):  # noqa: B905  (workers may run Python 3.8)
            self._add(mounts.bind_writable(source, root + path))
        for path in needs.shown:
            self._add(*mounts.bind(path, root + path))
        if not is_below(f"{needs.environment}/", host.covered):
            over = mounts.overlay(root + needs.environment, [needs.environment], self._writable())
            self._add(over._replace(may_fail=True))  # then it stays to be read only
        self._add(*mounts.change_root(root))
        return self._calls

    def _add(self, *calls: Call) -> None:
        self._calls += calls

    def _is_brought(self, path: str) -> bool:
        """Tell whether a layer has a folder at a path."""
        return any(os.path.isdir(layer + path) for layer in self._needs.layers)

    def _show_host(self) -> None:
        for path in self._host.live:
            self._add(mounts.bind_writable(path, self._root + path, deep=True))
        for path in _CONTROLS:
            self._add(*mounts.bind(path, self._root + path, may_fail=True))
        if os.path.isdir(_SHARED_MEMORY):
            self._add(mounts.memory(self._root + _SHARED_MEMORY, mode="1777"))
        for path in self._host.read_only:
            self._add(*mounts.bind(path, self._root + path, deep=True))
            if is_below(self._place, (path,)):
                self._add(mounts.unmount(self._root + self._place))  # or the world would show itself

    def _new_folder(self) -> str:
        self._count += 1
        folder = f"{self._place}/{self._count}"
        self._add(mounts.folder(folder))
        return folder

    def _writable(self) -> str:
        """Return a new folder for what is changed of one overlay."""
        folder = self._new_folder()
        self._add(mounts.folder(f"{folder}/upper"), mounts.folder(f"{folder}/work"))
        return folder

    def _cover(self, path: str, names: Sequence[str]) -> None:
        """Show a folder of the host with what the layers have under any of these names laid over."""
        above = [layer + name for layer in self._needs.layers for name in names]
        below = [self._host.beneath + path, *([] if path in self._host.opened else [path])]
        lowers = [self._apart(lower, path) for lower in above if os.path.isdir(lower)]
        lowers += [lower for lower in below if os.path.isdir(lower)]
        writable = self._writable()
        if path == "/opt":
            self._link_log_sockets(f"{writable}/upper")
        self._add(mounts.overlay(self._root + path, lowers, writable))

    def _link_log_sockets(self, opt: str) -> None:
        self._add(*(mounts.folder(f"{opt}/{folder}") for folder in _LOG_FOLDERS))
        for name in _LOG_SOCKETS:
            self._add(mounts.link(f"{self._needs.log_sockets}.{name}", f"{opt}/{_LOG_FOLDERS[-1]}/{name}"))

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
