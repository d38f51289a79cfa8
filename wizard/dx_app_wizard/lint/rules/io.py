"""Lint rules about inputSpec and outputSpec; misshapen parts are the schema's to report."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from dx_app_wizard.dxapp.classes import UnknownClassError, describe_value, flatten, mismatch, parse_class
from dx_app_wizard.dxapp.field_links import default_problem, parse_field_link
from dx_app_wizard.dxapp.links import is_link, parse_reference
from dx_app_wizard.dxapp.names import parameter_name_problem
from dx_app_wizard.lint.findings import Fault, Fix, KeyFix, Rules

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dx_app_wizard.dxapp.json_document import JsonPath

IO_RULES: Rules[dict[str, Any], Fault] = Rules()
"""Rules over the raw hash of a dxapp.json."""


DATA_OBJECTS = frozenset({"file", "record", "applet", "workflow", "database", "dbcluster"})
"""The classes whose values are data objects of a project."""


class Parameter(NamedTuple):
    """A parameter as it stands in the spec, and the way to it."""

    path: JsonPath
    raw: dict[str, Any]

    @property
    def name(self) -> str:
        """The name, or the position where there is none."""
        return str(self.raw.get("name", f"#{self.path[-1]}"))

    @property
    def io_class(self) -> str | None:
        """The class, None where it is missing or unknown."""
        name = self.raw.get("class")
        try:
            return parse_class(name).name if isinstance(name, str) else None
        except UnknownClassError:
            return None


def language_of(spec: dict[str, Any]) -> str | None:
    """Return `python` or `bash`, by runSpec.interpreter, or None."""
    run_spec = spec.get("runSpec")
    interpreter = run_spec.get("interpreter") if isinstance(run_spec, dict) else None
    return {"python3": "python", "python2.7": "python", "bash": "bash"}.get(str(interpreter))


def parameters(spec: dict[str, Any], *keys: str) -> Iterator[Parameter]:
    """Yield the parameters under the given keys, both inputSpec and outputSpec by default."""
    for key in keys or ("inputSpec", "outputSpec"):
        fields = spec.get(key)
        for index, field in enumerate(fields if isinstance(fields, list) else []):
            if isinstance(field, dict):
                yield Parameter((key, index), field)


@IO_RULES.rule("error")
def io_class(spec: dict[str, Any]) -> Iterator[Fault]:
    """Every parameter has a class that DNAnexus knows.

    They are int, float, string, boolean, hash, file, record, applet, workflow, database, dbcluster, and
    array:CLASS.
    """
    for parameter in parameters(spec):
        if "class" not in parameter.raw:
            yield Fault(parameter.path, f"parameter {parameter.name!r} has no class", 'Add "class".')
        elif isinstance(parameter.raw["class"], str):
            try:
                parse_class(parameter.raw["class"])
            except UnknownClassError as error:
                path = (*parameter.path, "class")
                same = error.suggestion == "".join(error.name.split()).lower()
                fix = Fix(path, error.suggestion) if same else None
                yield Fault(path, error.message, error.hint, fix=fix)


@IO_RULES.rule("error")
def io_name(spec: dict[str, Any]) -> Iterator[Fault]:
    """Every parameter has a name, and it matches the platform's pattern."""
    for parameter in parameters(spec):
        name = parameter.raw.get("name")
        if name is None:
            yield Fault(parameter.path, "the parameter has no name", 'Add "name".')
        elif isinstance(name, str) and (problem := parameter_name_problem(name)):
            yield Fault((*parameter.path, "name"), f"{name!r} {problem}")


@IO_RULES.rule("error")
def io_name_unique(spec: dict[str, Any]) -> Iterator[Fault]:
    """No two inputs have the same name, and no two outputs."""
    for key in ("inputSpec", "outputSpec"):
        seen: set[str] = set()
        for parameter in parameters(spec, key):
            name = parameter.raw.get("name")
            if isinstance(name, str) and name in seen:
                yield Fault(
                    (*parameter.path, "name"), f"the name {name!r} is used twice", "Rename one of the two."
                )
            seen.add(str(name))


@IO_RULES.rule("error")
def reserved_name(spec: dict[str, Any]) -> Iterator[Fault]:
    """No input has a name that breaks the app.

    In a Python app these are keywords and `dxpy`; in a bash app, where inputs become variables, those that
    bash, the job's environment or the programs of a worker use, such as
    `http_proxy`, `GZIP` or `PYTHONUTF8`.
    """
    language = language_of(spec)
    for parameter in parameters(spec, "inputSpec"):
        name = parameter.raw.get("name")
        if not isinstance(name, str) or parameter_name_problem(name):
            continue
        problem = parameter_name_problem(name, language)
        if problem:
            yield Fault((*parameter.path, "name"), f"{name!r} {problem}", "Choose another name.")


@IO_RULES.rule("error")
def io_default(spec: dict[str, Any]) -> Iterator[Fault]:
    """Every default is a value of its input's class, or a link to another input of a class that fits.

    Such a link is resolved when a job starts: `{"$dnanexus_link": {"input": "reads", "metadata": "name"}}`.
    """
    inputs = [parameter.raw for parameter in parameters(spec, "inputSpec")]
    for parameter in parameters(spec, "inputSpec"):
        wrong = default_problem(inputs, parameter.raw) if parameter.io_class else None
        if wrong:
            message = f"the default of {parameter.name!r} does not fit: {wrong}"
            yield Fault((*parameter.path, "default"), message)


@IO_RULES.rule("error")
def io_choices(spec: dict[str, Any]) -> Iterator[Fault]:
    """Choices are values of the parameter's class, whose class is neither boolean nor hash."""
    for parameter in parameters(spec):
        choices = parameter.raw.get("choices")
        if parameter.io_class is None or not isinstance(choices, list):
            continue
        path = (*parameter.path, "choices")
        item = parse_class(parameter.io_class).item
        if item in ("boolean", "hash"):
            message = f"a parameter of class {parameter.io_class} cannot have choices"
            yield Fault(path, message, "Remove choices.", fix=KeyFix(path))
        for index, choice in enumerate(choices):
            wrong = mismatch(item, choice_value(choice))
            if wrong:
                yield Fault((*path, index), f"the choice does not fit: {wrong}")


@IO_RULES.rule("error")
def io_default_choice(spec: dict[str, Any]) -> Iterator[Fault]:
    """Every default is one of the choices, where there are choices."""
    for parameter in parameters(spec, "inputSpec"):
        choices = parameter.raw.get("choices")
        default = parameter.raw.get("default")
        if default is None or not isinstance(choices, list) or not choices:
            continue
        allowed = [choice_value(choice) for choice in choices]
        for value in flatten(default):
            is_resolved_later = parse_reference(value) or parse_field_link(value)
            if not is_resolved_later and value not in allowed:
                message = f"the default of {parameter.name!r} is none of its choices: {describe_value(value)}"
                yield Fault((*parameter.path, "default"), message)


@IO_RULES.rule("warning")
def io_suggestions(spec: dict[str, Any]) -> Iterator[Fault]:
    """Suggestions are values of the input's class, or for data objects places: `{name, project, path}`."""
    for parameter in parameters(spec, "inputSpec"):
        suggestions = parameter.raw.get("suggestions")
        if parameter.io_class is None or not isinstance(suggestions, list):
            continue
        item = parse_class(parameter.io_class).item
        for index, suggestion in enumerate(suggestions):
            is_place = isinstance(suggestion, dict) and "project" in suggestion
            wrong = mismatch(item, choice_value(suggestion))
            if wrong and not (is_place and item in DATA_OBJECTS):
                path = (*parameter.path, "suggestions", index)
                yield Fault(path, f"the suggestion does not fit: {wrong}")


@IO_RULES.rule("warning")
def io_data_object_keys(spec: dict[str, Any]) -> Iterator[Fault]:
    """Only parameters that take data objects have `patterns` or `type`; with others they have no effect."""
    for parameter in parameters(spec):
        if parameter.io_class is None or parse_class(parameter.io_class).item in DATA_OBJECTS:
            continue
        for key in ("patterns", "type"):
            if key in parameter.raw:
                message = f"{key} has no effect on a parameter of class {parameter.io_class}"
                place = (*parameter.path, key)
                yield Fault(place, message, "Remove it.", fix=KeyFix(place))


@IO_RULES.rule("warning")
def output_keys(spec: dict[str, Any]) -> Iterator[Fault]:
    """No output has `default`, `choices` or `suggestions`, which only inputs have."""
    for parameter in parameters(spec, "outputSpec"):
        for key in ("default", "choices", "suggestions"):
            if key in parameter.raw:
                place = (*parameter.path, key)
                message = f"{key} has no effect on an output"
                yield Fault(place, message, "Remove it.", fix=KeyFix(place))


def choice_value(choice: Any) -> Any:
    """Return the value of a choice or suggestion, which may be given as `{name, value}`."""
    if isinstance(choice, dict) and "value" in choice and not is_link(choice):
        return choice["value"]
    return choice
