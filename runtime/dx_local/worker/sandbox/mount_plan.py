"""The mounts of a sandbox: which system calls assemble its root folder, and in which order.

The order matters. The root overlay comes first, because everything else is mounted inside it. /proc, which
the new one depends on, and the host's folders follow; then the overlays on the system's folders, which may
cover links and mount points of earlier steps. Hidden folders come after all folders that contain them, and
visible paths after the hidden folders in which they reappear.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from dx_local.worker.channel import CHANGES, EXECUTOR_FOLDER, IMAGES
from dx_local.worker.sandbox import mounts
from dx_local.worker.sandbox.host_folders import (
    LOG_FOLDER,
    SANDBOXES,
    SHARED_MEMORY,
    TMP_FOLDERS,
    is_below,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dx_local.worker.sandbox.host_folders import HostFolders
    from dx_local.worker.sandbox.mounts import Syscall

_PROC = "/proc"
_KERNEL_CONTROLS = ("/proc/sys", "/proc/sysrq-trigger")  # of the kernel, which obeys root in any namespace


@dataclass(frozen=True)
class SandboxSpec:
    """The parts of the host that a sandbox contains, apart from the home of its job."""

    layers: tuple[str, ...]
    """Folders that are overlaid on `/`, the topmost first."""
    visible_paths: tuple[str, ...]
    """Files and folders of the host, inside restricted folders, that appear at their own paths."""
    links: tuple[tuple[str, str], ...]
    """Symbolic links inside restricted folders that appear as well, with their targets."""
    environment: str
    """The worker environment, which a job may change for itself: `pip install` works."""
    shows_changes: bool = False
    """True if the upper folders of its overlays appear in it, read-only, as CHANGES."""


class MountSources(NamedTuple):
    """Folders of the host that appear at other paths in a sandbox."""

    memory: str
    """The mount point of the tmpfs that holds the sandbox while it is assembled."""
    tmp_folders: Sequence[str]
    """The folders for temporary files, in the order of TMP_FOLDERS."""
    executor_folder: str
    """The folder that appears as EXECUTOR_FOLDER."""
    images: str
    """The folder that appears as IMAGES, or empty."""
    log: str
    """The folder that appears as LOG_FOLDER."""


class MountPlan(NamedTuple):
    """The calls that make a sandbox, and the folders that reveal whether a job has changed it."""

    build: list[Syscall]
    """The calls that the zygote makes first, in a new mount namespace."""
    change_root: list[Syscall]
    """The calls that make the result the root folder."""
    calls_inside: list[Syscall]
    """The calls that only the first process of the sandbox can make, inside it."""
    change_markers: list[str]
    """Folders in the tmpfs, one of which changes with the sandbox.

    They are hidden and shared folders, and the upper folders of overlays: the first change of an overlay,
    however deep, copies parent folders into its upper folder and thereby changes that.
    """


def plan_mounts(
    host: HostFolders, sources: MountSources, spec: SandboxSpec, *, has_pid_namespace: bool
) -> MountPlan:
    """Return the mounts of a sandbox as specified, with a PID namespace if it is to have one."""
    return _Planner(host, sources, spec, has_pid_namespace=has_pid_namespace).plan()


class _Planner:
    def __init__(
        self, host: HostFolders, sources: MountSources, spec: SandboxSpec, *, has_pid_namespace: bool
    ) -> None:
        self._host = host
        self._has_pid_namespace = has_pid_namespace
        self._spec = spec
        self._sources = sources
        self._root = f"{sources.memory}/root"
        self._count = 0
        self._calls: list[Syscall] = []
        self._calls_inside: list[Syscall] = []
        self._change_markers: list[str] = []
        self._parents_made: set[str] = set()

    def plan(self) -> MountPlan:
        host, spec, sources, root = self._host, self._spec, self._sources, self._root
        self._add(mounts.unshare(mounts.NEW_MOUNTS), mounts.tmpfs(sources.memory), mounts.folder(root))
        # The host's top level is the topmost layer: a layer's `bin` must not hide that this is a link to
        # `usr/bin`.
        self._add(mounts.overlay(root, [host.root, *spec.layers], self._new_upper()))
        self._mount_proc()
        self._bind_host_folders()
        for path in (*host.overlaid, *host.overlaid_parts):
            self._overlay(path, [path])
        for path in host.bound_parts:
            self._mount_bound_part(path)
        for alias, path in host.aliases:
            if self._is_in_layers(alias):
                self._overlay(path, [alias, path])
        self._bind_own_folders()
        for source, path in zip(sources.tmp_folders, TMP_FOLDERS):  # noqa: B905  (workers may run Python 3.8)
            self._add(mounts.bind(source, root + path))
        for path in host.hidden:
            self._hide(path)
        for path in spec.visible_paths:
            self._make_mount_point(path)
            self._add(*mounts.bind_read_only(path, root + path))
        for path, target in spec.links:
            self._add(*self._missing_parents(path), mounts.link(target, root + path))
        if not is_below(f"{spec.environment}/", host.overlaid):
            layers = [host.environment_layer, spec.environment]
            over = mounts.overlay(root + spec.environment, layers, self._new_upper())
            self._add(over._replace(may_fail=True))  # then it stays read-only
        return MountPlan(self._calls, mounts.change_root(root), self._calls_inside, self._change_markers)

    def _add(self, *calls: Syscall) -> None:
        self._calls += calls

    def _is_in_layers(self, path: str) -> bool:
        """Return whether a layer contains a folder at a path."""
        return any(os.path.isdir(layer + path) for layer in self._spec.layers)

    def _mount_proc(self) -> None:
        if not self._has_pid_namespace:
            self._add(mounts.bind(_PROC, self._root + _PROC, deep=True))
            for path in _KERNEL_CONTROLS:
                self._add(*mounts.bind_read_only(path, self._root + path, may_fail=True))
            return
        # The kernel mounts a new /proc only if the mount namespace has another one with nothing hidden. So
        # the zygote's is bound to a path that becomes unreachable once EXECUTOR_FOLDER is mounted over its
        # parent. It also lets jobs mount a /proc of their own.
        hidden = f"{self._root}{EXECUTOR_FOLDER}{_PROC}"
        self._add(mounts.folder(hidden), mounts.bind(_PROC, hidden, deep=True))
        self._calls_inside.append(mounts.proc(_PROC))
        for path in _KERNEL_CONTROLS:
            self._calls_inside += mounts.bind_read_only(path, path, may_fail=True)

    def _bind_host_folders(self) -> None:
        for path in self._host.read_only:
            self._add(*mounts.bind_read_only(path, self._root + path, deep=True))
            if is_below(self._sources.memory, (path,)):
                # Otherwise the sandbox would contain itself.
                self._add(mounts.unmount(self._root + self._sources.memory))
        if os.path.isdir(SHARED_MEMORY):
            shared = f"{self._sources.memory}/shared"
            self._add(*mounts.sticky_folder(shared))
            self._add(mounts.bind(shared, self._root + SHARED_MEMORY))
            self._change_markers.append("shared")

    def _bind_own_folders(self) -> None:
        """Bind the folders by which a job and dx-local communicate."""
        sources, root, empty = self._sources, self._root, self._host.empty
        self._add(
            *mounts.bind_read_only(sources.executor_folder, root + EXECUTOR_FOLDER),
            *mounts.bind_read_only(sources.log, root + LOG_FOLDER),
        )
        # It contains the temporary files of other jobs.
        self._add(*mounts.bind_read_only(empty, f"{root}{EXECUTOR_FOLDER}/{SANDBOXES}"))
        self._add(*mounts.bind_read_only(sources.images or empty, root + IMAGES))
        if self._spec.shows_changes:
            self._add(*mounts.bind_read_only(sources.memory, root + CHANGES))

    def _hide(self, path: str) -> None:
        folder = self._new_folder()
        self._add(mounts.bind(folder, self._root + path))
        self._change_markers.append(str(self._count))

    def _make_mount_point(self, path: str) -> None:
        """Make the mount point for a visible path; those in TMP_FOLDERS exist already (tmp_folders.py)."""
        if is_below(path, self._host.restricted) and not is_below(path, TMP_FOLDERS):
            make = mounts.folder if os.path.isdir(path) else mounts.file
            self._add(*self._missing_parents(path), make(self._root + path)._replace(may_fail=True))

    def _missing_parents(self, path: str) -> list[Syscall]:
        """Return the calls that make those parent folders of a path that no earlier call makes."""
        folders = [path[:index] for index, character in enumerate(path) if character == "/"][1:]
        new = [folder for folder in folders if folder not in self._parents_made]
        self._parents_made.update(new)
        return [mounts.folder(self._root + folder)._replace(may_fail=True) for folder in new]

    def _new_folder(self) -> str:
        self._count += 1
        folder = f"{self._sources.memory}/{self._count}"
        self._add(mounts.folder(folder))
        return folder

    def _new_upper(self) -> str:
        """Return a new folder for the changes of one overlay."""
        folder = self._new_folder()
        self._add(mounts.folder(f"{folder}/upper"), mounts.folder(f"{folder}/work"))
        self._change_markers.append(f"{self._count}/upper")
        return folder

    def _overlay(self, path: str, names: Sequence[str]) -> None:
        """Overlay a folder of the host with the folders at these names in the layers."""
        above = [layer + name for layer in self._spec.layers for name in names]
        below = [self._host.base_layer + path, *([] if path in self._host.split else [path])]
        lowers = [self._through_overlay(lower, path) for lower in above if os.path.isdir(lower)]
        lowers += [lower for lower in below if os.path.isdir(lower)]
        self._add(mounts.overlay(self._root + path, lowers, self._new_upper()))

    def _through_overlay(self, layer: str, path: str) -> str:
        """Return a part of a layer that may be overlaid on `path`.

        The kernel does not overlay a folder with one of its own subfolders. Seen through an overlay of its
        own, the subfolder is a different one.
        """
        if not is_below(os.path.realpath(layer), (os.path.realpath(path),)):
            return layer
        folder = self._new_folder()
        self._add(mounts.overlay(folder, [layer, self._host.empty]))
        return folder

    def _mount_bound_part(self, path: str) -> None:
        """Bind a subfolder of a split folder, or overlay it if a layer contains it too."""
        if self._is_in_layers(path):
            self._overlay(path, [path])
        else:
            # It fails if the host hides the folder from its users, or a layer has a file in its place.
            self._add(*mounts.bind_read_only(path, self._root + path, deep=True, may_fail=True))
