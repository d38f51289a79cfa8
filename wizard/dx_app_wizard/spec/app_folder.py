"""The folder of an app, as lint rules look at it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from dx_app_wizard.spec.io_rules import language_of

if TYPE_CHECKING:
    from pathlib import Path


@dataclass(frozen=True)
class AppFolder:
    """An app's folder and the raw hash of its dxapp.json."""

    path: Path
    spec: dict[str, Any]

    @cached_property
    def language(self) -> str | None:
        """`python` or `bash`; None for others, also for python2.7, whose syntax is not read here."""
        run_spec = self.spec.get("runSpec")
        old = isinstance(run_spec, dict) and run_spec.get("interpreter") == "python2.7"
        return None if old else language_of(self.spec)

    @cached_property
    def source_name(self) -> str | None:
        """The source file as runSpec.file names it."""
        run_spec = self.spec.get("runSpec")
        name = run_spec.get("file") if isinstance(run_spec, dict) else None
        return name if isinstance(name, str) else None

    @cached_property
    def source(self) -> str | None:
        """The source as text, None where it cannot be read."""
        if self.source_name is None:
            return None
        try:
            return (self.path / self.source_name).read_text(encoding="utf-8")
        except (OSError, ValueError):
            return None

    def parameter_names(self, key: str) -> list[str] | None:
        """Return the names under inputSpec or outputSpec; None where it is absent."""
        fields = self.spec.get(key)
        if not isinstance(fields, list):
            return None
        return [
            field["name"]
            for field in fields
            if isinstance(field, dict) and isinstance(field.get("name"), str)
        ]
