"""The first thing that a program does: let Ctrl-C end it without a traceback while its modules load.

The module `signal` would take a tenth of that time itself, so its built-in part is used.
"""

from __future__ import annotations

import _signal  # type: ignore[import-not-found] # it is built into Python


def ctrl_c_ends_silently() -> None:
    """Let Ctrl-C end this process as SIGTERM does, unless it is ignored, as by a shell in the background."""
    if _signal.getsignal(_signal.SIGINT) is _signal.default_int_handler:
        _signal.signal(_signal.SIGINT, _signal.SIG_DFL)
