"""The questions about inputs and outputs: one parameter after the other, until an empty name."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from dx_app_wizard.prompts import Prompt
from dx_app_wizard.readers import AnswerError, read_yes_no
from dx_app_wizard.spec.classes import (
    ARRAY_PREFIX,
    USUAL_CLASSES,
    UnknownClassError,
    parse_class,
    parse_value,
)
from dx_app_wizard.spec.io_rules import IO_RULES
from dx_app_wizard.spec.names import parameter_name_problem
from dx_app_wizard.spec.parameters import parse_declaration

if TYPE_CHECKING:
    from collections.abc import Callable

    from dx_app_wizard.conversation import Conversation

REMOVE_LINE = "-"
"""As the name of a parameter: there is none at this place."""

MORE_MARK = "+"
"""After a class: ask for everything that dxapp.json can say of a parameter."""

_CLASSES = (*USUAL_CLASSES, *(ARRAY_PREFIX + item for item in USUAL_CLASSES))
_NAME_HELP = (
    "Letters, digits and '_', not beginning with a digit, such as reads. Or all in one: reads:file,"
    " log:file? (optional){default}. An empty line ends the list, - removes the parameter."
)
_CLASS_HELP = (
    "int, float, string, boolean, hash, file, record, applet, workflow, or array: and one of these, such as"
    " array:file. Put + after it (file+) to be asked for help, default, choices, patterns and group as well."
)


@dataclass(frozen=True)
class ParameterQuestions:
    """Asks for the inputs, or with `output` for the outputs."""

    conversation: Conversation
    output: bool
    step: str
    language: str | None

    @property
    def key(self) -> str:
        """What the keys of all lines begin with."""
        return "outputs" if self.output else "inputs"

    def ask(self) -> list[dict[str, Any]]:
        """Return the parameters as they stand in dxapp.json."""
        parameters: list[dict[str, Any]] = []
        position = 0
        while True:
            parameter = self._ask_name(position, parameters)
            if parameter is None:
                return parameters
            if parameter:
                if "class" not in parameter:
                    self._ask_rest(f"{self.key}.{position}", parameter)
                parameters.append(parameter)
            position += 1

    def _ask_name(self, position: int, others: list[dict[str, Any]]) -> dict[str, Any] | None:
        """Return the new parameter, with or without more than its name; empty if removed, None at the end."""
        kind = "output" if self.output else "input"
        prompt = self._prompt(
            f"{ordinal(len(others) + 1)} {kind} name (<ENTER> to finish)",
            _NAME_HELP.format(default="" if self.output else ", k:int=31 (with default)"),
        )

        def read(line: str) -> dict[str, Any] | None:
            if line in ("", REMOVE_LINE):
                return {} if line else None
            parameter = parse_declaration(line, output=self.output) if ":" in line else {"name": line}
            language = None if self.output else self.language
            problem = parameter_name_problem(parameter["name"], language)
            if problem:
                raise AnswerError(f"{parameter['name']!r} {problem}")
            if any(other["name"] == parameter["name"] for other in others):
                raise AnswerError(f"the {kind} name {parameter['name']!r} is used twice; choose another one")
            return self._checked(parameter)

        return self.conversation.ask(f"{self.key}.{position}.name", prompt, read)

    def _ask_rest(self, key: str, parameter: dict[str, Any]) -> None:
        """Ask for all but the name, in the official wizard's order; more only where the class asks for it."""
        ask = self.conversation.ask
        label = ask(
            f"{key}.label", self._prompt("Label (optional human-readable name)", "Shown to people."), str
        )
        if label:
            parameter["label"] = label
        prompt = self._prompt("Choose a class", _CLASS_HELP, _CLASSES)
        parameter["class"], more = ask(f"{key}.class", prompt, _read_class)
        if not self.output or more:
            self._ask_optional(key, parameter)
        if not self.output:
            self._ask_default(key, parameter, more=more)
        if more:
            self._ask_more(key, parameter)

    def _ask_optional(self, key: str, parameter: dict[str, Any]) -> None:
        prompt = self._prompt(
            "This is an optional parameter [y/n]", "Answer y when a run may leave it out, else n."
        )
        if self.conversation.ask(f"{key}.optional", prompt, read_yes_no):
            parameter["optional"] = True

    def _ask_default(self, key: str, parameter: dict[str, Any], *, more: bool) -> None:
        io_class = parameter["class"]
        if not more:
            if not parameter.get("optional") or io_class not in ("int", "float", "string", "boolean"):
                return
            prompt = self._prompt("A default value should be provided [y/n]", "Answer y or n.")
            if not self.conversation.ask(f"{key}.has_default", prompt, read_yes_no):
                return
        self._ask_field(
            f"{key}.default",
            parameter,
            self._prompt(
                "Default value (<ENTER> for none)" if more else "Default value",
                f"A value of class {io_class}; of an array, one element or a JSON array such as [1, 2].",
            ),
            lambda line: parse_declaration(f"x:{io_class}={line}")["default"],
        )

    def _ask_more(self, key: str, parameter: dict[str, Any]) -> None:
        io_class = parse_class(parameter["class"])
        if io_class.item not in ("boolean", "hash") and not io_class.is_data_object:
            self._ask_field(
                f"{key}.choices",
                parameter,
                self._prompt(
                    "Choices (optional)", "The only values allowed, with commas between, such as 21, 31."
                ),
                lambda line: [parse_value(io_class.item, text) for text in _listed(line)],
            )
        if io_class.item == "file":
            help_text = "Which file names fit, with commas between, such as *.fastq, *.fastq.gz."
            prompt = self._prompt("Patterns (optional)", help_text)
            self._ask_field(f"{key}.patterns", parameter, prompt, _listed)
        self._ask_field(
            f"{key}.help", parameter, self._prompt("Help (optional)", "What the parameter means."), str
        )
        self._ask_field(
            f"{key}.group",
            parameter,
            self._prompt("Group (optional)", "The heading under which it is shown."),
            str,
        )

    def _ask_field(
        self, key: str, parameter: dict[str, Any], prompt: Prompt, convert: Callable[[str], Any]
    ) -> None:
        """Ask for the field that the last part of key names; an empty line leaves it out."""
        field = key.rpartition(".")[2]

        def read(line: str) -> dict[str, Any]:
            return self._checked({**parameter, field: convert(line)}) if line else parameter

        parameter.update(self.conversation.ask(key, prompt, read))

    def _checked(self, parameter: dict[str, Any]) -> dict[str, Any]:
        """Return parameter; raise AnswerError when the lint rules find a fault in it."""
        if "class" in parameter:
            part = "outputSpec" if self.output else "inputSpec"
            for _rule, fault in IO_RULES.faults({part: [parameter]}):
                raise AnswerError(fault.message, fault.hint)
        return parameter

    def _prompt(self, words: str, help_text: str, choices: tuple[str, ...] = ()) -> Prompt:
        return Prompt(words, help=help_text, choices=choices, step=self.step)


def ordinal(number: int) -> str:
    """Return 1st, 2nd, 3rd, 4th and so on."""
    suffix = {1: "st", 2: "nd", 3: "rd"}.get(number % 10, "th")
    return f"{number}{'th' if number % 100 in (11, 12, 13) else suffix}"


def _read_class(line: str) -> tuple[str, bool]:
    name = line.removesuffix(MORE_MARK).strip()
    try:
        return parse_class(name).name, line.endswith(MORE_MARK)
    except UnknownClassError as error:
        raise AnswerError(f"Not a recognized class: {error.message}", error.hint) from None


def _listed(line: str) -> list[str]:
    return [text.strip() for text in line.split(",") if text.strip()]
