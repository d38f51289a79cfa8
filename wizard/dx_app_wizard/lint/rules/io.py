"""Lint rules for inputSpec and outputSpec. The schema reports malformed parts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from dx_app_wizard.dxapp.classes import UnknownClassError, describe_value, flatten, mismatch, parse_class
from dx_app_wizard.dxapp.field_links import default_problem, parse_field_link
from dx_app_wizard.dxapp.links import is_link, parse_reference
from dx_app_wizard.dxapp.model import language_of
from dx_app_wizard.dxapp.names import parameter_name_problem
from dx_app_wizard.lint.rules.rule import Fix, KeyFix, Rules, Violation
from dx_app_wizard.lint.source.spec import parameters

if TYPE_CHECKING:
    from collections.abc import Iterator


IO_RULES: Rules[dict[str, Any], Violation] = Rules()
"""Rules for the raw hash of a dxapp.json."""


@IO_RULES.rule("error")
def io_class(spec: dict[str, Any]) -> Iterator[Violation]:
    """Every parameter has an I/O class of DNAnexus, such as int, file or array:string."""
    for parameter in parameters(spec):
        if "class" not in parameter.raw:
            yield Violation(parameter.path, f"parameter {parameter.name!r} has no class", 'Add "class".')
        elif isinstance(parameter.raw["class"], str):
            try:
                parse_class(parameter.raw["class"])
            except UnknownClassError as error:
                path = (*parameter.path, "class")
                same = error.suggestion == "".join(error.name.split()).lower()
                fix = Fix(path, error.suggestion) if same else None
                yield Violation(path, error.message, error.hint, fix=fix)


@IO_RULES.rule("error")
def io_name(spec: dict[str, Any]) -> Iterator[Violation]:
    """Every parameter has a name that matches the platform's pattern."""
    for parameter in parameters(spec):
        name = parameter.raw.get("name")
        if name is None:
            yield Violation(parameter.path, "the parameter has no name", 'Add "name".')
        elif isinstance(name, str) and (problem := parameter_name_problem(name)):
            yield Violation((*parameter.path, "name"), f"{name!r} {problem}")


@IO_RULES.rule("error")
def io_name_unique(spec: dict[str, Any]) -> Iterator[Violation]:
    """No two inputs have the same name, and no two outputs."""
    for key in ("inputSpec", "outputSpec"):
        seen: set[str] = set()
        for parameter in parameters(spec, key):
            name = parameter.raw.get("name")
            if isinstance(name, str) and name in seen:
                yield Violation(
                    (*parameter.path, "name"), f"the name {name!r} is used twice", "Rename one of the two."
                )
            seen.add(str(name))


@IO_RULES.rule("error")
def reserved_name(spec: dict[str, Any]) -> Iterator[Violation]:
    """No input has a name that breaks the app.

    In a Python app, these are keywords and `dxpy`. In a bash app, where inputs become variables, these are
    variables of bash, the job's environment or programs, such as `http_proxy`, `GZIP` or `PYTHONUTF8`.
    """
    language = language_of(spec)
    for parameter in parameters(spec, "inputSpec"):
        name = parameter.raw.get("name")
        if not isinstance(name, str) or parameter_name_problem(name):
            continue
        problem = parameter_name_problem(name, language)
        if problem:
            yield Violation((*parameter.path, "name"), f"{name!r} {problem}", "Choose another name.")


@IO_RULES.rule("error")
def io_default(spec: dict[str, Any]) -> Iterator[Violation]:
    """Every default is a value of its input's class, or a link to another input of a compatible class.

    Such a link is resolved when a job starts: `{"$dnanexus_link": {"input": "reads", "metadata": "name"}}`.
    """
    inputs = [parameter.raw for parameter in parameters(spec, "inputSpec")]
    for parameter in parameters(spec, "inputSpec"):
        wrong = default_problem(inputs, parameter.raw) if parameter.io_class else None
        if wrong:
            message = f"the default of {parameter.name!r} is invalid: {wrong}"
            yield Violation((*parameter.path, "default"), message)


@IO_RULES.rule("error")
def io_choices(spec: dict[str, Any]) -> Iterator[Violation]:
    """Choices are values of the parameter's class, which is neither boolean nor hash."""
    for parameter in parameters(spec):
        choices = parameter.raw.get("choices")
        if parameter.io_class is None or not isinstance(choices, list):
            continue
        path = (*parameter.path, "choices")
        item = parse_class(parameter.io_class).item
        if item in ("boolean", "hash"):
            message = f"a parameter of class {parameter.io_class} cannot have choices"
            yield Violation(path, message, "Remove choices.", fix=KeyFix(path))
        for index, choice in enumerate(choices):
            wrong = mismatch(item, choice_value(choice))
            if wrong:
                yield Violation((*path, index), f"the choice is invalid: {wrong}")


@IO_RULES.rule("error")
def io_default_choice(spec: dict[str, Any]) -> Iterator[Violation]:
    """If an input has choices, its default is one of them."""
    for parameter in parameters(spec, "inputSpec"):
        choices = parameter.raw.get("choices")
        default = parameter.raw.get("default")
        if default is None or not isinstance(choices, list) or not choices:
            continue
        allowed = [choice_value(choice) for choice in choices]
        for value in flatten(default):
            is_resolved_later = parse_reference(value) or parse_field_link(value)
            if not is_resolved_later and value not in allowed:
                message = (
                    f"the default of {parameter.name!r} is not one of its choices: {describe_value(value)}"
                )
                yield Violation((*parameter.path, "default"), message)


@IO_RULES.rule("warning")
def io_suggestions(spec: dict[str, Any]) -> Iterator[Violation]:
    """Suggestions are values of the input's class, or for data objects `{name, project, path}`."""
    for parameter in parameters(spec, "inputSpec"):
        suggestions = parameter.raw.get("suggestions")
        if parameter.io_class is None or not isinstance(suggestions, list):
            continue
        io_class = parse_class(parameter.io_class)
        for index, suggestion in enumerate(suggestions):
            is_place = isinstance(suggestion, dict) and "project" in suggestion
            wrong = mismatch(io_class.item, choice_value(suggestion))
            if wrong and not (is_place and io_class.is_data_object):
                path = (*parameter.path, "suggestions", index)
                yield Violation(path, f"the suggestion is invalid: {wrong}")


@IO_RULES.rule("warning")
def io_data_object_keys(spec: dict[str, Any]) -> Iterator[Violation]:
    """Only parameters for data objects have `patterns` or `type`, which have no effect on others."""
    for parameter in parameters(spec):
        if parameter.io_class is None or parse_class(parameter.io_class).is_data_object:
            continue
        for key in ("patterns", "type"):
            if key in parameter.raw:
                message = f"{key} has no effect on a parameter of class {parameter.io_class}"
                place = (*parameter.path, key)
                yield Violation(place, message, "Remove it.", fix=KeyFix(place))


@IO_RULES.rule("warning")
def output_keys(spec: dict[str, Any]) -> Iterator[Violation]:
    """No output has `default`, `choices` or `suggestions`, which are only for inputs."""
    for parameter in parameters(spec, "outputSpec"):
        for key in ("default", "choices", "suggestions"):
            if key in parameter.raw:
                place = (*parameter.path, key)
                message = f"{key} has no effect on an output"
                yield Violation(place, message, "Remove it.", fix=KeyFix(place))


def choice_value(choice: Any) -> Any:
    """Return the value of a choice or suggestion, which may be a hash `{name, value}`."""
    if isinstance(choice, dict) and "value" in choice and not is_link(choice):
        return choice["value"]
    return choice
