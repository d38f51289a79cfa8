"""Where answers come from: an ordered list of places, each with what it answers."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, NamedTuple

from dx_app_wizard.answers.parameter_overrides import is_amendment
from dx_app_wizard.answers.spec_answers import has_resources
from dx_app_wizard.errors import Place

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from dx_app_wizard.dxapp.json_document import JsonPath, Position

COMMAND_LINE = Place()


@dataclass(frozen=True)
class Source:
    """Answers from one place, by the questions' keys; null is no answer.

    What `settles` (flags, an answers file) is not asked again and must agree with a given dxapp.json. What
    does not (environment, configuration) is a default: it yields to a given dxapp.json and to a person.
    `positions` says where in a file the answers stand, by their path in it.
    """

    answers: Mapping[str, Any]
    place: Place = COMMAND_LINE
    settles: bool = True
    positions: Mapping[JsonPath, Position] = field(default_factory=dict)

    def at(self, path: JsonPath) -> Place:
        """Return the place of what stands at path, or of the nearest thing around it."""
        while path and path not in self.positions:
            path = path[:-1]
        position = self.positions.get(path)
        return replace(self.place, line=position.line, column=position.column) if position else self.place


class Found(NamedTuple):
    """An answer as it was given, and by which source."""

    value: Any
    source: Source


@dataclass(frozen=True)
class Given:
    """All that is known before anyone is asked: the sources, the first that answers wins, and the dxapp.json.

    `base` is the given dxapp.json as a source, for its place and positions; `spec` its raw hash.
    """

    sources: tuple[Source, ...] = ()
    base: Source = field(default_factory=lambda: Source({}))

    @property
    def spec(self) -> Mapping[str, Any]:
        """The raw hash of the given dxapp.json; empty where none was given."""
        return self.base.answers

    def settled(self, key: str) -> Found | None:
        """Return the answer that settles the question, if there is one."""
        return self._first(key, (source for source in self.sources if source.settles))

    def default(self, key: str) -> Found | None:
        """Return the answer that holds where nobody else says anything, if there is one.

        With a given dxapp.json, there is none that would widen its access, or give a region to an app that
        can have none.
        """
        if self.spec and key in ("network", "project_access"):
            return None
        if key == "region" and has_resources(self.spec):
            return None
        return self._first(key, (source for source in self.sources if not source.settles))

    def amendments(self, key: str) -> dict[str, str]:
        """Return what the command line says of single parameters: `inputs.reads.help`, by the key's rest."""
        prefix = f"{key}."
        own = (source.answers for source in reversed(self.sources) if source.place == COMMAND_LINE)
        return {
            name.removeprefix(prefix): value
            for answers in own
            for name, value in answers.items()
            if name.startswith(prefix) and is_amendment(name)
        }

    def with_answers(self, answers: Mapping[str, Any]) -> Given:
        """Return the same with answers that win over all others."""
        return replace(self, sources=(Source(answers), *self.sources))

    @staticmethod
    def _first(key: str, sources: Iterable[Source]) -> Found | None:
        found = (Found(source.answers.get(key), source) for source in sources)
        return next((answer for answer in found if answer.value is not None), None)
