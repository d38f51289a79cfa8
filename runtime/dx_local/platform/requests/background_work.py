"""Work of a call that takes too long for the event loop."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable


class WorkRequired(Exception):  # noqa: N818 - it controls the flow and is not an error
    """A call requires work before it can be answered, such as hashing a large file.

    The server runs `work()` in a thread, without an open transaction, and then repeats the call. If several
    calls require work with the same `key` at the same time, it is done once.
    """

    def __init__(self, key: str, work: Callable[[], None]) -> None:
        super().__init__(key)
        self.key = key
        self.work = work
