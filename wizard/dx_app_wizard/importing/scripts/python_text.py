"""Read the options of a Python script from its text, without running it."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING, Any

from dx_app_wizard.importing.scripts.python_run import DeclaredOptions, ScriptError, options_of

if TYPE_CHECKING:
    from pathlib import Path

_KINDS = {"int": "int", "float": "float", "Path": "path", "File": "file", "str": "string", "bool": "boolean"}


def options_by_reading(script: Path) -> DeclaredOptions:
    """Return the options of the calls of argparse and click in the text of a Python script.

    Options that are declared in loops or by other modules are not found. Raises ScriptError if there are
    none, or if the text is no Python.
    """
    try:
        tree = ast.parse(script.read_bytes())
    except (SyntaxError, ValueError) as error:
        raise ScriptError(f"{script.name} is not Python 3: {error}") from None
    found: list[tuple[int, dict[str, Any]]] = []
    description = ""
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call):
            continue
        name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
        if name == "ArgumentParser":
            description = str(_keywords(node).get("description") or "")
        elif name == "add_subparsers":
            found.append((0, {"kind": "subcommands", "name": "", "choices": ["..."]}))
        elif name == "add_argument":
            found.append((node.lineno, _argparse(node)))
        elif name in ("option", "argument") and isinstance(node.func, ast.Attribute):
            found.append((node.lineno, _click(node, is_option=name == "option")))
    ordered = [item for _, item in sorted(found, key=lambda pair: pair[0])]
    if not ordered:
        hint = "Run it to read them, without --no-run."
        raise ScriptError(f"{script.name} declares no options that can be read from its text", hint)
    return DeclaredOptions(options_of(ordered, script), description)


def _keywords(call: ast.Call) -> dict[str, Any]:
    """Return the keyword arguments: constants by value, others as an AST node."""
    found: dict[str, Any] = {}
    for keyword in call.keywords:
        if keyword.arg:
            try:
                found[keyword.arg] = ast.literal_eval(keyword.value)
            except ValueError:
                found[keyword.arg] = keyword.value
    return found


def _names(call: ast.Call) -> list[str]:
    return [
        item.value for item in call.args if isinstance(item, ast.Constant) and isinstance(item.value, str)
    ]


def _argparse(call: ast.Call) -> dict[str, Any]:
    names, keywords = _names(call), _keywords(call)
    flag = max((name for name in names if name.startswith("-")), key=len, default="")
    dest = keywords.get("dest") or (flag or (names or ["value"])[0]).lstrip("-").replace("-", "_")
    action, nargs = keywords.get("action"), keywords.get("nargs")
    kind, default = _kind(keywords.get("type")), _constant(keywords.get("default"))
    if action in ("store_true", "store_false") or isinstance(action, ast.AST):
        kind, default = "boolean", False
    if action in ("count", "store_const", "append_const", "version", "help"):
        kind = "skip"
    many = nargs in ("*", "+") or (isinstance(nargs, int) and nargs > 1)
    return {
        "name": dest,
        "flag": flag,
        "kind": kind,
        "required": bool(keywords.get("required")) if flag else nargs not in ("?", "*"),
        "many": many,
        "repeats": action in ("append", "extend") and not many,
        "choices": _list(keywords.get("choices")),
        "help": str(_constant(keywords.get("help")) or ""),
        "default": default,
    }


def _click(call: ast.Call, *, is_option: bool) -> dict[str, Any]:
    names, keywords = _names(call), _keywords(call)
    flag = max((name.partition("/")[0] for name in names if name.startswith("-")), key=len, default="")
    plain = [name for name in names if not name.startswith("-")]
    dest = (plain or [flag or "value"])[0].lstrip("-").replace("-", "_").lower()
    kind, default = _kind(keywords.get("type")), _constant(keywords.get("default"))
    if keywords.get("is_flag") is True or any("/" in name for name in names):
        kind, default = "boolean", bool(default)
    choices = keywords.get("type")
    return {
        "name": dest,
        "flag": flag if is_option else "",
        "kind": "skip" if keywords.get("count") is True else kind,
        "required": keywords.get("required") is True
        or (not is_option and keywords.get("required") is None and keywords.get("nargs") != -1),
        "many": keywords.get("nargs") == -1,
        "repeats": keywords.get("multiple") is True,
        "choices": _list(choices.args[0])
        if isinstance(choices, ast.Call) and _called(choices) == "Choice" and choices.args
        else [],
        "help": str(_constant(keywords.get("help")) or ""),
        "default": default,
    }


def _kind(declared: Any) -> str:
    """Return the kind of a type: a name, or a call such as `FileType('w')`."""
    if declared is None:
        return "string"
    if isinstance(declared, ast.Call):
        name = _called(declared)
        mode = next((item.value for item in declared.args if isinstance(item, ast.Constant)), "r")
        if name in ("FileType", "File"):
            return "output" if any(letter in str(mode) for letter in "wax") else "file"
        return {"Path": "path", "IntRange": "int", "FloatRange": "float"}.get(name, "string")
    name = declared.attr if isinstance(declared, ast.Attribute) else getattr(declared, "id", "")
    return _KINDS.get(name, "other")


def _called(call: ast.Call) -> str:
    return call.func.attr if isinstance(call.func, ast.Attribute) else str(getattr(call.func, "id", ""))


def _constant(value: Any) -> Any:
    return None if isinstance(value, ast.AST) else value


def _list(value: Any) -> list[Any]:
    if isinstance(value, ast.AST):
        try:
            value = ast.literal_eval(value)
        except ValueError:
            return []
    return list(value) if isinstance(value, (list, tuple, set)) else []
