"""The state folder of a platform that persists: lock it, and store how clients reach its server.

dx-local.json        marks the folder as a state folder; token and port for the next start; mode 0600
dx-local.lock        locked by the serving process; dx-local.lock.owner names it where there are no locks
dx-local.reserve     space for vital writes on a full disk
platform.sqlite, files/, jobs/, …    the platform
bin/                 links to `dx` and its companions
dnanexus_config/     settings of `dx`: the selected project, the current folder
"""

from __future__ import annotations

import json
import shlex
import time
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, ClassVar

from dx_app_wizard.files import atomic_write
from dx_app_wizard.user_dirs import state_dir
from dx_local.engine.scheduling.disk_reserve import RESERVE, DiskReserve
from dx_local.errors import DxLocalError
from dx_local.platform.core.full_disk import is_full_disk
from dx_local.platform.core.large_values import FOLDER as FOLDER_OF_LARGE_VALUES
from dx_local.worker.process import locks
from dx_local.worker.process.trees import remove_tree

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_MARK = "dx-local.json"
_UNFINISHED_MARK = f".{_MARK}."  # beginning of the names that atomic_write uses
_LOCK = "dx-local.lock"
_STORE = "platform.sqlite"
_MADE_BY = ("dx-local serve", 1)  # and the version of the mark
_LOCK_SECONDS = 0.5  # `dx-local env` holds the lock for a moment to check for a server
# Everything that dx-local creates in a state folder; any other file belongs to somebody else.
_OWN_NAMES = (
    "bin",
    "dnanexus_config",
    "files",
    "gtables",
    "jobs",
    "resources",
    _STORE,
    f"{_STORE}-journal",
    f"{_STORE}-shm",
    f"{_STORE}-wal",
    "server.log",
    FOLDER_OF_LARGE_VALUES,
    RESERVE,
    _MARK,
)


class StateError(DxLocalError):
    """A state folder that cannot be used: another process serves it, or dx-local did not create it."""

    code = "state"
    exit_code: ClassVar[int] = 4


class StateBusyError(StateError):
    """A server is starting or stopping."""


class NotRunningError(DxLocalError):
    """No server runs on a state folder."""

    code = "not-running"


@dataclass(frozen=True)
class ServerInfo:
    """The server of a state folder. `pid` is None while it is not running or not ready."""

    token: str
    secret: str
    project: str
    port: int
    pid: int | None = None

    @property
    def url(self) -> str:
        """The address of the server, without a slash at the end."""
        return f"http://127.0.0.1:{self.port}"


def default_folder() -> Path:
    """Return the default state folder of the user."""
    return state_dir("dx-local") / "platform"


def running(folder: Path) -> ServerInfo:
    """Return the running server of a state folder. Raises NotRunningError or StateBusyError."""
    saved = _load(folder)
    if saved is None or not _is_locked(folder):
        hint = f"Start it with: dx-local serve --state {folder}"
        raise NotRunningError(f"no server is running on {str(folder)!r}", hint)
    if saved.pid is None:
        raise StateBusyError(
            f"the server on {str(folder)!r} is starting or stopping", "Try again in a moment."
        )
    return saved


@dataclass(frozen=True)
class StateFolder:
    """A state folder that this process has locked."""

    path: Path

    def load(self) -> ServerInfo | None:
        """Return the earlier server of the folder, or None."""
        return _load(self.path)

    def save(self, saved: ServerInfo) -> None:
        """Store the server for clients and for the next start, in a file that only its owner can read."""
        mark = {"madeBy": _MADE_BY[0], "schema": _MADE_BY[1], **asdict(saved)}
        text = json.dumps(mark, indent=2) + "\n"
        DiskReserve(self.path).use(lambda: atomic_write(self.path / _MARK, text))

    def clear_pid(self) -> None:
        """Store that no process serves the folder. Raises StateError if dx-local did not write its file."""
        if saved := self.load():
            self.save(replace(saved, pid=None))

    def clear(self) -> None:
        """Remove everything that dx-local created, except the lock; the mark is last."""
        for path in (*self.path.glob(f"{_UNFINISHED_MARK}*"), *(self.path / name for name in _OWN_NAMES)):
            if path.is_dir() and not path.is_symlink():
                remove_tree(path)
            else:
                path.unlink(missing_ok=True)


@contextmanager
def hold(folder: Path, *, fresh: bool = False) -> Iterator[StateFolder]:
    """Lock a state folder for this process, and create it if needed; with `fresh`, empty it first.

    Raises StateError if another process has locked it or it holds anything but a platform, and OSError if the
    disk is full.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        lock = _try_lock(_check_content(folder, fresh=fresh) / _LOCK)
    except OSError as error:
        if is_full_disk(error, folder):
            raise
        raise StateError(
            f"a platform cannot be stored in {str(folder)!r}: {error.strerror}",
            "Choose a folder that you can write to with --state or XDG_STATE_HOME.",
        ) from None
    if lock is None:
        pid = (saved.pid if (saved := _load(folder)) else None) or "unknown"
        raise StateError(
            f"another process serves {str(folder)!r} already (process ID {pid})",
            f"Use it ({_shell_line(folder)}), stop it, or choose another folder with --state.",
        )
    with lock:
        state = StateFolder(folder)
        state.clear_pid()
        if fresh:
            state.clear()
        try:
            yield state
        finally:
            with suppress(OSError):  # on a full disk, the free lock is evidence enough
                state.clear_pid()


def _try_lock(path: Path) -> locks.Lock | None:
    """Lock a file alone; return None if another process holds it for longer than a moment. Raises OSError."""
    deadline = time.monotonic() + _LOCK_SECONDS
    while True:
        if (lock := locks.try_hold(path)) or time.monotonic() > deadline:
            return lock
        time.sleep(_LOCK_SECONDS / 20)


def _check_content(folder: Path, *, fresh: bool) -> Path:
    """Return the folder. Raises StateError unless it is empty, was made by a server, or holds a run."""
    marks = (_UNFINISHED_MARK, f"{_LOCK}.")
    names = {path.name for path in folder.iterdir() if not path.name.startswith(marks)}
    # A first server that was killed, or had no disk space, leaves a lock file but no mark.
    is_unfinished = _LOCK in names and names <= {_LOCK, *_OWN_NAMES}
    if not names or _MARK in names or is_unfinished or (_STORE in names and not fresh):
        return folder
    if _STORE in names:
        raise StateError(
            f"{str(folder)!r} holds a run, not a platform of dx-local serve; nothing was removed"
        )
    raise StateError(
        f"{str(folder)!r} holds files that are not part of a platform of dx-local; nothing was changed",
        "Choose an empty or new folder with --state.",
    )


def _shell_line(folder: Path) -> str:
    """Return the line that connects a shell to the platform of a state folder."""
    option = "" if folder == default_folder() else f" --state {shlex.quote(str(folder))}"
    return f'eval "$(dx-local env{option})"'


def _load(folder: Path) -> ServerInfo | None:
    """Return the content of the mark. Raises StateError if this version of dx-local did not write it."""
    path = folder / _MARK
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        made_by = (content.pop("madeBy"), content.pop("schema"))
        saved = ServerInfo(**content)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise StateError(
            f"{str(path)!r} cannot be read: {error.strerror}",
            "Choose your own state folder with --state or XDG_STATE_HOME.",
        ) from None
    except (ValueError, KeyError, TypeError, AttributeError):
        made_by, saved = (None, None), None
    if made_by != _MADE_BY:
        raise StateError(f"this version of dx-local did not write {str(path)!r}")
    return saved


def _is_locked(folder: Path) -> bool:
    with suppress(FileNotFoundError):
        return locks.is_held(folder / _LOCK)
    return False
