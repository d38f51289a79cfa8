"""A disk of a few megabytes for the commands of a test: a tmpfs in a mount namespace of its own."""

from __future__ import annotations

import os
import subprocess
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from typing_extensions import Self

_HOLD = 'mount -t tmpfs -o "size=$1" none "$2" && echo mounted && exec cat > /dev/null'


@dataclass
class SmallDisk:
    """A disk of `size` bytes; in this context, it is at `folder` for commands that begin with `prefix`."""

    folder: Path
    size: int

    def __enter__(self) -> Self:
        self.folder.mkdir(parents=True, exist_ok=True)
        self._holder = subprocess.Popen(
            ["unshare", "-rm", "sh", "-c", _HOLD, "sh", str(self.size), self.folder],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        assert self._holder.stdout
        answer = self._holder.stdout.readline()
        if answer != "mounted\n":
            self.__exit__()
            pytest.skip(f"this machine does not let users mount a tmpfs: {answer}")
        return self

    def __exit__(self, *_error: object) -> None:
        self._holder.communicate()

    @property
    def prefix(self) -> tuple[str, ...]:
        """The beginning of a command that sees the disk."""
        return ("nsenter", "--preserve-credentials", "-U", "-m", "-t", str(self._holder.pid), "--")

    @property
    def seen_from_outside(self) -> Path:
        """The disk's root, for the test itself."""
        return Path(f"/proc/{self._holder.pid}/root{self.folder}")

    def leave(self, free: int) -> None:
        """Fill the disk but for `free` bytes."""
        filler = self.seen_from_outside / "filler"
        with filler.open("ab") as file:
            while (length := self.free - free) > 0:
                with suppress(OSError):  # somebody else may have written in the meantime
                    os.posix_fallocate(file.fileno(), filler.stat().st_size, length)

    @property
    def free(self) -> int:
        """The bytes that are left on the disk."""
        state = os.statvfs(self.seen_from_outside)
        return state.f_bavail * state.f_frsize

    def empty(self) -> None:
        """Remove what fills the disk."""
        (self.seen_from_outside / "filler").unlink()
