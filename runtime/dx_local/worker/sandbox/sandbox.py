"""One sandbox: namespaces that its first process keeps, and a record of its pristine state."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from dx_local.worker.sandbox import mounts

if TYPE_CHECKING:
    from dx_local.worker.sandbox.init_process import SandboxInit
    from dx_local.worker.sandbox.mount_plan import SandboxSpec
    from dx_local.worker.sandbox.mount_watch import MountWatch
    from dx_local.worker.sandbox.mounts import Syscall


@dataclass(frozen=True)
class Sandbox:
    """The namespaces of a sandbox, kept by its first process, and the state in which jobs must find it."""

    spec: SandboxSpec
    identity: tuple[object, ...]
    """The identity of the folders visible in it, which differs once others exist at their paths."""
    init: SandboxInit
    memory: int
    """The folder that holds its changes, as an open file; no path leads to it any more."""
    mount_watch: MountWatch
    """Notices its mounts changing."""
    tmp: str
    """Its set of folders for temporary files."""
    log: str
    """The folder that appears as that of the sockets for log messages."""
    change_markers: tuple[str, ...]
    """Folders in `memory`: every change of the sandbox changes one of them."""
    pristine: list[tuple[int, ...]]
    """The states of the markers as long as no job has changed it."""
    made_at: float

    def entry_calls(self) -> list[Syscall]:
        """Return the calls by which a process that `SandboxPool.fork` made enters it.

        Namespaces that the zygote owns, such as the network without internet, must be entered before: inside
        the sandbox's user namespace a process has no privileges over them. All calls are from
        `mounts.enter_namespace`.
        """
        return [
            mounts.enter_namespace(self.init.mounts, mounts.NEW_MOUNTS),
            mounts.enter_namespace(self.init.user, mounts.NEW_USER),
        ]
