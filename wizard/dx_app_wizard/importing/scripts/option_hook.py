"""Print the options of a Python script as JSON, by running it as far as it parses its arguments.

This file runs under the interpreter of the script, in a process of its own: `python option_hook.py SCRIPT`.
It needs only the standard library; click and typer only if the script imports them. Everything after the
last `##options ` on stdout is the result.
"""

from __future__ import annotations

import argparse
import enum
import importlib
import json
import os
import pathlib
import runpy
import sys
import typing
from typing import Any, NoReturn

MARK = "##options "
KINDS = {"int": "int", "float": "float", "str": "string", "Path": "path", "FileType": "file"}
CLICK_KINDS = {
    "IntParamType": "int",
    "IntRange": "int",
    "FloatParamType": "float",
    "FloatRange": "float",
    "BoolParamType": "boolean",
    "File": "file",
    "Path": "path",
}


def emit(options: list[dict[str, Any]], description: str | None) -> NoReturn:
    """Print the options, and end the process."""
    result = {"options": options, "description": (description or "").strip()}
    sys.stdout.flush()
    os.write(1, ("\n" + MARK + json.dumps(result, default=str) + "\n").encode())
    os._exit(0)


def argparse_option(action: Any) -> dict[str, Any]:
    """Return an action of argparse as plain data."""
    kind = type(action).__name__
    declared = action.type
    name = getattr(declared, "__name__", type(declared).__name__ if declared else "")
    many = action.nargs in ("*", "+") or (isinstance(action.nargs, int) and action.nargs > 1)
    option = {
        "name": action.dest,
        "flag": max(action.option_strings, key=len, default=""),
        "required": bool(action.required) if action.option_strings else action.nargs not in ("?", "*"),
        "many": many,
        "repeats": kind in ("_AppendAction", "_ExtendAction") and not many,
        "choices": list(action.choices) if action.choices else [],
        "help": "" if action.help in (None, argparse.SUPPRESS) else str(action.help),
        "default": None if action.default is argparse.SUPPRESS else action.default,
        "kind": KINDS.get(name, "other") if declared else "string",
    }
    if name == "FileType":
        mode = getattr(declared, "_mode", "r")
        option["kind"] = "output" if any(letter in mode for letter in "wax") else "file"
        option["default"] = None
    if kind in ("_StoreTrueAction", "_StoreFalseAction", "BooleanOptionalAction"):
        option["kind"] = "boolean"
        option["default"] = False
        if kind == "BooleanOptionalAction":
            option["flag"] = action.option_strings[0]
    if kind in ("_CountAction", "_StoreConstAction", "_AppendConstAction"):
        option["kind"] = "skip"
    return option


def hook_argparse() -> None:
    """Replace parse_args() of argparse."""

    def parse(self: Any, *_args: Any, **_kwargs: Any) -> NoReturn:
        subcommands = [action for action in self._actions if type(action).__name__ == "_SubParsersAction"]
        if subcommands:
            names = list(subcommands[0].choices)
            emit([{"kind": "subcommands", "name": "", "choices": names}], self.description)
        skipped = ("_HelpAction", "_VersionAction")
        actions = [action for action in self._actions if type(action).__name__ not in skipped]
        emit([argparse_option(action) for action in actions], self.description)

    for name in ("parse_args", "parse_known_args", "parse_intermixed_args"):
        setattr(argparse.ArgumentParser, name, parse)


def click_option(parameter: Any) -> dict[str, Any]:
    """Return a parameter of click, or of typer, as plain data."""
    kind, choices = click_kind(parameter)
    default = parameter.default
    if callable(default) or type(default).__name__ in ("Sentinel", "UnsetType", "_Unset"):
        default = None
    if getattr(parameter, "is_flag", False):
        kind, default = "boolean", bool(default)
    flags = [flag for flag in parameter.opts if flag.startswith("-")]
    return {
        "name": parameter.name,
        "flag": max(flags, key=len, default="") if hasattr(parameter, "prompt") else "",
        "required": bool(parameter.required),
        "many": parameter.nargs == -1 or parameter.nargs > 1,
        "repeats": bool(parameter.multiple),
        "choices": choices,
        "help": getattr(parameter, "help", None) or "",
        "default": None if kind in ("file", "output", "path") else getattr(default, "value", default),
        "kind": "skip" if getattr(parameter, "count", False) else kind,
    }


def click_kind(parameter: Any) -> tuple[str, list[str]]:
    """Return the kind of a parameter, and its choices."""
    descriptor = getattr(parameter, "type_descriptor", None)
    if descriptor is not None:
        return typer_kind(descriptor)
    declared = parameter.type
    kind = CLICK_KINDS.get(type(declared).__name__, "string")
    if kind == "file" and any(letter in declared.mode for letter in "wax"):
        kind = "output"
    if kind == "path" and getattr(declared, "exists", False):
        kind = "file"
    return kind, [str(getattr(item, "value", item)) for item in getattr(declared, "choices", ())]


def typer_kind(descriptor: Any) -> tuple[str, list[str]]:
    """Return the kind of a parameter of recent versions of typer, which have no types of click."""
    annotation = descriptor.annotation
    inner = [item for item in typing.get_args(annotation) if item is not type(None)]
    annotation = inner[0] if inner else annotation
    name = getattr(annotation, "__name__", "")
    if isinstance(annotation, type) and issubclass(annotation, enum.Enum):
        return "string", [str(item.value) for item in annotation]
    if name.startswith("File"):
        return ("output" if "Write" in name else "file"), []
    kind = {"int": "int", "float": "float", "bool": "boolean", "Path": "path"}.get(name, "string")
    info = descriptor.parameter_info
    return ("file" if kind == "path" and getattr(info, "exists", False) else kind), []


def hook_click(name: str) -> None:
    """Replace the start of commands of click, or of a package with the same classes; skip it if absent."""
    try:
        core = importlib.import_module(name)
    except ImportError:
        return

    def main(self: Any, *_args: Any, **_kwargs: Any) -> NoReturn:
        if getattr(self, "commands", None):
            emit([{"kind": "subcommands", "name": "", "choices": list(self.commands)}], self.help)
        own = ("install_completion", "show_completion")
        shown = [item for item in self.params if item.expose_value and item.name not in own]
        emit([click_option(item) for item in shown if not item.is_eager], self.help)

    for attribute in ("BaseCommand", "Command", "MultiCommand", "Group", "TyperCommand", "TyperGroup"):
        owner = vars(core).get(attribute)
        if owner is not None:
            owner.main = main


def main() -> None:
    """Run the script in argv with the hooks in place."""
    path = pathlib.Path(sys.argv[1]).resolve()
    script = str(path)
    text = path.read_text(encoding="utf-8", errors="replace")
    hook_argparse()
    if "click" in text or "typer" in text:
        for name in ("click.core", "typer.core"):
            hook_click(name)
    sys.argv = [script]
    sys.path.insert(0, str(path.parent))
    runpy.run_path(script, run_name="__main__")


if __name__ == "__main__":
    main()
