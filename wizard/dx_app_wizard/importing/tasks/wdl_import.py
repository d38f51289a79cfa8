"""Make an app of a WDL task: its placeholders become the holes of a command. This needs miniwdl."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from dx_app_wizard.command_template.holes import HOLE, Hole, cannot_be_text
from dx_app_wizard.command_template.shell_text import escaped_holes, open_quote
from dx_app_wizard.errors import UserError
from dx_app_wizard.importing.endings import pattern_of
from dx_app_wizard.importing.problems import ImportProblemsError, problem
from dx_app_wizard.installation import install_hint

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from dx_app_wizard.errors import Problem

_CLASSES = {"File": "file", "Int": "int", "Float": "float", "String": "string", "Boolean": "boolean"}
_FLAG = "--from-wdl"
_BY_HAND = "Write the command yourself: --from-command TEMPLATE."


class WdlError(UserError):
    """A WDL file cannot be read, or has no such task."""

    code = "from-wdl"


@dataclass(frozen=True)
class TaskCommand:
    """The command of a task as a template, its inputs as in dxapp.json, and notes for people."""

    text: str
    inputs: tuple[dict[str, Any], ...]
    summary: str
    notes: tuple[str, ...]


def command_of_task(file: Path, task: str | None) -> TaskCommand:
    """Return the command of a task in a WDL file; without a name, of its only task.

    Raises WdlError if miniwdl is missing or rejects the file, and ImportProblemsError with every part of the
    task that a command template cannot express.
    """
    return _Task(_load(file, task)).command()


def _load(file: Path, name: str | None) -> Any:
    if not file.is_file():
        raise WdlError(f"there is no file {file}")
    try:
        import WDL
    except ImportError:
        message = "reading WDL needs miniwdl, which is not installed"
        raise WdlError(message, install_hint("wdl")) from None
    try:
        document = WDL.load(str(file))
    except WDL.Error.MultipleValidationErrors as errors:
        first = errors.exceptions[0]
        raise WdlError(f"{file.name} is not valid WDL: {_at(first.pos)}: {first}") from None
    except (WDL.Error.SyntaxError, WDL.Error.ValidationError, WDL.Error.ImportError) as error:
        raise WdlError(f"{file.name} is not valid WDL: {_at(error.pos)}: {error}") from None
    names = [task.name for task in document.tasks]
    if name is None and len(names) == 1:
        return document.tasks[0]
    if name not in names:
        known = ", ".join(names) or "none"
        message = f"{file.name} has no task {name!r}" if name else f"{file.name} has {len(names)} tasks"
        raise WdlError(f"{message}; its tasks are {known}", f"Name one: {_FLAG} {file}#TASK")
    return document.tasks[names.index(name)]


def _at(position: Any) -> str:
    return f"line {position.line}, column {position.column}"


@dataclass
class _Task:
    """A task, and the problems with it."""

    task: Any
    problems: list[Problem] = field(default_factory=list)
    holes: dict[str, Hole] = field(default_factory=dict)
    variables: dict[str, str] = field(default_factory=dict)
    declared: set[str] = field(default_factory=set)
    # The defaults that a hole cannot have, as they have characters of holes.
    defaults: dict[str, str] = field(default_factory=dict)

    def command(self) -> TaskCommand:
        for binding in self.task.available_inputs:
            self._input(binding)
        before = list(self._private_declarations())
        body = _dedented("".join(self._parts()))
        after, printed = self._outputs()
        if printed:
            body = f"( {body}\n) > {printed}"
        text = "\n".join([*before, body, *after])
        unused = [name for name, hole in self.holes.items() if not re.search(rf"\{{{name}[:+?=|}}]", text)]
        for name in unused:
            # An input that only other parts of the task use must remain an input of the app.
            text = f": {self._use(name, '')}\n{text}"
        if self.problems:
            raise ImportProblemsError(tuple(self.problems))
        meta = {
            key: value for key, value in self.task.parameter_meta.items() if isinstance(value, (str, dict))
        }
        inputs = []
        for name, hole in self.holes.items():
            about = meta.get(name)
            about = about.get("help") or about.get("description") if isinstance(about, dict) else about
            default = {"default": self.defaults[name]} if name in self.defaults else {}
            inputs.append({**hole.declaration(), **default, **({"help": str(about)} if about else {})})
        summary = self.task.meta.get("description")
        return TaskCommand(
            text, tuple(inputs), summary if isinstance(summary, str) else "", tuple(self._notes())
        )

    def _input(self, binding: Any) -> None:
        declaration = binding.value
        found = str(declaration.type).removesuffix("?").removesuffix("+")
        item = found[6:-1].removesuffix("?") if found.startswith("Array[") else found
        if item not in _CLASSES or (item == "Boolean" and found != item):
            self._problem(
                declaration, f"input {binding.name} has type {declaration.type}, for which there is no class"
            )
            return
        io_class = _CLASSES[item] if found == item else f"array:{_CLASSES[item]}"
        default = self._default(declaration, binding.name)
        optional = declaration.type.optional or (declaration.expr is not None and default is None)
        if default is not None and cannot_be_text(default):
            self.defaults[binding.name], default = default, None
        if io_class == "boolean":
            default, optional = default or "false", False
        self.holes[binding.name] = Hole(binding.name, io_class, optional=optional, default=default)

    def _default(self, declaration: Any, name: str) -> str | None:
        expression = declaration.expr
        if expression is None:
            return None
        literal = expression.literal
        if literal is None:
            self._problem(declaration, f"the default of input {name} is an expression: {expression}")
            return None
        value = literal.json
        return (
            None
            if isinstance(value, (list, dict)) or value is None
            else str(value).lower()
            if isinstance(value, bool)
            else str(value)
        )

    def _private_declarations(self) -> Iterator[str]:
        """Yield a line of bash for each declaration between the inputs and the command."""
        for declaration in self.task.postinputs:
            name, expression = declaration.name, declaration.expr
            function = getattr(expression, "function_name", None)
            arguments = getattr(expression, "arguments", [])
            source = getattr(getattr(arguments[0], "expr", None), "name", None) if arguments else None
            suffix = _text_of(arguments[1]) if len(arguments) > 1 else ""
            if function == "basename" and source in self.holes and suffix is not None:
                self.variables[name] = name
                words = f"basename {self._use(source, '')}"
                yield f"{name}=$({words}{f' {_quoted(escaped_holes(suffix))}' if suffix else ''})"
                continue
            text = self._interpolated(expression)
            if text is None:
                self._problem(declaration, f"{name} is an expression: {expression}")
                continue
            self.variables[name] = name
            yield f"{name}={text}"

    def _parts(self) -> Iterator[str]:
        text = ""
        for part in self.task.command.parts:
            if isinstance(part, str):
                added = escaped_holes(part)
            else:
                # A brace right before a hole would escape it; empty quotes keep them apart.
                apart = '""' if text.endswith("{") else ""
                added = apart + self._placeholder(part, open_quote(text))
            text += added
            yield added

    def _placeholder(self, placeholder: Any, quote: str) -> str:
        expression, options = placeholder.expr, placeholder.options
        name = _name_of(expression)
        if quote == "'":
            message = f"{placeholder} is in single quotes, where the shell sees no variable"
            self._problem(placeholder, message, "Put it into double quotes in the task.", "from-quoted")
            return ""
        if "sep" in options and options["sep"] == " " and name in self.holes:
            return self._use(name, quote)
        if {"true", "false"} <= options.keys() and not options["false"] and name in self.holes:
            return self._use(name, quote, options["true"])
        if not options and name is not None:
            return self._use(name, quote)
        found = self._flagged(expression, quote) if not options else None
        if found is None:
            self._problem(placeholder, f"the placeholder {placeholder} is an expression")
            return ""
        return found

    def _flagged(self, expression: Any, quote: str) -> str | None:
        """Return the hole for `"-t " + x`, `if x then "--x" else ""` or `sep(" ", x)`; None for the rest."""
        arguments = getattr(expression, "arguments", [])
        function = str(getattr(expression, "function_name", ""))
        if type(expression).__name__ == "IfThenElse":
            name = _name_of(expression.condition)
            yes, no = _text_of(expression.consequent), _text_of(expression.alternative)
            return self._use(name, quote, yes) if name in self.holes and yes and no == "" else None
        if function == "sep" and _text_of(arguments[0]) == " " and (name := _name_of(arguments[1])):
            return self._use(name, quote)
        if type(expression).__name__ == "Apply" and len(arguments) == 2:
            flag, name = _text_of(arguments[0]), _name_of(arguments[1])
            if "add" in function and flag is not None and name in self.holes:
                return self._use(name, quote, flag)
        return None

    def _use(self, name: str, quote: str, flag: str = "") -> str:
        if name in self.variables:
            return f"${{{name}}}" if quote == '"' else f'"${name}"'
        hole = self.holes.get(name)
        if hole is None:
            return ""
        if name in self.declared and not flag:
            return f"{{{name}}}"
        self.declared.add(name)
        if flag and cannot_be_text(flag):
            message = f"the text {flag!r} before {name} has a character that a hole cannot have"
            self._problem(self.task, message)
        elif flag:
            hole = self.holes[name] = Hole(
                name, hole.io_class, False, hole.patterns, hole.optional, hole.default, flag
            )
        return str(hole)

    def _outputs(self) -> tuple[list[str], str]:
        """Return the lines that move the outputs to their places, and the hole for stdout."""
        lines: list[str] = []
        printed = ""
        for output in self.task.outputs:
            expression = output.expr
            function = str(getattr(expression, "function_name", ""))
            kind = str(output.type).removesuffix("?").removesuffix("+")
            if function == "stdout" and kind == "File":
                printed = str(Hole(output.name, "file", is_output=True, patterns=("*.txt",)))
                continue
            is_array = kind == "Array[File]"
            pattern = _text_of(expression.arguments[0]) if function == "glob" else None
            if is_array and pattern is not None:
                hole = Hole(
                    output.name,
                    "array:file",
                    is_output=True,
                    patterns=() if "/" in pattern or cannot_be_text(pattern) else (pattern,),
                )
                words = escaped_holes(pattern if pattern[:1] not in "*?" else f"./{pattern}")
                lines.append(f"mv {words} {hole}")
                continue
            text = self._interpolated(expression) if kind == "File" else None
            if text is None:
                what = f"output {output.name} ({output.type}) is {expression}"
                message = f"{what}; an app's outputs are files that the command writes"
                self._problem(output, message)
                continue
            hole = Hole(
                output.name,
                "file",
                is_output=True,
                patterns=pattern_of(text.strip('"')),
                optional=output.type.optional,
            )
            lines.append(f"mv {text} {hole}")
        return lines, printed

    def _interpolated(self, expression: Any) -> str | None:
        """Return a string with placeholders for inputs as a word of the shell, None for others."""
        parts = getattr(expression, "parts", None)
        if parts is None:
            return None
        text = ""
        for part in parts[1:-1]:
            if isinstance(part, str):
                if re.search(r"[\"$`\\]", part):
                    return None
                text += escaped_holes(part)
            elif (
                (name := _name_of(part.expr))
                and not part.options
                and (name in self.holes or name in self.variables)
            ):
                text += self._use(name, '"')
            else:
                return None
        return (
            f'"{text}"' if HOLE.search(text) or "$" in text or not re.fullmatch(r"[\w./+-]+", text) else text
        )

    def _notes(self) -> Iterator[str]:
        runtime = self.task.runtime
        image = runtime.get("docker") or runtime.get("container")
        if image is not None:
            yield f"the task runs in {image}; the app installs packages of Ubuntu instead"
        for key in ("cpu", "memory", "disks", "gpu"):
            if key in runtime:
                yield f"runtime {key} is {runtime[key]}: choose --instance-type by it"

    def _problem(self, node: Any, message: str, hint: str = _BY_HAND, code: str = "from-wdl") -> None:
        self.problems.append(problem(code, f"{_at(node.pos)}: {message}", hint, _FLAG))


def _name_of(expression: Any) -> str | None:
    """Return the name in an expression that is only a name, else None."""
    inner = getattr(expression, "expr", None)
    name = getattr(inner, "name", None)
    return name if type(expression).__name__ == "Get" and isinstance(name, str) else None


def _text_of(expression: Any) -> str | None:
    """Return the text of a string without placeholders, None for another expression."""
    parts = getattr(expression, "parts", None)
    if parts is None or not all(isinstance(part, str) for part in parts):
        return None
    return "".join(parts[1:-1])


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "'\\''") + "'"


def _dedented(text: str) -> str:
    """Return a command without its common indentation, and without empty lines around it."""
    lines = text.strip("\n").split("\n")
    margin = min((len(line) - len(line.lstrip(" \t")) for line in lines if line.strip()), default=0)
    return "\n".join(line[margin:].rstrip() if line.strip() else "" for line in lines).strip("\n").rstrip()
