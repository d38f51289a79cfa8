"""DNAnexus links and job-based object references: recognise, walk, parse and replace them.

A *link* refers to an entity: `{"$dnanexus_link": "file-xxxx"}` (simple) or
`{"$dnanexus_link": {"id": "file-xxxx", "project": "project-xxxx"}}` (extended). A *reference* is a
placeholder for a value that an execution has yet to compute:
`{"$dnanexus_link": {"job": "job-xxxx", "field": "reads"}}`.

Source: https://documentation.dnanexus.com/developer/api/running-analyses/job-input-and-output
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

LINK_KEY = "$dnanexus_link"


def link(entity_id: str, project: str | None = None) -> dict[str, Any]:
    """Return a link to an entity: extended if a project is given, simple otherwise."""
    return {LINK_KEY: entity_id if project is None else {"project": project, "id": entity_id}}


def is_link(value: Any) -> bool:
    """Return whether value is a simple or extended link; references are not links."""
    return link_id(value) is not None


def link_id(value: Any) -> str | None:
    """Return the ID that a link refers to, or None if value is not a link."""
    target = _target(value)
    entity_id = target.get("id") if isinstance(target, dict) else target
    return entity_id if isinstance(entity_id, str) else None


def link_project(value: Any) -> str | None:
    """Return the project that an extended link names, or None."""
    target = _target(value)
    project = target.get("project") if isinstance(target, dict) and is_link(value) else None
    return project if isinstance(project, str) else None


@dataclass(frozen=True)
class Reference:
    """A reference to a `field` of another execution's output, its element at `index`, or its `metadata`.

    `execution` is the ID of a job or an analysis; `stage` selects a stage of an analysis.
    """

    execution: str
    field: str
    index: int | None = None
    metadata: str | None = None
    stage: str | None = None

    def to_json(self) -> dict[str, Any]:
        """Return the canonical form, `{"$dnanexus_link": {"job": …, "field": …}}`."""
        kind = "analysis" if self.execution.startswith("analysis-") else "job"
        optional = {"stage": self.stage, "field": self.field, "index": self.index, "metadata": self.metadata}
        return {LINK_KEY: {kind: self.execution, **{k: v for k, v in optional.items() if v is not None}}}


def parse_reference(value: Any) -> Reference | None:
    """Parse a reference; return None if value is not one.

    Accepts `{"$dnanexus_link": {"job" | "analysis": …, "field": …}}` with `index`, `metadata` and `stage`,
    and the legacy form of exactly `{"job": …, "field": …}`. The latter counts only if `job` looks like an ID,
    since a user's hash may well have the keys `job` and `field`.
    """
    target = _target(value)
    if isinstance(target, dict):
        return _from_hash(target)
    if isinstance(value, dict) and value.keys() == {"job", "field"} and _looks_like_job(value["job"]):
        return _from_hash(value)
    return None


def links_in(value: Any) -> Iterator[str]:
    """Yield the ID of each link in value, at any depth, in document order and without duplicates."""
    seen: set[str] = set()
    for node in _nodes(value):
        entity_id = link_id(node)
        if entity_id is not None and entity_id not in seen:
            seen.add(entity_id)
            yield entity_id


def references_in(value: Any) -> Iterator[Reference]:
    """Yield all references in value, at any depth, in document order."""
    for node in _nodes(value):
        reference = parse_reference(node)
        if reference is not None:
            yield reference


def replace(value: Any, function: Callable[[Any], Any]) -> Any:
    """Return value with each link or reference, at any depth, replaced by the result of function.

    Parts without links are not copied, and function must not modify its argument.
    """
    if not isinstance(value, (dict, list)):
        return value
    if _is_leaf(value):
        return function(value)
    inner = _containers_in(value)
    changed = {key: new for key, item in inner if (new := replace(item, function)) is not item}
    if not changed:
        return value
    if isinstance(value, dict):
        return {**value, **changed}
    return [changed.get(index, item) for index, item in enumerate(value)]


def _target(value: Any) -> Any:
    """Return the value of `$dnanexus_link` if that is the only key, else None."""
    return value[LINK_KEY] if isinstance(value, dict) and value.keys() == {LINK_KEY} else None


def _looks_like_job(value: Any) -> bool:
    return isinstance(value, str) and value.startswith(("job-", "localjob-"))


def _from_hash(target: dict[str, Any]) -> Reference | None:
    execution = target.get("job", target.get("analysis"))
    field = target.get("field")
    if not isinstance(execution, str) or not isinstance(field, str):
        return None
    index = target.get("index")
    return Reference(
        execution=execution,
        field=field,
        index=index if isinstance(index, int) and not isinstance(index, bool) else None,
        metadata=_text(target.get("metadata")),
        stage=_text(target.get("stage")),
    )


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) else None


def _is_leaf(value: Any) -> bool:
    return is_link(value) or parse_reference(value) is not None


def _nodes(value: Any) -> Iterator[Any]:
    """Yield every link and reference in value, in document order."""
    if not isinstance(value, (dict, list)):
        return
    if _is_leaf(value):
        yield value
        return
    for _, item in _containers_in(value):
        yield from _nodes(item)


def _containers_in(value: dict[str, Any] | list[Any]) -> list[tuple[Any, Any]]:
    """Return the hashes and arrays directly in value, by key or index; nothing else can hold a link."""
    items = value.items() if isinstance(value, dict) else enumerate(value)
    return [(key, item) for key, item in items if isinstance(item, (dict, list))]
