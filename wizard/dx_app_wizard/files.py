"""Write a file atomically, and list the files of a folder. The runtime uses this module as well."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

OWNER_ONLY = 0o600


def atomic_write(path: Path, content: str | bytes, *, mode: int = OWNER_ONLY) -> None:
    """Write bytes, or text as UTF-8, to path, so that no reader ever finds half a file.

    An existing file is replaced, and keeps none of its permissions: `mode` sets them.
    """
    # A temporary file elsewhere could be on another disk, from which no rename is atomic.
    descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    temporary = Path(name)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content.encode() if isinstance(content, str) else content)
        temporary.chmod(mode)
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


def files_below(folder: Path) -> list[Path]:
    """Return all files in folder and its subfolders, sorted; links to folders are not followed."""
    return [path for path in sorted(folder.rglob("*")) if path.is_file()]
