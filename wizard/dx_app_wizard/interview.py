"""The interview: asks what flags, answers file and dxapp.json leave open, in the official wizard's order."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from dx_app_wizard.errors import Problem
from dx_app_wizard.parameter_questions import ParameterQuestions
from dx_app_wizard.prompts import WORDINGS, Prompt
from dx_app_wizard.questions import QUESTIONS, Question
from dx_app_wizard.readers import AnswerError, read_yes_no
from dx_app_wizard.spec.instances import (
    DEFAULT_REGION,
    default_instance_type,
    instance_type_problem,
    instance_types,
    known_regions,
    region_problem,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from dx_app_wizard.conversation import Conversation

DEFAULT_PATTERN = "basic"
"""What the official wizard takes without asking."""

_BY_KEY = {question.key: question for question in QUESTIONS}
_REGIONS_OF_CLOUDS = ("aws:us-east-1", "azure:westus", "oci:us-ashburn-1")
"""Where the official wizard puts an app by its instance type's cloud."""


@dataclass
class Interview:
    """One pass through the open questions.

    `settled` are the answers that are not asked for; `asked` fills with those that are, as flags would give
    them; `defaults` are the lines that environment and configuration have for an empty one. All by the
    questions' keys. A name that is `taken` is asked for again.
    """

    conversation: Conversation
    settled: Mapping[str, Any]
    open_keys: tuple[str, ...]
    taken: Callable[[str], bool]
    defaults: Mapping[str, str] = field(default_factory=dict)
    asked: dict[str, Any] = field(default_factory=dict)

    def ask_all(self) -> dict[str, Any]:
        """Return the answers to the open questions."""
        self.asked.clear()
        steps = [key for key in self.open_keys if key != "region" or "instance_type" not in self.open_keys]
        for number, key in enumerate(steps, 1):
            step = f"{number}/{len(steps)}"
            if key in ("inputs", "outputs"):
                self.asked[key] = ParameterQuestions(
                    self.conversation, key == "outputs", step, self.settled.get("language")
                ).ask()
            elif key == "instance_type":
                self._ask_instance_type(step)
            else:
                self._ask(key, step)
        return dict(self.asked)

    def unanswered(self) -> list[Problem]:
        """Return a problem for each open question without an answer."""
        missing = [question for question in QUESTIONS if question.key in self.open_keys]
        return [
            Problem(question.key, question.flag, f"missing: {self._expected(question)}")
            for question in missing
            if question.key not in self.asked
        ]

    def _expected(self, question: Question) -> str:
        default = self._default(question)
        return question.missing or (
            f"an empty line stands for {default}" if default else "an empty line will do"
        )

    def _ask(self, key: str, step: str) -> None:
        question, wording = _BY_KEY[key], WORDINGS[key]
        default = self._default(question)

        def read(line: str) -> Any:
            if not line and default is None:
                raise AnswerError(f"an answer is needed: {question.missing}")
            answer = _CONVERSIONS.get(key, str)(line or default or "")
            question.read(answer)
            if key == "name" and self.taken(answer):
                raise AnswerError(f"{answer} exists already; choose another name")
            return answer

        prompt = Prompt(wording.words, default, wording.help, wording.choices, step)
        if key == "template":
            prompt = replace(prompt, belongs=lambda line: _accepted(question.read, line))
        self.asked[key] = self.conversation.ask(key, prompt, read)

    def _default(self, question: Question) -> str | None:
        """Return the line that an empty one stands for; None where there has to be an answer."""
        special = {"template": DEFAULT_PATTERN, "network": "n", "project_access": "n", **self.defaults}
        if question.key in special or question.default is None:
            return special.get(question.key)
        value = question.default({**self.settled, **self.asked})
        if question.key == "timeout":
            return "".join(f"{count}{unit[0]}" for unit, count in value.items())
        return value if isinstance(value, str) else ""

    def _ask_instance_type(self, step: str) -> None:
        """Ask for the instance type; a region as the answer changes the region, when that is open."""
        wording = WORDINGS["instance_type"]
        region_is_open = "region" in self.open_keys
        region = self.settled.get("region") or self.defaults.get("region", DEFAULT_REGION)
        for attempt in range(1_000):
            names = tuple(instance.name for instance in instance_types(region))
            regions = known_regions() if region_is_open else ()
            key = f"instance_type.{attempt}"
            if key not in self.conversation.lines:
                self.conversation.prompter.say(_table(region, changeable=region_is_open))
            default = self._default_instance_type(region)
            prompt = Prompt(wording.words, default, wording.help, (*names, *regions), step)
            read = _read_place(region, default, region_is_open=region_is_open)
            choice = self.conversation.ask(key, prompt, read)
            if region_is_open:
                self.asked["region"] = region = choice.region
            if choice.instance_type:
                self.asked["instance_type"] = choice.instance_type
                return

    def _default_instance_type(self, region: str) -> str:
        name = self.defaults.get("instance_type", "")
        return default_instance_type(region) if instance_type_problem(name, region) else name


@dataclass(frozen=True)
class _Place:
    region: str
    instance_type: str | None = None


def _read_place(region: str, default: str, *, region_is_open: bool) -> Callable[[str], _Place]:
    """Return a reader of an instance type of region, or, when that is open, of a region or of any type."""

    def read(line: str) -> _Place:
        name = line or default
        places = (region, *_REGIONS_OF_CLOUDS) if region_is_open else (region,)
        for place in places:
            if instance_type_problem(name, place) is None:
                return _Place(place, name)
        if region_is_open and "_" not in name and region_problem(name) is None:
            return _Place(name)
        common = ", ".join(instance.name for instance in _common(region))
        problem = instance_type_problem(name, region)
        raise AnswerError(f"unrecognized response, expected one of {common} or a like one: {problem}")

    return read


def _accepted(read: Callable[[Any], Any], line: str) -> bool:
    try:
        read(line)
    except AnswerError:
        return False
    return True


def _common(region: str) -> list[Any]:
    """Return the instance types of a short list: current, no accelerator, of two to sixteen cores."""
    return [
        instance
        for instance in instance_types(region)
        if not instance.legacy
        and not instance.accelerator
        and instance.cores in (2, 4, 8, 16)
        and "hdd" not in instance.name
        and "ssd2" not in instance.name
    ][:12]


def _table(region: str, *, changeable: bool) -> str:
    change = " (type another region to change it)" if changeable else ""
    lines = [f"Region {region}{change}. Common instance types:"]
    for instance in _common(region):
        numbers = f"{instance.cores:>4} cores {instance.memory_gib:>6g} GiB {instance.storage_gb:>6} GB"
        lines.append(f"  {instance.name:<24}{numbers}")
    return "\n".join(lines)


def _project_access(line: str) -> str:
    return {"y": "CONTRIBUTE", "yes": "CONTRIBUTE", "n": "NONE", "no": "NONE"}.get(line.lower(), line)


_CONVERSIONS: dict[str, Callable[[str], Any]] = {"network": read_yes_no, "project_access": _project_access}
"""How a line becomes what the question reads, where it is not that itself."""
