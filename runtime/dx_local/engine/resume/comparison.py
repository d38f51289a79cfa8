"""Compare a job with one of an earlier run, and name the first reason why it has to run."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from dx_app_wizard.dxapp.links import link_id, links_in, references_in
from dx_local.engine.resume.circumstances import refuses_reuse
from dx_local.engine.resume.code.parts import changed_parts
from dx_local.engine.resume.fingerprint import Circumstances, Fingerprint
from dx_local.engine.resume.reasons import Reason, ReasonKind
from dx_local.platform.core.errors import ApiError
from dx_local.platform.core.ids import EXECUTIONS, class_of
from dx_local.sizes import size_text

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

    from dx_local.engine.resume.circumstances import CircumstancesOf
    from dx_local.engine.resume.contents import Contents
    from dx_local.engine.resume.earlier_run import EarlierJob, EarlierRun
    from dx_local.platform.core.context import JSON, Platform
    from dx_local.platform.core.schema import JobRow

_DEPENDS_ON = "dependsOn"
_REQUESTED = "systemRequirements"
_LARGEST_NUMBER = 3


@dataclass(frozen=True)
class Side:
    """One of the two runs that are compared: its platform, and the contents and circumstances of its jobs."""

    platform: Platform
    contents: Contents
    circumstances: CircumstancesOf

    def fingerprint(self, job: JobRow) -> Fingerprint | None:
        """Return the fingerprint of a job whose input is known, None for one without code, or input."""
        if job["input"] is None:
            return None
        try:
            circumstances = self.circumstances.at(job["executable"], job["function"], job["region"])
        except ApiError:
            return None
        inputs = {name: self.contents.of(value) for name, value in job["input"].items()}
        if job["depends_on"]:
            inputs[_DEPENDS_ON] = self.contents.of([self._awaited(each) for each in job["depends_on"]])
        if job["requested"].get("systemRequirements"):
            inputs[_REQUESTED] = self.contents.of(job["requested"]["systemRequirements"])
        return Fingerprint(job["function"], circumstances, frozenset(inputs.items()))

    def values_of(self, job: JobRow) -> list[Any]:
        """Return all values whose contents the fingerprint of a job needs."""
        bundled = self.platform.store.value(
            "SELECT json_extract(fields, '$.runSpec.bundledDepends') AS bundled FROM object WHERE id = ?",
            job["executable"],
        )
        return [job["input"], [self._awaited(each) for each in job["depends_on"]], bundled]

    def _awaited(self, entity: str) -> Any:
        """Return the value of an entry of dependsOn: the output of a job, or the object itself."""
        if class_of(entity) in EXECUTIONS:
            return self.platform.store.value("SELECT output FROM job WHERE id = ?", entity)
        return entity


def difference_in_circumstances(
    before: Circumstances, after: Circumstances, source: str | None
) -> Reason | None:
    """Return the first difference, or None. `source` is the path of the code for people, if it has one."""
    if before.code != after.code:
        parts = changed_parts(before.code, after.code)
        named = ", ".join(dict.fromkeys(each.name for each in parts[:_LARGEST_NUMBER]))
        place = f"{source}:{parts[0].line}" if source else f"line {parts[0].line}"
        return Reason(ReasonKind.CODE, f"{named} ({place})")
    if before.dependencies != after.dependencies:
        names = sorted({name for name, _ in before.dependencies ^ after.dependencies})
        return Reason(ReasonKind.DEPENDENCY, ", ".join(names[:_LARGEST_NUMBER]))
    if before.python != after.python:
        return Reason(ReasonKind.PYTHON, f"{before.python or 'unknown'}, now {after.python}")
    return None


def difference_in_inputs(before: Fingerprint, after: Fingerprint) -> str | None:
    """Return the name of the first input that differs, or None."""
    names = sorted({name for name, _ in before.inputs ^ after.inputs})
    return names[0] if names else None


def reason_of_input(name: str, before: JobRow, after: JobRow, sides: tuple[Side, Side]) -> Reason:
    """Return the reason for a changed input: another job put out something else, or the user changed it."""
    earlier, present = sides
    if (upstream := _origin(name, after, present.platform)) is not None:
        return Reason(ReasonKind.UPSTREAM, f"{name} comes from {upstream}")
    sizes = [
        _size(side.platform, (job["input"] or {}).get(name))
        for side, job in ((earlier, before), (present, after))
    ]
    if None in sizes or sizes[0] == sizes[1]:
        return Reason(ReasonKind.INPUT, f"{name} changed")
    return Reason(
        ReasonKind.INPUT, f"{name} changed ({size_text(sizes[0] or 0)} → {size_text(sizes[1] or 0)})"
    )


def reason_of_state(job: EarlierJob, *, has_children: bool) -> Reason | None:
    """Return why a job of the earlier run is not done, or None if it is."""
    if job.is_done:
        return None
    if job.failed_by_itself:
        return Reason(ReasonKind.FAILED)
    if has_children:
        return Reason(ReasonKind.STARTS_OTHERS)
    return Reason(ReasonKind.NOT_RUN if job.row["started"] is None else ReasonKind.NOT_ENDED)


def reason_of_request(job: EarlierJob, earlier: EarlierRun, *, reruns_network: bool) -> Reason | None:
    """Return why a done job must run again whatever it did: its network access, or ignoreReuse."""
    if reruns_network and asks_for_network(job):
        return Reason(ReasonKind.NETWORK)
    try:
        ignores = refuses_reuse(earlier.platform, job.row["executable"], job.row["region"])
    except ApiError:
        ignores = False
    if ignores or job.row["requested"].get("echo", {}).get("ignoreReuse"):
        return Reason(ReasonKind.IGNORE_REUSE)
    return None


def asks_for_network(job: EarlierJob) -> bool:
    """Return whether the executable of a job requests network access."""
    return bool((job.row["requested"].get("access") or {}).get("network"))


def source_of(platform: Platform, executable: str, app: Path) -> str | None:
    """Return the path of an executable's code for people, relative to the app's folder; None without file."""
    local: JSON = (
        platform.store.value(
            "SELECT json_extract(fields, '$.local') AS details FROM object WHERE id = ?", executable
        )
        or {}
    )
    source = local.get("source")
    if source is None:
        return None
    try:
        return str(Path(source).relative_to(app.resolve()))
    except ValueError:
        return Path(source).name


def _origin(name: str, job: JobRow, platform: Platform) -> str | None:
    """Return the function of a job that has run in this run and made the value of an input, or None."""
    executions = [reference.execution for reference in references_in(job["original_input"].get(name))]
    executions += job["depends_on"] if name == _DEPENDS_ON else []
    value = (job["input"] or {}).get(name)
    for entity in links_in(value):
        made_by = platform.store.value(
            "SELECT json_extract(created_by, '$.job') FROM object WHERE id = ?", entity
        )
        executions += [made_by] if made_by else []
    return next(_that_ran(executions, platform), None)


def _that_ran(executions: list[str], platform: Platform) -> Iterator[str]:
    for execution in executions:
        function = platform.store.value(
            "SELECT function FROM job WHERE id = ? AND reused_from IS NULL", execution
        )
        if function:
            yield str(function)


def _size(platform: Platform, value: Any) -> int | None:
    """Return the size of the one file that a value links to, None for any other value."""
    entity = link_id(value)
    size: int | None = platform.store.value(
        "SELECT json_extract(fields, '$.size') FROM object WHERE id = ?", entity or ""
    )
    return size
