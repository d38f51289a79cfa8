"""Views of a dxapp.json that lose nothing: the raw hash is kept, with every key and its order.

Reading a view of something misshapen raises SpecShapeError with the JSON path; `lint` finds all of it at
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
ANY_ENTRY_POINT = "*"

_T = TypeVar("_T")


class SpecShapeError(UserError):
    """What stands at `path` of a spec is not of the kind it must be."""

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
        """Its I/O class, such as `array:file`."""
        return _required(self.raw, "class", str, f"parameter {self.raw.get('name')}")

    @property
    def optional(self) -> bool:
        """Whether it is declared optional."""
        return self.raw.get("optional") is True

    @property
    def has_default(self) -> bool:
        """Whether there is a default; null counts as one, as it does for `dx run`."""
        return "default" in self.raw

    @property
    def default(self) -> Any:
        """The default, None when there is none."""
        return self.raw.get("default")

    @property
    def required(self) -> bool:
        """Whether a run must give a value: it is neither optional nor has a default."""
        return not self.optional and not self.has_default

    @property
    def patterns(self) -> Any:
        """File name patterns: a list of globs, or a hash of name, class and tag; None when not declared."""
        return self.raw.get("patterns")

    @property
    def choices(self) -> list[Any] | None:
        """The values allowed, None when any is."""
        return _optional(self.raw, "choices", list, self.name)

    @property
    def label(self) -> str | None:
        """The name shown to people."""
        return _optional(self.raw, "label", str, self.name)

    @property
    def help(self) -> str | None:
        """What the parameter means."""
        return _optional(self.raw, "help", str, self.name)

    @property
    def group(self) -> str | None:
        """The heading under which it is shown."""
        return _optional(self.raw, "group", str, self.name)


@dataclass(frozen=True)
class RunSpec:
    """How the app is run."""

    raw: dict[str, Any]

    @property
    def interpreter(self) -> str | None:
        """`python3` or `bash`; `python2.7` in old apps."""
        return _optional(self.raw, "interpreter", str, "runSpec")

    @property
    def file(self) -> str | None:
        """The source file, relative to the app's folder; `dx build` inlines it as `code`."""
        return _optional(self.raw, "file", str, "runSpec")

    @property
    def code(self) -> str | None:
        """The source itself."""
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
        """Packages installed before the job starts."""
        return _hashes(self.raw, "execDepends", "runSpec")

    @property
    def system_requirements(self) -> dict[str, Any]:
        """Instance type and the like, by entry point; those of a region stand in `regionalOptions`."""
        return _optional(self.raw, "systemRequirements", dict, "runSpec") or {}


@dataclass(frozen=True)
class Access:
    """What the app's jobs may reach beyond their workspace."""

    network: tuple[str, ...] = ()
    project: str | None = None
    all_projects: str | None = None
    developer: bool = False
    project_creation: bool = False


@dataclass(frozen=True)
class AppSpec:
    """A dxapp.json. Do not change `raw`; `to_dict` gives a copy to change.

    `text` is the text that it was read from, or made from by filling something in.
    """

    raw: dict[str, Any]
    text: str | None = None

    @classmethod
    def load(cls, path: Path) -> AppSpec:
        """Read a dxapp.json; raise SpecFileError with file, line and column where it is no JSON object."""
        document = json_document.read(path)
        if not isinstance(document.value, dict):
            raise SpecFileError(path, "must hold a JSON object", 1, 1)
        return cls(document.value, document.text)

    @classmethod
    def from_dict(cls, raw: dict[str, Any], text: str | None = None) -> AppSpec:
        """Return the spec that raw says, made from text; later changes to raw do not reach it."""
        return cls(copy.deepcopy(raw), text)

    def to_dict(self) -> dict[str, Any]:
        """Return all that the dxapp.json says, keys in their order."""
        return copy.deepcopy(self.raw)

    def dumps(self) -> str:
        """Return the text of the dxapp.json: the one that it was made from, with no more than what is new."""
        return json_document.dumps(self.raw) if self.text is None else rewritten(self.text, self.raw)

    @property
    def name(self) -> str:
        """The app's name."""
        return _required(self.raw, "name", str, FILE_NAME)

    @property
    def title(self) -> str | None:
        """The name shown to people."""
        return _optional(self.raw, "title", str, FILE_NAME)

    @property
    def summary(self) -> str | None:
        """One phrase about the app."""
        return _optional(self.raw, "summary", str, FILE_NAME)

    @property
    def version(self) -> str | None:
        """The app's version."""
        return _optional(self.raw, "version", str, FILE_NAME)

    @property
    def inputs(self) -> tuple[IOField, ...] | None:
        """The input parameters; None when inputSpec is absent, and inputs are not checked."""
        return self._fields("inputSpec")

    @property
    def outputs(self) -> tuple[IOField, ...] | None:
        """The output parameters; None when outputSpec is absent, and outputs are not checked."""
        return self._fields("outputSpec")

    @property
    def run_spec(self) -> RunSpec:
        """How the app is run; empty when runSpec is absent."""
        return RunSpec(_optional(self.raw, "runSpec", dict, FILE_NAME) or {})

    @property
    def access(self) -> Access:
        """What the app may reach; nothing when access is absent."""
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
        """Return instance types and the like by entry point: the region's own, or else runSpec's."""
        regional = self._regional_options().get(region)
        if isinstance(regional, dict) and "systemRequirements" in regional:
            return _optional(regional, "systemRequirements", dict, f"regionalOptions.{region}") or {}
        return self.run_spec.system_requirements

    def _regional_options(self) -> dict[str, Any]:
        return _optional(self.raw, "regionalOptions", dict, FILE_NAME) or {}

    def _fields(self, key: str) -> tuple[IOField, ...] | None:
        return tuple(IOField(raw) for raw in _hashes(self.raw, key, FILE_NAME)) if key in self.raw else None


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
