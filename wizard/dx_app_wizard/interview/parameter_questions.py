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
from dx_app_wizard.interview.parameter_details import details
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
_NAME_HINT = "such as reads, or all in one: reads:file, log:file?{default}"
_NAME_HELP = (
    "Letters, digits and '_', not beginning with a digit, such as reads. Or all in one: reads:file,"
    " log:file? (optional){default}. Append + (reads:file+) to be asked for all fields. An empty line"
    " ends the list, - removes the parameter."
)
_CLASS_HINT = "type to filter; {example}+ asks for {details} as well"
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

    def ask(self) -> list[dict[str, Any]]:
        """Return the parameters as in dxapp.json."""
        parameters: list[dict[str, Any]] = []
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
        prompt = self._prompt(
            f"{ordinal(len(others) + 1)} {kind} name (<ENTER> to finish)",
            _NAME_HINT.format(default="" if self.output else ", k:int=31"),
            _NAME_HELP.format(default="" if self.output else ", k:int=31 (with a default)"),
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
                "such as Reads to count",
                "A human-readable name.",
                erasable=True,
            ),
            str,
        )
        if label:
            parameter["label"] = label
        if not declared:
            parameter["class"], more = self._ask_class(key)
            if not self.output or more:
                self._ask_optional(key, parameter)
        if not self.output:
            self._ask_default(key, parameter, more=more)
        for detail in details(parameter["class"], output=self.output) if more else ():
            prompt = self._prompt(detail.message, detail.hint, detail.help, erasable=True)
            self._ask_field(f"{key}.{detail.field}", parameter, prompt, detail.read)

    def _ask_class(self, key: str) -> tuple[str, bool]:
        words = {
            "example": "file",
            "details": _OUTPUT_DETAILS if self.output else _INPUT_DETAILS,
        }
        prompt = self._prompt("Choose a class", _CLASS_HINT.format(**words), _CLASS_HELP.format(**words))
        return self.conversation.ask(f"{key}.class", replace(prompt, choices=_CLASSES), _read_class)

    def _ask_optional(self, key: str, parameter: dict[str, Any]) -> None:
        prompt = self._prompt(
            "This is an optional parameter [y/n]",
            "y if runs may omit it",
            "Answer y if runs may omit it, else n.",
        )
        if self.conversation.ask(f"{key}.optional", prompt, read_yes_no):
            parameter["optional"] = True

    def _ask_default(self, key: str, parameter: dict[str, Any], *, more: bool) -> None:
        io_class = parameter["class"]
        if not more:
            if not parameter.get("optional") or io_class not in ("int", "float", "string", "boolean"):
                return
            prompt = self._prompt(
                "A default value should be provided [y/n]", "y to enter it next", "Answer y or n."
            )
            if not self.conversation.ask(f"{key}.has_default", prompt, read_yes_no):
                return
        is_array = io_class.startswith(ARRAY_PREFIX)
        self._ask_field(
            f"{key}.default",
            parameter,
            self._prompt(
                "Default value (<ENTER> for none)" if more else "Default value",
                f"of class {io_class}{', one element or a JSON array such as [1, 2]' if is_array else ''}",
                f"A value of class {io_class}; of an array, one element or a JSON array such as [1, 2].",
                erasable=more,
            ),
            lambda line: parse_declaration(f"x:{io_class}={line}")["default"],
        )

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
