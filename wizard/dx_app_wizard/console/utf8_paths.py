"""Paths as text in one encoding, UTF-8, whatever the locale.

A program hands paths to others of ours that run in Python's UTF-8 mode, and keeps them in files that are read
again under another locale. So a program whose locale is not UTF-8 starts again in that mode. Its standard
streams keep the encoding of the locale.
"""

from __future__ import annotations

import os
import sys

_OPTION = "dx-streams"  # of -X: for this process alone, unlike a variable
_OPTIONS = sys._xoptions  # noqa: SLF001  (documented; CPython alone has it, as it has -X)


def start_again_if_needed() -> None:
    """Replace this process by one in UTF-8 mode, unless it decodes paths as UTF-8 already."""
    if sys.getfilesystemencoding() == "utf-8" or _OPTION in _OPTIONS:
        return
    encoding = getattr(sys.stdout, "encoding", None) or "utf-8"
    options = ("-X", "utf8", "-X", f"{_OPTION}={encoding}")
    try:
        os.execv(sys.executable, [sys.executable, *options, *sys.orig_argv[1:]])  # noqa: S606  (this program)
    except OSError:  # then paths beyond ASCII fail, and all others work
        return


def encoding_of_streams() -> str | None:
    """Return the encoding of the standard streams of a program that was started again, None for Python's."""
    encoding = _OPTIONS.get(_OPTION)
    return encoding if isinstance(encoding, str) else None
