"""A zygote that starts ahead of the executor, because the imports of both take most of a short run.

Which worker environment the first job needs is known only when the app has been read, so the zygote gets
that of the last run, and sandboxes. The executor takes it if that is right; otherwise it is killed. The
program has to call `abandon` in the end, in case no executor has asked for a zygote; if this process is
killed, the zygote ends by itself.
"""

from __future__ import annotations

import os
from contextlib import suppress
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from dx_local.engine.executors.zygote_start.process import StartedZygote, WorkerPrograms
    from dx_local.engine.executors.zygote_start.temporary_folder import TemporaryFolder

_VERBS = ("run", "rerun", "test")
_INFORMATIVE = ("-h", "--help", "--schema")
_LOG = "zygote-0.log"


class EarlyZygote(NamedTuple):
    """A zygote and the executor's folder, which was made for it."""

    zygote: StartedZygote
    folder: TemporaryFolder
    programs: WorkerPrograms
    version: tuple[int, int]
    """The identity of the Python's file: another one at this path may have another dxpy."""

    def kill(self) -> None:
        """Kill the zygote and remove the folder."""
        self.zygote.kill()
        self.folder.remove()


class _State:
    app: str | None = None
    early: EarlyZygote | None = None


def begin(arguments: Sequence[str]) -> None:
    """Start a zygote if these arguments of `dx-local` will probably run jobs."""
    if not arguments or arguments[0] not in _VERBS or not set(_INFORMATIVE).isdisjoint(arguments):
        return
    from dx_local.engine.executors.zygote_start.last_programs import last_programs

    _State.app = next(_apps(arguments[1:]), None)
    if _State.app is None:
        return
    programs = last_programs(_State.app)
    if programs is None or not all(os.path.exists(path) for path in programs if path):  # noqa: PTH110
        return
    from dx_local.engine.executors.zygote_start.process import start_zygote
    from dx_local.engine.executors.zygote_start.temporary_folder import make_temporary_folder
    from dx_local.engine.images.image_folder import user_folder

    with suppress(OSError, ValueError):  # the cache may contain anything
        version = _version(programs.python)
        folder = make_temporary_folder()
        try:
            zygote = start_zygote(
                programs, folder.path / _LOG, isolation="auto", jobs="/", images=user_folder()
            )
        except (OSError, ValueError):
            folder.remove()
            raise
        _State.early = EarlyZygote(zygote, folder, programs, version)


def take(programs: WorkerPrograms, *, suits: bool) -> EarlyZygote | None:
    """Return the zygote if it is for these programs, those of the first job. The next run starts with them.

    Otherwise, or if a zygote with sandboxes does not suit, the zygote is killed.
    """
    early, app = _State.early, _State.app
    _State.early = _State.app = None
    if app:
        from dx_local.engine.executors.zygote_start.last_programs import remember_programs

        remember_programs(app, programs)
    if early is None:
        return None
    with suppress(OSError):
        if suits and early.programs == programs and early.version == _version(programs.python):
            return early
    early.kill()
    return None


def abandon() -> None:
    """Kill the zygote if no executor has taken it."""
    if _State.early:
        _State.early.kill()
        _State.early = None


def _apps(arguments: Sequence[str]) -> Iterator[str]:
    """Yield the folders among the arguments that contain an app, then the current folder."""
    for argument in arguments:
        path = argument.partition("=")[2] if argument.startswith("--") else argument
        if path and _is_app(path):
            yield path
    if _is_app("."):
        yield "."


def _is_app(path: str) -> bool:
    return os.path.isfile(f"{path}/dxapp.json")  # noqa: PTH113  (pathlib would be imported for it)


def _version(python: str) -> tuple[int, int]:
    found = os.stat(python, follow_symlinks=False)  # noqa: PTH116
    return found.st_ino, found.st_mtime_ns
