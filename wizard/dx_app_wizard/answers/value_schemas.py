"""JSON Schemas of answers; each accepts only values that the readers in readers.py accept.

JSON Schema validators disagree on whether `$` in a pattern matches before a final newline. So the schema of
every one-line text excludes line breaks explicitly.
"""

from __future__ import annotations

from typing import Any

from dx_app_wizard.answers.choices import DEFAULT_PATTERN, LANGUAGES, NO_CI, PARALLEL_PATTERNS, PATTERNS
from dx_app_wizard.answers.readers import NO_ACCESS, PACKAGE, PROJECT_ACCESS_LEVELS, REQUIREMENT
from dx_app_wizard.dxapp.classes import CLASSES
from dx_app_wizard.dxapp.instances import clouds, instance_types, known_regions
from dx_app_wizard.scatter.scatter import KINDS, SIZED

Schema = dict[str, Any]


def line(pattern: str | None = None, **more: Any) -> Schema:
    """Return the schema of a text of one line."""
    schema: Schema = {"type": "string", "not": {"pattern": "[\\r\\n\\u0000]"}}
    return {**schema, **({"pattern": f"^(?:{pattern})$"} if pattern else {}), **more}


NAME = line("[a-zA-Z0-9_][a-zA-Z0-9._-]{0,199}")
VERSION = line(
    r"(?:0|[1-9][0-9]*)\.(?:0|[1-9][0-9]*)\.(?:0|[1-9][0-9]*)"
    r"(?:-[-0-9A-Za-z]+(?:\.[-0-9A-Za-z]+)*)?(?:\+[-0-9A-Za-z]+(?:\.[-0-9A-Za-z]+)*)?"
)
LANGUAGE: Schema = {"enum": list(LANGUAGES)}
PATTERN: Schema = {"enum": list(PATTERNS)}
_INPUT = "[a-zA-Z_][0-9a-zA-Z_]*"
_UNSIZED = "|".join(kind for kind in KINDS if kind not in SIZED)
SCATTER = line(
    rf"{_INPUT}(?:\+{_INPUT})*(?::(?:{_UNSIZED})|:(?:{'|'.join(SIZED)})(?:=0*[1-9][0-9]{{0,8}})?)?"
)
NETWORK: Schema = {
    "anyOf": [{"type": "boolean"}, {"enum": ["yes", "no"]}, {"type": "array", "items": {"type": "string"}}]
}
PROJECT_ACCESS: Schema = {"enum": [*PROJECT_ACCESS_LEVELS, NO_ACCESS]}
REQUIREMENT_LINE = line(REQUIREMENT)
COMMAND: Schema = {"type": "string", "minLength": 1, "pattern": "\\S"}
PACKAGES: Schema = {"type": "array", "items": line(PACKAGE)}
REGION = line(rf"(?:{'|'.join(clouds())}):.+")

_DAYS = "0*(?:[1-9]|[12][0-9]|30) *[dD]"
_HOURS = "0*(?:[1-9][0-9]?|[1-6][0-9]{2}|7[01][0-9]|720) *[hH]"
_MINUTES = "0*(?:[1-9][0-9]{0,3}|[1-3][0-9]{4}|4[0-2][0-9]{3}|43[01][0-9]{2}|43200) *[mM]"
_LONGEST = {"days": 30, "hours": 720, "minutes": 43_200}
TIMEOUT: Schema = {
    "anyOf": [
        line(f"{_DAYS}|{_HOURS}|{_MINUTES}", maxLength=10),
        {
            "type": "object",
            "minProperties": 1,
            "properties": {
                unit: {"type": "integer", "minimum": 0, "maximum": most} for unit, most in _LONGEST.items()
            },
            "additionalProperties": False,
        },
    ]
}


COMMAND_IS_BASH: Schema = {
    "if": {"required": ["command"], "properties": {"command": {"type": "string"}}},
    "then": {
        "properties": {"language": {"enum": ["bash", None]}, "template": {"enum": [DEFAULT_PATTERN, None]}}
    },
}
"""A command implies the language and the pattern."""

CI_NEEDS_PACKAGE: Schema = {
    "if": {"required": ["ci"], "properties": {"ci": {"not": {"const": NO_CI}}}},
    "then": {"required": ["ci_package"]},
}
"""Stricter than the wizard, which can often derive the package from its own installation."""

SCATTER_NEEDS_JOBS: Schema = {
    "if": {"required": ["scatter"]},
    "then": {"properties": {"template": {"enum": list(PARALLEL_PATTERNS)}}},
}


def instance_types_by_region() -> list[Schema]:
    """Return schemas that restrict the instance type to the region's cloud; the default cloud is AWS."""
    default = known_regions()[0].partition(":")[0]
    return [
        {
            "if": {
                "properties": {"region": {"pattern": f"^{cloud}:"}},
                **({} if cloud == default else {"required": ["region"]}),
            },
            "then": {"properties": {"instance_type": {"enum": [i.name for i in instance_types(cloud)]}}},
        }
        for cloud in clouds()
    ]


def parameters(kind: str) -> Schema:
    """Return the schema of an array of parameters, as texts or hashes; kind is `input` or `output`."""
    return {
        "type": "array",
        "items": {"anyOf": [{"$ref": f"#/$defs/{kind}Text"}, {"$ref": f"#/$defs/{kind}"}]},
    }


def parameter_definitions(parameter: Schema) -> dict[str, Schema]:
    """Return the definitions that `parameters` references, from the schema of a parameter in dxapp.json."""
    classes = "|".join(CLASSES)
    named = {
        **parameter,
        "description": "A parameter as in dxapp.json.",
        "required": ["name", "class"],
        "additionalProperties": False,
        "properties": {
            **parameter["properties"],
            "default": {"description": "A value of the class."},
            "name": line("[a-zA-Z_][0-9a-zA-Z_]*"),
            "class": {"enum": list(CLASSES)},
        },
    }
    no_value = {"default": False, "choices": False, "suggestions": False}
    return {
        "inputText": line(
            rf"[a-zA-Z_][0-9a-zA-Z_]*:(?:{classes})\??(?:=.*)?",
            description="NAME:CLASS, with ? if optional or =VALUE for a default (of an array, a JSON array).",
            examples=["reads:file", "log:file?", "k:int=31", "sizes:array:int=[1, 2]"],
        ),
        "outputText": line(
            rf"[a-zA-Z_][0-9a-zA-Z_]*:(?:{classes})\??",
            description="NAME:CLASS, with ? for optional.",
            examples=["report:file", "counts:array:int?"],
        ),
        "input": named,
        "output": {**named, "properties": {**named["properties"], **no_value}},
    }
