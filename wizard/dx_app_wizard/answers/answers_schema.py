"""The JSON Schema of an answers file, made from the questions and from the schema of dxapp.json.

`python -m dx_app_wizard.answers.answers_schema FOLDER` writes it as answers.schema.json, and for people as
answers.md.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from dx_app_wizard.answers.answers_file import JSON_FILE_KEY
from dx_app_wizard.answers.questions import QUESTIONS, Question
from dx_app_wizard.answers.value_schemas import (
    CI_NEEDS_PACKAGE,
    instance_types_by_region,
    parameter_definitions,
)
from dx_app_wizard.dxapp import json_document
from dx_app_wizard.lint import linter

_TITLE = "Answers for dx-app-wizard"
_ABOUT = (
    "One key per question of dx-app-wizard. A file may leave out what is answered otherwise: by flags, by a"
    " given dxapp.json, by environment or configuration. null is no answer."
)


_JSON_FILE = {
    "description": (
        "The dxapp.json to start from, instead of --json-file: the hash, or an array of its lines, which also"
        " keeps its layout."
    ),
    "anyOf": [{"type": "object"}, {"type": "array", "items": {"type": "string"}}],
}


def answers_schema() -> dict[str, Any]:
    """Return the schema (2020-12) of an answers file that says all that is needed."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": _TITLE,
        "description": _ABOUT,
        "type": "object",
        "required": [question.key for question in QUESTIONS if question.default is None],
        "properties": {
            "$schema": {"type": "string", "description": "For editors; no answer."},
            **{question.key: _property(question) for question in QUESTIONS},
            JSON_FILE_KEY: _JSON_FILE,
        },
        "additionalProperties": False,
        "allOf": [*instance_types_by_region(), CI_NEEDS_PACKAGE],
        "$defs": _definitions(),
    }


def _property(question: Question) -> dict[str, Any]:
    return {"description": question.about, **question.schema, "examples": list(question.examples)}


def _definitions() -> dict[str, Any]:
    shared = linter.schema()["$defs"]
    return {**parameter_definitions(shared["parameter"]), "text": shared["text"], "flag": shared["flag"]}


def documentation() -> str:
    """Return the page about answers files, in Markdown."""
    rows = [
        "| key | flag | needed | meaning | examples |",
        "|---|---|---|---|---|",
        *(_row(question) for question in QUESTIONS),
    ]
    return _PAGE.format(rows="\n".join(rows))


def _row(question: Question) -> str:
    flag = question.flag if question.flag.startswith("-") else "the argument"
    examples = ", ".join(f"`{json.dumps(example)}`" for example in question.examples)
    needed = "yes" if question.default is None else ""
    return f"| `{question.key}` | `{flag}` | {needed} | {question.about} | {examples} |"


_PAGE = """# Answers files

Generated from the questions of the wizard; `dx-app-wizard --answers-schema` prints the
[JSON Schema](answers.schema.json) of the same.

`dx-app-wizard --answers FILE` takes JSON, or YAML where the name ends in .yaml or .yml; `-` is standard
input. Every key is a flag, too, and `--set KEY=VALUE` answers any of them.

{rows}

Who says something first, wins: flags and `--set`; the answers file; a dxapp.json given with `--json-file`;
the environment, as `DX_APP_WIZARD_KEY` with the key in upper case; the organisation's policy; what holds by
default.

## Parameters

An input or output is a text, `NAME:CLASS`, or an object as it stands in dxapp.json: `name`, `class`,
`optional`, `default`, `label`, `help`, `group`, `choices`, `suggestions`, `patterns`, `type`.

On the command line, `--input` and `--output` take the text or the object's JSON, and
`--set inputs='[...]'` takes a JSON array of both. `--set inputs.NAME.FIELD=VALUE` says one thing of one
parameter: `--set inputs.reads.help='Reads as FASTQ'`, `--set 'inputs.reads.patterns=*.fastq, *.fq'`,
`--set inputs.sizes.default='[1, 2]'`. A number in place of the name counts from 0.

## With a dxapp.json

`json_file` holds the dxapp.json to start from, as `--json-file` would give it: an object, or an array of the
file's lines, which also keeps its layout. What it says needs no answer.

```yaml
template: basic
json_file:
  name: count-reads
  inputSpec: [{{name: reads, class: file}}]
  runSpec: {{interpreter: bash, execDepends: [{{name: samtools}}]}}
```

`dx-app-wizard --json` prints the `answers` that give the same app again, the dxapp.json that was given among
them.

## YAML

A plain word is what it would be in JSON: `true`, `false`, `null`, a number, or else a text. So `no`, `on`,
`1.0.0` and dates are texts. What JSON cannot say is refused, with its place: duplicate keys, keys that are
no texts, anchors and aliases, tags, several documents.
"""


def main(arguments: list[str]) -> None:
    """Write schema and page to the folder that arguments name."""
    folder = Path(arguments[0])
    json_document.write(folder / "answers.schema.json", answers_schema())
    json_document.write_text(folder / "answers.md", documentation())


if __name__ == "__main__":
    main(sys.argv[1:])
