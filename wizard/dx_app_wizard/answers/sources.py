"""Sources of answers: flags, files, environment and policy, in order of precedence."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, NamedTuple

from dx_app_wizard.answers.choices import PARALLEL_PATTERNS
from dx_app_wizard.answers.parameter_overrides import is_override
from dx_app_wizard.answers.spec_answers import has_resources
from dx_app_wizard.errors import Place

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from dx_app_wizard.dxapp.json_document import JsonPath, Position

COMMAND_LINE = Place()


@dataclass(frozen=True)
class Source:
    """Answers from one place, by the questions' keys; None means no answer.

    Answers of a source that `is_final` (flags, an answers file) are not asked again and must agree with a
    given dxapp.json. Those of other sources (environment, policy) are defaults: a given dxapp.json and a
    person take precedence. `positions` has the positions of the answers in a file, by their paths.
    """

    answers: Mapping[str, Any]
    place: Place = COMMAND_LINE
    is_final: bool = True
    positions: Mapping[JsonPath, Position] = field(default_factory=dict)

    def at(self, path: JsonPath) -> Place:
        """Return the place of the value at path, or of the nearest value that contains it."""
        while path and path not in self.positions:
            path = path[:-1]
        position = self.positions.get(path)
        return replace(self.place, line=position.line, column=position.column) if position else self.place


class SourcedValue(NamedTuple):
    """An answer that has not been read yet, and its source."""

    value: Any
    source: Source


@dataclass(frozen=True)
class AnswerSources:
    """All sources of answers, in order of precedence, and the given dxapp.json.

    `base` is the given dxapp.json as a source, with its place and positions.
    """

    sources: tuple[Source, ...] = ()
    base: Source = field(default_factory=lambda: Source({}))

    @property
    def spec(self) -> Mapping[str, Any]:
        """The hash of the given dxapp.json; empty if there is none."""
        return self.base.answers

    def resolved(self, key: str) -> SourcedValue | None:
        """Return the final answer to the question, if there is one."""
        return self._first(key, (source for source in self.sources if source.is_final))

    def default(self, key: str) -> SourcedValue | None:
        """Return the default from environment or policy, if there is one.

        A given dxapp.json gets no default that would widen its access, or add a region to an app that cannot
        have one. A scatter implies a parallel pattern.
        """
        if self.spec and key in ("network", "project_access"):
            return None
        if key == "region" and has_resources(self.spec):
            return None
        found = self._first(key, (source for source in self.sources if not source.is_final))
        scatter = self.resolved("scatter") if key == "template" else None
        if scatter and not (found and found.value in PARALLEL_PATTERNS):
            return SourcedValue(PARALLEL_PATTERNS[0], scatter.source)
        return found

    def parameter_overrides(self, key: str) -> dict[str, str]:
        """Return the overrides of single parameters; `inputs.reads.help` becomes `reads.help`."""
        prefix = f"{key}."
        own = (source.answers for source in reversed(self.sources) if source.place == COMMAND_LINE)
        return {
            name.removeprefix(prefix): value
            for answers in own
            for name, value in answers.items()
            if name.startswith(prefix) and is_override(name)
        }

    def with_answers(self, answers: Mapping[str, Any]) -> AnswerSources:
        """Return the same sources with answers that take precedence over all others."""
        return replace(self, sources=(Source(answers), *self.sources))

    @staticmethod
    def _first(key: str, sources: Iterable[Source]) -> SourcedValue | None:
        found = (SourcedValue(source.answers.get(key), source) for source in sources)
        return next((answer for answer in found if answer.value is not None), None)
