"""Work that takes too long to be done while everybody else waits."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable


class WorkRequired(Exception):  # noqa: N818 - named for what it asks for
    """A call can be answered only after some work, such as reading a large file.

    Whoever made the call runs `work()` in a thread, with no transaction open, and then calls again. Calls
    that need work of the same `key` at the same time need it once.
    """

    def __init__(self, key: str, work: Callable[[], None]) -> None:
        super().__init__(key)
        self.key = key
        self.work = work
