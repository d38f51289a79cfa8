"""Everything that usual calls of `docker` import, for the tool server to import once."""

from __future__ import annotations

from dx_local.worker.containers import command
from dx_local.worker.containers.verbs import containers, images, run

__all__ = ["command", "containers", "images", "run"]
