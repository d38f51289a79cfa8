"""Replace job-based object references by values.

Source: https://documentation.dnanexus.com/developer/api/running-analyses/job-input-and-output
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from dx_app_wizard.dxapp.classes import flatten
from dx_app_wizard.dxapp.links import Reference, link_id, parse_reference, replace

if TYPE_CHECKING:
    from collections.abc import Callable

    Output = dict[str, Any]


class UnresolvableReference(Exception):  # noqa: N818 - the name describes the reference
    """A reference that can never have a value, and the reason."""

    def __init__(self, reference: Reference, reason: str) -> None:
        super().__init__(f"{reference.execution}:{reference.field}: {reason}")
        self.reference = reference
        self.reason = reason


class Resolver:
    """Resolves references to the outputs of finished jobs.

    `output_of` returns the output of a job, or None if there is none yet. `metadata_of` returns the metadata
    of a data object at a path, or None if the object has no such metadata.
    """

    def __init__(
        self,
        output_of: Callable[[str], Output | None],
        metadata_of: Callable[[str, str], Any],
    ) -> None:
        self._output_of = output_of
        self._metadata_of = metadata_of

    def resolve(self, fields: Output, *, optional: frozenset[str] = frozenset()) -> Output:
        """Return fields with all references replaced by values, and all arrays flattened.

        A field in `optional` is omitted if its reference has no value. References to unfinished jobs stay,
        in their canonical form. Raises UnresolvableReference.
        """
        resolved = {}
        for name, value in fields.items():
            try:
                replaced = replace(value, self._value)
            except UnresolvableReference:
                if name in optional and parse_reference(value) is not None:
                    continue
                raise
            resolved[name] = flatten(replaced) if isinstance(replaced, list) else replaced
        return resolved

    def _value(self, value: Any) -> Any:
        reference = parse_reference(value)
        if reference is None:
            return value
        output = self._output_of(reference.execution)
        if output is None:
            return reference.to_json()
        name = f"{reference.stage}.{reference.field}" if reference.stage else reference.field
        found = output.get(name)
        if found is None:
            raise UnresolvableReference(reference, _missing_field(output, name))
        if reference.index is not None:
            found = _element(reference, found)
        if reference.metadata is None:
            return found
        entity = link_id(found)
        if entity is None:
            raise UnresolvableReference(reference, "the value with this metadata is not a data object")
        value_of_object = self._metadata_of(entity, reference.metadata)
        if value_of_object is None:
            raise UnresolvableReference(reference, f"{entity} has no {reference.metadata}")
        return value_of_object


def _missing_field(output: Output, field: str) -> str:
    if field in output:
        return "the job returned null"
    names = ", ".join(repr(name) for name in output)
    return f"the job returned no such output, only {names}" if names else "the job returned no outputs"


def _element(reference: Reference, found: Any) -> Any:
    if not isinstance(found, list):
        raise UnresolvableReference(reference, "the reference has an index, but the output is not an array")
    index = reference.index or 0
    if not 0 <= index < len(found):
        raise UnresolvableReference(reference, f"index {index} is outside the array of {len(found)}")
    return found[index]
