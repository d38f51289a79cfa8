"""Inputs of `dx-local run`."""

from __future__ import annotations

import json
import os
import subprocess
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from tests.conftest import TEST_ISOLATION, WARM_TOOLS

from dx_local.engine.settings import Isolation

if TYPE_CHECKING:
    from collections.abc import Callable

    DxLocal = Callable[..., Any]
    MakeApp = Callable[..., Path]


def echoed(dx_local: DxLocal, app: Path, *arguments: str, stdin: str = "") -> dict[str, Any]:
    """Run the app that puts out its input, and return that."""
    done = dx_local("run", app, "--json", "-q", *arguments, stdin=stdin)
    assert done.exit_code == 0, done.stderr + done.stdout
    values: dict[str, Any] = done.json["output"]["echo"]
    return values


@pytest.fixture
def reads(tmp_path: Path) -> Path:
    """Two files beside each other."""
    (tmp_path / "reads").mkdir()
    for name in "ab":
        (tmp_path / "reads" / f"{name}.fastq").write_text(name)
    return tmp_path / "reads"


def test_values_are_read_by_their_declared_class(dx_local: DxLocal, echo_app: Path) -> None:
    options = ["-in=3", "-iratio=2", "-iflag=true", "-itext=007", '-ioptions={"a": [1]}']
    assert echoed(dx_local, echo_app, *options) == {
        "n": 3, "ratio": 2.0, "flag": True, "text": "007", "options": {"a": [1]}, "reads": []
    }  # fmt: skip


def test_an_entry_point_that_is_not_there_is_refused(dx_local: DxLocal, echo_app: Path) -> None:
    done = dx_local("run", echo_app, "--function", "oter")
    assert done.exit_code == 2
    assert "no entry point 'oter'" in done.stderr
    assert "Did you mean 'other'? It has main, other." in done.stderr


SIGNED = """
import dxpy

@dxpy.entry_point('process')
def process(piece, k, *, mode='fast'):
    return {}

@dxpy.entry_point('free')
def free(piece, **more):
    return {}

dxpy.run()
"""


@pytest.mark.parametrize(
    ("options", "messages"),
    [
        (
            ["--function", "process"],
            [
                "entry point 'process' requires 'piece' and 'k'",
                "Pass -ipiece=VALUE -ik=VALUE; a class may follow the name: -ipiece:file=PATH",
            ],
        ),
        (
            ["--function", "process", "-ipeice=1", "-j", '{"k": 3}'],
            ["has no parameter 'peice'; did you mean 'piece'?", "requires 'piece'\n"],
        ),
        (
            ["--function", "process", "-ipiece=1", "-ik=2", "-iz=3"],
            ["no parameter 'z'", "It has 'piece', 'k'"],
        ),
        (["--function", "free", "-ix=1"], ["entry point 'free' requires 'piece'"]),
    ],
    ids=["missing", "misspelt", "unknown", "others allowed"],
)
def test_arguments_of_a_function_are_checked_before_the_run(
    dx_local: DxLocal, make_app: MakeApp, options: list[str], messages: list[str]
) -> None:
    app = make_app(SIGNED)
    done = dx_local("run", app, *options)
    assert done.exit_code == 2
    assert all(message in done.stderr for message in messages), done.stderr
    assert not (app / "test-job-workspaces").exists()


def test_a_missing_file_is_named_without_more_words(dx_local: DxLocal, echo_app: Path) -> None:
    done = dx_local("run", echo_app, "-ireads=nowhere.fastq")
    assert (done.exit_code, done.stderr) == (2, "error: input 'reads': no such file: 'nowhere.fastq'\n")


def test_an_unknown_region_is_refused_with_a_list(dx_local: DxLocal, echo_app: Path) -> None:
    done = dx_local("run", echo_app, "--region", "london")
    assert done.exit_code == 2
    assert "did you mean aws:eu-west-2-g?" in done.stderr
    assert "azure:westus (US West)" in done.stderr


def test_samples_are_for_main_only(dx_local: DxLocal, echo_app: Path) -> None:
    (echo_app / "test").mkdir()
    (echo_app / "test" / "input.json").write_text('{"n": 9}')
    assert echoed(dx_local, echo_app, "--function", "other").get("n") is None


@pytest.mark.usefixtures("reads")
@pytest.mark.parametrize(
    "options",
    [
        ["-ireads=reads/*.fastq"],
        ["-ireads=reads/a.fastq", "-ireads=reads/b.fastq"],
        ["--input", "reads=reads/a.fastq", "-i", "reads=reads/b.fastq"],
        ["-j", '{"reads": ["reads/a.fastq", "reads/b.fastq"]}'],
        ["-j", '{"reads": ["reads/a.fastq"]}', "-ireads=reads/b.fastq"],
    ],
)
def test_local_files_become_file_objects(dx_local: DxLocal, echo_app: Path, options: list[str]) -> None:
    assert echoed(dx_local, echo_app, *options)["reads"] == ["a", "b"]


def test_a_default_may_link_to_the_name_of_another_input(
    dx_local: DxLocal, echo_app: Path, reads: Path
) -> None:
    spec = json.loads((echo_app / "dxapp.json").read_text())
    text = next(field for field in spec["inputSpec"] if field["name"] == "text")
    text["default"] = {"$dnanexus_link": {"input": "reads", "index": 1, "metadata": "name"}}
    (echo_app / "dxapp.json").write_text(json.dumps(spec))
    assert echoed(dx_local, echo_app, f"-ireads={reads}/*.fastq")["text"] == "b.fastq"


def test_an_option_that_is_given_again_makes_an_array(dx_local: DxLocal, echo_app: Path) -> None:
    values = echoed(dx_local, echo_app, "-ins=1", "-ins=2", "-itexts=a,b", "-itexts=c d")
    assert (values["ns"], values["texts"]) == ([1, 2], ["a,b", "c d"])


@pytest.mark.parametrize("name", ["input.json", "-"])
def test_input_comes_from_a_json_file_or_stdin(
    dx_local: DxLocal, echo_app: Path, tmp_path: Path, name: str
) -> None:
    text = json.dumps({"n": 4, "text": "from JSON"})
    (tmp_path / "input.json").write_text(text)
    values = echoed(dx_local, echo_app, "-f", name, "-iflag=false", stdin=text)
    assert (values["n"], values["text"], values["flag"]) == (4, "from JSON", False)


def test_samples_are_used_when_no_input_is_given_and_it_is_said(dx_local: DxLocal, echo_app: Path) -> None:
    (echo_app / "test").mkdir()
    (echo_app / "test" / "input.json").write_text('{"n": 9}')
    done = dx_local("run", echo_app, "--json")
    assert done.json["output"]["echo"]["n"] == 9
    assert done.json["samplesUsed"] is True
    assert "running on the samples in" in done.stderr


def test_an_entry_point_takes_classes_as_they_are_named(
    dx_local: DxLocal, echo_app: Path, reads: Path
) -> None:
    named = ["-ifree=1", "-itext:string=1", f"-ipiece:file={reads / 'a.fastq'}", "-isome:array:int=1"]
    values = echoed(dx_local, echo_app, "--function", "other", *named)
    assert (values["free"], values["text"], values["some"]) == (1, "1", [1])
    assert values["piece"]["$dnanexus_link"].startswith("file-")


@pytest.mark.usefixtures("reads")
def test_an_option_replaces_what_a_file_says_and_adds_to_its_array(
    dx_local: DxLocal, echo_app: Path, tmp_path: Path
) -> None:
    link = {"$dnanexus_link": {"job": "job-xxxxxxxxxxxxxxxxxxxxxxxx", "field": "x"}}
    values = {"n": 1, "text": "file", "ns": [1], "reads": link}
    (tmp_path / "input.json").write_text(json.dumps(values))
    options = ["-f", str(tmp_path / "input.json"), "-in=2", "-ins=2", "-ireads=reads/a.fastq"]
    seen = echoed(dx_local, echo_app, *options)
    assert [seen[name] for name in ("n", "text", "ns", "reads")] == [2, "file", [1, 2], ["a"]]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["-in=three"], "'n'"),
        (["-iflag=perhaps"], "'flag'"),
        (["-ioptions={"], "'options'"),
        (["-ireads=nowhere.fastq"], "no such file: 'nowhere.fastq'"),
        (["-ireads=~no-such-user/x"], "no such file: '~no-such-user/x'"),
        (["-ireads=*.nothing"], "no file matches '*.nothing'"),
        (["-ireads=echo"], "'echo' is a folder"),
        (["-iunknown=1"], "'unknown' is not declared in inputSpec; declared are: reads, n,"),
        (["-in=1", "-in=2"], "more than one value"),
        (["-in"], "the input 'n' has no name or no value"),
        (["-in:integer=1"], "'integer'"),
        (["-j", "[1]"], "--input-json is not a JSON object"),
        (["-j", "{"], "--input-json ends too early"),
        (["-f", "nowhere.json"], "'nowhere.json' cannot be read"),
        (["-j", '{"n": "x"}'], "'n'"),
    ],
)
def test_wrong_input_is_explained_and_leaves_nothing_behind(
    dx_local: DxLocal, echo_app: Path, arguments: list[str], message: str
) -> None:
    before = sorted(echo_app.rglob("*"))
    done = dx_local("run", echo_app, *arguments)
    assert done.exit_code == 2
    assert message in done.stderr
    assert "Traceback" not in done.stderr
    assert sorted(echo_app.rglob("*")) == before


def test_all_wrong_inputs_are_named_at_once(dx_local: DxLocal, echo_app: Path) -> None:
    done = dx_local("run", echo_app, "-in=three", "-iflag=perhaps", "-iunknown=1")
    assert all(f"'{name}'" in done.stderr for name in ("n", "flag", "unknown"))


def test_a_missing_input_is_named(dx_local: DxLocal, make_app: Callable[..., Path]) -> None:
    app = make_app("main() { true; }", interpreter="bash", inputs={"reads": "file"})
    done = dx_local("run", app)
    assert (done.exit_code, "missing required input 'reads'" in done.stderr) == (2, True)


@pytest.fixture
def needs_n(make_app: Callable[..., Path], tmp_path: Path) -> Path:
    """An app that needs an int, beside files with inputs."""
    app = make_app("main() { true; }", interpreter="bash", name="needs-n")
    spec = json.loads((app / "dxapp.json").read_text())
    spec["inputSpec"] = [{"name": "n", "class": "int"}, {"name": "text", "class": "string", "optional": True}]
    (app / "dxapp.json").write_text(json.dumps(spec))
    (tmp_path / "typed.json").write_text('{"n": "x"}')
    (tmp_path / "empty.json").write_text("{}")
    return app


@pytest.mark.parametrize(
    ("options", "samples", "hint"),
    [
        (["-ftyped.json"], "", "Correct 'n' in typed.json."),
        (["-j", '{"n": "x"}'], "", "Correct 'n' in --input-json."),
        (["-f-"], "", "Correct 'n' in stdin."),
        (["-ftyped.json", "-j", '{"n": "x"}'], "", "Correct 'n' in --input-json."),
        (["-ftyped.json", "-itext=x"], "", "Correct 'n' in typed.json."),
        (["-fempty.json"], "", "Add 'n' to empty.json."),
        (["-fempty.json", "-itext=x"], "", "Pass inputs as -iNAME=VALUE."),
        ([], '{"n": "x"}', "Correct 'n' in needs-n/test/input.json."),
        ([], "", "Pass inputs as -iNAME=VALUE."),
    ],
)
def test_the_hint_fits_the_way_in_which_an_input_was_given(
    dx_local: DxLocal, needs_n: Path, options: list[str], samples: str, hint: str
) -> None:
    if samples:
        (needs_n / "test").mkdir()
        (needs_n / "test" / "input.json").write_text(samples)
    done = dx_local("run", "needs-n", *options, stdin='{"n": "x"}')
    assert done.exit_code == 2
    assert f"  hint: {hint}" in done.stderr


def test_a_wrong_option_needs_no_hint_beyond_its_message(dx_local: DxLocal, needs_n: Path) -> None:
    assert needs_n.is_dir()
    assert "hint:" not in dx_local("run", "needs-n", "-in=x").stderr


def test_a_run_leaves_no_second_name_of_a_users_file(dx_local: DxLocal, echo_app: Path, reads: Path) -> None:
    done = dx_local("run", echo_app, "--json", "-q", f"-ireads={reads / 'a.fastq'}")
    (kept,) = (Path(done.json["workspace"]) / "files").iterdir()
    assert kept.read_text() == "a"
    assert (reads / "a.fastq").stat().st_nlink == 1


@pytest.mark.parametrize(
    ("option", "kind"),
    [("copy", "regular file"), pytest.param("link", "symbolic link", marks=WARM_TOOLS)],
)
def test_a_job_gets_copies_or_links(
    dx_local: DxLocal, make_app: Callable[..., Path], reads: Path, option: str, kind: str
) -> None:
    has_namespaces = subprocess.run(["unshare", "-Urm", "true"], capture_output=True, check=False)
    if has_namespaces.returncode or TEST_ISOLATION is Isolation.NONE:
        kind = "regular file"
    code = 'main() { dx download "$x" -o f; dx-jobutil-add-output kind "$(stat -c %F f)"; }'
    app = make_app(code, inputs={"x": "file"}, outputs={"kind": "string"}, interpreter="bash")
    done = dx_local("run", app, f"-ix={reads / 'a.fastq'}", "--json", "-q", "--inputs", option)
    assert done.json["output"]["kind"] == kind, done.stderr


def test_what_comes_through_pipes_becomes_files(
    command: DxLocal, echo_app: Path, bin_folder: Path, tmp_path: Path
) -> None:
    os.mkfifo(tmp_path / "named")
    line = f"(sleep 0.3; echo b > named) & exec {bin_folder}/dx-local run {echo_app} --json -q"
    done = subprocess.run(
        ["bash", "-c", f"{line} -ireads=<(echo a) -ireads=named -itext=named"],
        cwd=tmp_path, capture_output=True, text=True, check=True, timeout=60
    )  # fmt: skip
    echo = json.loads(done.stdout)["output"]["echo"]
    assert (echo["reads"], echo["text"]) == (["a\n", "b\n"], "named")


def test_a_pipe_that_nobody_writes_to_can_be_interrupted(
    echo_app: Path, bin_folder: Path, tmp_path: Path
) -> None:
    os.mkfifo(tmp_path / "named")
    process = subprocess.Popen(
        [bin_folder / "dx-local", "run", echo_app, "-ireads=named", "--workspace-path", "run"],
        cwd=tmp_path,
        stderr=subprocess.PIPE,
        text=True,
    )
    while not list(tmp_path.glob("run/pipes/*/*")):
        time.sleep(0.02)
    process.terminate()
    assert process.communicate(timeout=20)[1] == "error: The run was interrupted.\n"
    assert process.returncode == 143
