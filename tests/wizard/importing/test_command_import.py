"""Apps made of commands that are tried: their templates, samples and expected results."""

from __future__ import annotations

import json
import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from dx_app_wizard.importing import landlock, trial

if TYPE_CHECKING:
    from collections.abc import Callable

Wizard = Any
SUM = "awk '{s+=$2} END{print s}' t.tsv > sum.txt"


def template_of(app: str) -> str:
    record = json.loads(Path(app, ".dx-app-wizard.json").read_text())
    return str(record["answers"]["command"])


def case_of(app: str) -> dict[str, Any]:
    case: dict[str, Any] = json.loads(Path(app, "test/cases/sample.json").read_text())
    return case


@pytest.mark.parametrize(
    ("words", "template"),
    [
        (["sort", "-k2,2n", "-o", "s.tsv", "t.tsv"], "sort -k2,2n -o {>s_tsv:file:*.tsv} {tsv:file:*.tsv}"),
        ([SUM], "awk '{s+=$2} END{print s}' {tsv:file:*.tsv} > {>sum_txt:file:*.txt}"),
        (["sort t.tsv | head -n 3 > top.txt"], "sort {tsv:file:*.tsv} | head -n 3 > {>top_txt:file:*.txt}"),
        (["head", "-n", "2", "t.tsv"], "head -n 2 {tsv:file:*.tsv} > {>head_tsv:file:*.tsv}"),
        (
            ["split", "-l", "10", "t.tsv", "piece_"],
            "split -l 10 {tsv:file:*.tsv} piece_; mv piece_* {>pieces:array:file:piece_*}",
        ),
        (
            ["sed", "-i", "s/n/N/", "t.tsv"],
            "sed -i s/n/N/ {tsv:file:*.tsv}; cp {tsv} {>changed_tsv:file:*.tsv}",
        ),
        (["gzip -k t.tsv"], "gzip -k {tsv:file:*.tsv}; mv in/tsv/*.tsv.gz {>tsv_gz:file:*.tsv.gz}"),
        (["cp", "t.tsv", "copy.tsv"], "cp {tsv:file:*.tsv} {>copy_tsv:file:*.tsv}"),
        (["cat t.tsv u.tsv > both.tsv"], "cat {tsvs:array:file:*.tsv} > {>both_tsv:file:*.tsv}"),
        (
            ["paste t.tsv u.tsv > same.tsv"],
            "paste {t_tsv:file:*.tsv} {u_tsv:file:*.tsv} > {>same_tsv:file:*.tsv}",
        ),
        (["cat <(sort t.tsv) t.tsv > b.tsv"],
         "cat <(sort {tsv:file:*.tsv}) {tsv} > {>cat_tsv:file:*.tsv}"),
        (["if [ -s t.tsv ]; then sort t.tsv; fi > s.tsv"],
         "if [ -s {tsv:file:*.tsv} ]; then sort {tsv}; fi > {>s_tsv:file:*.tsv}"),
        (['for f in t.tsv; do sort "$f" > "$f.x"; done'],
         'for f in {tsv:file:*.tsv}; do sort "$f" > "$f.x"; done; mv in/tsv/*.tsv.x {>x:file:*.tsv.x}'),
        (["cat $(ls t.tsv) > c.tsv"], "cat $(ls {tsv:file:*.tsv}) > {>c_tsv:file:*.tsv}"),
        (["echo `sort t.tsv | head -n 1`"],
         "echo `sort {tsv:file:*.tsv} | head -n 1` > {>head_txt:file:*.txt}"),
        (["n=$(wc -l < t.tsv); head -n $(((n + 1) / 2)) t.tsv"],
         "( n=$(wc -l < {tsv:file:*.tsv}); head -n $(((n + 1) / 2)) {tsv} ) > {>head_tsv:file:*.tsv}"),
        (["sort t.tsv > /dev/stdout"], "( sort {tsv:file:*.tsv} > /dev/stdout ) > {>sort_tsv:file:*.tsv}"),
        (["head -n 2 t.tsv  # it's a note"], "head -n 2 {tsv:file:*.tsv} > {>head_tsv:file:*.tsv}"),
        (["grep", "-o", "n1", "t.tsv"], "grep -o n1 {tsv:file:*.tsv} > {>grep_txt:file:*.txt}"),
        (
            ["mkdir d; split -l 9 t.tsv d/x"],
            "mkdir -p d; split -l 9 {tsv:file:*.tsv} d/x; mv d/x* {>splits:array:file:x*}",
        ),
        (
            ["sort -o s.tsv t.tsv; wc -l s.tsv > n.txt"],
            "sort -o {>s_tsv:file:*.tsv} {tsv:file:*.tsv}; wc -l {>s_tsv:file:*.tsv} > {>n_txt:file:*.txt}",
        ),
        (
            ["sort t.tsv > s.tsv && gzip -k s.tsv"],
            (
                "sort {tsv:file:*.tsv} > {>s_tsv:file:*.tsv} && gzip -k {>s_tsv:file:*.tsv}; "
                "mv out/s_tsv/*.s.tsv.gz {>tsv_gz:file:*.s.tsv.gz}"
            ),
        ),
        (["sort --parallel=2 t.tsv > s"], "sort --parallel={cpus} {tsv:file:*.tsv} > {>s}"),
        (["awk", "{print}", "t.tsv"], "awk '{{print}}' {tsv:file:*.tsv} > {>awk_tsv:file:*.tsv}"),
        (["python3", "kmers.py", "-k", "4", "-o", "k.tsv", "r.fastq"],
         "python3 kmers.py -k 4 -o {>k_tsv:file:*.tsv} {fastq:file:*.fastq}"),
    ],
)  # fmt: skip
def test_a_command_becomes_a_template(
    wizard: Wizard, files: Callable[..., None], words: list[str], template: str
) -> None:
    files(u_tsv="n1\t1\nn5\t5\n")
    words = [word.replace("mkdir d", "mkdir -p d") for word in words]
    before = {path: path.read_bytes() for path in Path().iterdir() if path.is_file()}
    done = wizard("app", "--trial", "--no-input", "--", *words)
    assert done.code == 0, done.stderr
    assert template_of("app") == template
    assert {path: path.read_bytes() for path in before} == before
    assert case_of("app")["expect"]


def test_the_one_command_makes_the_same_app(wizard: Wizard, files: Callable[..., None]) -> None:
    files()
    done = wizard("app", "--trial", "--no-input", "--", "split", "-l", "10", "t.tsv", "piece_")
    line = next(line for line in done.stderr.splitlines() if line.startswith("As one command: "))
    command = shlex.split(line.removeprefix("As one command: "))
    again = wizard(*command[1:], "-o", "again", "--no-input")
    assert again.code == 0, again.stderr
    apps = [Path("app"), Path("again/app")]
    first, second = (
        {path.relative_to(app): path.read_bytes() for path in app.rglob("*") if path.is_file()}
        for app in apps
    )
    assert first == second


def test_the_users_files_become_the_sample_and_the_result_a_case(
    wizard: Wizard, files: Callable[..., None]
) -> None:
    files()
    wizard("app", "--trial", "--no-input", "--", SUM)
    assert json.loads(Path("app/test/input.json").read_text()) == {"tsv": "test/data/t.tsv"}
    assert Path("app/test/data/t.tsv").read_bytes() == Path("t.tsv").read_bytes()
    assert not Path("app/test/data/sample.fastq").exists()
    assert case_of("app")["expect"] == {"sum_txt": {"file": {"golden": "t.sum.txt"}}}
    total = sum(number * 7 % 10 for number in range(25))
    assert Path("app/test/cases/sample/t.sum.txt").read_text() == f"{total}\n"


def test_an_output_that_differs_from_run_to_run_only_needs_content(
    wizard: Wizard, files: Callable[..., None]
) -> None:
    files()
    done = wizard("app", "--trial", "--no-input", "--", "(date +%N; cat t.tsv) > d.txt")
    assert case_of("app")["expect"] == {"d_txt": {"file": {"non_empty": True}}}
    assert "differs from run to run" in done.stderr


def test_without_a_trial_nothing_runs_and_nothing_is_expected(
    wizard: Wizard, files: Callable[..., None]
) -> None:
    files()
    done = wizard("app", "--no-input", "--", "touch ran; sort -o s.tsv t.tsv")
    assert done.code == 0
    assert not Path("ran").exists()
    assert not Path("app/test/cases/sample.json").exists()
    assert "No trial was made, so the app has no expected output" in done.stderr


def test_an_update_leaves_the_sample_and_the_case_alone(wizard: Wizard, files: Callable[..., None]) -> None:
    files()
    wizard("app", "--trial", "--no-input", "--", SUM)
    before = {path: path.read_bytes() for path in Path("app/test").rglob("*") if path.is_file()}
    done = wizard(
        "--update", "app", "--from-command", "wc -l {tsv:file:*.tsv} > {>n:file:*.txt}", "--title", "N"
    )
    assert done.code == 0, done.stderr
    assert 'wc -l "$tsv_path" > "out/n/$tsv_prefix.n.txt"' in Path("app/src/app.sh").read_text()
    kept = [path for path in before if path.suffix != ".py" and path.name != "interface.json"]
    assert {path: path.read_bytes() for path in kept} == {path: before[path] for path in kept}


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["--", "sort", "nope.tsv"], "from-failed", "cannot read"),
        (["--", "sort -o s.tsv t.tsv; exit 3"], "from-failed", "exit 3"),
        (["--", " "], "from-hole", "the command is empty"),
        (["--", "yes > x.txt"], "from-failed", "reached 1 GiB"),
        (["--", "cat t.tsv > /dev/null"], "from-no-output", "nothing was written and nothing printed"),
        (["--", "no-such-tool-at-all t.tsv > x"], "from-unknown-program", "no package of Ubuntu"),
        (["--from-command", "cat '{x}' > {>y}"], "from-quoted", "column 6"),
        (["--from-command", "cat {in} > {>y}"], "from-hole", "reserved"),
        (["--from-command", "cat {x} > {>y}"], "from-sample", "needs a sample for x"),
        (["--from-command", "cat {x} > {>y}", "--sample", "z=t.tsv"], "from-sample", "no input z"),
        (["--from-command", "cat {x} > {>y}", "--sample", "x=none"], "from-sample", "there is no file"),
        (["--from-command", "cat < nope.txt > {>y}"], "from-no-file", "nope.txt"),
        (["--", "ls full > x.txt"], "from-folder", "no folders as inputs"),
        (["--", "ls full nope.bam > x.txt"], "from-no-file", "there is no file nope.bam"),
        (["--", "cat big.bin > x.txt"], "from-large-sample", "at most 10 MiB"),
        (["--from-command", "cat {x} > {>y}", "--sample", "x=big.bin"], "from-large-sample", "11 MiB"),
    ],
)
def test_what_cannot_become_an_app_is_an_error_and_nothing_is_written(
    wizard: Wizard, files: Callable[..., None], arguments: list[str], code: str, message: str
) -> None:
    files()
    Path("full").mkdir()
    Path("full/file").touch()
    with Path("big.bin").open("wb") as big:
        big.truncate(11 * 2**20)
    done = wizard("app", "--json", "--trial", *arguments)
    assert done.code == 2
    found = done.json["error"]
    assert found["code"] == "cannot-import"
    assert any(item["code"] == code and message in item["message"] for item in found["problems"])
    assert not Path("app").exists()


def test_an_app_is_no_input_of_the_command_whose_subcommand_has_its_name(
    wizard: Wizard, files: Callable[..., None]
) -> None:
    files()
    command = ("git", "hash-object", "--no-filters", "t.tsv")
    assert wizard("hash-object", "--trial", "--no-input", "--", *command).code == 0
    again = wizard("app", "--trial", "--no-input", "--", *command)
    assert again.code == 0, again.stderr
    assert template_of("app") == template_of("hash-object")


def test_the_files_of_a_trial_have_a_limit_together(
    wizard: Wizard, files: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    files()
    monkeypatch.setattr(trial, "LARGEST_TOTAL", 3 << 20)
    text = "for i in 1 2 3 4 5; do head -c 1000000 /dev/urandom > f$i; done; sleep 60"
    done = wizard("app", "--trial", "--no-input", "--", text)
    assert done.code == 2
    assert "was stopped, as the files that it wrote reached" in done.stderr


def test_all_errors_are_reported_at_once(wizard: Wizard, files: Callable[..., None]) -> None:
    files()
    done = wizard("app", "--trial", "--no-input", "--from-command", "no-tool-1 {x} | no-tool-2 < none > {>y}")
    assert [part in done.stderr for part in ("no-tool-1", "no-tool-2", "none", "sample for x")] == [True] * 4


@pytest.mark.skipif(landlock.version() < 3, reason="Landlock of this kernel does not know truncation")
@pytest.mark.parametrize(
    "command", ["echo x >> {path}", "rm {path}", "truncate -s 0 {path}", "mv {path} here", "touch {path}.new"]
)
def test_a_trial_cannot_change_files_outside_of_its_folder(
    wizard: Wizard, files: Callable[..., None], tmp_path: Path, command: str
) -> None:
    files()
    outside = tmp_path / "outside.txt"
    outside.write_text("kept")
    # The shell computes the path, so that the word is not taken for an input and replaced by a copy.
    text = command.format(path=f'"{tmp_path}/$(echo outside).txt"') + "; cat t.tsv > x.tsv"
    done = wizard("app", "--trial", "--no-input", "--", text)
    assert done.code == 2
    assert "Permission denied" in done.stderr
    assert outside.read_text() == "kept"
    assert not Path("outside.txt.new").exists()


@pytest.mark.skipif(landlock.version() < 4, reason="Landlock of this kernel does not know TCP")
def test_a_trial_has_no_network(wizard: Wizard, files: Callable[..., None]) -> None:
    files()
    code = "import socket; socket.create_connection(('127.0.0.1', 9))"
    done = wizard("app", "--trial", "--no-input", "--", f'python3 -c "{code}" > x.txt')
    assert done.code == 2
    assert "Permission" in done.stderr


def test_without_landlock_the_report_says_so(
    wizard: Wizard, files: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    files()
    monkeypatch.setattr(landlock, "version", lambda: 0)
    done = wizard("app", "--trial", "--no-input", "--", SUM)
    assert done.code == 0, done.stderr
    assert "this system has no Landlock, so the command could have written elsewhere" in done.stderr
    assert case_of("app")["expect"]


def test_a_sample_can_be_left_out(wizard: Wizard, files: Callable[..., None]) -> None:
    files()
    done = wizard("app", "--no-input", "--no-trial", "--sample", "tsv=", "--", SUM)
    assert done.code == 0, done.stderr
    assert not Path("app/test/data/t.tsv").exists()


def test_an_own_program_becomes_part_of_the_app(wizard: Wizard, files: Callable[..., None]) -> None:
    files(tool_sh='#!/bin/bash\nhead -n "$1" "$2"\n')
    Path("tool.sh").chmod(0o755)
    wizard("app", "--trial", "--no-input", "--", "./tool.sh", "2", "t.tsv")
    assert template_of("app") == "tool.sh 2 {tsv:file:*.tsv} > {>tool_tsv:file:*.tsv}"
    program = Path("app/resources/usr/local/bin/tool.sh")
    assert program.read_bytes() == Path("tool.sh").read_bytes()
    assert program.stat().st_mode & 0o100


def test_a_script_brings_the_modules_beside_it(wizard: Wizard, files: Callable[..., None]) -> None:
    files(main_py="import helper\nprint(helper.VALUE)\n", helper_py="VALUE = 3\n")
    done = wizard("app", "--trial", "--no-input", "--", "python3", "main.py")
    assert done.code == 0, done.stderr
    assert sorted(path.name for path in Path("app/resources/home/dnanexus").iterdir()) == [
        "helper.py",
        "main.py",
    ]


def test_only_one_start_is_possible(wizard: Wizard, files: Callable[..., None]) -> None:
    files()
    done = wizard("app", "--no-input", "--from-command", "cat {x} > {>y}", "--", "cat", "t.tsv")
    assert done.code == 2
    assert "cannot be combined" in done.stderr


def test_a_person_is_asked_before_the_trial_and_before_the_app_is_written(
    terminal: Any, files: Callable[..., None]
) -> None:
    files()
    wizard = terminal("app", "--", "sort", "-o", "s.tsv", "t.tsv", size=(40, 120))
    wizard.talk(("Try the command", ""), ("Right", "tsv=table"), ("Right", ""))
    wizard.process.expect("Write the app")
    assert not Path("app").exists()
    wizard.process.sendline("")
    code, text = wizard.end()
    assert code == 0, text
    assert template_of("app") == "sort -o {>s_tsv:file:*.tsv} {table:file:*.tsv}"
    assert json.loads(Path("app/test/input.json").read_text()) == {"table": "test/data/t.tsv"}


@pytest.mark.parametrize("answers", [["q"], ["", "q"], ["", "", "q"]])
def test_a_person_can_cancel_at_every_question(
    terminal: Any, files: Callable[..., None], answers: list[str]
) -> None:
    files()
    wizard = terminal("app", "--", "sort", "-o", "s.tsv", "t.tsv", size=(40, 120))
    for question, answer in zip(("Try the command", "Right", "Write the app"), answers, strict=False):
        wizard.talk((question, answer))
    code, text = wizard.end()
    assert code == 130, text
    assert not Path("app").exists()


def test_samples_of_other_classes_are_values(wizard: Wizard, files: Callable[..., None]) -> None:
    files()
    template = "printf '%s %s\\n' {n:int} {words:array:string} > {>said:file:*.txt}"
    given = ("--sample", "n=3", "--sample", "words=a", "--sample", "words=b c")
    done = wizard("app", "--no-input", "--trial", "--from-command", template, *given)
    assert done.code == 0, done.stderr
    assert json.loads(Path("app/test/input.json").read_text()) == {"n": 3, "words": ["a", "b c"]}
    (golden,) = Path("app/test/cases/sample").iterdir()
    assert golden.read_text() == "3 a\nb c \n"
    assert "--sample n=3 --sample words=a --sample 'words=b c'" in done.stderr


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["app", "--sample", "t=t.tsv"], "--sample is for apps that are made of something"),
        (["app", "--from-wdl", ""], "it needs the name of a file or folder"),
        (["app", "--from-wdl", "#task"], "it needs the name of a file or folder"),
        (["app", "--from-script", ""], "it needs the name of a file or folder"),
        (["app", "--from-script", "."], ". is a folder"),
        (["app", "--from-app", ""], "it needs the name of a file or folder"),
        (["app", "--trial"], "--trial is for apps that are made of something"),
        (["app", "--no-run", "--from-command", "cat {t} > {>o}"], "--no-run is for --from-script"),
        (["--update", "app", "--", "sort", "t.tsv"], "cannot be combined with --update"),
        (["--update", "app", "--from-command", "cat {t} > {>o}", "--trial"], "--trial cannot be combined"),
    ],
)
def test_options_that_would_be_ignored_are_errors(
    wizard: Wizard, files: Callable[..., None], arguments: list[str], message: str
) -> None:
    files()
    done = wizard("--no-input", *arguments)
    assert (done.code, Path("app").exists()) == (2, False)
    assert message in done.stderr
