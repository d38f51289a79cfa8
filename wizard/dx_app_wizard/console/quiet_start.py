"""Let Ctrl-C end a program without a traceback while it imports its modules.

This uses the built-in part of the module `signal`, because importing the whole module takes a tenth of that
time.
"""

from __future__ import annotations

import _signal  # type: ignore[import-not-found] # it is built into Python


def ctrl_c_ends_silently() -> None:
    """Let Ctrl-C end this process like SIGTERM, unless it is ignored, as in background jobs of a shell."""
    if _signal.getsignal(_signal.SIGINT) is _signal.default_int_handler:
        _signal.signal(_signal.SIGINT, _signal.SIG_DFL)
