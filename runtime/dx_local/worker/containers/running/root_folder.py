"""The root folder of a container: an overlay of its image's layers, with /dev, /proc and volumes.

Folders of the job become detached mounts before the root changes, and are attached afterwards, so that their
targets are resolved inside of the container.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import stat
from typing import TYPE_CHECKING, NamedTuple

from dx_local.worker.containers.errors import DockerError
from dx_local.worker.containers.images import places
from dx_local.worker.sandbox import mounts

if TYPE_CHECKING:
    from collections.abc import Sequence

_OPEN_FILES = "/proc/self/fd"
_PROC = "/proc"
_KERNEL_CONTROLS = ("/proc/sys", "/proc/sysrq-trigger")
# The folders of a container that has changed nothing, inner ones first; overlayfs makes three of them.
_EMPTY_FOLDERS = ("upper", "root", "work/work/incompat/volatile", "work/work/incompat", "work/work", "work")
_OF_THE_JOB = ("/dev", "/sys", "/etc/resolv.conf", "/etc/hosts")


class Mount(NamedTuple):
    """A volume: a file or folder of the job, or an empty folder in memory, at a path in the container."""

    target: str
    source: str
    """Empty for a folder in memory."""
    is_read_only: bool = False


class RootFolders(NamedTuple):
    """The folders of one container."""

    folder: str
    layers: tuple[str, ...]
    """The layers of its image, the lowest first."""

    @property
    def root(self) -> str:
        """The mount point."""
        return f"{self.folder}/root"

    @property
    def changes(self) -> str:
        """The folder of files that the container has changed, in the form of a layer."""
        return f"{self.folder}/upper"

    def make(self) -> None:
        """Make the folders, all empty."""
        for name in ("root", "upper", "work"):
            os.mkdir(f"{self.folder}/{name}")

    def mount(self) -> None:
        """Mount the overlay in this process's mount namespace. Raises OSError."""
        # Overlayfs marks this folder when it is first used, and takes it for damaged the next time.
        if os.listdir(f"{self.folder}/work"):
            shutil.rmtree(f"{self.folder}/work")
            os.mkdir(f"{self.folder}/work")
        # The options of a mount must fit into a page, and images have up to 127 layers, so they are named by
        # the numbers of open files.
        # Of a layer that occurs several times, which the kernel refuses, the topmost one hides the others.
        topmost_first = (*dict.fromkeys(reversed(self.layers)), places.BASE_LAYER)
        opened = [os.open(layer, os.O_PATH | os.O_DIRECTORY) for layer in topmost_first]
        before = os.open(".", os.O_PATH)
        try:
            os.chdir(_OPEN_FILES)
            mounts.perform([mounts.overlay(self.root, list(map(str, opened)), self.folder)])
        finally:
            os.fchdir(before)
            for number in (*opened, before):
                os.close(number)

    def remove(self) -> None:
        """Remove the container's folder with all its files."""
        # Most containers change nothing, or write to their volumes only.
        with contextlib.suppress(OSError):
            for name in _EMPTY_FOLDERS:
                os.rmdir(f"{self.folder}/{name}")
            for name in os.listdir(self.folder):
                os.unlink(f"{self.folder}/{name}")
            os.rmdir(self.folder)
            return
        with contextlib.suppress(RecursionError):  # what is nested too deeply stays until the job ends
            shutil.rmtree(self.folder, ignore_errors=True)

    def unmount(self) -> None:
        """Unmount the overlay from this process's mount namespace."""
        mounts.perform([mounts.unmount(self.root)])


def enter_root(folders: RootFolders, volumes: Sequence[Mount]) -> None:
    """Make the container's root folder that of this process, in a new mount namespace. Raises OSError.

    The current folder is then the root. Raises DockerError if a volume does not exist.
    """
    folders.mount()
    root = folders.root
    _mount_proc(root)
    # Volumes come last, because they may be inside of the others; outer ones before inner ones.
    ordered = sorted(volumes, key=lambda volume: volume.target.count("/"))
    own = [Mount(path, path) for path in _OF_THE_JOB if os.path.exists(path)]
    trees = [(each, _tree_of(each)) for each in (*own, *ordered)]
    mounts.perform(mounts.change_root(root))
    for volume, tree in trees:
        _attach(volume, tree)


def _mount_proc(root: str) -> None:
    """Mount /proc before the root changes: the kernel permits it only beside another complete one."""
    target = root + _PROC
    os.makedirs(target, exist_ok=True)
    try:
        mounts.perform([mounts.proc(target)])
    except OSError:
        mounts.perform([mounts.bind(_PROC, target, deep=True)])
        return
    for path in _KERNEL_CONTROLS:
        mounts.perform(mounts.bind_read_only(root + path, root + path, may_fail=True))


def _tree_of(volume: Mount) -> int:
    if not volume.source:
        return -1
    try:
        tree = mounts.clone_mount(volume.source, deep=True)
    except FileNotFoundError as error:
        raise DockerError(f"invalid mount config: {volume.source} does not exist") from error
    if volume.is_read_only:
        mounts.perform([mounts.make_read_only(tree)])
    return tree


def _attach(volume: Mount, tree: int) -> None:
    _make_mount_point(volume.target, tree)
    if tree < 0:
        mounts.perform([mounts.tmpfs(volume.target)])
        return
    # The call itself does not follow a link at the end.
    mounts.perform([mounts.attach_mount(tree, os.path.realpath(volume.target))])
    os.close(tree)


def _make_mount_point(target: str, tree: int) -> None:
    is_folder = tree < 0 or _is_folder(tree)
    if is_folder:
        os.makedirs(target, exist_ok=True)
    elif not os.path.exists(target):
        os.makedirs(os.path.dirname(target), exist_ok=True)
        if os.path.islink(target):
            os.unlink(target)
        os.close(os.open(target, os.O_CREAT | os.O_WRONLY, 0o644))


def _is_folder(tree: int) -> bool:
    return stat.S_ISDIR(os.fstat(tree).st_mode)
