"""Build an asset in a job of the built-in app that `dx build_asset` runs on a served platform."""

from __future__ import annotations

import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from dx_app_wizard.dxapp.links import link, link_id
from dx_local.engine.asset_build.asset_folder import pack_resources
from dx_local.engine.builtin_apps.hooks import PREFIX
from dx_local.engine.builtin_apps.installing import install_if_builtin
from dx_local.engine.session import Session, SessionOptions
from dx_local.engine.settings import Isolation
from dx_local.errors import DxLocalError, UsageError
from dx_local.platform.apps import apps
from dx_local.platform.core.local_bytes import temporary_in
from dx_local.platform.data import file_bytes, files
from dx_local.platform.execution import job_descriptions
from dx_local.worker.builders import asset_spec
from dx_local.worker.builders.errors import NO_SANDBOX
from dx_local.worker.process.trees import remove_tree

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dx_local.engine.asset_build.asset_folder import AssetFolder
    from dx_local.engine.session import Observer
    from dx_local.engine.settings import JobSettings
    from dx_local.platform.core.context import JSON

_BUNDLE_ENDS = (".tar.gz", ".tgz")


class AssetBuildError(DxLocalError):
    """The job that builds an asset failed."""

    code = "asset-build"
    exit_code = 5


def check_output(bundle: Path) -> None:
    """Raise UsageError if a bundle could not be written to a path, or not be used under its name."""
    if not bundle.name.endswith(_BUNDLE_ENDS):
        raise UsageError(
            f"--output {str(bundle)!r} is not the name of a bundle", "Pass a name that ends in .tar.gz."
        )
    if not bundle.parent.is_dir():
        raise UsageError(f"--output: there is no folder {str(bundle.parent)!r}", "Make it first.")
    if bundle.is_dir():
        raise UsageError(f"--output: {str(bundle)!r} is a folder", "Pass the name of a file.")


async def build_bundle(asset: AssetFolder, bundle: Path, settings: JobSettings, observer: Observer) -> str:
    """Build an asset, and write its bundle to a path; return the ID of its record.

    When cancelled, terminate the job, wait for it, and raise CancelledError. Raises AssetBuildError, and
    UsageError if the settings exclude a sandbox.
    """
    if settings.isolation is Isolation.NONE:
        raise UsageError(NO_SANDBOX)
    with _temporary_folder() as folder:
        async with Session(SessionOptions(folder, settings, is_persistent=False), observer) as session:
            job = _start(session, asset, folder)
            await session.until_final(job)
            return _save(session, job, bundle)


@contextmanager
def _temporary_folder() -> Iterator[Path]:
    folder = Path(tempfile.mkdtemp(prefix="dx-local-asset-"))
    try:
        yield folder
    finally:
        remove_tree(folder, ignore_errors=True)


def _start(session: Session, asset: AssetFolder, folder: Path) -> str:
    context, project = session.context, session.project()
    address = PREFIX + asset_spec.builder_of(asset.spec)
    install_if_builtin(context, address)
    given = {"conf_json": asset.folder / asset_spec.FILE}
    if asset.makefile:
        given["asset_makefile"] = asset.makefile
    if asset.resources:
        given["custom_asset"] = folder / "resources.tar.gz"
        pack_resources(asset.resources, given["custom_asset"])
    with context.store.transaction():
        job_input = {
            name: link(files.link_local(context, path, project=project, folder="/", name=path.name))
            for name, path in given.items()
        }
        request = {"name": asset.spec["name"], "project": project, "input": job_input}
        job: str = apps.run(context, address, request)["id"]
    return job


def _save(session: Session, job_id: str, bundle: Path) -> str:
    job: JSON = job_descriptions.describe_job(session.context, job_id, {})
    if job["state"] != "done":
        message = job.get("failureMessage") or f"the job ended as {job['state']}"
        raise AssetBuildError(f"the asset was not built: {message}")
    record = link_id(job["output"]["asset_bundle"])
    row = session.context.store.get("object", record or "")
    assert record is not None
    assert row is not None
    archive = link_id(row["details"]["archiveFileId"])
    assert archive is not None
    bundle.parent.mkdir(parents=True, exist_ok=True)
    with temporary_in(bundle.parent) as unfinished:
        file_bytes.copy_out(session.platform, archive, unfinished)
        unfinished.replace(bundle)
    return record
