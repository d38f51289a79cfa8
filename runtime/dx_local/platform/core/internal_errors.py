"""Record internal errors, which are bugs of dx-local."""

from __future__ import annotations

import traceback
from contextlib import suppress
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from dx_local.platform.core.context import Platform


def record(platform: Platform, error: Exception) -> str:
    """Write an unexpected error to the platform's server.log if possible; return a message about it."""
    log = platform.folder / "server.log"
    with suppress(OSError), log.open("a", encoding="utf-8") as file:
        file.writelines(traceback.format_exception(error))
    return f"dx-local failed: {error!r}. This is a bug in dx-local; see {log}"
