"""Scripts made from command templates, run by real bash with the variables that the platform sets."""

from __future__ import annotations

import json
import subprocess
from typing import TYPE_CHECKING

import pytest

from dx_app_wizard.command_template.script import script, standalone, statements
from dx_app_wizard.command_template.template import parse_template

if TYPE_CHECKING:
    from pathlib import Path

SHOW = "python3 -c 'import json, sys; print(json.dumps(sys.argv[1:]))'"
NASTY = "a b'\"$(touch made) `touch made`; touch made * \\ {x}"


def words(folder: Path, arguments: str, variables: str) -> list[str]:
    """Return the words that a command gets from a template with these arguments."""
    template = parse_template(f"{SHOW} {arguments} > {{>shown:file:*.json}}")
    text = f"{variables}\n{standalone(template)}"
    subprocess.run(["bash", "-c", text], cwd=folder, check=True, capture_output=True)
    (path,) = (folder / "out" / "shown").iterdir()
    assert not (folder / "made").exists()
    found: list[str] = json.loads(path.read_text())
    return found


@pytest.mark.parametrize(
    ("arguments", "variables", "expected"),
    [
        ("{s:string}", "s=$NASTY", [NASTY]),
        ('"x {s:string} y"', "s=$NASTY", [f"x {NASTY} y"]),
        ("--s={s:string}", "s=$NASTY", [f"--s={NASTY}"]),
        ("{s:string?|-t }", "s=$NASTY", ["-t", NASTY]),
        ("{s:string?|-t }", "", []),
        ("{s:string?|--tag=}", "s=$NASTY", [f"--tag={NASTY}"]),
        ("{b:boolean|--keep}", "b=true", ["--keep"]),
        ("{b:boolean|--keep}", "b=false", []),
        ("{b:boolean?|--keep}", "", []),
        ("{f:file?}", "", []),
        ("{f:file}", "f_path=('x y')\nf_prefix=(p)", ["x y"]),
        ("{n:int}", "n=(3)", ["3"]),
        ("{l:array:string}", 'l=(a "$NASTY")', ["a", NASTY]),
        ("{l:array:string?}", "", []),
        ("{l:array:string|-I }", 'l=(a "$NASTY")', ["-I", "a", "-I", NASTY]),
        ("{l:array:string|--x=}", 'l=(a "b c")', ["--x=a", "--x=b c"]),
        ("{l:array:string?|--all ...}", 'l=(a "b c")', ["--all", "a", "b c"]),
        ("{l:array:string?|--all ...}", "", []),
        ("'{{s}}' {s:string}", "s=1", ["{s}", "1"]),
        ("'line 1\nline  2'", "", ["line 1\nline  2"]),
    ],
)
def test_each_value_is_one_word(tmp_path: Path, arguments: str, variables: str, expected: list[str]) -> None:
    quoted = "'" + NASTY.replace("'", "'\\''") + "'"
    assert words(tmp_path, arguments, f"NASTY={quoted}\n{variables}") == expected


def test_a_failure_in_a_list_ends_the_script(tmp_path: Path) -> None:
    text = standalone(parse_template("false && touch a; touch b > {>c}"))
    assert subprocess.run(["bash", "-c", text], cwd=tmp_path, check=False).returncode == 1
    assert not (tmp_path / "b").exists()


@pytest.mark.parametrize(
    ("output", "path"),
    [
        ("{>sorted_bam:file:*.bam}", "out/sorted_bam/$bam_prefix.sorted.bam"),
        ("{>bam2:file:*.bam}", "out/bam2/$bam_prefix.bam2.bam"),
        ("{>bai:file:*.bam.bai}", "out/bai/$bam_prefix.bam.bai"),
        ("{>vcf:file:*.vcf.gz}", "out/vcf/$bam_prefix.vcf.gz"),
        ("{>report}", "out/report/$bam_prefix.report"),
        ("{>pieces:array:file}", "out/pieces"),
        ("{out}", "out/out"),
    ],
)
def test_an_output_is_named_after_the_input_and_itself(output: str, path: str) -> None:
    template = parse_template(f"tool {{ref:file:*.fa}} {{bam:file:*.bam}} {output}")
    assert f'"{path}"' in script(template, "Tool")


@pytest.mark.parametrize(
    "command",
    [
        "samtools sort -@ {cpus} -m {mem_mb}M -o {>sorted_bam:file:*.bam} {bam+bai:file:*.bam}",
        "bwa mem {ref+fai+bwa:file:*.fa} {reads:array:file} | samtools sort -o {>bam:file:*.bam} -",
        "bcftools concat -o {>all:file:*.vcf} {vcfs+tbi:array:file:*.vcf.gz} {tag:string?|-t }",
        "split {t:file:*.tsv} piece_; mv piece_* {>pieces:array:file:piece_*}; wc {t} > {>n:file:*.txt}",
        "tool {l:array:file?|-I } {k:boolean|--keep} {m:array:int?|--m ...} --dir {out} {mem_gb}",
        "sed -i s/a/b/ {t}; cp {t} {>changed}",
        'for f in {t}; do sort "$f" > {>s}; done',
        "for x in chr1; do grep $x {t} > {>s}; done",
        "for f in $(ls {t}); do cat $f; done > {>s}",
        "echo $(sort {t}) `head {t}` > {>s}; n=$(wc -l < {t}); head -n $((n / 2)) {t} > {>h}",
        'cat "$(echo {t})" > {>s}',
        "( sort {t} > /dev/stdout ) > {>s}",
        'echo {{a}} {""{x:string} > {>s}; { cat {t}; } > {>u}',
    ],
)
def test_scripts_are_clean_for_shellcheck(tmp_path: Path, command: str) -> None:
    path = tmp_path / "app.sh"
    path.write_text(script(parse_template(command), "Run a tool"))
    done = subprocess.run(["shellcheck", str(path)], capture_output=True, text=True, check=False)
    assert done.stdout == ""


@pytest.mark.parametrize(
    ("command", "lines"),
    [
        ("sort {t} > {>s} # it's {{t}}", ["# it's {t}", 'sort "$t_path" > "out/s/$t_prefix.s"']),
        ("# one\nsort {t} | # two\n  head > {>s}\n# three",
         ["# one", "# two", 'sort "$t_path" |', '   head > "out/s/$t_prefix.s"', "# three"]),
        ("(sort {t} # left out\n) > {>s}", ['(sort "$t_path"', ') > "out/s/$t_prefix.s"']),
    ],
)  # fmt: skip
def test_comments_stand_before_their_lines(command: str, lines: list[str]) -> None:
    text = standalone(parse_template(command))
    assert [line.rstrip() for line in text.splitlines()[2:]] == lines


def test_flags_and_endings_cannot_bring_code_into_the_script() -> None:
    template = parse_template("sort {k:string?|-k$(a) } {x:file:*.$(b)} > {>y:file:*.$(c)}")
    lines = statements(template)
    assert lines == ['sort ${k:+\'-k$(a)\' "$k"} "$x_path" > "out/y/$x_prefix.y"']
