"""What can go wrong for somebody who runs an app here.

DxLocalError (shown without a traceback; `exit_code` says how the command ends)
├── UsageError          2   an option, an input or a file that cannot be used
└── AppFindingsError    3   the app's folder or dxapp.json has findings
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dx_app_wizard.spec.findings import Finding


class DxLocalError(Exception):
    """Something a user can mend: `message` says what and where, `hint` says how."""

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
    """The app cannot be run as it stands; `findings` lists every reason."""

    code = "findings"
    exit_code = 3

    def __init__(self, findings: Sequence[Finding]) -> None:
        count = len(findings)
        super().__init__(f"the app has {count} error{'s' if count > 1 else ''}")
        self.findings = tuple(findings)
