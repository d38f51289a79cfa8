"""Turn the result or the error of a verb into text and an exit code; no other module does."""

from __future__ import annotations

import errno
import json
import os
import subprocess
import sys
import tempfile
import traceback
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

import click

from dx_app_wizard.console.text import plain
from dx_app_wizard.dxapp.json_document import escaped_surrogates
from dx_app_wizard.errors import UserError
from dx_local.errors import AppFindingsError, DiskFullError, DxLocalError, UsageError
from dx_local.platform.core.json_text import in_batches, is_large, json_pieces

if TYPE_CHECKING:
    from collections.abc import Callable

SCHEMA = 1
"""Version of the JSON object that `--json` prints."""

_INTERRUPTED = 130
_BUG = 1
_DOCTOR_SECONDS = 20
_LONGEST_PATH = 200  # characters of an error message
# Errors that come from the path a user gave rather than from a bug.
_PATH_ERRORS = frozenset(
    {
        errno.EACCES, errno.EISDIR, errno.ELOOP, errno.ENAMETOOLONG, errno.ENOTDIR, errno.EPERM, errno.EROFS
    }
)  # fmt: skip


@dataclass(frozen=True)
class CommandResult:
    """The result of a verb: its exit code, the data or error for `--json`, and a function that prints it."""

    exit_code: int
    data: dict[str, Any] | None = None
    error: dict[str, Any] | None = None
    show: Callable[[], None] = lambda: None
    is_printed: bool = False
    """True if the verb has already printed everything."""


def boundary(verb: Callable[[], CommandResult], *, as_json: bool) -> NoReturn:
    """Run a verb, print its result and exit; report a bug with the path of a crash log."""
    sys.exit(printed(verb, as_json=as_json))


def printed(verb: Callable[[], CommandResult], *, as_json: bool) -> int:
    """Run a verb, print its result or error as `boundary` does, and return the exit code."""
    try:
        result = verb()
    except DxLocalError as error:
        result = _user_error(error, as_json=as_json)
    except UserError as error:  # such as mistakes in policy files, or a user without a home
        result = _user_error(UsageError(error.message, error.hint), as_json=as_json)
    except KeyboardInterrupt:
        result = _failure(_INTERRUPTED, "interrupted", "The run was interrupted.")
    except Exception as error:  # noqa: BLE001 - any other exception is a bug
        result = _full_disk(error, as_json=as_json) or _unusable_path(error) or _bug(error)
    _print(result, as_json=as_json)
    return result.exit_code


def _failure(exit_code: int, code: str, message: str, **details: str) -> CommandResult:
    return CommandResult(exit_code, error={"code": code, "message": message, **details})


def _print(result: CommandResult, *, as_json: bool) -> None:
    if result.is_printed:
        return
    if as_json:
        _print_json({"schema": SCHEMA, **(result.data or {}), "error": result.error})
        return
    result.show()
    if result.error is not None:
        _print_error(f"error: {result.error['message']}")
        if hint := result.error.get("hint"):
            _print_error(f"  hint: {hint}")


def _print_json(envelope: dict[str, Any]) -> None:
    """Print one JSON object; a large one compactly and in pieces, to save time and memory."""
    if not is_large(envelope):
        text = json.dumps(envelope, ensure_ascii=False, indent=2, default=_as_text)
        click.echo(escaped_surrogates(text))
        return
    encode = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"), default=_as_text).encode
    for text in in_batches(json_pieces(envelope, encode)):
        click.echo(escaped_surrogates(text), nl=False)
    click.echo()


def _as_text(value: object) -> str:
    """Return the text of a value for which JSON has no type; a path becomes absolute."""
    return str(value.absolute() if isinstance(value, Path) else value)


def _user_error(error: DxLocalError, *, as_json: bool) -> CommandResult:
    details: dict[str, Any] = {"code": error.code, "message": error.message, "hint": error.hint}
    if isinstance(error, AppFindingsError):
        details["findings"] = [finding.to_json() for finding in error.findings]
        if not as_json:
            details["message"] += "\n" + "\n".join(str(finding) for finding in error.findings)
    return CommandResult(error.exit_code, error=details)


def _full_disk(error: Exception, *, as_json: bool) -> CommandResult | None:
    """Return the result for an error that a full disk caused, or None."""
    from dx_local.platform.core.full_disk import full_folder, is_full_disk

    here = Path.cwd()
    if not is_full_disk(error, here):
        return None
    return _user_error(DiskFullError(full_folder(error, here)), as_json=as_json)


def _unusable_path(error: Exception) -> CommandResult | None:
    """Return the result for a path that cannot be used, or None; nearly all paths come from the user."""
    if not isinstance(error, OSError) or error.errno not in _PATH_ERRORS or error.filename is None:
        return None
    path = os.fsdecode(error.filename)
    shown = path if len(path) <= _LONGEST_PATH else f"{path[:_LONGEST_PATH]}…"
    return _user_error(UsageError(f"{shown!r} cannot be used: {error.strerror}"), as_json=True)


def _bug(error: Exception) -> CommandResult:
    message = f"a bug in dx-local: {type(error).__name__}: {error}"
    try:
        handle, name = tempfile.mkstemp(prefix="dx-local-crash-", suffix=".log")
        with os.fdopen(handle, "w", encoding="utf-8", errors="backslashreplace") as log:
            log.write(f"{_surroundings()}\n")
            log.write("".join(traceback.format_exception(error)))
    except OSError as failure:
        return _failure(_BUG, "bug", message, hint=f"No crash log: {failure}")
    return _failure(_BUG, "bug", message, hint=f"The crash log is {Path(name)}")


def _surroundings() -> str:
    """Return the table of `dx-local doctor --ci`; a process of its own cannot be affected by the bug."""
    command = [sys.executable, "-m", "dx_local", "doctor", "--ci"]
    try:
        done = subprocess.run(
            command, stdin=subprocess.DEVNULL, capture_output=True, timeout=_DOCTOR_SECONDS, check=False
        )
    except (OSError, subprocess.SubprocessError) as error:
        return f"The surroundings are unknown: {error}\n"
    return done.stdout.decode("utf-8", "replace")


def _print_error(text: str) -> None:
    click.echo(plain(text), err=True)
