"""Bash jobs: variables as dxpy generates them, errexit, the entry point, the official helpers."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

if TYPE_CHECKING:
    from pathlib import Path

    from tests.conftest import ServedPlatform
    from tests.worker.conftest import Workshop

ANY_TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), min_size=1)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(text=ANY_TEXT, items=st.lists(ANY_TEXT, min_size=1, max_size=4))
def test_hostile_text_reaches_the_script_as_it_is(workshop: Workshop, text: str, items: list[str]) -> None:
    job = workshop.run(
        r"""main() { printf '%s\0' "$text" "${items[@]}" > said; }""",
        "bash",
        job_input={"text": text, "items": items},
    )
    said = (job.folder.home / "said").read_bytes().decode()
    assert said.split("\0") == [text, *items, ""], job.said("STDERR")


@pytest.mark.parametrize(
    ("value", "script", "expected"),
    [
        pytest.param(3, "echo $x", "3", id="int"),
        pytest.param(2.5, "echo $x", "2.5", id="float"),
        pytest.param(True, "echo $x", "true", id="boolean"),
        pytest.param({"a": [1]}, 'echo "$x"', '{"a": [1]}', id="hash"),
        pytest.param([], "echo ${#x[@]}", "0", id="empty-array"),
        pytest.param([1, 2], "echo ${#x[@]} ${x[1]}", "2 2", id="array"),
        pytest.param("a  b", "bash -c 'echo \"$x\"'", "a  b", id="exported"),
    ],
)
def test_inputs_become_variables(workshop: Workshop, value: object, script: str, expected: str) -> None:
    job = workshop.run(f"main() {{ {script}; }}", "bash", job_input={"x": value})
    assert job.said() == [expected], job.said("STDERR")


def test_a_name_that_is_taken_is_skipped_with_a_warning(workshop: Workshop) -> None:
    job = workshop.run('main() { echo "$HOME"; }', "bash", job_input={"HOME": "elsewhere"})
    assert job.said() == [job.home]
    assert "HOME" in job.said("STDERR")[0]


def test_a_long_value_is_warned_of(workshop: Workshop) -> None:
    job = workshop.run("main() { echo ${#x}; }", "bash", job_input={"x": "a" * 20_000})
    assert job.said() == ["warning: variable x is long (20000 bytes)", "20000"]


def test_global_code_runs_before_the_entry_point(workshop: Workshop) -> None:
    job = workshop.run("echo global\nprocess() { echo process; }", "bash", function="process")
    assert job.said() == ["global", "process"]


def test_without_the_function_only_the_global_code_runs(workshop: Workshop) -> None:
    job = workshop.run("echo global", "bash")
    assert (job.code, job.said()) == (0, ["global"])
    assert "Not invoking entry point function main" in job.said("STDERR")[0]


def test_a_failing_command_stops_the_job(workshop: Workshop) -> None:
    job = workshop.run("main() { false; echo not reached; }", "bash")
    assert (job.code, job.said()) == (1, [])


def test_a_failure_early_in_a_pipe_does_not(workshop: Workshop) -> None:
    assert workshop.run("main() { false | true; echo reached; }", "bash").said() == ["reached"]


def test_exit_0_in_main_is_success(workshop: Workshop) -> None:
    assert workshop.run("main() { exit 0; }", "bash").code == 0


def test_scripts_see_no_arguments(workshop: Workshop) -> None:
    assert workshop.run('echo "$#"; main() { echo "$#"; }', "bash").said() == ["0", "0"]


@pytest.mark.parametrize(("xtrace", "expected"), [(True, True), (False, False)])
def test_commands_are_shown_on_request(workshop: Workshop, xtrace: bool, expected: bool) -> None:
    job = workshop.run("main() { echo hello; }", "bash", settings={"xtrace": xtrace})
    assert ("+ echo hello" in job.said("STDERR")) is expected


def test_a_broken_pipe_ends_its_writer_quietly(workshop: Workshop) -> None:
    job = workshop.run("main() { yes | head -n 1; }", "bash")
    assert (job.code, job.said(), job.said("STDERR")) == (0, ["y"], [])


FAULTS = [
    pytest.param("main() {\n    no-such-command\n}\n", 2, "no-such-command: command not found", id="command"),
    pytest.param("set -u\n\nmain() { echo $x; }\n", 3, "x: unbound variable", id="set-u"),
    pytest.param("main() {\n    if\n}\n", 3, "syntax error near unexpected token `}'", id="syntax"),
    pytest.param("main() {\n    echo", 3, "syntax error: unexpected end of file", id="unfinished"),
    pytest.param(
        "main() {\n (no-such-command) 2>&1\n}\n", 2, "no-such-command: command not found", id="stdout"
    ),
    pytest.param("cd /nowhere", 1, "cd: /nowhere: No such file or directory", id="builtin"),
]


@pytest.mark.parametrize(("code", "line", "message"), FAULTS)
@pytest.mark.parametrize("shop", ["workshop", "bare_workshop"])
def test_an_error_names_the_authors_file_and_line(
    shop: str, request: pytest.FixtureRequest, tmp_path: Path, code: str, line: int, message: str
) -> None:
    source = tmp_path / "app é.sh"
    source.write_text(code)
    job = request.getfixturevalue(shop).run(code, "bash", source=source)
    assert job.code != 0
    assert f"{source}: line {line}: {message}" in job.said("STDERR") + job.said()
    assert f"{source}: line {line}: {message}\n" in job.folder.log.read_text()


@pytest.mark.parametrize("edited", ["main() {\n\n    no-such-command\n}\n", None])
def test_without_the_same_source_an_error_names_the_copy(
    workshop: Workshop, tmp_path: Path, edited: str | None
) -> None:
    source = tmp_path / "app.sh"
    if edited:
        source.write_text(edited)
    job = workshop.run("main() {\n    no-such-command\n}\n", "bash", source=source)
    copy = f"{job.home}/{job.job_id}.code.sh"
    assert job.said("STDERR") == [f"{copy}: line 2: no-such-command: command not found"]


def test_other_mentions_of_the_copy_stay(workshop: Workshop, tmp_path: Path) -> None:
    source = tmp_path / "app.sh"
    code = (
        "main() { echo $BASH_SOURCE; echo $BASH_SOURCE: line of code; grep -n echo $BASH_SOURCE | wc -l; }\n"
    )
    source.write_text(code)
    job = workshop.run(code, "bash", source=source)
    copy = f"{job.home}/{job.job_id}.code.sh"
    assert job.said() == [copy, f"{copy}: line of code", "1"]


@pytest.mark.parametrize("shop", ["workshop", "bare_workshop"])
def test_the_shell_looks_as_on_the_platform(shop: str, request: pytest.FixtureRequest) -> None:
    code = "main() { echo $0 ${BASH_SOURCE[@]} ${FUNCNAME[@]} $-; set -o | grep pipefail; }\n"
    job = request.getfixturevalue(shop).run(code, "bash")
    wrapper = f"{job.home}/{job.job_id}"
    assert job.said()[0] == f"{wrapper} {wrapper}.code.sh {wrapper} main main ehBE"
    assert job.said()[1].split() == ["pipefail", "off"]


def test_children_that_ended_are_remembered(workshop: Workshop) -> None:
    job = workshop.run("(exit 3) & sleep 0.3\nwait -n || echo $?\n", "bash")
    assert job.said() == ["3"]


def test_a_trace_goes_deeper_in_the_code_than_in_the_wrapper(workshop: Workshop) -> None:
    job = workshop.run("set -x\n: global\nprocess() { : process; }\n", "bash")
    assert job.said("STDERR")[0] == "++ : global"
    assert f"+ echo '{job.home}/{job.job_id}: Global scope execution complete." in job.said("STDERR")[-2]


def test_a_function_name_is_never_read_as_code(workshop: Workshop) -> None:
    job = workshop.run("main() { :; }", "bash", function="x; echo injected > injected; x")
    assert not (job.folder.home / "injected").exists()


def test_the_official_helper_adds_outputs(workshop: Workshop) -> None:
    job = workshop.run(
        'main() { dx-jobutil-add-output n 3; dx-jobutil-add-output t "a b" --class=string; }', "bash"
    )
    assert json.loads(job.folder.output_file.read_text()) == {"n": 3, "t": "a b"}


def test_the_official_helper_reports_errors(workshop: Workshop) -> None:
    job = workshop.run('main() { dx-jobutil-report-error "too few reads"; echo not reached; }', "bash")
    assert job.code == 1
    assert json.loads(job.folder.error_file.read_text())["error"] == {
        "type": "AppError",
        "message": "too few reads",
    }


def test_variables_are_found_in_a_file(workshop: Workshop) -> None:
    job = workshop.run(
        'main() { unset x; . ~/.bash_helper_vars; echo "$x"; }', "bash", job_input={"x": "again"}
    )
    assert job.said() == ["again"]


@pytest.mark.parametrize("interpreter", ["bash", "python3"])
def test_the_environment_file_tells_who_the_job_is(workshop: Workshop, interpreter: str) -> None:
    script = "env -i bash -ec '. ~/environment; echo $DX_JOB_ID $DX_SECURITY_CONTEXT'"
    code = {"bash": script, "python3": f"import subprocess\nsubprocess.check_call({script!r}, shell=True)"}
    context = '{"auth_token_type": "Bearer", "auth_token": "it\'s"}'
    job = workshop.run(
        code[interpreter].replace("env -i", "env -i HOME=$HOME"),
        interpreter,
        variables={"DX_SECURITY_CONTEXT": context, "DX_JOB_ID": f"job-{interpreter:x<24}"},
    )
    assert job.said() == [f"{job.job_id} {context}"], job.said("STDERR")
    assert (job.folder.home / "environment").stat().st_mode & 0o077 == 0  # it contains the token


HOME_FILES = [
    ".bash_helper_vars",
    ".bashrc",
    "dnanexus-executable.json",
    "dnanexus-job.json",
    "environment",
    "{job}",
    "{job}.code.sh",
    "job_input.json",
]


def test_the_home_holds_what_workers_have(workshop: Workshop) -> None:
    job = workshop.run("ls -A", "bash")
    assert sorted(job.said()) == sorted(name.format(job=job.job_id) for name in HOME_FILES)


def test_bashrc_stops_where_nobody_types(workshop: Workshop) -> None:
    script = "echo 'echo added' >> ~/.bashrc; . ~/.bashrc; bash -c true; echo went on"
    assert workshop.run(f"main() {{ {script}; }}", "bash").said() == ["went on"]


def test_an_apps_own_bashrc_stays(workshop: Workshop, tmp_path: Path) -> None:
    (tmp_path / "home/dnanexus").mkdir(parents=True)
    (tmp_path / "home/dnanexus/.bashrc").write_text("echo own\n")
    assert workshop.run(". ~/.bashrc", "bash", layers=(tmp_path,)).said() == ["own"]


def test_files_become_arrays_of_names_prefixes_and_paths(workshop: Workshop, served: ServedPlatform) -> None:
    job_id = served.job()
    code = (
        "ids = [dxpy.upload_string('x', name=n, wait_on_close=True).get_id() for n in v]\n"
        "result = [dxpy.dxlink(i) for i in ids]"
    )
    single, *several = served.dxpy(code, "a b.fq.gz", "x.bam", "y.txt", job=job_id)
    job = workshop.run_on(
        served,
        "main() {\n"
        'printf "%s\\n" "$reads_name" "$reads_prefix" "$reads_path" "${maps_prefix[@]}" "${maps_path[@]}"\n'
        "dx-download-all-inputs > /dev/null; cat in/reads/*; }",
        "bash",
        job_input={"reads": single, "maps": several},
        executable={"inputSpec": [{"name": "reads", "class": "file", "patterns": ["*.fq.gz"]}]},
        job_id=job_id,
    )
    home = job.home
    paths = [f"{home}/in/maps/0/x.bam", f"{home}/in/maps/1/y.txt"]
    assert job.said() == ["a b.fq.gz", "a b", f"{home}/in/reads/a b.fq.gz", "x", "y", *paths, "x"]


@pytest.mark.parametrize("shop", ["workshop", "bare_workshop"])
def test_modules_of_perl_in_a_layer_are_found(
    shop: str, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    (tmp_path / "usr/share/perl5").mkdir(parents=True)
    (tmp_path / "usr/share/perl5/Dxt.pm").write_text('package Dxt; print "found\\n"; 1;')
    job = request.getfixturevalue(shop).run("main() { perl -MDxt -e 1; }", "bash", layers=(tmp_path,))
    assert job.said() == ["found"], job.said("STDERR")
