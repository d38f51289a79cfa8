"""Ask for the instance type, and offer the regions to choose from."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from dx_app_wizard.answers.choices import Choice
from dx_app_wizard.answers.question_texts import TEXTS
from dx_app_wizard.answers.readers import AnswerError
from dx_app_wizard.dxapp.instances import (
    DEFAULT_REGION,
    common_instance_types,
    default_instance_type,
    instance_type_problem,
    instance_types,
    known_regions,
    list_regions,
    place_of,
)
from dx_app_wizard.interview.prompts import Prompt, matching

if TYPE_CHECKING:
    from dx_app_wizard.dxapp.instances import InstanceType
    from dx_app_wizard.interview.conversation import Conversation

_REGIONS_OF_CLOUDS = ("aws:us-east-1", "azure:westus", "oci:us-ashburn-1")
"""The regions that the official wizard chooses by the cloud of the instance type."""

_SHOWN = 5


PolicyCheck = Callable[[str, Any], "str | None"]
"""A function that returns the reason why the policy forbids the answer to a question, or None."""


@dataclass(frozen=True)
class RegionAndType:
    """The region of the app, and its instance type."""

    region: str
    instance_type: str


@dataclass(frozen=True)
class InstanceTypeQuestion:
    """The question about the instance type.

    An empty line means the preferred instance type if the region offers it, else the region's default. If
    `may_move`, a type of another cloud moves the app to that cloud's usual region.
    """

    conversation: Conversation
    step: str
    preferred: str
    may_move: bool
    policy_error: PolicyCheck

    def ask(self, region: str) -> RegionAndType:
        """Return the instance type, and the region that offers it."""
        is_new = "instance_type" not in self.conversation.lines
        if is_new:
            self.conversation.prompter.say(_table(region))
        place = self.conversation.ask("instance_type", self._prompt(region), self._reader(region))
        if is_new and place.region != region:
            self.conversation.prompter.say(f"The region is {list_regions([place.region])}, for this type.")
        return place

    def _prompt(self, region: str) -> Prompt:
        text = TEXTS["instance_type"]
        hint = text.prompt_hint
        help_text = text.prompt_help(hint)
        return Prompt(
            text.prompt, self._default(region), help_text, _choices(region), self.step, hint, unfold=False
        )

    def _default(self, region: str) -> str:
        fits = instance_type_problem(self.preferred, region) is None
        return self.preferred if fits else default_instance_type(region)

    def _reader(self, region: str) -> Callable[[str], RegionAndType]:
        """Return a reader of an instance type of the region or, if the app may move, of any cloud."""

        def place_of_type(line: str) -> RegionAndType:
            name = line or self._default(region)
            for place in (region, *(_REGIONS_OF_CLOUDS if self.may_move else ())):
                if instance_type_problem(name, place) is None:
                    return RegionAndType(place, name)
            common = ", ".join(instance.name for instance in common_instance_types(region))
            if fitting := matching(_choices(region), name):
                some = ", ".join(choice.text for choice in fitting[:_SHOWN])
                raise AnswerError(f"{name!r} fits {len(fitting)} instance types, enter one of them: {some}…")
            problem = instance_type_problem(name, region)
            raise AnswerError(f"unrecognized response, expected one of {common} or another type: {problem}")

        def read(line: str) -> RegionAndType:
            place = place_of_type(line)
            for key, answer in (("region", place.region), ("instance_type", place.instance_type)):
                if message := self.policy_error(key, answer):
                    raise AnswerError(message)
            return place

        return read


def usual_region(instance_type: str) -> str:
    """Return the region that the official wizard chooses for this instance type."""
    fitting = (place for place in _REGIONS_OF_CLOUDS if instance_type_problem(instance_type, place) is None)
    return next(fitting, DEFAULT_REGION)


def region_choices() -> tuple[Choice, ...]:
    """Return the known regions, with their locations."""
    return tuple(Choice(region, place_of(region)) for region in known_regions())


def _choices(region: str) -> tuple[Choice, ...]:
    """Return the common instance types, then all others."""
    common = common_instance_types(region)
    others = [instance for instance in instance_types(region) if instance not in common]
    return tuple(Choice(instance.name, _meaning(instance)) for instance in (*common, *others))


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
