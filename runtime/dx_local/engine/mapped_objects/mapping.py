"""An ID of the cloud and the local data that stands for it, as users write them: `file-xxxx=PATH`."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from dx_local.errors import UsageError

_KEY = re.compile(
    r"(?:(?P<project>project-[0-9A-Za-z]{24}):)?(?P<id>(?P<class>[a-z]+)-[0-9A-Za-z]{24})", re.ASCII
)
_FORMS = "ID is that of a file, record, applet or project; PROJECT-ID:ID names its project as well."

FILE, RECORD, APPLET, PROJECT = CLASSES = ("file", "record", "applet", "project")
"""The classes of objects that can be mapped."""

_WANTED = {
    FILE: ("a file", Path.is_file),
    RECORD: ("a JSON file", Path.is_file),
    APPLET: ("the folder of an app", lambda path: (path / "dxapp.json").is_file()),
    PROJECT: ("a folder", Path.is_dir),
}


@dataclass(frozen=True)
class MappedObject:
    """An object or project of the cloud, and the local file or folder that stands for it.

    A file has the bytes of the local one, a record the content of a JSON file, an applet that of an app's
    folder, and a project the files of a folder. Without `project`, the object is in the project of the run.
    """

    id: str
    path: Path
    project: str | None = None

    @property
    def key(self) -> str:
        """The ID, after that of the project if one is given."""
        return f"{self.project}:{self.id}" if self.project else self.id

    @property
    def kind(self) -> str:
        """The class in the ID, one of CLASSES."""
        return self.id.partition("-")[0]


def parse_mapping(text: str) -> MappedObject:
    """Return the object that an option `[PROJECT-ID:]ID=PATH` maps. Raises UsageError."""
    key, equals, path = text.partition("=")
    if not equals or not path:
        raise UsageError(f"{text!r} maps no object", f"Write --object ID=PATH. {_FORMS}")
    return mapped_object(key, Path(path), f"--object {text}")


def mapped_object(key: str, path: Path, place: str) -> MappedObject:
    """Return the object with a key, mapped to a path. Raises UsageError, which names the place."""
    match = _KEY.fullmatch(key)
    if match is None or match["class"] not in CLASSES or (match["project"] and match["class"] == PROJECT):
        raise UsageError(f"{place}: {key!r} is not an ID that can be mapped", _FORMS)
    wanted, fits = _WANTED[match["class"]]
    if not path.exists():
        raise UsageError(f"{place}: there is no {str(path)!r}", f"Pass {wanted}.")
    if not fits(path):
        raise UsageError(f"{place}: {str(path)!r} is not {wanted}", f"{match['id']} needs {wanted}.")
    return MappedObject(match["id"], path, match["project"])
