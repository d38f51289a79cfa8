"""Links inside a workflow: to an output or an input of another stage, or to an input of the workflow.

They look like `{"$dnanexus_link": {"stage": S, "outputField": F}}`, `{"stage": S, "inputField": F}` or
`{"workflowInputField": F}` there, with an optional `index` into an array, and `metadata` of a data object.

Source: https://documentation.dnanexus.com/developer/api/running-analyses/workflows-and-analyses
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from dx_app_wizard.spec.links import LINK_KEY

if TYPE_CHECKING:
    from collections.abc import Callable

NO_VALUE: Final = object()
"""What a link to an optional field stands for that nobody gave."""

_STAGE_FIELDS = ("outputField", "inputField")


@dataclass(frozen=True)
class StageLink:
    """A link to a field: `outputField` or `inputField` of a stage, or `workflowInputField` of no stage."""

    kind: str
    field: str
    stage: str | None = None
    index: int | None = None
    metadata: str | None = None

    def pick(self, value: Any) -> Any:
        """Return what this link means of its field's value: all of it, or the element at its index."""
        if value is None:
            return NO_VALUE
        if self.index is None:
            return value
        is_inside = isinstance(value, list) and 0 <= self.index < len(value)
        return value[self.index] if is_inside else NO_VALUE


def parse_stage_link(value: Any) -> StageLink | None:
    """Return the link inside a workflow that value is, or None."""
    target = value[LINK_KEY] if isinstance(value, dict) and value.keys() == {LINK_KEY} else None
    if not isinstance(target, dict):
        return None
    if isinstance(target.get("workflowInputField"), str):
        return _link(target, "workflowInputField", None)
    if isinstance(target.get("stage"), str):
        for kind in _STAGE_FIELDS:
            if isinstance(target.get(kind), str):
                return _link(target, kind, target["stage"])
    return None


def replace_stage_links(value: Any, function: Callable[[StageLink], Any]) -> Any:
    """Return value rebuilt, each link in it (at any depth) replaced by function(link).

    Where function returns NO_VALUE, the element or key is left out; the whole is NO_VALUE if it was a link.
    """
    link = parse_stage_link(value)
    if link is not None:
        return function(link)
    if isinstance(value, dict):
        replaced = {key: replace_stage_links(item, function) for key, item in value.items()}
        return {key: item for key, item in replaced.items() if item is not NO_VALUE}
    if isinstance(value, list):
        items = (replace_stage_links(item, function) for item in value)
        return [item for item in items if item is not NO_VALUE]
    return value


def has_stage_links(value: Any) -> bool:
    """Tell whether there is such a link anywhere in value."""
    found: list[StageLink] = []
    replace_stage_links(value, found.append)
    return bool(found)


def _link(target: dict[str, Any], kind: str, stage: str | None) -> StageLink:
    index, metadata = target.get("index"), target.get("metadata")
    return StageLink(
        kind=kind,
        field=target[kind],
        stage=stage,
        index=index if isinstance(index, int) and not isinstance(index, bool) else None,
        metadata=metadata if isinstance(metadata, str) else None,
    )
