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
    job = workshop.run("main() { echo hello; }", "bash", xtrace=xtrace)
    assert ("+ echo hello" in job.said("STDERR")) is expected


def test_a_broken_pipe_ends_its_writer_quietly(workshop: Workshop) -> None:
    job = workshop.run("main() { yes | head -n 1; }", "bash")
    assert (job.code, job.said(), job.said("STDERR")) == (0, ["y"], [])


def test_an_error_names_the_authors_file_and_line(workshop: Workshop, tmp_path: Path) -> None:
    source = tmp_path / "app.sh"
    code = "main() {\n    no-such-command\n}\n"
    source.write_text(code)
    job = workshop.run(code, "bash", source=source)
    assert job.code == 127
    assert job.said("STDERR") == [f"{source}: line 2: no-such-command: command not found"]


def test_a_syntax_error_names_the_line(workshop: Workshop) -> None:
    job = workshop.run("main() {\n    if\n}\n", "bash")
    assert job.code != 0
    assert f"{job.folder.code}: line 3:" in job.said("STDERR")[0]


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


def test_variables_are_found_in_the_environment_file(workshop: Workshop) -> None:
    job = workshop.run('main() { unset x; . ~/environment; echo "$x"; }', "bash", job_input={"x": "again"})
    assert job.said() == ["again"]


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
