"""Fit names, times and bars into the columns of a terminal."""

from __future__ import annotations

from typing import NamedTuple


class Symbols(NamedTuple):
    """The characters that a view draws with."""

    ellipsis: str
    bar_full: str
    bar_tip: str
    bar_empty: str
    bar_ends: tuple[str, str]
    branch: str
    last_branch: str
    stem: str
    spinner: str


UNICODE = Symbols("…", "━", "╸", "─", ("", ""), "├─ ", "└─ ", "│  ", "⠋⠙⠹⠸⠼⠴⠦⠧")
ASCII = Symbols("...", "#", "", ".", ("[", "]"), "|- ", "`- ", "|  ", "|/-\\")


def symbols_for(encoding: str) -> Symbols:
    """Return the symbols that an encoding can write."""
    try:
        "".join(UNICODE[:4] + UNICODE[5:]).encode(encoding)
    except (UnicodeEncodeError, LookupError):
        return ASCII
    return UNICODE


def shorten(name: str, width: int, ellipsis: str = "…") -> str:
    """Return a name with its middle left out, so that it takes at most `width` columns.

    The end of a name has its number, as in `process[57]`, and is kept as long as there is room for it.
    """
    from rich.cells import cell_len

    if cell_len(name) <= width:
        return name
    room = width - cell_len(ellipsis)
    if room <= 0:
        return _start(name, width)
    end = _end(name, max(room // 2, min(room, cell_len(_number(name)))))
    return _start(name, room - cell_len(end)) + ellipsis + end


def cut(text: str, width: int, ellipsis: str = "…") -> str:
    """Return a text without its end, so that it takes at most `width` columns."""
    from rich.cells import cell_len

    if cell_len(text) <= width:
        return text
    return (
        _start(text, width - cell_len(ellipsis)) + ellipsis
        if width > cell_len(ellipsis)
        else _start(text, width)
    )


def fold(text: str, width: int) -> list[str]:
    """Return a text as lines of at most `width` columns, broken at spaces if there are any."""
    from rich.cells import cell_len

    lines = []
    text = text.rstrip()
    while cell_len(text) > width:
        start = _start(text, width) or text[0]
        space = len(start) if text[len(start)] == " " else start.rfind(" ")
        end = space if space > 0 and start[:space].strip() else len(start)
        lines.append(text[:end].rstrip())
        text = text[end:].lstrip(" ")
    return [*lines, text]


def rows_of(text: str, width: int) -> int:
    """Return the number of rows that a line takes in a terminal of `width` columns."""
    from rich.cells import cell_len

    return max(1, -(-cell_len(text) // width))


def time_text(seconds: float) -> str:
    """Return a time as `0.4 s`, `31 s`, `4:12` or `1:14:20`."""
    if seconds < 9.95:
        return f"{seconds:.1f} s"
    return f"{seconds:.0f} s" if seconds < 59.5 else clock_text(seconds)


def clock_text(seconds: float) -> str:
    """Return a time as `0:04`, `4:12` or `1:14:20`."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


def bar(share: float, width: int, symbols: Symbols) -> str:
    """Return a bar of `width` columns, of which a share is full. It is full only if the share is 1."""
    left, right = symbols.bar_ends
    inner = width - len(left) - len(right)
    full = int(inner * share)
    tip = symbols.bar_tip if 0 < full < inner else ""
    return left + (symbols.bar_full * full + tip).ljust(inner, symbols.bar_empty)[:inner] + right


def _number(name: str) -> str:
    """Return the number in brackets at the end of a name."""
    return name[name.rindex("[") :] if name.endswith("]") and "[" in name else ""


def _start(text: str, width: int) -> str:
    from rich.cells import cell_len

    used = 0
    for index, character in enumerate(text):
        used += cell_len(character)
        if used > width:
            return text[:index]
    return text


def _end(text: str, width: int) -> str:
    return _start(text[::-1], width)[::-1]
