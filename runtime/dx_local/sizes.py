"""Format and parse sizes in bytes: `512MiB`, `2 GB`."""

from __future__ import annotations

import re

_UNITS = ("B", "KiB", "MiB", "GiB", "TiB", "PiB")
_SIZE = re.compile(r"(\d+(?:\.\d+)?)\s*(?:([KMGTP])(i?B?)|B)?", re.IGNORECASE | re.ASCII)


def size_text(size: int) -> str:
    """Return a number of bytes in a unit that leaves one to three digits before the decimal point."""
    amount, unit = float(size), 0
    while amount >= 1000 and unit < len(_UNITS) - 1:
        amount, unit = amount / 1024, unit + 1
    return f"{amount:.0f} {_UNITS[unit]}" if unit == 0 or amount >= 100 else f"{amount:.1f} {_UNITS[unit]}"


def parse_size(text: str) -> int | None:
    """Return the bytes of a size such as `2GiB`, or None for any other text.

    `GB` is decimal, `GiB` and `G` are binary; the same goes for K, M, T and P. No unit means bytes.
    """
    match = _SIZE.fullmatch(text.strip())
    if match is None:
        return None
    number, letter, ending = match.groups()
    base = 1000 if (ending or "").lower() == "b" else 1024
    power = "KMGTP".index(letter.upper()) + 1 if letter else 0
    return int(float(number) * base**power)
