"""The graph of a run's entry points: which starts which, and which waits for the outputs of which.

A reference to an output that is itself a reference, such as those that a `map` entry point returns to the
outputs of its subjobs, counts as one to the job that computed the value.
"""

from __future__ import annotations

import json
from collections import Counter
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from dx_app_wizard.dxapp.links import Reference, references_in
from dx_local.platform.core.large_values import is_large, large_file
from dx_local.platform.core.schema import JobTry
from dx_local.platform.core.store import Row
from dx_local.platform.execution import job_logs

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dx_local.engine.reports.job_rows import RunJobs
    from dx_local.platform.core.context import JSON, Platform

STARTS, DATA, DEPENDS_ON = "starts", "data", "dependsOn"

_WITH_REFERENCES = """
SELECT id, substr(original_input, 1, 100) AS start FROM job
WHERE ? IN ('', root) AND (original_input LIKE '@%' OR original_input LIKE '%"field"%') ORDER BY sequence
"""
_LARGEST = 16 << 20  # bytes of a value that is searched for references
_MOST_STEPS = 10  # references to references


def edges_of(platform: Platform, run: RunJobs, root: str) -> list[JSON]:
    """Return the edges between entry points with the number of pairs of jobs behind each."""
    found: Counter[tuple[int, int, str]] = Counter()
    jobs, positions = run.jobs, run.positions

    def add(source: int, target: int, kind: str) -> None:
        found[jobs[source].entry_point, jobs[target].entry_point, kind] += 1

    for position, job in enumerate(jobs):
        if job.parent is not None:
            add(job.parent, position, STARTS)
    producers = _Producers(platform, run)
    for position, job_input in _inputs(platform, positions, root):
        for source in {each for ref in references_in(job_input) for each in producers.of(ref)}:
            add(source, position, DATA)
    for position, awaited in run.depends_on.items():
        for source in {positions[each] for each in awaited if each in positions}:
            add(source, position, DEPENDS_ON)
    return [
        {"from": source, "to": target, "kind": kind, "jobs": count}
        for (source, target, kind), count in found.items()
    ]


def _inputs(platform: Platform, positions: dict[str, int], root: str) -> Iterator[tuple[int, Any]]:
    """Yield the inputs that may hold references, one at a time, with the positions of their jobs."""
    for row in platform.store.all(Row, _WITH_REFERENCES, root):
        start = row["start"]
        with suppress(OSError):
            if is_large(start) and large_file(platform.folder, start).stat().st_size > _LARGEST:
                continue
            value = platform.store.value("SELECT original_input FROM job WHERE id = ?", row["id"])
            yield positions[row["id"]], value


class _Producers:
    """Finds the jobs that computed the values of references."""

    def __init__(self, platform: Platform, run: RunJobs) -> None:
        self._platform = platform
        self._run = run
        self._parents = {job.parent for job in run.jobs}
        self._outputs: dict[int, JSON] = {}

    def of(self, reference: Reference, steps: int = 0) -> set[int]:
        """Return the positions of the jobs behind a reference; none if they are outside of the run."""
        position = self._run.positions.get(reference.execution)
        if position is None:
            return set()
        forwarded = list(references_in(self._output(position).get(reference.field)))
        if not forwarded or steps == _MOST_STEPS:
            return {position}
        if reference.index is not None:
            forwarded = forwarded[reference.index : reference.index + 1] or forwarded
        return {source for each in forwarded for source in self.of(each, steps + 1)}

    def _output(self, position: int) -> JSON:
        """Return the output of a job as its code wrote it; only jobs with subjobs forward references."""
        if position not in self._parents:
            return {}
        if position not in self._outputs:
            self._outputs[position] = self._read(position)
        return self._outputs[position]

    def _read(self, position: int) -> JSON:
        found = self._run.jobs[position]
        job = JobTry(id=found.id, function=self._run.function(position), try_number=found.tries - 1)
        path = self._platform.folder / "jobs" / job_logs.job_folder_name(job) / "home" / "job_output.json"
        with suppress(OSError, ValueError, RecursionError):
            if path.is_symlink() or path.stat().st_size > _LARGEST:
                return {}
            output = json.loads(path.read_bytes())
            return output if isinstance(output, dict) else {}
        return {}
