"""An observer that knows the facts of its run: the base of the displays of `dx-local run`."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from dx_local.engine.session import Observer
from dx_local.ui.job_output import Logs
from dx_local.ui.run_facts import RunFacts

if TYPE_CHECKING:
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

    def on_open(self, platform: Platform) -> None:
        """Read the jobs of this platform."""
        self.platform = platform
        self.facts.use(platform)

    def stop_clock(self, job_id: str) -> None:
        """Stop counting the time of a job."""
        self.facts.stop_clock(job_id)

    def start_clock(self, job_id: str) -> None:
        """Count the time of a job again."""
        self.facts.start_clock(job_id)
