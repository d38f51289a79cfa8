"""Ask for the region and the instance type with one prompt, which accepts either."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from dx_app_wizard.answers.choices import Choice
from dx_app_wizard.answers.question_texts import CHANGE_REGION, TEXTS
from dx_app_wizard.answers.readers import AnswerError
from dx_app_wizard.dxapp.instances import (
    DEFAULT_REGION,
    common_instance_types,
    default_instance_type,
    instance_type_problem,
    instance_types,
    known_regions,
    place_of,
    region_problem,
)
from dx_app_wizard.interview.prompts import Prompt

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dx_app_wizard.dxapp.instances import InstanceType
    from dx_app_wizard.interview.conversation import Conversation

_REGIONS_OF_CLOUDS = ("aws:us-east-1", "azure:westus", "oci:us-ashburn-1")
"""The regions that the official wizard chooses by the cloud of the instance type."""


PolicyCheck = Callable[[str, Any], "str | None"]
"""A function that returns the reason why the policy forbids the answer to a question, or None."""


@dataclass(frozen=True)
class RegionAndType:
    """The region of the app, and its instance type, None until it is chosen."""

    region: str
    instance_type: str | None = None


@dataclass(frozen=True)
class RegionQuestions:
    """The questions about the instance type and, with the same prompt, the region if it is open.

    An empty line means the preferred instance type if the region offers it, else the region's default.
    """

    conversation: Conversation
    step: str
    preferred: str
    region_is_open: bool
    policy_error: PolicyCheck

    def ask(self, region: str) -> Iterator[RegionAndType]:
        """Yield each answer, starting in this region; the last one has an instance type."""
        place = RegionAndType(region)
        attempt = 0
        while place.instance_type is None:
            key = f"instance_type.{attempt}"
            if key not in self.conversation.lines:
                self.conversation.prompter.say(_table(place.region))
            place = self.conversation.ask(key, self._prompt(place.region), self._reader(place.region))
            yield place
            attempt += 1

    def _prompt(self, region: str) -> Prompt:
        text = TEXTS["instance_type"]
        hint = f"{text.prompt_hint}, {CHANGE_REGION}" if self.region_is_open else text.prompt_hint
        choices = _choices(region, with_regions=self.region_is_open)
        return Prompt(
            text.prompt, self._default(region), text.prompt_help(hint), choices, self.step, hint, unfold=False
        )

    def _default(self, region: str) -> str:
        fits = instance_type_problem(self.preferred, region) is None
        return self.preferred if fits else default_instance_type(region)

    def _reader(self, region: str) -> Callable[[str], RegionAndType]:
        """Return a reader of an instance type of region or, if the region is open, of any type or region."""

        def place_in(line: str) -> RegionAndType:
            name = line or self._default(region)
            places = (region, *_REGIONS_OF_CLOUDS) if self.region_is_open else (region,)
            for place in places:
                if instance_type_problem(name, place) is None:
                    return RegionAndType(place, name)
            if self.region_is_open and "_" not in name and region_problem(name) is None:
                return RegionAndType(name)
            common = ", ".join(instance.name for instance in common_instance_types(region))
            problem = instance_type_problem(name, region)
            raise AnswerError(f"unrecognized response, expected one of {common} or another one: {problem}")

        def read(line: str) -> RegionAndType:
            place = place_in(line)
            for key, answer in (("region", place.region), ("instance_type", place.instance_type)):
                if answer and (message := self.policy_error(key, answer)):
                    raise AnswerError(message)
            return place

        return read


def usual_region(instance_type: str) -> str:
    """Return the region that the official wizard chooses for this instance type."""
    fitting = (place for place in _REGIONS_OF_CLOUDS if instance_type_problem(instance_type, place) is None)
    return next(fitting, DEFAULT_REGION)


def region_choices() -> tuple[Choice, ...]:
    """Return the known regions, with their locations."""
    return tuple(Choice(region, f"region, {place_of(region)}") for region in known_regions())


def _choices(region: str, *, with_regions: bool) -> tuple[Choice, ...]:
    """Return the common instance types, then all others, then the regions."""
    common = common_instance_types(region)
    others = [instance for instance in instance_types(region) if instance not in common]
    types = tuple(Choice(instance.name, _meaning(instance)) for instance in (*common, *others))
    return (*types, *region_choices()) if with_regions else types


def _meaning(instance: InstanceType) -> str:
    parts = [
        f"{instance.cores} cores",
        f"{instance.memory_gib:g} GiB",
        f"{instance.storage_gb} GB disk",
        instance.accelerator or "",
        "legacy" if instance.legacy else "",
    ]
    return ", ".join(part for part in parts if part)


def _table(region: str) -> str:
    """Return a table of the region's common instance types, 60 characters wide."""
    place = f" ({place_of(region)})" if place_of(region) else ""
    lines = [
        "",
        f"Region {region}{place}: {len(instance_types(region))} instance types, such as",
        f"  {'':<26}{'cores':>5}{'memory':>11}{'storage':>10}",
    ]
    lines += [
        f"  {instance.name:<26}{instance.cores:>5}{instance.memory_gib:>7g} GiB{instance.storage_gb:>7} GB"
        for instance in common_instance_types(region)
    ]
    return "\n".join(lines)
