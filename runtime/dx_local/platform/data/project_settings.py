"""Settings of projects, such as restrictions: checked when they are set, and reported by describe.

Only the restrictions `protected` and `allowedExecutables` are enforced; the others concern users, databases
and viewers, which do not exist here.

Source: https://documentation.dnanexus.com/developer/api/data-containers/projects
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from dx_local.platform.core.errors import InvalidInput, PermissionDenied
from dx_local.platform.core.ids import class_of
from dx_local.platform.requests import request_fields as read

if TYPE_CHECKING:
    from dx_local.platform.core.context import JSON, Context

FLAGS = (
    "protected",
    "restricted",
    "downloadRestricted",
    "containsPHI",
    "externalUploadRestricted",
    "databaseUIViewOnly",
    "previewViewerRestricted",
)
_EXECUTABLES = ("app", "applet", "workflow", "globalworkflow")


def changed_settings(context: Context, old: JSON, request: JSON) -> JSON:
    """Return the old settings of a project with the changes of a request.

    Raises InvalidInput, and PermissionDenied for settings that require a licence or another billing account.
    """
    settings: JSON = {
        **dict.fromkeys(FLAGS, False),
        "databaseResultsRestricted": None,
        "allowedExecutables": None,
        **old,
    }
    settings |= {name: read.flag(request, name) for name in FLAGS if name in request}
    if request.get("containsPHI"):
        raise PermissionDenied(f"PHI features must be enabled for {context.caller.user}")
    if read.flag(request, "downloadRestricted"):
        settings["previewViewerRestricted"] = True
    elif "downloadRestricted" in request and settings["previewViewerRestricted"]:
        raise InvalidInput(
            '"downloadRestricted" cannot be false while "previewViewerRestricted" is true; set both to false'
        )
    if request.get("databaseResultsRestricted") is not None:
        settings["databaseResultsRestricted"] = _row_count(request)
    elif "databaseResultsRestricted" in request:
        settings["databaseResultsRestricted"] = None
    if "allowedExecutables" in request:
        settings["allowedExecutables"] = _executables(request)
    _check_bill_to(context, request)
    return settings


def check_is_allowed(context: Context, project_id: str, executable_id: str) -> None:
    """Raise PermissionDenied if the project restricts its executables and does not allow this one."""
    row = context.store.get("project", project_id)
    allowed = row["fields"].get("allowedExecutables") if row else None
    if allowed is not None and executable_id not in allowed:
        raise PermissionDenied(f'{executable_id} is not among "allowedExecutables" of {project_id}')


def _row_count(request: JSON) -> int:
    count = read.integer(request, "databaseResultsRestricted")
    if count < 0:
        raise InvalidInput(f'"databaseResultsRestricted" must be a number of rows, not {count}')
    return count


def _executables(request: JSON) -> list[str] | None:
    if request["allowedExecutables"] is None:
        return None
    allowed = read.strings(request, "allowedExecutables")
    for executable in allowed:
        if class_of(executable) not in _EXECUTABLES:
            raise InvalidInput(f'"allowedExecutables": "{executable}" is not the ID of an executable')
    return allowed


def _check_bill_to(context: Context, request: JSON) -> None:
    payer = read.optional_text(request, "billTo")
    if payer not in (None, context.caller.user):
        raise PermissionDenied(
            f'"billTo": {context.caller.user} may not bill {payer}; there are no other accounts here'
        )
