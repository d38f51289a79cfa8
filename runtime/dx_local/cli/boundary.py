"""The one place where what a verb did, or what went wrong, becomes text and an exit code."""

from __future__ import annotations

import errno
import json
import os
import sys
import tempfile
import traceback
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

import click

from dx_app_wizard.console.text import plain
from dx_app_wizard.dxapp.json_document import escaped_surrogates
from dx_local.errors import AppFindingsError, DiskFullError, DxLocalError, UsageError
from dx_local.platform.core.json_text import in_batches, is_large, json_pieces

if TYPE_CHECKING:
    from collections.abc import Callable

SCHEMA = 1
"""The version of the JSON object that `--json` prints."""

_INTERRUPTED = 130
_BUG = 1
_LONGEST_SHOWN = 200
_OF_PATHS = frozenset(
    {
        errno.EACCES, errno.EISDIR, errno.ELOOP, errno.ENAMETOOLONG, errno.ENOTDIR, errno.EPERM, errno.EROFS
    }
)  # fmt: skip


@dataclass(frozen=True)
class Outcome:
    """How a verb ended: its exit code, what `--json` shows of it, and what shows it to people."""

    exit_code: int
    data: dict[str, Any] | None = None
    error: dict[str, Any] | None = None
    show: Callable[[], None] = lambda: None
    is_said: bool = False
    """Whether the verb has printed already all that there is to print."""


def boundary(verb: Callable[[], Outcome], *, as_json: bool) -> NoReturn:
    """Run a verb and exit: errors of the user without a traceback, our own with the path of a crash log."""
    try:
        outcome = verb()
    except DxLocalError as error:
        outcome = _of_user_error(error, as_json=as_json)
    except KeyboardInterrupt:
        outcome = Outcome(_INTERRUPTED, error={"code": "interrupted", "message": "The run was interrupted."})
    except Exception as error:  # noqa: BLE001 - whatever else comes here is a bug of ours
        outcome = _of_full_disk(error, as_json=as_json) or _of_unusable_path(error) or _of_bug(error)
    _print(outcome, as_json=as_json)
    sys.exit(outcome.exit_code)


def _print(outcome: Outcome, *, as_json: bool) -> None:
    if outcome.is_said:
        return
    if as_json:
        envelope = {"schema": SCHEMA, **(outcome.data or {}), "error": outcome.error}
        _print_json(envelope)
        return
    outcome.show()
    if outcome.error is not None:
        _say(f"error: {outcome.error['message']}")
        if hint := outcome.error.get("hint"):
            _say(f"  hint: {hint}")


def _print_json(envelope: dict[str, Any]) -> None:
    """Print one JSON object; a large one compact and in pieces, which takes less time and memory."""
    if not is_large(envelope):
        text = json.dumps(envelope, ensure_ascii=False, indent=2, default=_plain)
        click.echo(escaped_surrogates(text))
        return
    encode = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"), default=_plain).encode
    for text in in_batches(json_pieces(envelope, encode)):
        click.echo(escaped_surrogates(text), nl=False)
    click.echo()


def _plain(value: object) -> str:
    """Return what JSON has no form for as text; a path is absolute, as its reader may be anywhere."""
    return str(value.absolute() if isinstance(value, Path) else value)


def _of_user_error(error: DxLocalError, *, as_json: bool) -> Outcome:
    details: dict[str, Any] = {"code": error.code, "message": error.message, "hint": error.hint}
    if isinstance(error, AppFindingsError):
        details["findings"] = [finding.to_json() for finding in error.findings]
        if not as_json:
            details["message"] += "\n" + "\n".join(str(finding) for finding in error.findings)
    return Outcome(error.exit_code, error=details)


def _of_full_disk(error: Exception, *, as_json: bool) -> Outcome | None:
    """Return the outcome for a disk that had no space for what dx-local wrote, or None."""
    from dx_local.platform.core.full_disk import full_folder, is_full_disk

    here = Path.cwd()
    if not is_full_disk(error, here):
        return None
    return _of_user_error(DiskFullError(full_folder(error, here)), as_json=as_json)


def _of_unusable_path(error: Exception) -> Outcome | None:
    """Return the outcome for a path that no program could use, or None; users give most paths, we a few."""
    if not isinstance(error, OSError) or error.errno not in _OF_PATHS or error.filename is None:
        return None
    path = os.fsdecode(error.filename)
    shown = path if len(path) <= _LONGEST_SHOWN else f"{path[:_LONGEST_SHOWN]}…"
    return _of_user_error(UsageError(f"cannot use {shown!r}: {error.strerror}"), as_json=True)


def _of_bug(error: Exception) -> Outcome:
    message = f"a bug of dx-local: {type(error).__name__}: {error}"
    try:
        handle, name = tempfile.mkstemp(prefix="dx-local-crash-", suffix=".log")
        with os.fdopen(handle, "w", encoding="utf-8", errors="backslashreplace") as log:
            log.write("".join(traceback.format_exception(error)))
    except OSError as failure:
        return Outcome(_BUG, error={"code": "bug", "message": message, "hint": f"No crash log: {failure}"})
    return Outcome(_BUG, error={"code": "bug", "message": message, "hint": f"The crash log is {Path(name)}"})


def _say(text: str) -> None:
    click.echo(plain(text), err=True)
