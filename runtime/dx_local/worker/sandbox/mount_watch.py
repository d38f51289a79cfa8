"""Notice changes of the mounts of a namespace without reading the list of all mounts."""

from __future__ import annotations

import os
import select


class MountWatch:
    """Watches the mounts of the mount namespace in which this process is when it makes the watch.

    Changes of propagation, such as `mount --make-shared`, are not noticed. Source: proc_pid_mounts(5).
    """

    def __init__(self, proc: int) -> None:
        """`proc` is the open folder /proc. Raises OSError."""
        self._file = os.open("self/mountinfo", os.O_RDONLY, dir_fd=proc)
        self._poll = select.poll()
        self._poll.register(self._file, select.POLLPRI)

    def has_changed(self) -> bool:
        """Return whether anything was mounted, unmounted, moved or remounted since the last call."""
        return bool(self._poll.poll(0))

    def close(self) -> None:
        """Stop watching."""
        os.close(self._file)
