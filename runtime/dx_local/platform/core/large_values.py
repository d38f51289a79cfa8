"""Large JSON values of the store, each in a file of its own beside the database.

SQLite would hold several copies of them in memory. A file is named after its content, so that a value that is
stored again takes no space, and is never changed.
"""

from __future__ import annotations

import hashlib
import json
from io import StringIO
from shutil import copyfileobj
from typing import TYPE_CHECKING, Any

from dx_local.platform.core.json_text import json_pieces
from dx_local.platform.core.local_bytes import temporary_in

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

FOLDER = "values"
"""The folder of large values in that of a platform."""

_MARK = "@"  # no JSON text begins like this
_LARGE = 1 << 20  # characters


class LargeValues:
    """The large values in a folder, which is made for the first of them."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def text_of(self, value: Any, if_undone: Callable[[Callable[[], None]], None]) -> str:
        """Return what to store for a value: its JSON text, or the name of a file that holds it.

        `if_undone` is given an action for when the transaction is rolled back. Raises OSError.
        """
        pieces = json_pieces(value)
        beginning, size = [], 0
        for piece in pieces:
            beginning.append(piece)
            size += len(piece)
            if size > _LARGE:
                return _MARK + self._write(beginning, pieces, if_undone)
        return "".join(beginning)

    def value_of(self, text: str) -> Any:
        """Return the value for which `text_of` returned this name."""
        content = StringIO(newline="")  # read at once, it would be in memory as bytes as well
        with (self._folder / text.removeprefix(_MARK)).open(encoding="utf-8", newline="") as file:
            copyfileobj(file, content, _LARGE)
        return json.loads(content.getvalue())

    def _write(
        self, beginning: list[str], rest: Iterator[str], if_undone: Callable[[Callable[[], None]], None]
    ) -> str:
        self._folder.mkdir(exist_ok=True)
        digest = hashlib.sha256()
        with temporary_in(self._folder) as temporary:
            with temporary.open("xb") as file:
                for pieces in (beginning, rest):
                    for piece in pieces:
                        data = piece.encode()
                        digest.update(data)
                        file.write(data)
            path = self._folder / digest.hexdigest()
            if not path.exists():
                if_undone(lambda: path.unlink(missing_ok=True))
                temporary.replace(path)
        return path.name


def is_large(text: str) -> bool:
    """Return whether a stored text is the name of a large value's file."""
    return text.startswith(_MARK)
