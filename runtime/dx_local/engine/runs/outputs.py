"""Save the output of a job: copy its files and tables to a folder of the user."""

from __future__ import annotations

import os
import tempfile
import unicodedata
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path, PurePath
from typing import TYPE_CHECKING, Any

from dx_app_wizard.dxapp.links import link_id
from dx_local.engine.scheduling.disk_reserve import reporting_full_disk
from dx_local.engine.table_formats import write_table
from dx_local.errors import DxLocalError, UsageError
from dx_local.platform.core.errors import ApiError
from dx_local.platform.core.full_disk import is_full_disk
from dx_local.platform.core.ids import class_of
from dx_local.platform.data import file_bytes
from dx_local.platform.gtables import gtables

if TYPE_CHECKING:
    from collections.abc import Callable

    from dx_local.platform.core.context import JSON, Platform

_CUT = "~"
_LONGEST_ENDING = 40


def check_out(out: Path) -> None:
    """Raise UsageError if outputs could not be written to a folder, before a job has spent time on them."""
    try:
        nearest = next(path for path in (out, *out.parents) if _exists(path))
    except OSError as error:
        raise UsageError(f"outputs cannot be written to {str(out)!r}: {error.strerror}") from None
    if not nearest.is_dir():
        raise UsageError(f"outputs cannot be written to {str(out)!r}: {str(nearest)!r} is not a folder")
    if not os.access(nearest, os.W_OK | os.X_OK):
        raise UsageError(f"outputs cannot be written to {str(out)!r}: {str(nearest)!r} is not writable")


def _exists(path: Path) -> bool:
    """Return whether a path exists, even as a broken link. Raises OSError for one that can never be used."""
    try:
        path.stat()
    except (FileNotFoundError, NotADirectoryError):
        return os.path.lexists(path)
    return True


def save_output(
    platform: Platform, output: JSON | None, folder: Path, announce: Callable[[str], None]
) -> JSON:
    """Copy the files of a job's output to a folder; return the output with paths in place of links.

    Tables become CSV files. If two items of an array have the same name, each item gets a numbered folder;
    names that the disk does not distinguish count as the same. Names that are too long for the disk are
    shortened and announced. Raises DiskFullError, or DxLocalError for outputs that cannot be written, after
    all others are saved.
    """
    saver = _Saver(platform, folder, announce)
    saved: JSON = {}
    problems = []
    with reporting_full_disk(folder.absolute(), "--out"):
        for name, value in (output or {}).items():
            try:
                saved[name] = saver.save(value, name)
            except DxLocalError as error:  # noqa: PERF203 - one failure must not cost the other outputs
                problems.append(f"cannot write output {name!r}: {error.message}")
    if problems:
        raise DxLocalError("\n".join(problems), f"The bytes are kept in {str(platform.folder)!r}.")
    return saved


@dataclass(frozen=True)
class _Saver:
    """The copying of one job's output to a folder."""

    platform: Platform
    folder: Path
    announce: Callable[[str], None]
    _saved: dict[str, Path] = field(default_factory=dict)
    """The paths so far, by themselves without case."""

    def save(self, value: Any, *subfolder: str) -> Any:
        """Copy the files of a value to a subfolder; return the value with paths in place of links."""
        if isinstance(value, list):
            names = [self._on_disk(self._file_name(item)) for item in value if link_id(item)]
            if not names:
                return value
            has_duplicates = len(set(names)) < len(names) or (
                len(set(map(_folded, names))) < len(names) and self._ignores_case
            )
            return [
                self.save(item, *subfolder, *([str(index)] if has_duplicates else ()))
                for index, item in enumerate(value)
            ]
        entity = link_id(value)
        kind = class_of(entity or "")
        if entity is None or kind not in ("file", "gtable"):
            return value
        try:
            target = self._target(self._file_name(value), subfolder)
            if kind == "gtable":
                write_table(target, *gtables.all_rows(self.platform, entity))
            else:
                file_bytes.copy_out(self.platform, entity, target)
        except ApiError as error:
            raise DxLocalError(error.message) from None
        except OSError as error:
            if is_full_disk(error, self.folder):
                raise
            raise DxLocalError(f"{error.strerror}: {error.filename!r}") from None
        return target

    def _target(self, name: str, subfolder: tuple[str, ...]) -> Path:
        short = self.folder.joinpath(*map(self._on_disk, (*subfolder, name)))
        target = self._free(short, subfolder[0])
        target.parent.mkdir(parents=True, exist_ok=True)
        if short.name != name:
            self.announce(
                f"Output {subfolder[0]!r}: a file name is too long for this disk; shortened to {target}"
            )
        return target

    def _on_disk(self, name: str) -> str:
        """Return a name, shortened if the disk of the folder does not support its length."""
        return _shortened(name, self._longest)

    def _free(self, target: Path, output: str) -> Path:
        """Return a path, or a numbered one if the disk would write it to the file of another output."""
        number, free = 1, target
        while (other := self._saved.get(_folded(str(free)))) and other != free and self._ignores_case:
            number += 1
            ending = _ending(target.name)
            free = target.with_name(f"{target.name.removesuffix(ending)}{_CUT}{number}{ending}")
        if free != target:
            self.announce(f"Output {output!r}: this disk ignores upper and lower case; saved to {free}")
        self._saved[_folded(str(free))] = free
        return free

    @cached_property
    def _ignores_case(self) -> bool:
        """True if the disk of the folder does not distinguish upper and lower case, as is usual on macOS."""
        with tempfile.NamedTemporaryFile(prefix=".dx-case-", dir=self._nearest) as file:
            path = Path(file.name)
            return path.with_name(path.name.upper()).exists()

    @cached_property
    def _longest(self) -> int:
        return os.pathconf(self._nearest, "PC_NAME_MAX")

    @cached_property
    def _nearest(self) -> Path:
        """The folder, or the nearest one above it that exists."""
        return next(place for place in (self.folder, *self.folder.absolute().parents) if place.exists())

    def _file_name(self, value: Any) -> str:
        """Return the name of a linked file or table, without characters that a file system forbids."""
        entity = link_id(value)
        name = self.platform.store.value("SELECT name FROM placement WHERE object = ? LIMIT 1", entity)
        safe = str(name or entity).replace("/", "%2F").replace("\0", "%00")
        safe = f"%{safe}" if safe in {".", ".."} else safe
        return f"{safe}.csv" if class_of(entity or "") == "gtable" else safe


def _folded(name: str) -> str:
    """Return the same text for all names that a disk may take for the same: macOS decomposes letters."""
    return unicodedata.normalize("NFD", name).casefold()


def _ending(name: str) -> str:
    """Return the ending of a name, such as `.fastq.gz`, unless it is too long for one."""
    ending = "".join(PurePath(name).suffixes[-2:])
    return ending if len(ending.encode()) <= _LONGEST_ENDING else ""


def _shortened(name: str, longest: int) -> str:
    """Return a name cut to a number of UTF-8 bytes; its ending is kept."""
    if len(name.encode()) <= longest:
        return name
    ending = _ending(name)
    room = longest - len(f"{_CUT}{ending}".encode())
    return name.encode()[:room].decode(errors="ignore") + _CUT + ending
