"""The ERR trap of bash jobs: the log names the line of a failed command, and the app notices nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pathlib import Path

    from tests.worker.conftest import Workshop

# Code, and the last line of the log after the path of the code.
FAILURES = {
    "command": ("main() {\n  false\n}\n", "line 2: false (exit code 1)"),
    "global": ("true\ngrep -q x /dev/null\nmain() { :; }\n", "line 2: grep -q x /dev/null (exit code 1)"),
    "function": (
        "f() {\n  [[ a == b ]]\n}\nmain() {\n  f\n  echo no\n}\n",
        "line 2: [[ a == b ]] (exit code 1)",
    ),
    "returned": ("f() {\n  return 3\n}\nmain() {\n  f\n}\n", "line 5: return 3 (exit code 3)"),
    "subshell": (
        "main() {\n  (\n    true\n    sh -c 'exit 4'\n  )\n}\n",
        "line 4: sh -c 'exit 4' (exit code 4)",
    ),
    "substitution": (
        "main() {\n  local x\n  x=$(grep -q x /dev/null)\n}\n",
        "line 3: grep -q x /dev/null (exit code 1)",
    ),
    "function-in-a-substitution": (
        "f() {\n  false\n}\nmain() {\n  x=$(f)\n}\n",
        "line 2: false (exit code 1)",
    ),
    "substitution-of-lines": (
        "main() {\n  x=$(\n    true\n    false\n  )\n}\n",
        "line 5: false (exit code 1)",
    ),
    "pipe": (
        "f() {\n  false\n}\nmain() {\n  set -o pipefail\n  echo a |\n    f |\n    cat\n}\n",
        "line 2: false (exit code 1)",
    ),
    "background": ("main() {\n  false &\n  wait $!\n}\n", "line 3: wait $! (exit code 1)"),
    "loop": (
        "main() {\n  for i in 1 2; do\n    test $i = 1\n  done\n}\n",
        "line 3: test $i = 1 (exit code 1)",
    ),
    "set-u": ("set -eu\nmain() {\n  x=()\n  false\n}\n", "line 4: false (exit code 1)"),
    "ignored-before": (
        "main() {\n  x=$(false; true)\n  sleep 1.1\n  (exit 1)\n}\n",
        "line 4: ( exit 1 ) (exit code 1)",
    ),
    "lines": ("main() {\n  sh -c '\n  exit 2'\n}\n", "line 2: sh -c ' (exit code 2)"),
}


@pytest.mark.parametrize(("code", "expected"), FAILURES.values(), ids=FAILURES)
def test_the_log_ends_with_the_line_of_a_failed_command(
    workshop: Workshop, tmp_path: Path, code: str, expected: str
) -> None:
    source = tmp_path / "app.sh"
    source.write_text(code)
    job = workshop.run(code, "bash", source=source)
    assert job.code != 0
    assert (job.said("ERROR"), job.said("STDERR")) == ([f"{source}: {expected}"], [])


def test_without_a_sandbox_it_is_the_same(bare_workshop: Workshop) -> None:
    job = bare_workshop.run("main() {\n  false\n}\n", "bash")
    assert job.said("ERROR") == [f"{job.home}/{job.job_id}.code.sh: line 2: false (exit code 1)"]
    assert not list(job.folder.home.glob(".dx-failed*"))


def test_a_file_of_the_app_is_named_with_the_line_that_uses_it(isolated: Workshop, tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "data/steps.sh").write_text("sort_reads() {\n  false\n}\n")
    job = isolated.run(". /data/steps.sh\nmain() {\n\n  sort_reads\n}\n", "bash", layers=(tmp_path,))
    assert job.said("ERROR") == [
        "/data/steps.sh: line 2: false (exit code 1)",
        f"{job.home}/{job.job_id}.code.sh: line 4: false (exit code 1)",
    ]


@pytest.mark.parametrize(
    "code",
    [
        pytest.param("main() { exit 3; }", id="exit"),
        pytest.param("main() { x=$(false; true); exit 1; }", id="exit-after-an-ignored-failure"),
        pytest.param("set +e\nmain() { false; false; exit 1; }", id="errexit-off"),
        pytest.param("main() { f() { false; }; f || exit 3; }", id="handled"),
        pytest.param("main() { kill -9 $$; }", id="killed"),
        pytest.param("trap 'exit 4' EXIT\nmain() { :; }", id="exit-trap"),
        pytest.param("trap : ERR\nmain() { false; }", id="own-trap"),
        pytest.param("trap : DEBUG\nmain() { false; }", id="debug-trap"),
    ],
)
def test_no_line_is_named_if_no_command_ended_the_job(workshop: Workshop, code: str) -> None:
    job = workshop.run(code, "bash")
    assert job.code != 0
    assert job.said("ERROR") == []


def test_a_job_that_succeeds_leaves_its_log_alone(workshop: Workshop) -> None:
    job = workshop.run("main() { x=$(false; echo went on); echo $x; }", "bash")
    assert (job.code, job.said(), job.said("STDERR")) == (0, ["went on"], [])
    assert job.said("ERROR") == []


UNNOTICED = {
    "status": ("set +e\nmain() { (exit 3); echo $?; }", ["3"]),
    "last-argument": ("set +e\nmain() { false a 'b c'; echo \"$_\"; }", ["b c"]),
    "last-argument-in-a-substitution": ("main() { echo $(false a b; echo $_); }", ["b"]),
    "pipe-status": ("set +e\nmain() { (exit 3) | (exit 4); echo ${PIPESTATUS[@]}; }", ["3 4"]),
    "match": ("set +e\nmain() { [[ ab =~ a(.) ]]; false; echo ${BASH_REMATCH[1]}; }", ["b"]),
    "random": ("main() { RANDOM=1; a=$RANDOM; RANDOM=1; x=$(false; true); echo $((a - RANDOM)); }", ["0"]),
    "exit-traps": ("main() { trap 'echo bye $?' EXIT; (exit 5); }", ["bye 5"]),
    "files": ("main() { (exit 3) || true; ls -A | grep -c dx-failed || true; }", ["0"]),
    "noclobber": ("set -C\nmain() { x=$(false; true); x=$(false; true); echo done; }", ["done"]),
    "own-printf": ("printf() { echo mine; }\nmain() { x=$(false; true); printf; }", ["mine"]),
}


@pytest.mark.parametrize(("code", "said"), UNNOTICED.values(), ids=UNNOTICED)
def test_the_app_does_not_notice_the_trap(workshop: Workshop, code: str, said: list[str]) -> None:
    assert workshop.run(code, "bash").said() == said


def test_a_trace_shows_nothing_of_the_trap(workshop: Workshop) -> None:
    job = workshop.run("main() {\n  set -x\n  x=$(false; true)\n  false\n}\n", "bash")
    assert job.said("STDERR") == ["++ false", "++ true", "+ x=", "+ false"]


def test_bash_is_plain_on_request(workshop: Workshop) -> None:
    job = workshop.run("main() { echo $-; trap; false; }", "bash", settings={"plain_bash": True})
    assert (job.code, job.said(), job.said("ERROR")) == (1, ["ehB"], [])


def test_a_line_that_bash_has_named_is_not_repeated(isolated: Workshop, tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "data/steps.sh").write_text("sort_reads() {\n  no-such-command\n}\n")
    job = isolated.run(". /data/steps.sh\nmain() {\n\n  sort_reads\n}\n", "bash", layers=(tmp_path,))
    assert job.said("STDERR") == ["/data/steps.sh: line 2: no-such-command: command not found"]
    assert job.said("ERROR") == [
        f"{job.home}/{job.job_id}.code.sh: line 4: no-such-command (exit code 127)",
    ]


def test_a_pipe_that_a_job_leaves_in_place_of_a_record_is_passed_over(workshop: Workshop) -> None:
    job = workshop.run("mkfifo ~/.dx-failed-command.0.1\nmain() {\n  exit 3\n}\n", "bash")
    assert (job.code, job.said("ERROR")) == (3, [])


def test_a_job_that_removes_its_folder_ends(bare_workshop: Workshop) -> None:
    assert bare_workshop.run('main() {\n  rm "$HOME/../log.txt"\n  false\n}\n', "bash").code == 1
