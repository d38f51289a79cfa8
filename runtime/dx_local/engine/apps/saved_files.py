"""Wait until files in the folder of an app are saved."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from queue import Queue
from threading import Event, Thread
from typing import TYPE_CHECKING

from dx_local.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

_DEBOUNCE = 300  # ms in which changes count as one
_STEP = 100  # ms without changes after which they are complete
# Files that editors and tools write beside those that a user saves.
_BEGINNINGS = (".", "#")
_ENDINGS = ("~", ".pyc")
_FOLDERS = frozenset({"__pycache__", "node_modules"})


class SavedFiles:
    """The files of an app that are saved from now on, except in `ignored` folders and hidden files.

    Folders with many files, such as those of runs, are not even watched.
    """

    def __init__(self, app: Path, ignored: Collection[Path]) -> None:
        """Begin to watch. Raises UsageError if the folder or the package watchfiles is missing."""
        if importlib.util.find_spec("watchfiles") is None:
            from dx_app_wizard.installation import install_hint  # few runs need it

            message = "--watch needs the package watchfiles, which is not installed"
            raise UsageError(message, install_hint("watch"))
        if not app.is_dir():
            raise UsageError(f"there is no folder {str(app)!r}", "Pass the folder that holds dxapp.json.")
        self._app = app.resolve()
        self._ignored = [path.resolve() for path in ignored]
        self._saved: Queue[set[Path] | Exception] = Queue()
        self._end = Event()
        folders = [path for path in self._app.iterdir() if path.is_dir() and self._concerns(path)]
        self._threads = [
            Thread(target=self._watch, args=(paths, is_deep), daemon=True)
            for paths, is_deep in (((self._app,), False), (folders, True))
            if paths
        ]
        for thread in self._threads:
            thread.start()

    def wait(self) -> list[Path]:
        """Block until files were saved; return their paths in the app. Raises UsageError."""
        saved = self._next()
        while not self._saved.empty():
            saved |= self._next()
        return sorted(path.relative_to(self._app) for path in saved)

    def close(self) -> None:
        """Stop to watch."""
        self._end.set()
        for thread in self._threads:
            thread.join()

    def _next(self) -> set[Path]:
        saved = self._saved.get()
        if isinstance(saved, Exception):
            raise UsageError(f"the files of the app cannot be watched: {saved}")
        return saved

    def _watch(self, paths: Sequence[Path], is_deep: bool) -> None:
        from watchfiles import watch

        try:
            for changes in watch(
                *paths,
                watch_filter=lambda _change, path: self._concerns(Path(path)),
                debounce=_DEBOUNCE,
                step=_STEP,
                stop_event=self._end,
                recursive=is_deep,
                raise_interrupt=False,
            ):
                self._saved.put({Path(path) for _, path in changes})
        except Exception as error:  # noqa: BLE001 - the main thread reports it
            self._saved.put(error)

    def _concerns(self, path: Path) -> bool:
        if any(path == ignored or ignored in path.parents for ignored in self._ignored):
            return False
        names = path.relative_to(self._app).parts if path.is_relative_to(self._app) else ()
        return bool(names) and not any(
            name.startswith(_BEGINNINGS) or name.endswith(_ENDINGS) or name in _FOLDERS for name in names
        )
