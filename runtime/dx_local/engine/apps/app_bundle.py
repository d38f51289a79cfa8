"""Build an applet on the local platform from an app's folder, as `dx build` does in the cloud."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from dx_app_wizard.dxapp.model import AppSpec
from dx_app_wizard.lint.linter import lint_app
from dx_local.engine.apps.applet_request import applet_request
from dx_local.engine.apps.usable_types import with_usable_types
from dx_local.errors import AppFindingsError, UsageError
from dx_local.platform.core.errors import ApiError
from dx_local.platform.data import projects
from dx_local.platform.execution import applets

if TYPE_CHECKING:
    from pathlib import Path

    from dx_app_wizard.lint.findings import Finding
    from dx_local.platform.core.context import Context


_BUILD_RULES = ("instance-type", "run-release")
"""Rules whose errors stop `dx build` but no run: old apps lack a release, instance types are replaced."""


@dataclass(frozen=True)
class App:
    """The content of an app's folder: its dxapp.json, code, and resources if there are any."""

    folder: Path
    spec: AppSpec
    code: str
    source: Path | None
    resources: Path | None
    warnings: tuple[Finding, ...] = ()
    assets: tuple[Path, ...] = ()
    """Local folders and archives for the assets on which the app depends."""
    objects: tuple[str, ...] = ()
    """The mapped objects of its run, as `ID=PATH`; kept for `rerun`."""
    others: tuple[str, ...] = ()
    """The folders of further apps in its run; kept for `rerun`."""
    build_errors: tuple[Finding, ...] = ()
    """Findings for which `dx build` will reject the app, although it can run here."""

    @property
    def name(self) -> str:
        """The name in dxapp.json, or else that of the folder."""
        return self.spec.name or self.folder.resolve().name


def load_app(folder: Path) -> App:
    """Read and check an app. Raises UsageError for a missing folder, AppFindingsError for errors."""
    if not folder.is_dir():
        raise UsageError(f"no such folder: {str(folder)!r}", "Pass the folder that holds dxapp.json.")
    findings = lint_app(folder)
    errors = [finding for finding in findings if finding.level == "error"]
    if any(finding.rule not in _BUILD_RULES for finding in errors):
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
        build_errors=tuple(errors),
    )


def install(context: Context, app: App, project: str) -> str:
    """Create an applet from an app in a project; return its ID. Raises UsageError as `applet_request` does.

    Resources are not copied: the applet stores their path, from which jobs get them. Unavailable instance
    types are replaced.
    """
    region = projects.region_of(context.store, project)
    request = applet_request(app.spec.to_dict(), app.folder, code=app.code, region=region)
    run_spec, _ = with_usable_types(request["runSpec"], region)
    request |= {"name": app.name, "project": project, "runSpec": run_spec}
    try:
        applet: str = applets.new_applet(context, "applet", request)["id"]
    except ApiError as error:
        raise UsageError(
            f"dxapp.json does not define a valid applet: {error.message}",
            "`dx build` would fail for the same reason.",
        ) from None
    row = context.store.get("object", applet)
    assert row is not None
    local = {
        "source": _text(app.source),
        "resources": _text(app.resources),
        "assets": [str(asset.resolve()) for asset in app.assets],
        "objects": list(app.objects),
        "apps": list(app.others),
    }
    context.store.update("object", applet, fields={**row["fields"], "local": local})
    return applet


def _text(path: Path | None) -> str | None:
    return None if path is None else str(path)
