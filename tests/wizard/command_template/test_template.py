"""Command templates: the holes, the text that is none, and every problem with its column."""

from __future__ import annotations

import pytest

from dx_app_wizard.command_template.holes import parse_hole
from dx_app_wizard.command_template.shell_text import escaped_holes
from dx_app_wizard.command_template.template import TemplateProblemsError, parse_template


@pytest.mark.parametrize(
    ("text", "declaration"),
    [
        ("{reads}", {"name": "reads", "class": "file"}),
        ("{bam:file:*.bam}", {"name": "bam", "class": "file", "patterns": ["*.bam"]}),
        ("{fa:file:*.fa,*.fasta}", {"name": "fa", "class": "file", "patterns": ["*.fa", "*.fasta"]}),
        ("{k:int=31}", {"name": "k", "class": "int", "default": 31}),
        ("{x:float?}", {"name": "x", "class": "float", "optional": True}),
        ("{tag:string?|-t }", {"name": "tag", "class": "string", "optional": True}),
        ("{keep:boolean=false|--keep}", {"name": "keep", "class": "boolean", "default": False}),
        ("{bams:array:file|-I }", {"name": "bams", "class": "array:file"}),
    ],
)
def test_a_hole_declares_a_parameter_and_is_its_own_text(text: str, declaration: dict[str, object]) -> None:
    template = parse_template(f"tool {text} > {{>out_file:file:*.txt}}")
    assert template.input_declarations() == [declaration]
    assert str(template.holes[str(declaration["name"])]) == text
    assert parse_hole(text, 1) == template.holes[str(declaration["name"])]


@pytest.mark.parametrize(
    "text",
    [
        "awk '{s+=$2} END{print $1}' {a} > {>b}",
        "echo ${x} ${a} > {>b}; cat {a}",
        "echo {1,2} x{a,b} {1..3} {a} > {>b}",
        "cat {a} | awk '{{print}}' > {>b}",
        "cat {a} > {>b} # it's a comment with {c}",
        "awk '{ if (x) {y} }' {a} > {>b}".replace("{y}", "{ y }"),
    ],
)
def test_only_text_of_the_form_of_a_hole_is_one(text: str) -> None:
    template = parse_template(text)
    assert [hole.name for hole in template.inputs] == ["a"]
    assert [hole.name for hole in template.outputs] == ["b"]


@pytest.mark.parametrize(
    ("text", "column", "message"),
    [
        ("cat '{a}' > {>b}", 6, "in single quotes"),
        ("cat {in} > {>b}", 5, "the name 'in' is reserved"),
        ("cat {PATH} > {>b}", 5, "PATH"),
        ("cat {a:flie} > {>b}", 5, "got 'flie'"),
        ("cat {a:int=x} > {>b}", 5, "x"),
        ("cat {a:file=x} > {>b}", 5, "has no default"),
        ("cat {>a:int}", 5, "an output is a file"),
        ("cat {a:file:*.x} {a:int} > {>b}", 18, "have the same name and differ"),
        ("cat {a} > {>a}", 5, "both an input and an output"),
        ('cat "{a:array:file}" > {>b}', 6, "in double quotes"),
        ("cat {a} > {>b} <<E", 16, "here document"),
        ("cat 'x > {>b}", 5, "not closed"),
        ("cat {cpus:int} > {>b}", 5, "size of the worker"),
        ("cat {a+bai} {a_index:int} > {>b}", 5, "a_index is taken"),
        ("", 1, "empty"),
        ("cat {a} > {>b} &", 16, "in the background"),
        ("case {a} in x) cat {a} > {>b};; esac", 1, "`case` cannot be part"),
        ("f() { cat {a}; }; f > {>b}", 1, "the function `f` cannot be part"),
        ("cat {a}; function f { cat {a}; }; f > {>b}", 10, "`function` cannot be part"),
        ("select x in {a}; do cat $x; done > {>b}", 1, "`select` cannot be part"),
        ("echo $(cat {a} > {>b}", 6, "a parenthesis is not closed"),
        ("echo `cat {a} > {>b}", 6, "a backtick is not closed"),
        ("echo `cat \\`date\\`` {a} > {>b}", 11, "within backticks is not read"),
        ("cat {a} {a_path} > {>b}", 5, "a_path is a variable of the input a"),
    ],
)
def test_a_problem_has_its_column(text: str, column: int, message: str) -> None:
    with pytest.raises(TemplateProblemsError) as raised:
        parse_template(text)
    assert any(error.column == column and message in error.message for error in raised.value.errors)


@pytest.mark.parametrize(
    ("text", "programs"),
    [
        ("echo $(sort t | head -n 1) x > o", ["echo", "sort", "head"]),
        ('x=$(sort t); tool "$(head -n 1 "$x")"', ["sort", "tool", "head"]),
        ("echo `sort t`", ["echo", "sort"]),
        ("tool $(a $(b c) d) $((1 + (2 * n))) e", ["tool", "a", "b"]),
        ("cat <(sort t) t", ["cat", "sort"]),
        ("for ((i = 0; i < 2; i++)); do cat t; done", ["for", "do", "cat", "done"]),
        ("echo '$(sort t)' \\$\\(x", ["echo"]),
    ],
)
def test_the_programs_of_a_command_are_found_in_substitutions(text: str, programs: list[str]) -> None:
    commands = [name for name in parse_template(text).commands() if "=" not in name]
    assert commands == programs


def test_all_problems_are_found_at_once() -> None:
    with pytest.raises(TemplateProblemsError) as raised:
        parse_template("cat {in} '{x}' {a:flie} > {>b}")
    assert [error.column for error in raised.value.errors] == [5, 11, 16]


@pytest.mark.parametrize(
    "text", ["awk '{print}' x", "echo {x} {{x}} ${x} {y:file:*.z}", r"a \{x} '\{x}'", "plain"]
)
def test_escaped_text_has_no_holes_and_keeps_its_words(text: str) -> None:
    template = parse_template(escaped_holes(text))
    assert template.holes == {}
    assert "".join(piece.raw for piece in template.pieces).replace("{{x}}", "{x}") == text.replace(
        "{{x}}", "{x}"
    )


def test_an_index_is_an_optional_input_after_its_file() -> None:
    template = parse_template("samtools view {bam+bai:file:*.bam} chr1 > {>part:file:*.sam}")
    assert template.input_declarations()[1] == {
        "name": "bam_index",
        "class": "file",
        "optional": True,
        "patterns": ["*.bai"],
        "help": "Index of bam; made by samtools if absent",
    }
