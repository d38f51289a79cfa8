"""The policy that holds in a folder: settings by table and key, each with its place in a file."""

from __future__ import annotations

from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from dx_app_wizard.errors import Place, UserError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

LINT_TABLE = "lint"
POLICY_TABLE = "policy"
TEMPLATE_TABLE = "template"
TRUST_TABLE = "trust"
WIZARD_TABLE = "wizard"
RUN_TABLES = ("run", "assets", "executor", "objects", "with")
"""Tables for `dx-local run`, which share the file with the policy but do not belong to it."""

VARIABLE_PREFIX = "DX_APP_WIZARD_"
"""Prefix of the environment variables that set keys of [wizard]."""


@dataclass(frozen=True)
class Setting:
    """A value in a policy file, and its place there."""

    value: Any
    place: Place


@dataclass(frozen=True)
class PolicyProblem:
    """A mistake in a policy file. `key` is `table.key`, or empty if it concerns the whole file."""

    key: str
    message: str
    place: Place


class PolicyFileError(UserError):
    """Policy files are invalid; `problems` lists every mistake in them."""

    code = "invalid-policy-file"

    def __init__(self, problems: Iterable[PolicyProblem]) -> None:
        self.problems = tuple(problems)
        lines = [
            ": ".join(filter(None, (str(problem.place), problem.key, problem.message)))
            for problem in self.problems
        ]
        message = "\n  ".join(["a policy file has errors:", *lines])
        super().__init__(message, "Correct the file, or remove it.")


@dataclass(frozen=True)
class Policy:
    """Settings by (table, key), and the files that they come from, the nearest first."""

    settings: Mapping[tuple[str, str], Setting] = field(default_factory=lambda: MappingProxyType({}))
    files: tuple[Path, ...] = ()

    def table(self, name: str) -> dict[str, Setting]:
        """Return the settings of one table by key."""
        return {key: setting for (table, key), setting in self.settings.items() if table == name}

    def value(self, table: str, key: str) -> Any:
        """Return the value of a key, None if no file sets it."""
        setting = self.settings.get((table, key))
        return setting and setting.value
