"""The schema of answers files accepts the same values as the wizard."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from dx_app_wizard.answers.answers import gather
from dx_app_wizard.answers.choices import LANGUAGES, PATTERNS
from dx_app_wizard.answers.command_answers import with_command_answers
from dx_app_wizard.answers.files.answers_schema import answers_schema, documentation, main
from dx_app_wizard.answers.questions import QUESTIONS
from dx_app_wizard.answers.sources import AnswerSources, Source
from dx_app_wizard.dxapp.json_document import dumps
from dx_app_wizard.dxapp.names import parameter_name_problem
from dx_app_wizard.errors import AnswersError

Wizard = Callable[..., Any]
REFERENCE = Path(__file__).parents[4] / "docs" / "reference"
SCHEMA = answers_schema()
VALIDATOR = Draft202012Validator(SCHEMA)
PACKAGE = "dx-app-wizard @ git+https://git.example.org/dx-app-wizard@0123abc"
SCATTERED = {
    "template": "parallelized",
    "inputs": ["reads:array:file", "bams:array:file", "bais:array:file", "bam:file"],
}
"""Inputs that fit the examples of a scatter."""
NEEDED = {"name": "count-reads", "language": "bash", "template": "basic"}


def refusal(answers: dict[str, Any]) -> str:
    """Return the wizard's error about answers, empty if it accepts them."""
    try:
        gather(AnswerSources(with_command_answers([Source(answers)])))
    except AnswersError as error:
        return "; ".join(problem.sentence for problem in error.problems)
    return ""


def values(schema: dict[str, Any]) -> st.SearchStrategy[Any]:
    """Generate values that one part of our schema accepts."""
    if "$ref" in schema:
        return values(SCHEMA["$defs"][schema["$ref"].removeprefix("#/$defs/")])
    if "anyOf" in schema:
        return st.one_of([values(part) for part in schema["anyOf"]])
    if "enum" in schema:
        return st.sampled_from(schema["enum"])
    return _of_type(schema)


def _of_type(schema: dict[str, Any]) -> st.SearchStrategy[Any]:
    if schema["type"] == "string":
        texts = st.from_regex(schema["pattern"]) if "pattern" in schema else st.text(max_size=20)
        return texts.filter(Draft202012Validator({**schema, "$defs": SCHEMA["$defs"]}).is_valid)
    if schema["type"] == "array":
        return st.lists(values(schema["items"]), max_size=3)
    if schema["type"] == "object":
        parts = {key: values(part) for key, part in schema["properties"].items() if isinstance(part, dict)}
        required = {key: parts.pop(key) for key in schema.get("required", ())}
        return st.fixed_dictionaries(required, optional=parts).filter(
            Draft202012Validator({**schema, "$defs": SCHEMA["$defs"]}).is_valid
        )
    return {"boolean": st.booleans(), "integer": st.integers(schema.get("minimum"), schema.get("maximum"))}[
        schema["type"]
    ]


SIMPLE = {question.key: SCHEMA["properties"][question.key] for question in QUESTIONS}
for part in ("inputs", "outputs", "instance_type", "scatter", "command", "packages"):
    del SIMPLE[part]


@given(
    st.fixed_dictionaries(
        {key: values(SIMPLE.pop(key)) for key in NEEDED},
        optional={key: values(schema) for key, schema in SIMPLE.items()},
    )
)
def test_what_the_schema_accepts_the_wizard_takes(answers: dict[str, Any]) -> None:
    if answers.get("ci", "none") != "none":
        answers.setdefault("ci_package", PACKAGE)
    assert VALIDATOR.is_valid(answers)
    if isinstance(answers.get("timeout"), dict):  # no schema can add up
        minutes = {"days": 1440, "hours": 60, "minutes": 1}
        assume(0 < sum(minutes[unit] * count for unit, count in answers["timeout"].items()) <= 43_200)
    assert refusal(answers) == ""


@given(st.sampled_from(["input", "output"]), st.data())
def test_a_parameter_that_the_schema_accepts_the_wizard_takes(kind: str, data: st.DataObject) -> None:
    text = data.draw(values({"$ref": f"#/$defs/{kind}Text"}))
    name, _, rest = text.partition(":")
    assume(parameter_name_problem(name, "bash") is None)
    assume("=" not in rest or rest.startswith("string"))  # a default's class is beyond a schema
    assert refusal({**NEEDED, f"{kind}s": [text]}) == ""


@given(st.sampled_from(["input", "output"]), st.data())
def test_a_hash_that_the_schema_accepts_the_wizard_takes(kind: str, data: st.DataObject) -> None:
    whole = SCHEMA["$defs"][kind]
    free = ("name", "class", "optional", "label", "help", "group")  # the others depend on the class
    parameter = data.draw(values({**whole, "properties": {key: whole["properties"][key] for key in free}}))
    assume(parameter_name_problem(parameter["name"], "bash") is None)
    assert refusal({**NEEDED, f"{kind}s": [parameter]}) == ""


@pytest.mark.parametrize("question", QUESTIONS, ids=lambda question: question.key)
def test_every_question_is_described_with_examples_that_are_taken(question: Any) -> None:
    assert question.text.about
    for example in question.examples:
        region = {"region": f"{cloud}:x"} if (cloud := str(example).partition(":")[0]) == "azure" else {}
        scattered = SCATTERED if question.key == "scatter" else {}
        answers = {**NEEDED, **scattered, **region, "ci_package": PACKAGE, question.key: example}
        assert (refusal(answers), list(VALIDATOR.iter_errors(answers))) == ("", [])


FAULTS: dict[str, dict[str, Any]] = {
    "no name": {"name": None},
    "name with a slash": {"name": "a/b"},
    "name with a newline": {"name": "a\n"},
    "hidden name": {"name": ".git"},
    "long name": {"name": "a" * 201},
    "title of two lines": {"title": "a\nb"},
    "title that is no text": {"title": 7},
    "version": {"version": "1.0"},
    "version as a number": {"version": 1.0},
    "unknown language": {"language": "perl"},
    "unknown template": {"template": "basix"},
    "scatter without process jobs": {"scatter": "reads", "inputs": ["reads:array:file"]},
    "scatter of an unknown kind": {**SCATTERED, "scatter": "reads:chunks"},
    "scatter of no lines": {**SCATTERED, "scatter": "reads:lines=0"},
    "scatter of pairs with a size": {**SCATTERED, "scatter": "reads:pairs=2"},
    "scatter without an input": {**SCATTERED, "scatter": ":pairs"},
    "timeout unit": {"timeout": "3w"},
    "timeout of nothing": {"timeout": "0h"},
    "timeout too long": {"timeout": "31d"},
    "timeout in too many hours": {"timeout": "721h"},
    "timeout in too many minutes": {"timeout": "43201m"},
    "timeout key": {"timeout": {"weeks": 1}},
    "timeout below nothing": {"timeout": {"hours": -1}},
    "timeout in halves": {"timeout": {"hours": 1.5}},
    "timeout without a unit": {"timeout": {}},
    "network": {"network": "maybe"},
    "hosts": {"network": [7]},
    "project access": {"project_access": "ALL"},
    "region of no cloud": {"region": "mars:1"},
    "region without a place": {"region": "aws:"},
    "instance type": {"instance_type": "mem1_ssd1_v2_x5"},
    "instance type of another cloud": {"region": "azure:westus", "instance_type": "mem1_ssd1_v2_x4"},
    "instance type of no default cloud": {"instance_type": "azure:mem1_ssd1_x4"},
    "ci service": {"ci": "jenkins"},
    "ci without a package": {"ci": "github"},
    "package without a version": {"ci": "github", "ci_package": "dx-app-wizard"},
    "package that is an option of pip": {"ci": "github", "ci_package": "--index-url=https://example.org"},
    "unknown key": {"langage": "bash"},
    "inputs that are no array": {"inputs": "reads:file"},
    "input without a class": {"inputs": ["reads"]},
    "input of an unknown class": {"inputs": ["reads:fil"]},
    "input with a bad name": {"inputs": ["9a:int"]},
    "input that is a number": {"inputs": [3]},
    "input hash without a name": {"inputs": [{"class": "int"}]},
    "input hash without a class": {"inputs": [{"name": "x"}]},
    "input hash with a bad class": {"inputs": [{"name": "x", "class": "fil"}]},
    "input hash with a bad name": {"inputs": [{"name": "x-y", "class": "int"}]},
    "optional that is a text": {"inputs": [{"name": "x", "class": "int", "optional": "yes"}]},
    "misspelled field of an input": {"inputs": [{"name": "x", "class": "int", "optinal": True}]},
    "help that is no text": {"inputs": [{"name": "x", "class": "int", "help": 1}]},
    "choices that are no array": {"inputs": [{"name": "x", "class": "int", "choices": 1}]},
    "patterns that are no texts": {"inputs": [{"name": "x", "class": "file", "patterns": [1]}]},
    "output text with a default": {"outputs": ["n:int=3"]},
    "output hash with a default": {"outputs": [{"name": "n", "class": "int", "default": 3}]},
    "output hash with choices": {"outputs": [{"name": "n", "class": "int", "choices": [3]}]},
}


@pytest.mark.parametrize("fault", FAULTS.values(), ids=FAULTS.keys())
def test_a_seeded_fault_is_refused_by_both(fault: dict[str, Any]) -> None:
    answers = {**NEEDED, **fault}
    assert refusal(answers)
    assert not VALIDATOR.is_valid({key: value for key, value in answers.items() if value is not None})


def test_the_schema_is_one() -> None:
    Draft202012Validator.check_schema(SCHEMA)


def test_the_published_schema_and_page_are_up_to_date(tmp_path: Path) -> None:
    main([str(tmp_path)])
    hint = "run: python -m dx_app_wizard.answers.files.answers_schema docs/reference"
    for name, text in {"answers.schema.json": dumps(SCHEMA), "answers.md": documentation()}.items():
        assert (REFERENCE / name).read_text(encoding="utf-8") == text, hint
        assert (tmp_path / name).read_text(encoding="utf-8") == text


def test_the_command_prints_the_schema(wizard: Wizard) -> None:
    outcome = wizard("--answers-schema")
    assert (outcome.code, outcome.json) == (0, SCHEMA)


def test_a_file_may_name_its_schema(wizard: Wizard, tmp_path: Path) -> None:
    (tmp_path / "answers.json").write_text(json.dumps({"$schema": "./answers.schema.json", **NEEDED}))
    assert wizard("--answers", "answers.json", "--no-input").code == 0


@pytest.mark.parametrize(
    "arguments",
    [
        ("--input", "reads:array:file?", "--output", '{"name": "n", "class": "int", "help": "n"}'),
        ("--network", "--project-access", "view", "--ci", "github", "--ci-package", PACKAGE),
        ("--region", "azure:westus", "--timeout", "90m", "--set", 'network=["a.org"]'),
    ],
)
def test_the_answers_in_the_result_give_the_same_folder_again(
    wizard: Wizard, tmp_path: Path, arguments: tuple[str, ...]
) -> None:
    new = ("count-reads", "--language", "bash", "--template", "parallelized")
    result = wizard(*new, *arguments, "-o", "first", "--json").json
    assert list(VALIDATOR.iter_errors(result["answers"])) == []
    (tmp_path / "answers.json").write_text(json.dumps(result["answers"]))
    assert wizard("--answers", "answers.json", "-o", "second", "--json").json["answers"] == result["answers"]
    assert contents(tmp_path / "first") == contents(tmp_path / "second")


RICH: dict[str, Any] = {
    "name": "rich",
    "title": "Rich",
    "version": "2.0.0",
    "details": {"unknown": [1.0, None, "\u00e9"]},
    "inputSpec": [
        {"name": "reads", "class": "array:file", "patterns": ["*.fq"], "x-kept": 1, "help": "Reads"},
        {"name": "genome", "class": "file", "default": {"$dnanexus_link": "file-x"}},
        {"name": "k", "class": "int", "default": 31, "choices": [21, 31]},
    ],
    "outputSpec": [{"name": "report", "class": "file", "patterns": ["*.tsv"]}, {"name": "n", "class": "int"}],
    "runSpec": {
        "timeoutPolicy": {"main": {"hours": 1}, "process": {"minutes": 9}},
        "execDepends": [{"name": "samtools"}, {"name": "pandas", "package_manager": "pip"}],
        "release": "20.04",
    },
    "access": {"network": ["*"], "allProjects": "VIEW"},
}


@pytest.mark.parametrize("pattern", PATTERNS)
@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("indent", [None, 4])
def test_the_answers_hold_the_dxapp_json_that_was_given(
    wizard: Wizard, tmp_path: Path, language: str, pattern: str, indent: int | None
) -> None:
    spec = {
        **RICH,
        "runSpec": {**RICH["runSpec"], "interpreter": {"python": "python3"}.get(language, language)},
    }
    (tmp_path / "given.json").write_text(json.dumps(spec, indent=indent) + "\n\n")
    result = wizard("--json-file", "given.json", "--template", pattern, "-o", "first", "--json").json
    (tmp_path / "given.json").unlink()
    assert list(VALIDATOR.iter_errors(result["answers"])) == []
    (tmp_path / "answers.json").write_text(json.dumps(result["answers"]))
    again = wizard("--answers", "answers.json", "-o", "second", "--json")
    assert (again.code, again.json["answers"]) == (0, result["answers"]), again.stderr
    assert contents(tmp_path / "first") == contents(tmp_path / "second")


def test_answers_may_hold_a_dxapp_json_as_an_object(wizard: Wizard, tmp_path: Path) -> None:
    (tmp_path / "answers.yaml").write_text(
        "template: basic\njson_file:\n  name: x\n  inputSpec: [{name: a, class: int}]\n"
        "  runSpec: {interpreter: bash}\n"
    )
    assert wizard("--answers", "answers.yaml", "--no-input").code == 0
    written = json.loads((tmp_path / "x" / "dxapp.json").read_text(encoding="utf-8"))
    assert written["inputSpec"] == [{"name": "a", "class": "int"}]
    outcome = wizard("--update", "x", "--answers", "answers.yaml", "--timeout", "2h")
    assert (outcome.code, outcome.stdout) == (0, "replace         dxapp.json\n"), outcome.stderr


@pytest.mark.parametrize(
    ("json_file", "place", "message"),
    [
        ('{"inputSpec": [{"name": "x"}]}', "answers.json:2:30", "has no class"),
        ('["{", "\\"name\\": 7}"]', "answers.json (json_file):2:9", "must be a string"),
        ('["{"]', "answers.json (json_file):1:2", "ends too early"),
        ('"dxapp.json"', "answers.json:2:15", "--json-file takes a path"),
        ("[7]", "answers.json:2:15", "must have a hash as in dxapp.json, or its lines"),
    ],
)
def test_what_is_wrong_with_it_is_named_with_its_place(
    wizard: Wizard, tmp_path: Path, json_file: str, place: str, message: str
) -> None:
    text = f'{{"template": "basic", "language": "bash", "name": "x",\n "json_file": {json_file}}}'
    (tmp_path / "answers.json").write_text(text)
    outcome = wizard("--answers", "answers.json", "--no-input")
    assert outcome.code in (2, 3)
    assert f"at {place}" in outcome.stderr
    assert message in outcome.stderr
    assert not (tmp_path / "x").exists()


@pytest.mark.parametrize(
    "spec",
    [
        {"name": "x"},
        {"title": "T", "inputSpec": [{"name": "a", "class": "int"}], "access": {"network": ["a.org"]}},
        {"runSpec": {"systemRequirements": {"*": {"instanceType": "mem1_ssd1_v2_x2"}}}},
        {"regionalOptions": {"aws:eu-west-2": {}, "azure:westus": {}}},
        {"runSpec": {"timeoutPolicy": {"main": {"hours": 1}}, "interpreter": "bash"}},
    ],
)
def test_with_the_same_dxapp_json_they_do_so_too(
    wizard: Wizard, tmp_path: Path, spec: dict[str, Any]
) -> None:
    (tmp_path / "given.json").write_text(json.dumps(spec))
    flags = [word for key in NEEDED if key not in spec for word in ("--set", f"{key}={NEEDED[key]}")]
    result = wizard("--json-file", "given.json", *flags, "-o", "first", "--json").json
    (tmp_path / "answers.json").write_text(json.dumps(result["answers"]))
    again = wizard("--json-file", "given.json", "--answers", "answers.json", "-o", "second", "--json")
    assert again.json["answers"] == result["answers"]
    assert contents(tmp_path / "first") == contents(tmp_path / "second")


def contents(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}
