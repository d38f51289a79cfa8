"""An observer that knows the facts of its run: the base of the displays of `dx-local run`."""

from __future__ import annotations

import sys
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from dx_local.engine.session import Observer
from dx_local.ui.display.job_output import Logs, Noise
from dx_local.ui.display.run_facts import RunFacts

if TYPE_CHECKING:
    from dx_local.engine.executors.protocol import LogLine
    from dx_local.platform.core.context import Platform


@dataclass(frozen=True)
class DisplayOptions:
    """Options of a display: the app's folder, the number of parallel jobs, and the output to show."""

    app: Path = Path()
    slots: int = 1
    logs: Logs = Logs.AUTO


class RunObserver(Observer):
    """Keeps the facts of a run up to date; subclasses show them."""

    def __init__(self, options: DisplayOptions) -> None:
        self.options = options
        self.facts = RunFacts(options.app, options.slots)
        self._noise = Noise()
        self.lines_shown: Counter[str] = Counter()
        """The number of each job's lines that have been shown since the last one that was held back."""

    def on_open(self, platform: Platform) -> None:
        """Read the jobs of this platform."""
        self.platform = platform
        self.facts.use(platform)

    def on_node(self, job_id: str, node: str) -> None:
        """Note the node of a job."""
        self.facts.note_node(job_id, node)

    def stop_clock(self, job_id: str) -> None:
        """Stop counting the time of a job."""
        self.facts.stop_clock(job_id)

    def start_clock(self, job_id: str) -> None:
        """Count the time of a job again."""
        self.facts.start_clock(job_id)

    def note_shown(self, job_id: str, *, is_shown: bool) -> None:
        """Record that a line of a job is shown or held back."""
        if is_shown:
            self.lines_shown[job_id] += 1
        else:
            self.lines_shown.pop(job_id, None)

    def note_all_shown(self, job_id: str) -> None:
        """Record that the end of a job's log is shown."""
        self.lines_shown[job_id] = sys.maxsize

    def is_noise(self, line: LogLine) -> bool:
        """Return whether a line need not be shown; it counts as shown then."""
        is_noise = self._noise.has(line.job_id, line.message)
        if is_noise:
            self.note_shown(line.job_id, is_shown=True)
        return is_noise
