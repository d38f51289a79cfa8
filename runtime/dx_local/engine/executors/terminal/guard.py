"""A program that restores the user's terminal if dx-local is killed while the terminal is lent.

    python -I guard.py FD RAW SAVED
        FD: the number of the inherited terminal
        RAW, SAVED: the settings while it is lent, and those to restore, as JSON

It ends with its standard input. A shell that has changed the settings by then keeps its own.
"""

from __future__ import annotations

import json
import sys
import termios


def main() -> None:
    """Wait for the end of dx-local, and restore the terminal if it is still raw."""
    file, raw, saved = int(sys.argv[1]), json.loads(sys.argv[2]), json.loads(sys.argv[3])
    sys.stdin.read()
    if as_json(termios.tcgetattr(file)) == raw:
        termios.tcsetattr(file, termios.TCSADRAIN, saved)


def as_json(settings: list[object]) -> list[object]:
    """Return terminal settings with control characters as numbers."""
    *modes, characters = settings
    assert isinstance(characters, list)
    return [*modes, [each if isinstance(each, int) else each[0] for each in characters]]


if __name__ == "__main__":
    main()
