"""The JSON Schema and the reference page of answers files, generated from the questions.

`python -m dx_app_wizard.answers.files.answers_schema FOLDER` writes answers.schema.json and answers.md.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from dx_app_wizard.answers.files.answers_file import JSON_FILE_KEY
from dx_app_wizard.answers.questions import QUESTIONS, Question
from dx_app_wizard.answers.value_schemas import (
    CI_NEEDS_PACKAGE,
    COMMAND_IS_BASH,
    SCATTER_NEEDS_JOBS,
    instance_types_by_region,
    parameter_definitions,
)
from dx_app_wizard.dxapp import json_document
from dx_app_wizard.dxapp.shape import schema as dxapp_schema
from dx_app_wizard.files import atomic_write

_TITLE = "Answers for dx-app-wizard"
_ABOUT = (
    "One key per question of dx-app-wizard. A file may omit questions that flags, a given dxapp.json, the"
    " environment or a policy answer. null means no answer."
)


_JSON_FILE = {
    "description": (
        "The dxapp.json to start from, as with --json-file: the hash, or an array of its lines, which keeps"
        " its layout."
    ),
    "anyOf": [{"type": "object"}, {"type": "array", "items": {"type": "string"}}],
}


def answers_schema() -> dict[str, Any]:
    """Return the JSON Schema (2020-12) of a complete answers file."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": _TITLE,
        "description": _ABOUT,
        "type": "object",
        "required": [question.key for question in QUESTIONS if question.default is None],
        "properties": {
            "$schema": {
                "type": "string",
                "description": "Schema of this file, for editors.",
            },
            **{question.key: _property(question) for question in QUESTIONS},
            JSON_FILE_KEY: _JSON_FILE,
        },
        "additionalProperties": False,
        "allOf": [*instance_types_by_region(), CI_NEEDS_PACKAGE, COMMAND_IS_BASH, SCATTER_NEEDS_JOBS],
        "$defs": _definitions(),
    }


def _property(question: Question) -> dict[str, Any]:
    return {"description": question.text.description, **question.schema, "examples": list(question.examples)}


def _definitions() -> dict[str, Any]:
    shared = dxapp_schema()["$defs"]
    return {**parameter_definitions(shared["parameter"]), "text": shared["text"], "flag": shared["flag"]}


def documentation() -> str:
    """Return the reference page about answers files, in Markdown."""
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
    return f"| `{question.key}` | `{flag}` | {needed} | {question.text.description} | {examples} |"


_PAGE = """# What can an answers file contain?

One key per question of the wizard, from which this page is generated. `dx-app-wizard --answers-schema`
prints the [JSON Schema](answers.schema.json).

`dx-app-wizard --answers FILE` reads JSON, or YAML if the name ends in .yaml or .yml; `-` is standard
input. Every key also has a flag, and `--set KEY=VALUE` sets any of them.

{rows}

If several sources answer a question, the first of these takes precedence: flags and `--set`; the answers
file; a dxapp.json passed with `--json-file`; the environment variable `DX_APP_WIZARD_KEY`, with the key in
upper case; the organisation's policy; the default.

## Parameters

An input or output is a string, `NAME:CLASS`, or an object as in dxapp.json: `name`, `class`, `optional`,
`default`, `label`, `help`, `group`, `choices`, `suggestions`, `patterns`, `type`.

On the command line, `--input` and `--output` accept the string or the object as JSON, and
`--set inputs='[...]'` accepts a JSON array of both. `--set inputs.NAME.FIELD=VALUE` sets one field of one
parameter: `--set inputs.reads.help='Reads as FASTQ'`, `--set 'inputs.reads.patterns=*.fastq, *.fq'`,
`--set inputs.sizes.default='[1, 2]'`. Instead of the name, you can use the position, counted from 0.

## With a dxapp.json

`json_file` contains the dxapp.json to start from, as with `--json-file`: an object, or an array of the file's
lines, which keeps its layout. Questions that it answers need no other answer.

```yaml
template: basic
json_file:
  name: count-reads
  inputSpec: [{{name: reads, class: file}}]
  runSpec: {{interpreter: bash, execDepends: [{{name: samtools}}]}}
```

`dx-app-wizard --json` prints the `answers` that create the same app again, including the given dxapp.json.

## YAML

An unquoted word has the same meaning as in JSON: `true`, `false`, `null` or a number; any other word is a
string. So `no`, `on`, `1.0.0` and dates are strings. Anything that JSON cannot express is rejected with its
line and column: duplicate keys, keys that are not strings, anchors and aliases, tags, several documents.
"""


def main(arguments: list[str]) -> None:
    """Write the schema and the page to a folder, the only argument."""
    folder = Path(arguments[0])
    json_document.write(folder / "answers.schema.json", answers_schema())
    atomic_write(folder / "answers.md", documentation())


if __name__ == "__main__":
    main(sys.argv[1:])
