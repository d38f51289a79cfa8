"""The folder of an app as lint rules see it: dxapp.json and the parsed source."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from dx_app_wizard.dxapp import regular_file
from dx_app_wizard.dxapp.model import RECORD_NAME, language_of
from dx_app_wizard.lint.source.bash import BashSource
from dx_app_wizard.lint.source.python import PythonSource

if TYPE_CHECKING:
    from pathlib import Path


@dataclass(frozen=True)
class AppFolder:
    """An app's folder and the raw hash of its dxapp.json."""

    path: Path
    spec: dict[str, Any]

    @cached_property
    def language(self) -> str | None:
        """`python` or `bash`; None for any other language, and for Python 2, which cannot be parsed here."""
        run_spec = self.spec.get("runSpec")
        old = isinstance(run_spec, dict) and run_spec.get("interpreter") == "python2.7"
        return None if old else language_of(self.spec)

    @cached_property
    def source_name(self) -> str | None:
        """The value of runSpec.file."""
        run_spec = self.spec.get("runSpec")
        name = run_spec.get("file") if isinstance(run_spec, dict) else None
        return name if isinstance(name, str) else None

    @cached_property
    def source(self) -> str | None:
        """The source as text, None if it cannot be read."""
        if self.source_name is None:
            return None
        try:
            # Decoded bytes preserve the line endings, which matter to bash.
            return regular_file.read(self.path / self.source_name).decode()
        except (OSError, ValueError):
            return None

    @cached_property
    def recorded_answers(self) -> dict[str, Any]:
        """The answers from which dx-app-wizard generated the app; empty if it did not."""
        try:
            record = json.loads(regular_file.read(self.path / RECORD_NAME))
        except (OSError, ValueError, RecursionError):
            return {}
        answers = record.get("answers") if isinstance(record, dict) else None
        return answers if isinstance(answers, dict) else {}

    @cached_property
    def python(self) -> PythonSource | None:
        """The parsed source, None if it is not valid Python."""
        if self.language != "python" or self.source is None:
            return None
        try:
            return PythonSource(self.source)
        except (SyntaxError, ValueError, RecursionError):
            return None

    @cached_property
    def bash(self) -> BashSource | None:
        """The source as bash, None if the app is in another language."""
        return None if self.language != "bash" or self.source is None else BashSource(self.source)

    @cached_property
    def entry_points(self) -> list[str] | None:
        """The entry points of the source, None if it may have others that cannot be seen in it."""
        if self.python is not None and self.python.entry_points_are_known:
            return list(self.python.entry_points)
        if self.bash is not None and self.bash.is_whole:
            return self.bash.functions
        return None

    @cached_property
    def required_outputs(self) -> list[dict[str, Any]]:
        """The entries of outputSpec that have a name and are not optional."""
        return [
            field
            for field in self.fields("outputSpec")
            if isinstance(field.get("name"), str) and field.get("optional") is not True
        ]

    @cached_property
    def packages(self) -> list[dict[str, Any]]:
        """The entries of runSpec.execDepends that are hashes."""
        run_spec = self.spec.get("runSpec")
        packages = run_spec.get("execDepends") if isinstance(run_spec, dict) else None
        return [entry for entry in packages if isinstance(entry, dict)] if isinstance(packages, list) else []

    @cached_property
    def installs_bundles(self) -> bool:
        """True if the app installs assets, bundles or packages from git, which may contain anything."""
        regional = self.spec.get("regionalOptions")
        places = [self.spec.get("runSpec"), *(regional.values() if isinstance(regional, dict) else [])]
        keys = ("assetDepends", "bundledDepends", "bundledDependsByRegion")
        bundles = any(place.get(key) for place in places if isinstance(place, dict) for key in keys)
        return bundles or any(package.get("package_manager") == "git" for package in self.packages)

    def parameter_names(self, key: str) -> list[str] | None:
        """Return the names in inputSpec or outputSpec; None if it is absent."""
        if not isinstance(self.spec.get(key), list):
            return None
        return [field["name"] for field in self.fields(key) if isinstance(field.get("name"), str)]

    def fields(self, key: str) -> list[dict[str, Any]]:
        """Return the entries of inputSpec or outputSpec that are hashes."""
        fields = self.spec.get(key)
        return [field for field in fields if isinstance(field, dict)] if isinstance(fields, list) else []
