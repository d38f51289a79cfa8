"""Errors that a user of dx-local can resolve.

DxLocalError (printed without a traceback; `exit_code` is that of the command)
├── UsageError          2   an option, an input or a file that cannot be used
├── AppFindingsError    3   the app's folder or dxapp.json has errors
└── DiskFullError       6   a disk is full
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from dx_app_wizard.lint.findings import Finding


class DxLocalError(Exception):
    """An error that a user can resolve: `message` names the problem and its place, `hint` the way out."""

    code: ClassVar[str] = "error"
    exit_code: ClassVar[int] = 2

    def __init__(self, message: str, hint: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


class UsageError(DxLocalError):
    """An option, an input value or a file that cannot be used as it is."""

    code = "usage"


class AppFindingsError(DxLocalError):
    """The app cannot be run; `findings` lists every reason."""

    code = "findings"
    exit_code = 3

    def __init__(self, findings: Sequence[Finding]) -> None:
        count = len(findings)
        super().__init__(f"the app has {count} error{'s' if count > 1 else ''}")
        self.findings = tuple(findings)


class DiskFullError(DxLocalError):
    """The disk of `folder` is full; `option` is the command's option for that folder, if there is one."""

    code = "disk-full"
    exit_code = 6

    def __init__(self, folder: Path, option: str | None = None) -> None:
        elsewhere = f", or choose a folder on another disk with {option}" if option else ""
        super().__init__(f"no space is left on the disk of {str(folder)!r}", f"Free some space{elsewhere}.")
        self.folder = folder
