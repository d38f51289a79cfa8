"""A shell in place of a job that has ended: its home, input and environment, on a copy of its run.

The shell runs as a job of a temporary platform, which has all that the kept run's has. Nothing that is done
in it changes the kept run.
"""

from __future__ import annotations

import secrets
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from dx_local.engine.debugging import ShellPlace
from dx_local.engine.executors import owned_folders
from dx_local.engine.executors.terminal.presence import has_terminal
from dx_local.engine.session import Session, SessionOptions
from dx_local.engine.store_journal import place_of, readable
from dx_local.errors import UsageError
from dx_local.platform.core import local_bytes
from dx_local.platform.core.context import STORE_NAME
from dx_local.platform.core.large_values import FOLDER as VALUES
from dx_local.platform.core.states import FINAL
from dx_local.platform.execution import job_creation
from dx_local.platform.execution.job_logs import job_folder_name
from dx_local.worker.process.trees import remove_tree

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from dx_local.engine.session import Observer
    from dx_local.engine.settings import JobSettings
    from dx_local.platform.core.context import Platform
    from dx_local.platform.core.schema import JobRow

_PREFIX = ".shell-"


@dataclass(frozen=True)
class EndedJob:
    """A job of a kept run, whose home still exists."""

    row: JobRow
    label: str
    home: Path


def ended_job(platform: Platform, job_id: str, label: str) -> EndedJob:
    """Return a job of a kept run. Raises UsageError if it never started, or its folder is gone."""
    row = platform.store.get("job", job_id)
    assert row is not None
    home = (platform.folder / "jobs" / job_folder_name(row) / "home").resolve()
    if not home.is_dir():
        raise UsageError(f"{label} has no folder in the run", "Name a job that has started.")
    return EndedJob(row, label, home)


async def run_shell(run: Path, job: EndedJob, settings: JobSettings, observer: Observer) -> None:
    """Run a shell in place of a job of a kept run, until the user leaves it. Raises DxLocalError."""
    if not has_terminal():
        raise UsageError("a shell needs a terminal", "`dx-local logs` prints the log of a job without one.")
    settings = replace(settings, shell=ShellPlace(str(job.home), job.label))
    with _copy_of(run) as folder:
        options = SessionOptions(folder, settings, region=job.row["region"], lends_terminal=True)
        async with Session(options, observer) as session:
            job_id = _start(session, job.row)
            await session.driver.until_final(job_id)


def _start(session: Session, row: JobRow) -> str:
    context, store = session.context, session.platform.store
    with store.transaction():
        job_id = job_creation.create_at_entry_point(
            context, row["executable"], row["function"], row["input"] or {}, row["project"]
        )
        # The objects that the job made are in its workspace, if that still exists.
        if store.exists("SELECT 1 FROM project WHERE id = ?", row["workspace"]):
            store.update("job", job_id, workspace=row["workspace"])
    return job_id


@contextmanager
def _copy_of(run: Path) -> Iterator[Path]:
    """Yield a temporary folder with a copy of the platform of a run.

    It is beside the run, where files can be linked instead of copied. Folders that killed processes left
    there are removed.
    """
    parent = run.parent.resolve()
    for left in owned_folders.abandoned(parent.glob(f"{_PREFIX}*")):
        remove_tree(left, ignore_errors=True)
    folder = parent / f"{_PREFIX}{secrets.token_hex(4)}"
    lock = owned_folders.make(folder, 0o700)
    try:
        _copy_platform(run.resolve(), folder)
        yield folder
    finally:
        remove_tree(folder, ignore_errors=True)
        lock.release()


def _copy_platform(run: Path, folder: Path) -> None:
    """Copy the platform of a run, with links to its bytes; jobs that were not final are so in the copy."""
    with (
        readable(run) as (database, journal),
        closing(journal.connect(database, is_read_only=True)) as source,
        closing(place_of(folder).journal.connect(folder / STORE_NAME)) as target,
    ):
        source.backup(target)
        final = ", ".join(f"'{state.value}'" for state in sorted(FINAL))
        target.execute(f"UPDATE job SET state = 'terminated' WHERE state NOT IN ({final})")
        target.execute("DELETE FROM wait")
        target.commit()
    for name in ("files", VALUES):
        _link_all(run / name, folder / name)
    (folder / "jobs").mkdir()
    for path in (run / "jobs").iterdir():
        (folder / "jobs" / path.name).symlink_to(path)


def _link_all(source: Path, target: Path) -> None:
    """Link all files of a folder, so that removing or replacing one there leaves the original as it is."""
    target.mkdir(exist_ok=True)
    for path in source.iterdir() if source.is_dir() else ():
        if path.is_symlink():
            (target / path.name).symlink_to(path.readlink())
        elif path.is_dir():
            _link_all(path, target / path.name)
        else:
            with suppress(FileNotFoundError):  # a run in progress removes temporary files
                local_bytes.clone_hard_link_or_copy(path, target / path.name)
