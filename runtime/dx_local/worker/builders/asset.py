"""Build an asset as the platform's `create_asset_*` apps do, and create its record.

The order of the steps, the inputs and the properties of the record are those of the platform: resources, then
execDepends, then the Makefile in the job's home. The asset consists of the changes to the sandbox.

Sources: https://documentation.dnanexus.com/developer/apps/dependency-management/asset-build-process, the
class DXExecDependencyInstaller in dxpy.utils.exec_utils, and logs of the platform's builder.
"""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path
from typing import Any

import dxpy
from dxpy.utils.exec_utils import DXExecDependencyError, DXExecDependencyInstaller

from dx_local.worker.builders import asset_archive, asset_spec, changes
from dx_local.worker.builders.commands import LAST_LINES, run
from dx_local.worker.builders.errors import NO_SANDBOX, BuildError

_MOST_NAMED = 3
_INSTALLATION_LOGS = "dx_*_install_*.log"  # written by DXExecDependencyInstaller


def build_asset(conf_json: Any, custom_asset: Any = None, asset_makefile: Any = None) -> dict[str, Any]:
    """Build the asset of a dxasset.json, with the archive of its resources/ and its Makefile if it has them.

    Returns the output of the job: the record of the asset. Raises BuildError.
    """
    if not changes.are_shown():
        raise BuildError(NO_SANDBOX)
    spec = _read_spec(conf_json)
    before = changes.snapshot()
    if custom_asset is not None:
        _say("Unpacking resources.")
        _unpack(custom_asset)
    if spec.get("execDepends"):
        _say("Installing execDepends.")
        _install(spec["execDepends"])
    if asset_makefile is not None:
        _say("Running make.")
        dxpy.download_dxfile(asset_makefile, "Makefile")
        run(["make", "-C", str(Path.cwd())])
    is_excluded = asset_archive.exclusion(spec.get("excludeResource", []))
    found = changes.changes_since(before, is_excluded)
    archive = f"{re.sub(r'[^0-9A-Za-z_.+-]+', '-', spec['name'])}.tar.gz"
    packed = asset_archive.pack(archive, found.changes, is_excluded)
    _say(f"The asset has {packed.files} files with {packed.size} bytes.")
    if found.removed:
        named = ", ".join(found.removed[:_MOST_NAMED])
        rest = len(found.removed) - _MOST_NAMED
        more = f" and {rest} more" if rest > 0 else ""
        _say(f"The build removed {named}{more}; an asset cannot remove files.")
    record = _create_record(spec, archive)
    _say(f"\n'{spec['name']}' asset bundle created!\n")
    return {"asset_bundle": dxpy.dxlink(record)}


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def _read_spec(conf_json: Any) -> dict[str, Any]:
    """Return the content of a dxasset.json. Raises BuildError, which names every problem."""
    dxpy.download_dxfile(conf_json, asset_spec.FILE)
    try:
        text = Path(asset_spec.FILE).read_text(encoding="utf-8-sig")
        spec: dict[str, Any] = json.loads(text, object_pairs_hook=_without_duplicates)
    except ValueError as error:
        raise BuildError(f"{asset_spec.FILE} cannot be read as JSON: {error}") from None
    if problems := list(asset_spec.problems(spec)):
        lines = "\n".join(f"{asset_spec.FILE}: {problem}" for problem in problems)
        raise BuildError(lines)
    return spec


def _without_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        keys = [key for key, _ in pairs]
        raise ValueError(f"the key {next(key for key in keys if keys.count(key) > 1)!r} occurs twice")
    return found


def _unpack(archive: Any) -> None:
    """Unpack the archive of resources/ at /. Raises BuildError."""
    dxpy.download_dxfile(archive, "resources.tar.gz")
    # /bin may be a link to /usr/bin, which a folder in resources/ must not replace. Folders that exist keep
    # their permissions.
    options = ("--no-same-owner", "--keep-directory-symlink", "--no-overwrite-dir")
    run(["tar", "-xzf", "resources.tar.gz", *options, "-C", "/"])
    Path("resources.tar.gz").unlink()


def _install(dependencies: list[dict[str, Any]]) -> None:
    """Install packages as the platform's client does. Raises BuildError."""
    try:
        DXExecDependencyInstaller({"runSpec": {"execDepends": dependencies}}, {"function": "main"}).install()
    except DXExecDependencyError as error:
        reason = str(error).partition(" [")[0]  # without the entries of dxasset.json in Python's notation
        raise BuildError(f"execDepends cannot be installed. {reason}.", _end_of_installation()) from None


def _end_of_installation() -> list[str]:
    """Return the last lines that the latest package manager has printed."""
    logs = sorted(Path("/tmp").glob(_INSTALLATION_LOGS), key=lambda path: path.stat().st_mtime)  # noqa: S108
    return logs[-1].read_text(encoding="utf-8", errors="replace").splitlines()[-LAST_LINES:] if logs else []


def _create_record(spec: dict[str, Any], archive: str) -> Any:
    """Upload the archive, and create the record that links to it."""
    file = dxpy.upload_local_file(archive, hidden=True, wait_on_close=True)
    properties = {key: spec[key] for key in ("title", "description", "version", "release")}
    record = dxpy.new_dxrecord(
        name=spec["name"],
        types=["AssetBundle"],
        details={"archiveFileId": dxpy.dxlink(file)},
        properties={
            **properties,
            "distribution": spec.get("distribution", "Ubuntu"),
            "runSpecVersion": spec.get("runSpecVersion", "0"),
        },
        close=True,
    )
    file.set_properties({"AssetBundle": record.get_id()})
    return record
