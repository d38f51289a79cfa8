"""Name the author's own file in messages of bash, instead of the copy that the job runs."""

from __future__ import annotations

import os
import re
from functools import cached_property
from typing import TYPE_CHECKING

from dx_local.worker.sandbox.host_folders import HOME

if TYPE_CHECKING:
    from pathlib import Path


class SourceNames:
    """Replaces the path of the job's copy with the author's file in messages that name a line.

    `copy` is the file in the job's home, `source` the author's own. Nothing is replaced if the two differ,
    because then the line numbers differ too.
    """

    def __init__(self, copy: Path, source: Path) -> None:
        self._copy = copy
        self._source = source
        self._mark = f"/{copy.name}: ".encode()

    def __call__(self, line: bytes) -> bytes:
        """Return a line that a job printed, with the path replaced."""
        if self._mark not in line or not self._are_the_same:
            return line
        return self._pattern.sub(lambda _: bytes(self._source), line)

    @cached_property
    def _are_the_same(self) -> bool:
        try:
            return b"\n" not in bytes(self._source) and self._copy.read_bytes() == self._source.read_bytes()
        except OSError:
            return False

    @cached_property
    def _pattern(self) -> re.Pattern[bytes]:
        homes = b"|".join(re.escape(os.fsencode(home)) for home in (HOME, self._copy.parent))
        return re.compile(
            rb"(?:%s)/%s(?=: (?:eval: )?line \d+: )" % (homes, re.escape(self._copy.name.encode()))
        )
