"""Links to fields, which are resolved when an execution starts.

They are hashes under `$dnanexus_link`. Workflows have `{"stage": S, "outputField": F}`,
`{"stage": S, "inputField": F}` and `{"workflowInputField": F}`; a default may be `{"input": F}`, the value of
another input. Each may have an `index` into an array, and the `metadata` of a data object: `name`,
`properties.KEY` or `details.KEY`.

Source: https://documentation.dnanexus.com/developer/api/running-analyses/workflows-and-analyses
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final

from dx_app_wizard.dxapp.classes import CLASSES, IOClass, mismatch, parse_class
from dx_app_wizard.dxapp.links import LINK_KEY, link_id, parse_reference

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

NO_VALUE: Final = object()
"""The value of a link to an optional field that was not given."""

_STAGE_FIELDS = ("outputField", "inputField")


@dataclass(frozen=True)
class FieldLink:
    """A link to the `outputField` or `inputField` of a stage, a `workflowInputField`, or an `input`."""

    kind: str
    field: str
    stage: str | None = None
    index: int | None = None
    metadata: str | None = None

    @property
    def description(self) -> str:
        """The link in words: `the name of the input 'reads'`."""
        kinds = {"outputField": "output", "workflowInputField": "workflow input"}
        of_stage = f" of the stage {self.stage!r}" if self.stage else ""
        metadata = f"the {self.metadata} of " if self.metadata else ""
        element = f"element {self.index} of " if self.index is not None else ""
        return f"{metadata}{element}the {kinds.get(self.kind, 'input')} {self.field!r}{of_stage}"

    def pick(self, value: Any, metadata_of: Callable[[str, str], Any]) -> Any:
        """Return the part of the field's value that the link selects.

        That is the value itself, its element at `index`, or the result of metadata_of(object ID, `metadata`)
        for the linked object. A reference becomes a reference to that part. Returns NO_VALUE if the part does
        not exist.
        """
        if value is None:
            return NO_VALUE
        if reference := parse_reference(value):
            index = reference.index if self.index is None else self.index
            metadata = reference.metadata if self.metadata is None else self.metadata
            return replace(reference, index=index, metadata=metadata).to_json()
        if self.index is not None:
            is_inside = isinstance(value, list) and 0 <= self.index < len(value)
            value = value[self.index] if is_inside else None
            return replace(self, index=None).pick(value, metadata_of)
        if self.metadata is None:
            return value
        if isinstance(value, list):
            found = (self.pick(item, metadata_of) for item in value)
            return [item for item in found if item is not NO_VALUE]
        entity = link_id(value)
        metadatum = None if entity is None else metadata_of(entity, self.metadata)
        return NO_VALUE if metadatum is None else metadatum


def parse_field_link(value: Any) -> FieldLink | None:
    """Parse a link to a field; return None if value is not one."""
    target = value[LINK_KEY] if isinstance(value, dict) and value.keys() == {LINK_KEY} else None
    if not isinstance(target, dict):
        return None
    for kind in ("workflowInputField", "input"):
        if isinstance(target.get(kind), str):
            return _link(target, kind, None)
    if isinstance(target.get("stage"), str):
        for kind in _STAGE_FIELDS:
            if isinstance(target.get(kind), str):
                return _link(target, kind, target["stage"])
    return None


def replace_field_links(value: Any, function: Callable[[FieldLink], Any]) -> Any:
    """Return a copy of value with each link, at any depth, replaced by the result of function.

    If function returns NO_VALUE, the element or key is dropped; if value itself is a link, the result is
    NO_VALUE.
    """
    link = parse_field_link(value)
    if link is not None:
        return function(link)
    if isinstance(value, dict):
        replaced = {key: replace_field_links(item, function) for key, item in value.items()}
        return {key: item for key, item in replaced.items() if item is not NO_VALUE}
    if isinstance(value, list):
        items = (replace_field_links(item, function) for item in value)
        return [item for item in items if item is not NO_VALUE]
    return value


def field_links_in(value: Any) -> list[FieldLink]:
    """Return all links in value, at any depth, in document order."""
    found: list[FieldLink] = []
    replace_field_links(value, found.append)
    return found


def default_problem(inputs: Sequence[Any], field: dict[str, Any]) -> str | None:
    """Return why the default of an input, one of `inputs`, is invalid; None if it is valid.

    A default is a value of the input's class, or has links to other inputs, which are resolved in a run.
    Links to inputs that are malformed or of an unknown class are not checked.
    """
    default = field.get("default")
    links = field_links_in(default)
    if not links:
        return None if default is None else mismatch(field["class"], default)
    others = {other["name"]: other for other in inputs if _has_name(other)}
    return next((problem for link in links if (problem := _link_problem(link, field, others))), None)


def _has_name(field: Any) -> bool:
    return isinstance(field, dict) and isinstance(field.get("name"), str)


def _link_problem(link: FieldLink, field: dict[str, Any], others: dict[str, Any]) -> str | None:
    if link.kind != "input":
        return f"{link.description} is allowed in workflows only"
    if link.field == field.get("name"):
        return "it links to itself"
    if link.field not in others:
        return f"there is no input {link.field!r} to link to"
    other = others[link.field].get("class")
    return _misfit(link, parse_class(field["class"]), parse_class(other)) if other in CLASSES else None


def _misfit(link: FieldLink, own: IOClass, other: IOClass) -> str | None:
    if link.metadata is None:
        fits = own.item == other.item or (own.item, other.item) == ("float", "int")
        return None if fits else f"{link.description} is of class {other.name}, not {own.name}"
    if not other.is_link:
        return f"the input {link.field!r} of class {other.name} has no metadata"
    is_text = link.metadata == "name" or link.metadata.startswith("properties.")
    return f"{link.description} is a string, not {own.name}" if is_text and own.item != "string" else None


def _link(target: dict[str, Any], kind: str, stage: str | None) -> FieldLink:
    index, metadata = target.get("index"), target.get("metadata")
    return FieldLink(
        kind=kind,
        field=target[kind],
        stage=stage,
        index=index if isinstance(index, int) and not isinstance(index, bool) else None,
        metadata=metadata if isinstance(metadata, str) else None,
    )
