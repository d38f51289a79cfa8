"""Name the author's own file in messages of jobs on nodes, instead of the copy that the job runs there."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

from dx_local.worker.debugger.places import short_name
from dx_local.worker.job import code_name
from dx_local.worker.sandbox.host_folders import HOME

if TYPE_CHECKING:
    from dx_local.engine.executors.protocol import JobDescription


class NodeSources:
    """Replaces paths of a job's copy in messages that name a line.

    Nothing is replaced if the author's file differs from the copy, because then the line numbers differ too.
    """

    def __init__(self, job: JobDescription) -> None:
        self._name = code_name(job.job_id, job.interpreter)
        self._code = job.home.get(self._name, "")
        self._source = job.source
        self._homes = [HOME]
        self._pattern: re.Pattern[str] | None = None

    def add_home(self, home: str) -> None:
        """Also replace paths in this home."""
        self._homes.append(home)
        self._pattern = None

    def renamed(self, text: str) -> str:
        """Return a text with the paths replaced."""
        if self._name not in text or not self._is_the_same():
            return text
        if self._pattern is None:
            homes = "|".join(map(re.escape, self._homes))
            name = re.escape(self._name)
            line = r"(?=: (?:eval: )?line \d+: |\", line \d+)"
            passed = rf"(?<=breakpoint\(\) at )(?P<short>[^/\s]+/{name})(?=:\d+ passed over)"
            self._pattern = re.compile(rf"(?:{homes})/{name}{line}|{passed}")
        return self._pattern.sub(self._author_file, text)

    def _author_file(self, match: re.Match[str]) -> str:
        source = self._source or ""
        return short_name(source) if match["short"] else source

    def _is_the_same(self) -> bool:
        if self._source is None or "\n" in self._source:
            return False
        try:
            return Path(self._source).read_bytes() == self._code.encode()
        except (OSError, ValueError):
            return False
