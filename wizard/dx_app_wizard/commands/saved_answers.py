"""Save the answers of an interview after each one, until the app is written."""

from __future__ import annotations

import json
import os
import shlex
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

from dx_app_wizard.answers.settings import LISTS
from dx_app_wizard.dxapp.parameters import parse_declaration
from dx_app_wizard.errors import NothingToResumeError, UserError
from dx_app_wizard.files import atomic_write
from dx_app_wizard.user_dirs import state_dir

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

_SCHEMA_VERSION = 2


@dataclass(frozen=True)
class SavedInterview:
    """An interview to resume: flags by their keys, absolute paths of files and folders, accepted lines.

    `modes` has other options that stay in force, such as on_conflict; `only_required` is --defaults.
    """

    flags: dict[str, Any]
    paths: dict[str, str]
    lines: dict[str, str] = field(default_factory=dict)
    modes: dict[str, str] = field(default_factory=dict)
    only_required: bool = False

    def save(self) -> None:
        """Write the interview to the state folder, readable by this user only."""
        path = saved_path()
        path.parent.mkdir(parents=True, exist_ok=True)
        atomic_write(path, json.dumps({"schema": _SCHEMA_VERSION, **asdict(self)}))

    def continued_with(self, new: SavedInterview) -> SavedInterview:
        """Return this interview with the flags, paths and modes of a command that resumes it."""
        return SavedInterview(
            {**self.flags, **new.flags},
            {**self.paths, **new.paths},
            self.lines,
            {**self.modes, **new.modes},
            self.only_required or new.only_required,
        )

    def command_line(self, answers: Mapping[str, Any]) -> str:
        """Return the command with these answers, by their keys, and the same files and modes."""
        paths = {name: os.path.relpath(path) for name, path in self.paths.items()}
        if paths.get("output_dir") == os.curdir:
            del paths["output_dir"]
        options = {f"--{name.replace('_', '-')}": value for name, value in {**paths, **self.modes}.items()}
        return command_line({key: value for key, value in answers.items() if value is not None}, options)

    @classmethod
    def load(cls) -> SavedInterview:
        """Read the last unfinished interview; raise NothingToResumeError if there is none."""
        try:
            raw = json.loads(saved_path().read_text(encoding="utf-8"))
            if raw["schema"] != _SCHEMA_VERSION:
                raise NothingToResumeError(saved_path())
            parts = {part: dict(raw[part]) for part in ("flags", "paths", "lines", "modes")}
            if not all(isinstance(text, str) for part in ("paths", "lines") for text in parts[part].values()):
                raise NothingToResumeError(saved_path())
            return cls(**parts, only_required=raw.get("only_required") is True)
        except (OSError, ValueError, KeyError, TypeError):
            raise NothingToResumeError(saved_path()) from None


def saved_path() -> Path:
    """Return the path of the unfinished interview."""
    return state_dir("dx-app-wizard") / "interview.json"


def has_saved() -> bool:
    """Return whether there is an unfinished interview."""
    with suppress(OSError):
        return saved_path().exists()
    return False


def forget_saved() -> None:
    """Remove the unfinished interview."""
    with suppress(OSError):
        saved_path().unlink()


def command_line(answers: Mapping[str, Any], options: Mapping[str, str]) -> str:
    """Return the command with these answers (by the questions' keys) and options (by their flags)."""
    words = ["dx-app-wizard"]
    if answers.get("name"):
        words.append(answers["name"])
    for flag, value in options.items():
        words += [flag, value]
    for key, value in answers.items():
        words += _flag_words(key, value)
    return shlex.join(words)


def _flag_words(key: str, value: Any) -> list[str]:
    if value is None or key == "name":
        return []
    if key in LISTS:
        flag = f"--{key.removesuffix('s')}"
        return [word for item in value for word in (flag, _parameter_text(item))]
    if "." in key:
        return ["--set", f"{key}={value}"]
    if isinstance(value, bool):
        return [f"--{key}" if value else f"--no-{key}"]
    if key == "network":
        return ["--set", f"network={json.dumps(value) if isinstance(value, list) else value}"]
    flag = "from-command" if key == "command" else key.replace("_", "-")
    return [f"--{flag}", str(value)]


def _parameter_text(parameter: Any) -> str:
    """Return the parameter as `NAME:CLASS?=DEFAULT` if that says everything, else as JSON."""
    if isinstance(parameter, str):
        return parameter
    text = f"{parameter['name']}:{parameter['class']}{'?' if parameter.get('optional') else ''}"
    if "default" in parameter:
        default = parameter["default"]
        text += f"={default if isinstance(default, str) else json.dumps(default, ensure_ascii=False)}"
    try:
        is_all = parse_declaration(text) == parameter
    except UserError:
        is_all = False
    return text if is_all else json.dumps(parameter, ensure_ascii=False)
