"""Read the options of scripts in R (optparse) and bash (getopts) from their text."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from dx_app_wizard.importing.scripts.python_run import DeclaredOptions, ScriptError, options_of

if TYPE_CHECKING:
    from pathlib import Path

    from dx_app_wizard.importing.scripts.script_option import ScriptOption

_INPUT = re.compile(r"(?:in|input)(?:[_-]?\w+)?", re.IGNORECASE)
_GETOPTS = re.compile(r"\bgetopts\s+([\"']?)([:A-Za-z0-9]+)\1\s+(\w+)")
_CASE_LABEL = re.compile(r"^\s*\(?([A-Za-z0-9?:|\"'\\*]+)\)\s*(.*)$", re.MULTILINE)
_R_FIELD = re.compile(
    r"(type|default|action|help|dest|metavar)\s*=\s*(\"(?:[^\"\\]|\\.)*\"|'(?:[^'\\]|\\.)*'|[^,()]+)"
)
_R_TYPES = {
    "integer": "int",
    "double": "float",
    "numeric": "float",
    "logical": "boolean",
    "character": "string",
}


def r_options(script: Path) -> DeclaredOptions:
    """Return the options of the calls of make_option() and add_option() in a script for R.

    Raises ScriptError if there are none.
    """
    text = script.read_text(errors="replace")
    found = [_r_option(call) for call in _calls(text, ("make_option", "add_option"))]
    if not found:
        raise ScriptError(
            f"{script.name} has no make_option() of optparse", "Use dx-app-wizard NAME -- COMMAND."
        )
    return DeclaredOptions(_with_required(options_of(found, script)))


def bash_options(script: Path) -> DeclaredOptions:
    """Return the options of getopts in a script for bash; raise ScriptError if there is no getopts.

    An option that the script assigns to a variable gets its name: `o) out=$OPTARG` is `out`. A comment after
    it is its help.
    """
    text = script.read_text(errors="replace")
    match = _GETOPTS.search(text)
    if match is None:
        raise ScriptError(f"{script.name} does not use getopts", "Use dx-app-wizard NAME -- COMMAND.")
    labels = {label.strip("\"'"): body for label, body in _CASE_LABEL.findall(text[match.end() :])}
    found: list[dict[str, Any]] = []
    for letter, colon in re.findall(r"([A-Za-z0-9])(:?)", match[2].lstrip(":")):
        body = labels.get(letter, "")
        assigned = re.search(r"\b([A-Za-z_]\w*)=", body)
        comment = re.search(r"#\s*(.*)$", body)
        name = assigned[1].lower() if assigned else letter
        default = (
            re.search(rf"^\s*(?:local\s+|declare\s+)?{assigned[1]}=([^\s;$`\"']+)", text, re.MULTILINE)
            if assigned
            else None
        )
        found.append(
            {
                "name": name,
                "flag": f"-{letter}",
                "kind": _bash_kind(colon, default[1] if default else ""),
                "required": False,
                "many": False,
                "repeats": False,
                "choices": [],
                "help": comment[1] if comment else "",
                "default": (default[1] if default else None) if colon else False,
            }
        )
    return DeclaredOptions(_with_required(options_of(found, script)))


def _bash_kind(colon: str, default: str) -> str:
    if not colon:
        return "boolean"
    return "int" if re.fullmatch(r"-?[0-9]+", default) else "string"


def _with_required(options: tuple[ScriptOption, ...]) -> tuple[ScriptOption, ...]:
    """Return the options, with `required` for input files by name: these languages cannot declare that."""
    return tuple(
        replace(option, required=True)
        if option.kind == "file" and option.default is None and _INPUT.match(option.name)
        else option
        for option in options
    )


def _r_option(call: str) -> dict[str, Any]:
    flags = re.findall(r"[\"'](-{1,2}[\w.-]+)[\"']", call.partition("=")[0])
    flag = max(flags, key=len, default="")
    fields = {key: value.strip() for key, value in _R_FIELD.findall(call)}
    action = _text(fields.get("action"))
    kind = _R_TYPES.get(_text(fields.get("type")), "string")
    default = _r_value(fields.get("default"))
    if action in ("store_true", "store_false"):
        kind, default = "boolean", False
    elif kind == "string" and isinstance(default, float) and "type" not in fields:
        kind = "float"
    if kind == "int" and isinstance(default, float):
        default = int(default)
    return {
        "name": (_text(fields.get("dest")) or flag.lstrip("-")).replace("-", "_").replace(".", "_"),
        "flag": flag,
        "kind": kind,
        "required": False,
        "many": False,
        "repeats": False,
        "choices": [],
        "help": _text(fields.get("help")).partition("[default")[0].strip(),
        "default": default,
    }


def _r_value(text: str | None) -> Any:
    """Return a constant of R, None for NULL, NA and everything else."""
    if text is None or text in ("NULL", "NA"):
        return None
    if text[:1] in "\"'":
        return _text(text)
    if text in ("TRUE", "FALSE", "T", "F"):
        return text.startswith("T")
    try:
        return float(text.removesuffix("L"))
    except ValueError:
        return None


def _text(value: str | None) -> str:
    return value[1:-1] if value and value[:1] in "\"'" else value or ""


def _calls(text: str, names: tuple[str, ...]) -> list[str]:
    """Return the arguments of all calls of functions with these names, as text."""
    found: list[str] = []
    for match in re.finditer(rf"\b(?:{'|'.join(names)})\s*\(", text):
        depth, at, quote = 1, match.end(), ""
        while at < len(text) and depth:
            char = text[at]
            if quote:
                if char == "\\":
                    at += 1
                elif char == quote:
                    quote = ""
            elif char in "\"'":
                quote = char
            else:
                depth += {"(": 1, ")": -1}.get(char, 0)
            at += 1
        found.append(text[match.end() : at - 1])
    return found
