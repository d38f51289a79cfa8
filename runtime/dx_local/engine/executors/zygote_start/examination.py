"""Examine this machine: find out whether jobs have warm tools, as a run does."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dx_local.engine.executors.zygote_start.process import start_zygote
from dx_local.engine.executors.zygote_start.temporary_folder import make_temporary_folder
from dx_local.worker import channel

if TYPE_CHECKING:
    from dx_local.engine.executors.zygote_start.process import WorkerPrograms


def cold_tools_reason(programs: WorkerPrograms) -> str | None:
    """Start a zygote that gets no jobs; return the reason why its `dx` would be cold, or None.

    Raises OSError if the zygote cannot be started.
    """
    folder = make_temporary_folder()
    try:
        zygote = start_zygote(programs, folder.path / "zygote-0.log", "none", jobs="/", images=None)
        try:
            channel.send(zygote.socket, {"port": 0})
            received = channel.receive(zygote.socket)
            words = zygote.log.read_text("utf-8", "replace").strip()
        finally:
            zygote.kill()
        if received is None:
            return f"the process that starts jobs ended: {words}"
        reason: str | None = received[0]["cold_tools_reason"]
        return reason
    finally:
        folder.remove()
