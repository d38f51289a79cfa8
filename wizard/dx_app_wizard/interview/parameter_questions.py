"""Ask for inputs and outputs, one parameter after the other, until the name is empty."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, NamedTuple

from dx_app_wizard.answers.choices import Choice
from dx_app_wizard.answers.readers import AnswerError, read_yes_no
from dx_app_wizard.dxapp.classes import (
    ARRAY_PREFIX,
    IO_CLASSES,
    USUAL_CLASSES,
    UnknownClassError,
    parse_class,
)
from dx_app_wizard.dxapp.names import parameter_name_problem
from dx_app_wizard.dxapp.parameters import parse_declaration
from dx_app_wizard.interview.parameter_details import default_value, details
from dx_app_wizard.interview.prompts import Prompt
from dx_app_wizard.lint.rules.io import IO_RULES

if TYPE_CHECKING:
    from collections.abc import Callable

    from dx_app_wizard.interview.conversation import Conversation

REMOVE_LINE = "-"
"""The line that removes a parameter, instead of its name."""

MORE_MARK = "+"
"""After a class: ask for all fields of the parameter, not only for those of the official wizard."""

_MENU = [IO_CLASSES[name] for name in sorted(USUAL_CLASSES, key=lambda name: name != "file")]
"""The classes to choose from, the most usual one first."""

_CLASSES = (
    *(Choice(io_class.name, io_class.one) for io_class in _MENU),
    *(Choice(ARRAY_PREFIX + io_class.name, io_class.several) for io_class in _MENU),
)
_INPUT_HINT = "such as reads, or all in one: reads:file, log:file?, k:int=31"
_OUTPUT_HINT = "such as counts, or all in one: counts:file, n_reads:int"
_NAME_HELP = (
    "Letters, digits and '_', not beginning with a digit, {hint}. A ? means optional{default}. Append +"
    " ({example}:file+) to be asked for all fields. An empty line ends the list, - removes the parameter."
)
_CLASS_HINT = "class of {name}: type to filter; {example}+ asks for {details} as well"
_CLASS_HELP = (
    f"{', '.join(USUAL_CLASSES)}, or array: followed by one of these, such as"
    " array:file. Append +, such as {example}+, to be asked for {details} as well."
)
_INPUT_DETAILS = "default, choices, suggestions, patterns, help and group"
_OUTPUT_DETAILS = "patterns and help"


class _Named(NamedTuple):
    """The parameter of a line ({} if removed, None at the end), and whether to ask for `more` fields."""

    parameter: dict[str, Any] | None
    more: bool = False


@dataclass(frozen=True)
class ParameterQuestions:
    """The questions about the inputs, or about the outputs if `output`."""

    conversation: Conversation
    output: bool
    step: str
    language: str | None

    @property
    def key(self) -> str:
        """The beginning of the keys of all lines."""
        return "outputs" if self.output else "inputs"

    def ask(self, parameters: list[dict[str, Any]]) -> list[dict[str, Any]]:
        """Add each complete parameter to the list, as in dxapp.json, and return the list."""
        position = 0
        while True:
            named = self._ask_name(position, parameters)
            if named.parameter is None:
                return parameters
            if named.parameter:
                self._ask_rest(f"{self.key}.{position}", named.parameter, more=named.more)
                parameters.append(named.parameter)
            position += 1

    def _ask_name(self, position: int, others: list[dict[str, Any]]) -> _Named:
        """Return the new parameter with its name, and possibly its class and default."""
        kind = "output" if self.output else "input"
        hint = _OUTPUT_HINT if self.output else _INPUT_HINT
        default = "" if self.output else ", =31 is a default"
        example = "counts" if self.output else "reads"
        prompt = replace(
            self._prompt(
                f"{ordinal(len(others) + 1)} {kind} name",
                hint,
                _NAME_HELP.format(hint=hint, default=default, example=example),
            ),
            if_empty="(<ENTER> to finish)",
            edit_hint=f"<ENTER> keeps it, {REMOVE_LINE} removes it",
        )

        def read(line: str) -> _Named:
            if line in ("", REMOVE_LINE):
                return _Named({} if line else None)
            more = ":" in line and "=" not in line and line.endswith(MORE_MARK)
            text = line.removesuffix(MORE_MARK) if more else line
            parameter = parse_declaration(text, output=self.output) if ":" in text else {"name": text}
            language = None if self.output else self.language
            problem = parameter_name_problem(parameter["name"], language)
            if problem:
                raise AnswerError(f"{parameter['name']!r} {problem}")
            if any(other["name"] == parameter["name"] for other in others):
                raise AnswerError(
                    f"the {kind} name {parameter['name']!r} is used already; choose another one"
                )
            return _Named(self._checked(parameter), more)

        return self.conversation.ask(f"{self.key}.{position}.name", prompt, read)

    def _ask_rest(self, key: str, parameter: dict[str, Any], *, more: bool) -> None:
        """Ask for the other fields, in the official wizard's order; for all fields only if `more`."""
        declared = "class" in parameter
        if declared and not more:
            return
        label = self.conversation.ask(
            f"{key}.label",
            self._prompt(
                "Label (optional human-readable name)",
                f"for {parameter['name']}, such as {'Counts per gene' if self.output else 'Reads to count'}",
                "A human-readable name.",
                erasable=True,
            ),
            str,
        )
        if label:
            parameter["label"] = label
        if not declared:
            parameter["class"], more = self._ask_class(key, parameter["name"])
            if not self.output or more:
                self._ask_optional(key, parameter)
        if not more:
            self._ask_default(key, parameter)
            return
        for detail in details(parameter["class"], output=self.output):
            prompt = self._prompt(
                f"{detail.title} of {parameter['name']}", detail.hint, detail.help, erasable=True
            )
            prompt = replace(prompt, if_empty="(<ENTER> for none)")
            self._ask_field(f"{key}.{detail.field}", parameter, prompt, detail.read)

    def _ask_class(self, key: str, name: str) -> tuple[str, bool]:
        words = {
            "name": name,
            "example": "file",
            "details": _OUTPUT_DETAILS if self.output else _INPUT_DETAILS,
        }
        prompt = self._prompt("Choose a class", _CLASS_HINT.format(**words), _CLASS_HELP.format(**words))
        return self.conversation.ask(f"{key}.class", replace(prompt, choices=_CLASSES), _read_class)

    def _ask_optional(self, key: str, parameter: dict[str, Any]) -> None:
        prompt = replace(
            self._prompt(
                "This is an optional parameter",
                f"y if runs may omit {parameter['name']}",
                "Answer y if runs may omit it, else n.",
            ),
            if_empty="[y/n]",
        )
        if self.conversation.ask(f"{key}.optional", prompt, read_yes_no):
            parameter["optional"] = True

    def _ask_default(self, key: str, parameter: dict[str, Any]) -> None:
        """Ask for the default of an optional input, as the official wizard does."""
        io_class = parameter["class"]
        is_plain = io_class in ("int", "float", "string", "boolean")
        if self.output or not parameter.get("optional") or not is_plain:
            return
        prompt = self._prompt("A default value should be provided", "y to enter it next", "Answer y or n.")
        prompt = replace(prompt, if_empty="[y/n]")
        if self.conversation.ask(f"{key}.has_default", prompt, read_yes_no):
            detail = default_value(io_class)
            prompt = self._prompt(detail.title, detail.hint, detail.help)
            self._ask_field(f"{key}.default", parameter, prompt, detail.read)

    def _ask_field(
        self, key: str, parameter: dict[str, Any], prompt: Prompt, convert: Callable[[str], Any]
    ) -> None:
        """Ask for the field named by the last part of key; an empty line omits it."""
        field = key.rpartition(".")[2]

        def read(line: str) -> dict[str, Any]:
            return self._checked({**parameter, field: convert(line)}) if line else parameter

        parameter.update(self.conversation.ask(key, prompt, read))

    def _checked(self, parameter: dict[str, Any]) -> dict[str, Any]:
        """Return parameter; raise AnswerError if a lint rule rejects it."""
        if "class" in parameter:
            part = "outputSpec" if self.output else "inputSpec"
            for _rule, fault in IO_RULES.violations({part: [parameter]}):
                raise AnswerError(fault.message, fault.hint)
        return parameter

    def _prompt(self, message: str, hint: str, help_text: str, *, erasable: bool = False) -> Prompt:
        return Prompt(message, help=help_text, hint=hint, step=self.step, erasable=erasable)


def ordinal(number: int) -> str:
    """Return an ordinal number: 1st, 2nd, 3rd, 4th."""
    suffix = {1: "st", 2: "nd", 3: "rd"}.get(number % 10, "th")
    return f"{number}{'th' if number % 100 in (11, 12, 13) else suffix}"


def _read_class(line: str) -> tuple[str, bool]:
    name = line.removesuffix(MORE_MARK).strip()
    try:
        return parse_class(name).name, line.endswith(MORE_MARK)
    except UnknownClassError as error:
        raise AnswerError(f"Not a recognized class: {error.message}", error.hint) from None
