"""From an app's folder to an applet of the local platform, as `dx build` does it for the cloud."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from dx_app_wizard.dxapp.model import AppSpec
from dx_app_wizard.lint.linter import lint_app
from dx_local.engine.runs.applet_request import applet_request
from dx_local.engine.runs.usable_types import with_usable_types
from dx_local.errors import AppFindingsError, UsageError
from dx_local.platform.core.errors import ApiError
from dx_local.platform.data import projects
from dx_local.platform.execution import applets

if TYPE_CHECKING:
    from pathlib import Path

    from dx_app_wizard.lint.findings import Finding
    from dx_local.platform.core.context import Context


_OF_BUILDS = ("instance-type", "run-release")
"""Rules whose breach stops `dx build`, but no run: old apps lack a release, and other types can be used."""


@dataclass(frozen=True)
class App:
    """An app as it lies in its folder: its dxapp.json, its code, and its resources, if it has any."""

    folder: Path
    spec: AppSpec
    code: str
    source: Path | None
    resources: Path | None
    warnings: tuple[Finding, ...] = ()
    assets: tuple[Path, ...] = ()
    """Folders and archives that stand for the assets it depends on."""
    unbuildable: tuple[Finding, ...] = ()
    """Why `dx build` will refuse it, though it can be run."""

    @property
    def name(self) -> str:
        """The app's name, or its folder's where dxapp.json gives none."""
        return self.spec.name or self.folder.resolve().name


def load_app(folder: Path) -> App:
    """Read and check an app's folder. Raises UsageError for no folder, AppFindingsError for a faulty app."""
    if not folder.is_dir():
        raise UsageError(f"there is no folder {str(folder)!r}", "Give the folder that holds dxapp.json.")
    findings = lint_app(folder)
    errors = [finding for finding in findings if finding.level == "error"]
    if any(finding.rule not in _OF_BUILDS for finding in errors):
        raise AppFindingsError(errors)
    spec = AppSpec.load(folder / "dxapp.json")
    source = folder / spec.run_spec.file if spec.run_spec.file else None
    resources = folder / "resources"
    return App(
        folder=folder,
        spec=spec,
        code=source.read_text(encoding="utf-8") if source else spec.run_spec.code or "",
        source=source.resolve() if source else None,
        resources=resources.resolve() if resources.is_dir() else None,
        warnings=tuple(finding for finding in findings if finding.level == "warning"),
        unbuildable=tuple(errors),
    )


def install(context: Context, app: App, project: str) -> str:
    """Make an applet of an app in a project; return its ID. Raises UsageError as `applet_request` does.

    Its resources stay where they are: a job finds them by the path that is noted with the applet. Instance
    types that cannot be had are replaced.
    """
    region = projects.region_of(context.store, project)
    request = applet_request(app.spec.to_dict(), app.folder, code=app.code, region=region)
    run_spec, _ = with_usable_types(request["runSpec"], region)
    request |= {"name": app.name, "project": project, "runSpec": run_spec}
    try:
        applet: str = applets.new_applet(context, "applet", request)["id"]
    except ApiError as error:
        raise UsageError(
            f"dxapp.json makes no applet: {error.message}", "`dx build` would be refused for the same reason."
        ) from None
    row = context.store.get("object", applet)
    assert row is not None
    local = {
        "source": _text(app.source),
        "resources": _text(app.resources),
        "assets": [str(asset.resolve()) for asset in app.assets],
    }
    context.store.update("object", applet, fields={**row["fields"], "local": local})
    return applet


def _text(path: Path | None) -> str | None:
    return None if path is None else str(path)
