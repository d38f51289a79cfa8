"""Describe a job to an executor, from its row, its applet and the environment that it requires."""

from __future__ import annotations

from dataclasses import asdict, replace
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from dx_app_wizard.dxapp.instances import find_instance_type
from dx_local.engine.executors.protocol import Instance, JobDescription
from dx_local.engine.job_labels import job_label
from dx_local.engine.settings import InputDelivery, Sizes
from dx_local.platform.execution.requirements import instance_type_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from dx_local.engine.environments.job_environments import RequiredEnvironment
    from dx_local.engine.executors.job_folder import JobFolder
    from dx_local.engine.settings import JobSettings
    from dx_local.platform.core.context import JSON, Platform
    from dx_local.platform.core.schema import JobRow, JobWorker


class JobParts(NamedTuple):
    """The parts of a job that its description needs."""

    job: JobRow
    applet: JSON
    folder: JobFolder
    home: Mapping[str, str]
    variables: Mapping[str, str]


def description_of(
    parts: JobParts, environment: RequiredEnvironment, platform: Platform, settings: JobSettings
) -> JobDescription:
    """Return the description of a job for an executor."""
    job, applet, folder, home, variables = parts
    own_settings = settings_of(job, platform, settings)
    return JobDescription(
        job_id=job["id"],
        try_number=job["try_number"],
        function=job["function"],
        interpreter=applet["runSpec"]["interpreter"],
        folder=folder,
        home=home,
        environment=environment,
        variables=variables,
        source=applet.get("local", {}).get("source"),
        visible_paths=_absolute(visible_paths(platform, own_settings)),
        settings=_as_json(own_settings),
        memory_limit=memory_limit_of(job, settings.memory_limit),
        has_network=has_network(job, applet) or own_settings.debugpy is not None,
        instance=None if settings.sizes is Sizes.SLOT else instance_of(job),
        instances={} if settings.sizes is Sizes.SLOT else instances_of_subjobs(job),
        shows_changes=applet.get("local", {}).get("shows_changes", False),
    )


@cache
def _as_json(settings: JobSettings) -> Mapping[str, Any]:
    return asdict(settings)


def settings_of(job: JobRow, platform: Platform, settings: JobSettings) -> JobSettings:
    """Return the settings for a job, which has a debugger only if the user wants that for this job."""
    if settings.debug_job is None:
        is_first = job["parent"] is None
        return settings if is_first or not settings.debugpy else replace(settings, debugpy=None)
    if job_label(platform.store, job) == settings.debug_job.removesuffix("[1]"):
        return settings
    return replace(settings, debug_on=(), debugpy=None)


def visible_paths(platform: Platform, settings: JobSettings) -> tuple[Path, ...]:
    """Return the host paths that a job must see to follow links to its input files, or for its debugger."""
    found = [Path(settings.shell.home)] if settings.shell else []
    found += [Path(settings.debugpy.package)] if settings.debugpy else []
    if settings.input_delivery is InputDelivery.LINK:
        found += [platform.folder / "files", *platform.link_targets]
    return tuple(found)


def memory_limit_of(job: JobWorker, limit: int | Literal["instance"] | None) -> int | None:
    """Return the bytes of memory that a job may use, None for no limit or an unknown instance type."""
    if limit != "instance":
        return limit
    worker = find_instance_type(job["instance_type"], job["region"])
    return worker.memory_bytes if worker else None


def instance_of(job: JobRow) -> Instance | None:
    """Return the instance type of a job, if it is known."""
    return _instance(job["instance_type"], job["region"])


def _instance(name: str, region: str) -> Instance | None:
    worker = find_instance_type(name, region)
    return Instance(worker.name, worker.cores, worker.memory_bytes) if worker else None


def instances_of_subjobs(job: JobRow) -> Mapping[str, Instance]:
    """Return the requested instance types by entry point; the first job of a tree alone has any."""
    if job["origin"] != job["id"]:
        return {}
    requested = job["system_requirements"]
    found = {
        entry_point: _instance(instance_type_of(requested, entry_point) or "", job["region"])
        for entry_point in requested
        if entry_point != "*"  # perhaps no job has those for all others
    }
    return {entry_point: instance for entry_point, instance in found.items() if instance}


def has_network(job: JobRow, applet: JSON) -> bool:
    """Return whether a job may reach more than the API because its app requests that."""
    # Clients connect to the jobs of an httpsApp, which a job without network cannot accept.
    return bool(job["requested"]["access"].get("network")) or "httpsApp" in applet


def _absolute(paths: tuple[Path, ...]) -> tuple[str, ...]:
    return tuple(str(path.absolute()) for path in paths)
