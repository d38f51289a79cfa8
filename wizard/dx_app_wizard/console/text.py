"""Make text from jobs, files and servers safe to print on a terminal."""

from __future__ import annotations

import re

# ECMA-48: control sequences, and strings up to their terminator or the end of the line.
_SEQUENCE = re.compile(
    "(?:\x1b\\[|\x9b)[0-?]*[ -/]*[@-~]"
    "|(?:\x1b[\\]PX^_]|[\x90\x98\x9d-\x9f])[^\n\x07\x1b\x9c]*(?:\x07|\x1b\\\\|\x9c)?"
    "|\x1b[ -/]*[0-~]"
)
_RETURN = re.compile("\r+(?!\n|$)")
_CONTROL = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f]")
_SURROGATE = re.compile("[\ud800-\udfff]")


def plain(text: str) -> str:
    """Return text without control characters and sequences, except for line breaks and tabs.

    Bytes that Python could not decode become U+FFFD.
    """
    if _CONTROL.search(text):
        text = _CONTROL.sub("", _RETURN.sub(" ", _SEQUENCE.sub("", text)))
    return without_surrogates(text)


def without_surrogates(text: str) -> str:
    """Return text with U+FFFD for surrogates, which cannot be encoded."""
    return _SURROGATE.sub("\ufffd", text)
