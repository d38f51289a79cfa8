"""The values of an executable's inputs: given, or by default. A default can link to another input."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from dx_app_wizard.dxapp.field_links import NO_VALUE, FieldLink, field_links_in, replace_field_links
from dx_local.platform.core.errors import InvalidInput
from dx_local.platform.lifecycle import outputs

if TYPE_CHECKING:
    from dx_local.platform.core.context import JSON
    from dx_local.platform.core.store import Store


class InputValues:
    """The inputs of an execution; `declared` maps names to entries of the input specification."""

    def __init__(self, store: Store, spec: list[JSON], given: JSON) -> None:
        self.declared = {field["name"]: field for field in spec}
        self._store = store
        self._given = given
        self._resolving: list[str] = []

    def get(self, name: str) -> Any:
        """Return the value of an input, or None. Raises InvalidInput if defaults form a circle."""
        value = self._given.get(name)
        if value is not None or name not in self.declared:
            return value
        if name in self._resolving:
            circle = ", ".join(repr(one) for one in self._resolving)
            raise InvalidInput(f"the defaults of the inputs {circle} link to each other in a circle")
        self._resolving.append(name)
        default = replace_field_links(self.declared[name].get("default"), self._follow)
        self._resolving.pop()
        return None if default is NO_VALUE else default

    def why_missing(self, name: str) -> str:
        """Return the end of a message: why the default of an input has no value; empty without a default."""
        links = field_links_in(self.declared[name].get("default"))
        described = " and ".join(link.description for link in links)
        return f", whose default is {described}, which has no value" if links else ""

    def _follow(self, link: FieldLink) -> Any:
        if link.kind != "input":
            return NO_VALUE
        return link.pick(
            self.get(link.field), lambda entity, path: outputs.object_metadata(self._store, entity, path)
        )
