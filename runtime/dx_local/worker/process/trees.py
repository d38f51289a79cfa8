"""Remove folders of jobs, however deep they are."""

from __future__ import annotations

import os
import shutil
import subprocess


def remove_tree(folder: str | os.PathLike[str], *, ignore_errors: bool = False) -> None:
    """Remove a folder and everything in it. Raises OSError unless errors are to be ignored.

    Python's own function calls itself for each level before version 3.13, and fails after a thousand.
    """
    try:
        shutil.rmtree(folder, ignore_errors=ignore_errors)
    except RecursionError:
        removed = subprocess.run(["rm", "-rf", "--", os.fspath(folder)], check=False)
        if removed.returncode and not ignore_errors:
            raise OSError(f"{os.fspath(folder)!r} cannot be removed") from None
