"""The request that `dx build` sends to /applet/new for an app's folder.

Source: `upload_applet` in dxpy/app_builder.py and `inline_documentation_files` in
dxpy/executable_builder.py of dxpy 0.417.1.
"""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING

from dx_local.errors import UsageError

if TYPE_CHECKING:
    from pathlib import Path

    from dx_local.platform.core.context import JSON

# Regional options that are appended to those of runSpec; systemRequirements replaces them.
_APPENDED = ("bundledDepends", "assetDepends")

# Files whose text becomes a field of the applet unless dxapp.json has the field.
_DOCUMENTS = {
    "description": ("README.md", "Readme.md", "readme.md"),
    "developerNotes": ("README.developer.md", "Readme.developer.md", "readme.developer.md"),
}


def applet_request(spec: JSON, folder: Path, *, code: str, region: str) -> JSON:
    """Return the request for an applet in this region; the caller adds its name and project.

    The app must have passed lint. Raises UsageError if the app does not support the region.
    """
    request: JSON = {"dxapi": "1.0.0", **copy.deepcopy(spec)}
    run_spec = run_spec_of_region(request, region)
    run_spec.pop("file", None)
    run_spec["code"] = code
    _inline_bootstrap_scripts(run_spec, folder)
    for field, names in _DOCUMENTS.items():
        found = next((folder / name for name in names if (folder / name).is_file()), None)
        if found and field not in request:
            request[field] = found.read_text(encoding="utf-8", errors="replace")
    request["tags"] = list(dict.fromkeys([*request.get("tags", []), *request.get("categories", [])]))
    return {**request, "runSpec": run_spec, "folder": "/"}


def run_spec_of_region(spec: JSON, region: str) -> JSON:
    """Return the runSpec of a dxapp.json, merged with the regionalOptions of a region.

    Raises UsageError if dxapp.json has regionalOptions for other regions only.
    """
    regional: JSON = spec.get("regionalOptions") or {}
    if regional and region not in regional:
        raise UsageError(
            f"the app does not support the region {region}, only {', '.join(regional)}",
            f"Choose one of them with --region, or add {region} to regionalOptions in dxapp.json.",
        )
    options: JSON = regional.get(region) or {}
    run_spec = dict(spec["runSpec"])
    if "systemRequirements" in options:
        run_spec["systemRequirements"] = options["systemRequirements"]
    for name in _APPENDED:
        run_spec[name] = [*(run_spec.get(name) or []), *(options.get(name) or [])]
    return run_spec


def _inline_bootstrap_scripts(run_spec: JSON, folder: Path) -> None:
    """Replace the path of each cluster's bootstrapScript with its text."""
    for wanted in (run_spec.get("systemRequirements") or {}).values():
        cluster = wanted.get("clusterSpec")
        if isinstance(cluster, dict) and "bootstrapScript" in cluster:
            script = folder / cluster["bootstrapScript"]
            cluster["bootstrapScript"] = script.read_text(encoding="utf-8")
