"""Store large JSON values in files beside the database.

SQLite would hold several copies of them in memory. Each file is named after the digest of its content and
never changes, so that storing a value again takes no more space.
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
"""The folder of large values, in the folder of the platform."""

_MARK = "@"  # no JSON text begins like this
_LARGE = 1 << 20  # characters


class LargeValues:
    """The large values in a folder, which is created for the first one."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def text_of(self, value: Any, on_rollback: Callable[[Callable[[], None]], None]) -> str:
        """Return the JSON text of a value, or, if that is large, the name of a new file that holds it.

        `on_rollback` registers an action to run if the transaction is rolled back. Raises OSError.
        """
        pieces = json_pieces(value)
        beginning, size = [], 0
        for piece in pieces:
            beginning.append(piece)
            size += len(piece)
            if size > _LARGE:
                return _MARK + self._write(beginning, pieces, on_rollback)
        return "".join(beginning)

    def value_of(self, text: str) -> Any:
        """Return the value whose file name `text_of` returned."""
        content = StringIO(newline="")  # reading it at once would hold its bytes in memory as well
        with (self._folder / text.removeprefix(_MARK)).open(encoding="utf-8", newline="") as file:
            copyfileobj(file, content, _LARGE)
        return json.loads(content.getvalue())

    def _write(
        self, beginning: list[str], rest: Iterator[str], on_rollback: Callable[[Callable[[], None]], None]
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
                on_rollback(lambda: path.unlink(missing_ok=True))
                temporary.replace(path)
        return path.name


def large_file(platform_folder: Path, text: str) -> Path:
    """Return the file of a large value in the folder of a platform; `text` is what the store holds for it."""
    return platform_folder / FOLDER / text.removeprefix(_MARK)


def is_large(text: str) -> bool:
    """Return whether a stored text is the name of the file of a large value."""
    return text.startswith(_MARK)
