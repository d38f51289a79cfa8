"""Read the options of a Python script by running it as far as it parses its arguments."""

from __future__ import annotations

import json
import os
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dx_app_wizard.errors import UserError
from dx_app_wizard.importing import landlock
from dx_app_wizard.importing.limits import Limits, Stopped, wait_within
from dx_app_wizard.importing.scripts.option_hook import MARK
from dx_app_wizard.importing.scripts.script_option import ScriptOption, guessed_kind

TIME_LIMIT = 30
"""Seconds after which the script is stopped."""

LARGEST_TOTAL = 64 << 20
"""Bytes that the script may print and write."""


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
        code, out, err = _run([interpreter, str(hook), str(script.resolve())], Path(folder))
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


def _run(command: list[str], folder: Path) -> tuple[int, str, str]:
    """Run a command in a new folder; return its exit code, stdout and stderr. Raises ScriptError."""
    home = folder / "home"
    home.mkdir()
    with (folder / "stdout").open("wb") as out, (folder / "stderr").open("wb") as err:
        try:
            process = subprocess.Popen(
                landlock.confined(command, home),
                cwd=home,
                env={**os.environ, "TMPDIR": str(home)},
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=err,
                start_new_session=True,
            )
        except OSError as error:
            raise ScriptError(f"{command[0]} cannot be started: {error.strerror}") from None
        stopped = wait_within(process, Limits(TIME_LIMIT, LARGEST_TOTAL, folder))
    if stopped:
        limit = f"within {TIME_LIMIT} s" if stopped is Stopped.TIME else "before it had written 64 MiB"
        message = f"the script did not parse its arguments {limit}, and was stopped"
        hint = "Let it parse them before its work, or read its text only, with --no-run."
        raise ScriptError(message, hint)
    texts = [(folder / name).read_text(encoding="utf-8", errors="replace") for name in ("stdout", "stderr")]
    return process.returncode, texts[0], texts[1]


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
