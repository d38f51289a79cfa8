"""The rules of dxasset.json, which the client and the job that builds the asset apply alike.

Sources: https://documentation.dnanexus.com/developer/apps/dependency-management/asset-build-process,
`validate_conf` in dxpy.asset_builder, and the class DXExecDependencyInstaller in dxpy.utils.exec_utils.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator

    JsonPath = tuple[str | int, ...]

RELEASES = ("24.04", "20.04", "16.04", "14.04", "12.04")
"""The releases of Ubuntu that an asset may be for."""

MANAGERS = ("apt", "pip", "pip3", "gem", "cpan", "cran", "git")
"""The package managers of execDepends."""

FILE = "dxasset.json"
"""The name of the file."""

_REQUIRED = ("name", "title", "description", "version", "release")
_LONGEST_PROPERTY = 700  # bytes; the record of the asset has these texts as properties
_PATTERN_STARTS = ("/", "*")


class Problem(NamedTuple):
    """A rule that is broken: the path of the value in the document, and what must be the case instead."""

    path: JsonPath
    message: str

    def __str__(self) -> str:
        """Return the path, as in `execDepends[0].name`, and the message."""
        steps = (f"[{step}]" if isinstance(step, int) else f".{step}" for step in self.path)
        return f"{''.join(steps).lstrip('.') or 'the document'} {self.message}"


def problems(spec: Any) -> Iterator[Problem]:
    """Yield the problems of a parsed dxasset.json. Unknown keys are allowed, as on the platform."""
    if not isinstance(spec, dict):
        yield Problem((), f"must be an object, not {kind_of(spec)}")
        return
    for key in _REQUIRED:
        if key not in spec:
            yield Problem((key,), "is missing")
        else:
            yield from _text((key,), spec[key])
    yield from _name(spec.get("name"))
    for key in ("name", "title", "description", "version"):
        if isinstance(spec.get(key), str) and len(spec[key].encode("utf-8", "replace")) > _LONGEST_PROPERTY:
            yield Problem((key,), f"must not be longer than {_LONGEST_PROPERTY} bytes")
    yield from _release(spec)
    if "instanceType" in spec:
        yield from _text(("instanceType",), spec["instanceType"])
    for index, entry in _array(spec, "execDepends"):
        yield from _dependency(("execDepends", index), entry)
    yield from _not_an_array(spec, "execDepends", "packages")
    for index, entry in _array(spec, "excludeResource"):
        yield from _pattern(("excludeResource", index), entry)
    yield from _not_an_array(spec, "excludeResource", "paths")


def builder_of(spec: dict[str, Any]) -> str:
    """Return the name of the built-in app that builds the asset of a valid dxasset.json."""
    names = {"24.04": "noble", "20.04": "focal", "16.04": "xenial", "14.04": "trusty", "12.04": "precise"}
    version = "_v1" if spec.get("runSpecVersion") == "1" else ""
    return f"create_asset_{names[spec['release']]}{version}"


def kind_of(value: Any) -> str:
    """Return the kind of a JSON value in words."""
    kinds = ((bool, "true or false"), (str, "a string"), (list, "an array"), (dict, "an object"))
    return next(
        (name for kind, name in kinds if isinstance(value, kind)), "null" if value is None else "a number"
    )


def _text(path: JsonPath, value: Any) -> Iterator[Problem]:
    if not isinstance(value, str):
        yield Problem(path, f"must be a string, not {kind_of(value)}")
    elif not value.strip():
        yield Problem(path, "must not be empty")


def _name(name: Any) -> Iterator[Problem]:
    if isinstance(name, str) and ("/" in name or "\0" in name):
        yield Problem(("name",), 'must not contain "/", because files are named after it')


def _release(spec: dict[str, Any]) -> Iterator[Problem]:
    release, version = spec.get("release"), spec.get("runSpecVersion", "0")
    if isinstance(release, str) and release.strip() and release not in RELEASES:
        yield Problem(("release",), f"must be one of {', '.join(RELEASES)}")
    if version not in ("0", "1"):
        yield Problem(("runSpecVersion",), 'must be "0" or "1"')
    elif version == "1" and release != "16.04":
        yield Problem(("runSpecVersion",), 'can be "1" only for release 16.04')
    if spec.get("distribution", "Ubuntu") != "Ubuntu":
        yield Problem(("distribution",), 'must be "Ubuntu"')


def _array(spec: dict[str, Any], key: str) -> Iterator[tuple[int, Any]]:
    value = spec.get(key)
    if isinstance(value, list):
        yield from enumerate(value)


def _not_an_array(spec: dict[str, Any], key: str, items: str) -> Iterator[Problem]:
    if key in spec and not isinstance(spec[key], list):
        yield Problem((key,), f"must be an array of {items}, not {kind_of(spec[key])}")


def _dependency(path: JsonPath, entry: Any) -> Iterator[Problem]:
    if not isinstance(entry, dict):
        yield Problem(path, f'must be an object such as {{"name": "samtools"}}, not {kind_of(entry)}')
        return
    if "name" not in entry:
        yield Problem((*path, "name"), "is missing")
    for key in ("name", "version", "package_manager", "url", "tag", "destdir", "build_commands"):
        if key in entry:
            yield from _text((*path, key), entry[key])
    manager = entry.get("package_manager", "apt")
    if isinstance(manager, str) and manager.strip() and manager not in MANAGERS:
        yield Problem((*path, "package_manager"), f"must be one of {', '.join(MANAGERS)}")
    if manager == "git" and "url" not in entry:
        yield Problem((*path, "url"), "is missing, which a git dependency needs")
    stages = entry.get("stages", [])
    if not isinstance(stages, list) or not all(isinstance(stage, str) for stage in stages):
        yield Problem((*path, "stages"), "must be an array of entry points")


def _pattern(path: JsonPath, pattern: Any) -> Iterator[Problem]:
    if not isinstance(pattern, str):
        yield Problem(path, f"must be a string, not {kind_of(pattern)}")
    elif not pattern.startswith(_PATTERN_STARTS):
        yield Problem(path, 'must be an absolute path, such as "/src" or "/usr/share/doc/*"')
