"""Run an app again whenever a file in its folder is saved: `dx-local run --watch`."""

from __future__ import annotations

import signal
import sys
from typing import TYPE_CHECKING

import click

from dx_app_wizard.console.text import plain
from dx_local.cli.boundary import CommandResult, printed
from dx_local.cli.stopping import signals_that_stop

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

_INTERRUPTED = 130
_STOPPED = frozenset({_INTERRUPTED, 143, 129})  # Ctrl-C, SIGTERM, SIGHUP
_SHOWN = 3


def run_on_save(app: Path, ignored: Sequence[Path], run: Callable[[], CommandResult]) -> CommandResult:
    """Call `run` now and after each save, until a signal ends it.

    An error of a run is printed, and the next save starts another one. `ignored` are folders below the app
    in which changes do not count. Raises UsageError if files cannot be watched.
    """
    from dx_local.engine.apps.saved_files import SavedFiles

    saved = SavedFiles(app, ignored)
    handlers = {number: signal.getsignal(number) for number in signals_that_stop()}
    try:
        while True:
            code = printed(run, as_json=False)
            if code in _STOPPED:
                return CommandResult(code, is_printed=True)
            for number, handler in handlers.items():  # the event loop of the run leaves its own
                signal.signal(number, handler)
            _print_waiting(app)
            paths = saved.wait()
            _print_changes(app, paths)
            # Folders that were created meanwhile are watched as well.
            former, saved = saved, SavedFiles(app, ignored)
            former.close()
    except KeyboardInterrupt:
        _clear_line()
        return CommandResult(_INTERRUPTED, is_printed=True)
    finally:
        saved.close()


def _print_waiting(app: Path) -> None:
    text = plain(f"waiting for changes in {str(app)!r}; Ctrl-C ends")
    click.echo(text, nl=not sys.stderr.isatty(), err=True)


def _print_changes(app: Path, changed: Sequence[Path]) -> None:
    _clear_line()
    # Some editors write a file under a temporary name first.
    paths = [path for path in changed if (app / path).exists()] or changed
    names = ", ".join(map(str, paths[:_SHOWN]))
    more = f" and {len(paths) - _SHOWN} more" if len(paths) > _SHOWN else ""
    click.echo(plain(f"changed: {names}{more}"), err=True)


def _clear_line() -> None:
    if sys.stderr.isatty():
        click.echo("\r\x1b[K", nl=False, err=True)
