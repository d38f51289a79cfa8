"""Putting values in the place of job-based object references.

Source: https://documentation.dnanexus.com/developer/api/running-analyses/job-input-and-output
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from dx_app_wizard.dxapp.classes import flatten
from dx_app_wizard.dxapp.links import Reference, link_id, parse_reference, replace

if TYPE_CHECKING:
    from collections.abc import Callable

    Output = dict[str, Any]


class UnresolvableReference(Exception):  # noqa: N818 - named for what it is about
    """A reference that can never get a value: which one, and why."""

    def __init__(self, reference: Reference, why: str) -> None:
        super().__init__(f"{reference.execution}:{reference.field}: {why}")
        self.reference = reference
        self.why = why


class Resolver:
    """Resolves references against outputs of finished jobs.

    `output_of` gives the output of a job, or None while it has none; `metadata_of` gives what a reference
    with `metadata` asks of a data object, or None where that has no such thing.
    """

    def __init__(
        self,
        output_of: Callable[[str], Output | None],
        metadata_of: Callable[[str, str], Any],
    ) -> None:
        self._output_of = output_of
        self._metadata_of = metadata_of

    def resolve(self, fields: Output, *, optional: frozenset[str] = frozenset()) -> Output:
        """Return fields with each reference replaced and each array flat.

        A field in `optional` whose reference has no value is left out. References to jobs that have not
        finished stay as they are, in their canonical form. Raises UnresolvableReference.
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
            raise UnresolvableReference(reference, _no_such_field(output))
        if reference.index is not None:
            found = _element(reference, found)
        if reference.metadata is None:
            return found
        entity = link_id(found)
        if entity is None:
            raise UnresolvableReference(reference, "metadata was asked of a value that is no data object")
        value_of_object = self._metadata_of(entity, reference.metadata)
        if value_of_object is None:
            raise UnresolvableReference(reference, f"{entity} has no {reference.metadata}")
        return value_of_object


def _no_such_field(output: Output) -> str:
    names = ", ".join(repr(name) for name in output)
    return f"the job returned no such output, only {names}" if names else "the job returned no outputs"


def _element(reference: Reference, found: Any) -> Any:
    if not isinstance(found, list):
        raise UnresolvableReference(reference, "an index was given, but the output is no array")
    index = reference.index or 0
    if not 0 <= index < len(found):
        raise UnresolvableReference(reference, f"index {index} is outside the array of {len(found)}")
    return found[index]
