"""Choose kept runs to remove, and remove them."""

from __future__ import annotations

import re
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from dx_local.engine.history.kept_runs import UNREADABLE, kept_runs
from dx_local.engine.run_folder import claimed_for_removal
from dx_local.errors import UsageError
from dx_local.platform.core.context import STORE_NAME
from dx_local.worker.process.trees import remove_tree

if TYPE_CHECKING:
    from pathlib import Path

    from dx_local.engine.history.kept_runs import KeptRun, RunSummary

_AGE = re.compile(r"(\d+)([mhdw])", re.ASCII)
_SECONDS = {"m": 60, "h": 3600, "d": 86_400, "w": 7 * 86_400}


@dataclass(frozen=True)
class CleaningRule:
    """Conditions for the removal of runs, all of which must hold; without any, every run is chosen.

    The last run and those in progress are never chosen.
    """

    keep: int = 1
    """Number of last runs to keep."""
    older_than: float | None = None
    """Age in seconds."""
    only_failed: bool = False
    """True to choose only runs that did not end as done; one that cannot be read is not chosen then."""


def parse_age(text: str) -> float:
    """Return the seconds of an age such as `7d`, `12h` or `30m`. Raises UsageError."""
    match = _AGE.fullmatch(text)
    if match is None:
        raise UsageError(f"{text!r} is not an age", "Write a number and m, h, d or w, such as 7d.")
    return int(match[1]) * _SECONDS[match[2]]


def removable_runs(app: Path, rule: CleaningRule) -> list[tuple[KeptRun, RunSummary]]:
    """Return the runs of an app that a rule chooses, the oldest first. Raises UsageError."""
    candidates = kept_runs(app)[: -max(rule.keep, 1)]
    if rule.older_than is not None:
        latest = time.time() - rule.older_than
        candidates = [run for run in candidates if run.began.timestamp() < latest]
    found = [(run, run.summary()) for run in candidates if not run.is_in_use()]
    kept_states = ("done", UNREADABLE) if rule.only_failed else ()
    return [(run, summary) for run, summary in found if summary.state not in kept_states]


def remove_run(run: KeptRun) -> bool:
    """Remove the folder of a run; return False if the run is in progress by now. Raises OSError.

    The database goes last, so that a removal that was interrupted can be repeated.
    """
    with claimed_for_removal(run.folder) as is_claimed:
        if not is_claimed:
            return False
        for path in run.folder.iterdir():
            if path.name == STORE_NAME:
                continue
            if path.is_dir() and not path.is_symlink():
                remove_tree(path)
            else:
                path.unlink()
        remove_tree(run.folder)
    return True
