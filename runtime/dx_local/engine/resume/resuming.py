"""Open an earlier run and prepare its resumption in a session that has no job yet."""

from __future__ import annotations

from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from dx_local.engine.ledger import ledger
from dx_local.engine.resume import earlier_run
from dx_local.engine.resume.circumstances import CircumstancesOf
from dx_local.engine.resume.comparison import Side
from dx_local.engine.resume.contents import Contents, SharedDigests
from dx_local.engine.resume.resumption import Resumption
from dx_local.engine.resume.source import EarlierSource

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from dx_local.engine.ledger.keeper import LedgerKeeper
    from dx_local.engine.ledger.ledger import Tree
    from dx_local.engine.resume.earlier_run import EarlierRun
    from dx_local.engine.resume.source import ResumeOptions
    from dx_local.platform.core.context import Platform


_LONGEST_CHAIN = 10
"""The number of runs to look into if each resumed the one before it, and none came to its end."""


@dataclass(frozen=True)
class PresentRun:
    """The run that resumes another one: its platform, its ledger, and the folders on which its app depends.

    `python_of` returns the version of Python under which jobs of a release run.
    """

    platform: Platform
    keeper: LedgerKeeper
    trees: dict[str, Path]
    python_of: Callable[[str], str]


@contextmanager
def resuming(
    folder: Path, present: PresentRun, options: ResumeOptions, announce: Callable[[str], None]
) -> Iterator[Resumption]:
    """Open the earlier run in a folder until the end of the block, and yield its resumption.

    If that run is not done and has resumed another one, the jobs of that are taken over as well. Raises
    UsageError, UnknownSchema and sqlite3.Error.
    """
    with ExitStack() as stack:
        sources: list[EarlierSource] = []
        digests = SharedDigests()
        side: Side | None = None
        trees: dict[str, Tree] = {}
        next_folder: Path | None = folder
        while next_folder is not None and len(sources) < _LONGEST_CHAIN:
            earlier = stack.enter_context(earlier_run.opened(next_folder))
            trees = trees or _present_trees(present, earlier)
            side = side or _side_of_present(present, trees)
            sides = (_side_of_earlier(earlier, trees), side)
            sources.append(EarlierSource(earlier, sides, options, digests, present.keeper.note))
            next_folder = earlier.resumed_from()
        yield Resumption(present.platform, sources, announce)


def _side_of_earlier(earlier: EarlierRun, present: dict[str, Tree]) -> Side:
    recorded = earlier.ledger
    contents = Contents(earlier.platform, recorded.contents.get)
    # A run that ended early, or was killed, has not recorded all digests.
    trees = {name: ledger.completed_by(present.get(name, {}), tree) for name, tree in recorded.trees.items()}
    circumstances = CircumstancesOf(
        earlier.platform, contents, trees, lambda release: recorded.pythons.get(release, "")
    )
    return Side(earlier.platform, contents, circumstances)


def _side_of_present(present: PresentRun, trees: dict[str, Tree]) -> Side:
    contents = Contents(present.platform, present.keeper.content)
    circumstances = CircumstancesOf(present.platform, contents, trees, present.python_of)
    return Side(present.platform, contents, circumstances)


def _present_trees(present: PresentRun, earlier: EarlierRun) -> dict[str, Tree]:
    return {
        name: ledger.with_digests(path, ledger.tree_of(path), earlier.ledger.trees.get(name))
        for name, path in present.trees.items()
    }
