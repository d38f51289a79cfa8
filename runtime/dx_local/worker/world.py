"""The world of one job: its own mounts, put together before its program starts, gone with its processes."""

from __future__ import annotations

import contextlib
import os
from dataclasses import dataclass
from typing import TYPE_CHECKING

from dx_local.worker import mounts
from dx_local.worker.host_view import HOME, OURS, PRIVATE, is_below

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dx_local.worker.host_view import HostView

_LOG_SOCKETS = ("priority", "bulk")
_LOG_FOLDER = "dnanexus/log"  # below /opt; source: dxpy.dxlog.DXLogHandler


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


def enter(host: HostView, place: str, needs: Needs) -> None:
    """Make this process's root a world as needed, put together in memory that is mounted at place."""
    mounts.unshare(mounts.NEW_MOUNTS)
    mounts.memory(place)
    _World(host, place, needs).build()


class _World:
    def __init__(self, host: HostView, place: str, needs: Needs) -> None:
        self._host = host
        self._needs = needs
        self._place = place
        self._root = f"{place}/root"
        self._count = 0

    def build(self) -> None:
        host, needs, root = self._host, self._needs, self._root
        os.mkdir(root)
        # The host's top level comes first: a layer's `bin` must not hide that this is a link to `usr/bin`.
        mounts.overlay(root, [host.root, *needs.layers], self._writable())
        self._show_host()
        for path in host.covered:
            self._cover(path, [path])
        for alias, path in host.aliases:
            if any(os.path.isdir(layer + alias) for layer in needs.layers):
                self._cover(path, [alias, path])
        for path in host.inner:
            self._show_inner(path)
        mounts.bind(needs.home, root + HOME, read_only=False)
        mounts.bind(needs.ours, root + OURS)
        for source, path in zip(needs.temporary, PRIVATE):  # noqa: B905  (workers may run Python 3.8)
            mounts.bind(source, root + path, read_only=False)
        for path in needs.shown:
            mounts.bind(path, root + path)
        if not is_below(f"{needs.environment}/", host.covered):
            # Where that cannot be laid over, it stays to be read only.
            with contextlib.suppress(OSError):
                mounts.overlay(root + needs.environment, [needs.environment], self._writable())
        mounts.change_root(root)

    def _show_host(self) -> None:
        for path in self._host.live:
            mounts.bind(path, self._root + path, read_only=False, deep=True)
        for path in self._host.read_only:
            mounts.bind(path, self._root + path, deep=True)
            if is_below(self._place, (path,)):
                mounts.unmount(self._root + self._place)  # or it would show this world within itself

    def _writable(self) -> str:
        """Return a new folder for what is changed of one overlay."""
        self._count += 1
        folder = f"{self._place}/{self._count}"
        for path in (folder, f"{folder}/upper", f"{folder}/work"):
            os.mkdir(path)
        return folder

    def _cover(self, path: str, names: Sequence[str]) -> None:
        """Show a folder of the host with what the layers have under any of these names laid over."""
        above = [layer + name for layer in self._needs.layers for name in names]
        below = [self._host.beneath + path, path]
        lowers = [self._apart(lower, path) for lower in above if os.path.isdir(lower)]
        lowers += [lower for lower in below if os.path.isdir(lower)]
        writable = self._writable()
        if path == "/opt":
            folder = f"{writable}/upper/{_LOG_FOLDER}"
            os.makedirs(folder)
            for name in _LOG_SOCKETS:
                os.symlink(f"{self._needs.log_sockets}.{name}", f"{folder}/{name}")
        mounts.overlay(self._root + path, lowers, writable)

    def _apart(self, layer: str, path: str) -> str:
        """Return a part of a layer as one that may be laid over path.

        No folder can be laid over one that it lies in; but seen through an overlay of its own it is another.
        """
        if not is_below(os.path.realpath(layer), (os.path.realpath(path),)):
            return layer
        self._count += 1
        folder = f"{self._place}/{self._count}"
        os.mkdir(folder)
        mounts.overlay(folder, [layer, self._host.empty])
        return folder

    def _show_inner(self, path: str) -> None:
        """Show what is mounted inside a covered folder, which an overlay does not hold."""
        if os.path.isdir(path) and any(os.path.isdir(layer + path) for layer in self._needs.layers):
            self._cover(path, [path])
        else:
            # What cannot be shown is hidden from users by the host, or hidden in turn by a layer.
            with contextlib.suppress(OSError):
                mounts.bind(path, self._root + path)
