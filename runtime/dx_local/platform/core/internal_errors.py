"""Our own mistakes: kept where they can be read, and said in a sentence."""

from __future__ import annotations

import traceback
from contextlib import suppress
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from dx_local.platform.core.context import Platform


def note(platform: Platform, error: Exception) -> str:
    """Add an unforeseen error to the platform's server.log, if that can be; return a message about it."""
    log = platform.folder / "server.log"
    with suppress(OSError), log.open("a", encoding="utf-8") as file:
        file.writelines(traceback.format_exception(error))
    return f"dx-local failed: {error!r}. This is a bug of dx-local; see {log}"
