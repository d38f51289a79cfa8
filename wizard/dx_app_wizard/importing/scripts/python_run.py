"""Read the options of a Python script by running it as far as it parses its arguments."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import tempfile
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dx_app_wizard.errors import UserError
from dx_app_wizard.importing import landlock
from dx_app_wizard.importing.scripts.option_hook import MARK
from dx_app_wizard.importing.scripts.script_option import ScriptOption, guessed_kind

TIME_LIMIT = 60
"""Seconds after which the script is stopped."""


class ScriptError(UserError):
    """The options of a script cannot be read."""

    code = "from-script"


@dataclass(frozen=True)
class DeclaredOptions:
    """The options that a script declares, and its description."""

    options: tuple[ScriptOption, ...]
    description: str = ""


def options_by_running(script: Path, interpreter: str) -> DeclaredOptions:
    """Return the options of a Python script, which runs in an empty folder as far as it parses arguments.

    It is confined to that folder like a trial.
    Raises ScriptError if it ends before that, or has subcommands.
    """
    hook = Path(__file__).with_name("option_hook.py")
    with tempfile.TemporaryDirectory(prefix="dx-app-wizard-script-") as folder:
        code, out, err = _run([interpreter, str(hook), str(script.resolve())], folder)
    _, mark, text = out.rpartition(MARK)
    if not mark:
        last = next((line for line in reversed(err.splitlines()) if line.strip()), "")
        message = f"{script.name} ended before it parsed its arguments (exit {code})"
        hint = "Its imports must work here; or read its text only, with --no-run."
        if code == 0:
            hint = "If it takes no options, use dx-app-wizard NAME -- COMMAND."
        raise ScriptError(f"{message}: {last.strip()}" if last else message, hint)
    raw = json.loads(text)
    return DeclaredOptions(options_of(raw["options"], script), raw["description"])


def _run(command: list[str], folder: str) -> tuple[int, str, str]:
    """Run a command in a folder; return its exit code, stdout and stderr. Raises ScriptError."""
    try:
        process = subprocess.Popen(
            landlock.confined(command, Path(folder)),
            cwd=folder,
            env={**os.environ, "TMPDIR": folder},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            errors="replace",
            start_new_session=True,
        )
    except OSError as error:
        raise ScriptError(f"{command[0]} cannot be started: {error.strerror}") from None
    try:
        out, err = process.communicate(timeout=TIME_LIMIT)
    except subprocess.TimeoutExpired:
        raise ScriptError(
            f"the script did not parse its arguments within {TIME_LIMIT} s", "Pass --no-run."
        ) from None
    finally:
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
    return process.returncode, out, err


def options_of(raw: list[dict[str, Any]], script: Path) -> tuple[ScriptOption, ...]:
    """Return the options from plain data; raise ScriptError if the script has subcommands."""
    for item in raw:
        if item["kind"] == "subcommands":
            names = ", ".join(item["choices"])
            message = f"{script.name} has subcommands ({names}), and an app has one set of inputs"
            hint = f"Make an app of one of them: dx-app-wizard NAME -- python3 {script.name} SUBCOMMAND ..."
            raise ScriptError(message, hint)
    return tuple(_option(item) for item in raw if item["kind"] != "skip")


def _option(item: dict[str, Any]) -> ScriptOption:
    kind = item["kind"]
    is_certain = kind not in ("string", "path", "other") or bool(item["choices"])
    if not is_certain:
        kind = guessed_kind(item["name"], item["help"])
        kind = "file" if item["kind"] == "path" and kind == "string" else kind
        is_certain = kind == "string"
    default = item["default"]
    scalar = default if isinstance(default, (str, int, float, bool)) else None
    return ScriptOption(
        item["name"],
        item["flag"],
        kind,
        is_certain,
        bool(item["required"]),
        bool(item["many"]),
        bool(item["repeats"]),
        scalar,
        tuple(item["choices"]),
        item["help"],
    )
