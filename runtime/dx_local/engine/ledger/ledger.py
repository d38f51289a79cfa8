"""The ledger of a run: a file beside its database that only grows, with the digests of files and tables.

Each line is one JSON object. The first one describes the run, and each other one adds the bytes of an object
or the files of a folder on which jobs depend. A line is written after the bytes that it describes are on the
disk, so that after a power cut exactly the bytes that a ledger confirms can be trusted.
"""

from __future__ import annotations

import hashlib
import json
import os
import stat
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

FILE_NAME = "ledger.jsonl"
"""The ledger, in the folder of the run."""

_BLOCK = 1 << 20
_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")


class Content(NamedTuple):
    """The size of a file or table in bytes, and the SHA-256 of its bytes in hex."""

    size: int
    sha256: str


class TreeFile(NamedTuple):
    """A file of a folder: size, time of change (ns), mode, and the SHA-256 of its bytes, None if unknown."""

    size: int
    changed: int
    mode: int
    sha256: str | None = None


Tree = dict[str, TreeFile]
"""The files of a folder by their relative path; a single file has the path `.`."""


@dataclass(frozen=True)
class Ledger:
    """The ledger of an earlier run: the boot of the machine, and what was recorded.

    `pythons` has the version of Python under which jobs ran, by the release of their applets. `trees` has the
    files of resources/ and of assets, by the names that dependencies have.
    """

    boot: str | None = None
    pythons: dict[str, str] = field(default_factory=dict)
    contents: dict[str, Content] = field(default_factory=dict)
    trees: dict[str, Tree] = field(default_factory=dict)


def boot_id() -> str | None:
    """Return an ID that changes when the machine is started, None if the system has none (Linux only)."""
    try:
        return _BOOT_ID.read_text(encoding="ascii").strip()
    except OSError:
        return None


def read_ledger(folder: Path) -> Ledger:
    """Return the ledger in the folder of a run; an incomplete or unknown line does not count."""
    boot: list[str] = []
    ledger = Ledger()
    for line in _lines(folder / FILE_NAME):
        with suppress(KeyError, TypeError, ValueError, AttributeError):  # lines of another version
            if "run" in line:
                boot.append(line["run"].get("boot"))
            elif "python" in line:
                ledger.pythons[line["release"]] = str(line["python"])
            elif "id" in line:
                ledger.contents[line["id"]] = Content(line["size"], line["sha256"])
            elif "tree" in line:
                files = {path: TreeFile(*found) for path, found in line["files"].items()}
                ledger.trees[line["tree"]] = files
    return replace(ledger, boot=boot[-1] if boot else None)


def line_of_run() -> str:
    """Return the first line of a ledger."""
    return _line({"run": {"boot": boot_id()}})


def line_of_python(release: str, version: str) -> str:
    """Return the line on the Python of jobs of a release."""
    return _line({"release": release, "python": version})


def line_of_content(object_id: str, content: Content) -> str:
    """Return the line on the bytes of a file or table."""
    return _line({"id": object_id, "size": content.size, "sha256": content.sha256})


def line_of_tree(name: str, tree: Tree) -> str:
    """Return the line on the files of a folder."""
    return _line({"tree": name, "files": tree})


def content_of(pieces: Iterable[Path]) -> Content:
    """Return the content of consecutive files. Raises OSError."""
    (content,) = filter(None, reading(pieces))
    return content


def reading(pieces: Iterable[Path]) -> Iterator[Content | None]:
    """Read consecutive files: yield None after each block, and their content at the end. Raises OSError."""
    digest, size = hashlib.sha256(), 0
    for piece in pieces:
        with piece.open("rb") as file:
            while block := file.read(_BLOCK):
                digest.update(block)
                size += len(block)
                yield None
    yield Content(size, digest.hexdigest())


def tree_of(folder: Path) -> Tree:
    """Return the files of a folder without reading them.

    A link within the folder is described by its text, and one to a file elsewhere as that file.
    """
    found: Tree = {}
    for path in _files_in(folder):
        status = path.lstat()
        digest = None
        if stat.S_ISLNK(status.st_mode) and _leads_out(path, folder):
            status = path.stat()
        elif stat.S_ISLNK(status.st_mode):
            digest = f"link:{os.readlink(path)}"  # noqa: PTH115 - the text of the link itself
        name = str(path.relative_to(folder))
        found[name] = TreeFile(status.st_size, status.st_mtime_ns, stat.S_IMODE(status.st_mode), digest)
    return found


def with_digests(folder: Path, tree: Tree, known: Tree | None = None) -> Tree:
    """Return a tree with the digests of all files; those that are unchanged since `known` are not read.

    A file that has changed since the tree was described stays without digest.
    """
    known = known or {}
    return {name: _with_digest(folder / name, file, known.get(name)) for name, file in tree.items()}


def completed_by(present: Tree, tree: Tree) -> Tree:
    """Return an earlier tree with the digests that files have at present which are unchanged since."""
    return {name: _completed_by(present.get(name), file) for name, file in tree.items()}


def _completed_by(present: TreeFile | None, file: TreeFile) -> TreeFile:
    is_unchanged = present is not None and present[:3] == file[:3]
    return present if is_unchanged and present is not None and file.sha256 is None else file


def _with_digest(path: Path, file: TreeFile, known: TreeFile | None) -> TreeFile:
    if file.sha256 is not None:
        return file
    if known and known.sha256 and known[:3] == file[:3]:
        return known
    try:
        content = content_of([path])
        status = path.stat()
    except OSError:
        return file
    is_unchanged = (status.st_size, status.st_mtime_ns) == (file.size, file.changed)
    return file._replace(sha256=content.sha256) if is_unchanged else file


def _leads_out(link: Path, folder: Path) -> bool:
    """Return whether a link leads to a file outside of a folder, as `dx build` copies it into a build."""
    return link.is_file() and not link.resolve().is_relative_to(folder.resolve())


def _files_in(folder: Path) -> Iterator[Path]:
    if not folder.is_dir():
        yield folder
        return
    for parent, folders, names in os.walk(folder):
        links = [name for name in folders if Path(parent, name).is_symlink()]
        yield from (Path(parent, name) for name in (*names, *links))


def _line(value: dict[str, Any]) -> str:
    return json.dumps(value, separators=(",", ":")) + "\n"


def _lines(path: Path) -> Iterator[dict[str, Any]]:
    try:
        text = path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return
    for line in text.splitlines():
        try:
            value = json.loads(line)
        except ValueError:  # cut off by a power cut
            continue
        if isinstance(value, dict):
            yield value
