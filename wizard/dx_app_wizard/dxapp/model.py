"""Typed views of a dxapp.json that preserve the raw hash, with every key and its order.

Reading a value of the wrong type raises SpecShapeError with its JSON path; the linter reports all of them at
once.

Source: https://documentation.dnanexus.com/developer/apps/app-metadata
"""

from __future__ import annotations

import copy
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

from dx_app_wizard.dxapp import json_document
from dx_app_wizard.dxapp.json_edit import rewritten
from dx_app_wizard.errors import SpecFileError, UserError

if TYPE_CHECKING:
    from pathlib import Path

FILE_NAME = "dxapp.json"
RECORD_NAME = ".dx-app-wizard.json"
ANY_ENTRY_POINT = "*"

_T = TypeVar("_T")


class SpecShapeError(UserError):
    """The value at `path` of a dxapp.json is missing or has the wrong type."""

    code = "invalid-spec"

    def __init__(self, path: str, message: str) -> None:
        super().__init__(f"{path}: {message}")
        self.path = path


@dataclass(frozen=True)
class IOField:
    """One input or output parameter."""

    raw: dict[str, Any]

    @property
    def name(self) -> str:
        """The parameter's name."""
        return _required(self.raw, "name", str, "parameter")

    @property
    def io_class(self) -> str:
        """The I/O class, such as `array:file`."""
        return _required(self.raw, "class", str, f"parameter {self.raw.get('name')}")

    @property
    def optional(self) -> bool:
        """True if the parameter is declared optional."""
        return self.raw.get("optional") is True

    @property
    def has_default(self) -> bool:
        """True if the parameter has a default; null counts as one, as in `dx run`."""
        return "default" in self.raw

    @property
    def default(self) -> Any:
        """The default, None if there is none."""
        return self.raw.get("default")

    @property
    def required(self) -> bool:
        """True if a run must provide a value: the parameter is not optional and has no default."""
        return not self.optional and not self.has_default

    @property
    def patterns(self) -> Any:
        """File name patterns: a list of globs, or a hash of name, class and tag; None if not declared."""
        return self.raw.get("patterns")

    @property
    def choices(self) -> list[Any] | None:
        """The allowed values, None if any value is allowed."""
        return _optional(self.raw, "choices", list, self.name)

    @property
    def label(self) -> str | None:
        """The name shown to users."""
        return _optional(self.raw, "label", str, self.name)

    @property
    def help(self) -> str | None:
        """A description of the parameter."""
        return _optional(self.raw, "help", str, self.name)

    @property
    def group(self) -> str | None:
        """The heading under which the parameter is shown."""
        return _optional(self.raw, "group", str, self.name)


@dataclass(frozen=True)
class RunSpec:
    """The runSpec of a dxapp.json."""

    raw: dict[str, Any]

    @property
    def interpreter(self) -> str | None:
        """`python3` or `bash`; `python2.7` in old apps."""
        return _optional(self.raw, "interpreter", str, "runSpec")

    @property
    def file(self) -> str | None:
        """The source file, relative to the app's folder; `dx build` uploads its contents as `code`."""
        return _optional(self.raw, "file", str, "runSpec")

    @property
    def code(self) -> str | None:
        """The source code, if it is inline."""
        return _optional(self.raw, "code", str, "runSpec")

    @property
    def distribution(self) -> str | None:
        """The worker's distribution: `Ubuntu`."""
        return _optional(self.raw, "distribution", str, "runSpec")

    @property
    def release(self) -> str | None:
        """The worker's release, such as `24.04`."""
        return _optional(self.raw, "release", str, "runSpec")

    @property
    def exec_depends(self) -> list[dict[str, Any]]:
        """The packages that are installed before a job starts."""
        return _hashes(self.raw, "execDepends", "runSpec")

    @property
    def system_requirements(self) -> dict[str, Any]:
        """System requirements by entry point; those of a region are in `regionalOptions`."""
        return _optional(self.raw, "systemRequirements", dict, "runSpec") or {}


@dataclass(frozen=True)
class Access:
    """The access of the app's jobs to resources outside their workspace."""

    network: tuple[str, ...] = ()
    project: str | None = None
    all_projects: str | None = None
    developer: bool = False
    project_creation: bool = False


@dataclass(frozen=True)
class AppSpec:
    """A dxapp.json. Do not modify `raw`; `to_dict` returns a copy.

    `text` is the text that it was read from, or the text that it is based on.
    """

    raw: dict[str, Any]
    text: str | None = None

    @classmethod
    def load(cls, path: Path) -> AppSpec:
        """Read a dxapp.json; raise SpecFileError with line and column if it is not a JSON object."""
        document = json_document.read(path)
        if not isinstance(document.value, dict):
            raise SpecFileError(path, "must contain a JSON object", 1, 1)
        return cls(document.value, document.text)

    @classmethod
    def from_dict(cls, raw: dict[str, Any], text: str | None = None) -> AppSpec:
        """Return a spec with a copy of raw, based on text."""
        return cls(copy.deepcopy(raw), text)

    def to_dict(self) -> dict[str, Any]:
        """Return a deep copy of the raw hash."""
        return copy.deepcopy(self.raw)

    def dumps(self) -> str:
        """Return the text of the dxapp.json: the text that it is based on, with minimal edits."""
        return json_document.dumps(self.raw) if self.text is None else rewritten(self.text, self.raw)

    @property
    def name(self) -> str:
        """The app's name."""
        return _required(self.raw, "name", str, FILE_NAME)

    @property
    def title(self) -> str | None:
        """The name shown to users."""
        return _optional(self.raw, "title", str, FILE_NAME)

    @property
    def summary(self) -> str | None:
        """A description of the app in one phrase."""
        return _optional(self.raw, "summary", str, FILE_NAME)

    @property
    def version(self) -> str | None:
        """The app's version."""
        return _optional(self.raw, "version", str, FILE_NAME)

    @property
    def inputs(self) -> tuple[IOField, ...] | None:
        """The input parameters; None if inputSpec is absent, so that inputs are not checked."""
        return self._fields("inputSpec")

    @property
    def outputs(self) -> tuple[IOField, ...] | None:
        """The output parameters; None if outputSpec is absent, so that outputs are not checked."""
        return self._fields("outputSpec")

    @property
    def run_spec(self) -> RunSpec:
        """The runSpec, empty if it is absent."""
        return RunSpec(_optional(self.raw, "runSpec", dict, FILE_NAME) or {})

    @property
    def access(self) -> Access:
        """The access that the app requests, none if it is absent."""
        raw = _optional(self.raw, "access", dict, FILE_NAME) or {}
        return Access(
            network=tuple(_optional(raw, "network", list, "access") or ()),
            project=_optional(raw, "project", str, "access"),
            all_projects=_optional(raw, "allProjects", str, "access"),
            developer=raw.get("developer") is True,
            project_creation=raw.get("projectCreation") is True,
        )

    @property
    def regions(self) -> tuple[str, ...]:
        """The regions of regionalOptions."""
        return tuple(self._regional_options())

    def system_requirements(self, region: str) -> dict[str, Any]:
        """Return the system requirements by entry point: those of the region, or else of runSpec."""
        regional = self._regional_options().get(region)
        if isinstance(regional, dict) and "systemRequirements" in regional:
            return _optional(regional, "systemRequirements", dict, f"regionalOptions.{region}") or {}
        return self.run_spec.system_requirements

    def _regional_options(self) -> dict[str, Any]:
        return _optional(self.raw, "regionalOptions", dict, FILE_NAME) or {}

    def _fields(self, key: str) -> tuple[IOField, ...] | None:
        return tuple(IOField(raw) for raw in _hashes(self.raw, key, FILE_NAME)) if key in self.raw else None


def language_of(spec: dict[str, Any]) -> str | None:
    """Return `python` or `bash`, the language of runSpec.interpreter; None for any other."""
    run_spec = spec.get("runSpec")
    interpreter = run_spec.get("interpreter") if isinstance(run_spec, dict) else None
    return {"python3": "python", "python2.7": "python", "bash": "bash"}.get(str(interpreter))


def _required(raw: dict[str, Any], key: str, kind: type[_T], where: str) -> _T:
    if key not in raw:
        raise SpecShapeError(f"{where}.{key}", "is missing")
    value = raw[key]
    if not isinstance(value, kind):
        raise SpecShapeError(f"{where}.{key}", f"must be {_KINDS[kind]}")
    return value


def _optional(raw: dict[str, Any], key: str, kind: type[_T], where: str) -> _T | None:
    return None if raw.get(key) is None else _required(raw, key, kind, where)


def _hashes(raw: dict[str, Any], key: str, where: str) -> list[dict[str, Any]]:
    values: list[Any] = _optional(raw, key, list, where) or []
    for index, value in enumerate(values):
        if not isinstance(value, dict):
            raise SpecShapeError(f"{where}.{key}[{index}]", "must be a hash")
    return values


_KINDS: dict[type, str] = {str: "a string", list: "an array", dict: "a hash"}
