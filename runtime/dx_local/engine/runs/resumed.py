"""The ledger of a run in progress, and the earlier run that it resumes, if any."""

from __future__ import annotations

import sqlite3
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from dx_local.engine.ledger.keeper import LedgerKeeper
from dx_local.errors import UsageError
from dx_local.platform.core.store import UnknownSchema
from dx_local.platform.data import file_bytes

if TYPE_CHECKING:
    from collections.abc import Iterator
    from contextlib import ExitStack

    from dx_local.engine.apps.app_bundle import App
    from dx_local.engine.resume.resumption import Resumption
    from dx_local.engine.runs.preparation import PreparedRun
    from dx_local.engine.session import Observer, Session

RESOURCES = "resources/"
"""The name of the dependency on an app's resources."""


@contextmanager
def kept_ledger(session: Session, run: PreparedRun, at_end: ExitStack) -> Iterator[LedgerKeeper | None]:
    """Record what the jobs of a run put out until the end of the block; None for a run that is not kept.

    The caller starts the keeper once no job waits for that. The last outputs are written while the caller
    goes on; `at_end` waits for that.
    """
    if not run.request.is_kept:
        yield None
        return
    keeper = LedgerKeeper(session.platform.folder, trees_of(run.app))
    session.on_python(keeper.note_python)
    at_end.callback(keeper.join)

    def on_closed(object_id: str) -> None:
        store = session.platform.store
        if not file_bytes.is_users_own(store, object_id):
            keeper.on_output(object_id)
        elif row := store.get("object", object_id):
            keeper.on_input(object_id, row["fields"]["size"], row["fields"]["changed"])

    session.platform.closed_subscribers.append(on_closed)
    try:
        yield keeper
    finally:
        session.platform.closed_subscribers.remove(on_closed)
        keeper.end()


@contextmanager
def resumed_run(
    session: Session, run: PreparedRun, keeper: LedgerKeeper | None, observer: Observer
) -> Iterator[Resumption | None]:
    """Take over jobs of the earlier run that a request names, until the end of the block.

    Raises UsageError if that run cannot be resumed.
    """
    resumes = run.request.resumes
    if resumes is None or keeper is None:
        yield None
        return
    from dx_local.engine.resume.resuming import PresentRun, resuming
    from dx_local.engine.resume.source import ResumeOptions

    def python_of(release: str) -> str:
        version = session.python_of(release)
        keeper.note_python(release, version)  # perhaps all jobs of the release are taken over
        return version

    try:
        present = PresentRun(session.platform, keeper, trees_of(run.app), python_of)
        options = ResumeOptions(run.request.app, resumes.reruns_network)
        with resuming(resumes.folder, present, options, observer.announce) as resumption:
            session.driver.resume_from(resumption)
            yield resumption
    except UnknownSchema as error:
        reason = "it has not begun" if error.is_empty else "another version of dx-local made it"
        raise UsageError(f"run {resumes.folder.name} cannot be resumed: {reason}") from None
    except sqlite3.DatabaseError as error:
        raise UsageError(f"run {resumes.folder.name} cannot be resumed: {error}") from None


def trees_of(app: App) -> dict[str, Path]:
    """Return the folders and files on which all jobs of an app depend, by the names of dependencies."""
    own = {RESOURCES: app.resources} if app.resources else {}
    mapped = (text.partition("=")[::2] for text in app.objects)
    return (
        own
        | {f"asset {asset.name}": asset.resolve() for asset in app.assets}
        | {f"object {key}": Path(path) for key, path in mapped}
        | {f"app {Path(other).name}": Path(other) for other in app.others}
    )
