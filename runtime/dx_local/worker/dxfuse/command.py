"""The command line of dxfuse: `dxfuse [OPTIONS] MOUNT PROJECT…` or `dxfuse [OPTIONS] MOUNT MANIFEST.json`.

Options are written as by programs in Go: `-verbose 2`, `--verbose=2`. Mounts are read-only, whatever the
options. Source: https://github.com/dnanexus/dxfuse (README).
"""

from __future__ import annotations

import os
import re
import sys
from typing import TYPE_CHECKING, NamedTuple

import dxpy

from dx_local.worker.dxfuse.filling import FillError, fill
from dx_local.worker.dxfuse.layout import LayoutError, layout_of_manifest, layout_of_projects, read_manifest
from dx_local.worker.dxfuse.places import log_file, mount_folder, staging_folder

if TYPE_CHECKING:
    from collections.abc import Sequence

VERSION = "v1.4.0"
"""The version whose behaviour this follows."""

_USAGE = """\
usage:
    dxfuse [options] MOUNTPOINT PROJECT1 PROJECT2 ...
    dxfuse [options] MOUNTPOINT manifest.json
Projects are named by ID or name. Mounts are read-only here; options that would allow writing are refused."""

_WITH_VALUE = ("uid", "gid", "verbose", "stateFolder")
_WRITING = ("limitedWrite", "writeable", "allowOverwrite")
_SWITCHES = (*_WRITING, "readOnly", "debugFuse", "sync", "fsSync", "help", "h", "version")
_OPTION = re.compile(r"--?(?P<name>[A-Za-z]+)(?:=(?P<value>.*))?")


class _Words(NamedTuple):
    """The parts of a command line."""

    options: dict[str, str]
    arguments: list[str]


class _UsageError(Exception):
    """A command line is not valid."""


def main() -> None:
    """Run the program and end this process."""
    try:
        words = _parse(sys.argv[1:])
    except _UsageError as error:
        print(f"{error}\n{_USAGE}", file=sys.stderr)
        sys.exit(2)
    if "version" in words.options:
        print(VERSION)
        sys.exit()
    if words.options.keys() & {"help", "h"}:
        print(_USAGE, file=sys.stderr)
        sys.exit()
    try:
        _mount(*words.arguments)
    except (FillError, LayoutError, OSError, dxpy.exceptions.DXError) as error:
        print(f"dxfuse: {error}", file=sys.stderr)
        sys.exit(1)


def _mount(mount: str, *sources: str) -> None:
    if not os.path.isdir(mount):
        problem = "is not a directory" if os.path.lexists(mount) else "does not exist"
        raise LayoutError(f"error, mountpoint {mount} {problem}")
    is_manifest = len(sources) == 1 and sources[0].endswith(".json")
    layout = layout_of_manifest(read_manifest(sources[0])) if is_manifest else layout_of_projects(sources)
    with log_file() as log:
        log.writelines(f"dxfuse: {note}\n" for note in layout.notes)
        print(f"The log file is located at {log.name}")
    with staging_folder(mount) as folder:
        fill(layout, folder)
        mount_folder(folder, mount)
    print("Daemon started successfully")


def _parse(words: Sequence[str]) -> _Words:
    """Return the options and arguments. Raises _UsageError."""
    rest, options = list(words), {}
    while rest and rest[0].startswith("-"):
        word = rest.pop(0)
        if word == "--":
            break
        match = _OPTION.fullmatch(word)
        name = match["name"] if match else ""
        if match is None or name not in (*_WITH_VALUE, *_SWITCHES):
            raise _UsageError(f"flag provided but not defined: {word}")
        value = match["value"]
        if value is None and name in _WITH_VALUE:
            if not rest:
                raise _UsageError(f"flag needs an argument: {word}")
            value = rest.pop(0)
        if value not in ("false", "0", "f", "F", "FALSE", "False") or name in _WITH_VALUE:
            options[name] = value or ""
    for name in _WRITING:
        if name in options:
            raise _UsageError(f"-{name} is not supported: mounts are read-only in local jobs; use dx upload")
    if len(rest) < 2 and not options.keys() & {"version", "help", "h"}:
        raise _UsageError("a mount point and a project or manifest are required")
    return _Words(options, rest)
