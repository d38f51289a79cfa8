"""Idioms of real apps in bash: traps, strict modes, background processes, odd files."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import pytest
from tests.worker.conftest import Workshop

from dx_local.engine.executors.job_folder import read_outcome
from dx_local.engine.settings import Isolation

if TYPE_CHECKING:
    from pathlib import Path

    from dx_local.engine.environments.python_environments import WorkerEnvironment


class Idiom(NamedTuple):
    code: str
    exit_code: int
    said: list[str]


IDIOMS = {
    "return-before-main": Idiom("echo a\nreturn\nmain() { echo b; }\n", 0, ["a"]),
    "return-after-main": Idiom("main() { echo b; }\necho a\nreturn 0\necho c\n", 0, ["a", "b"]),
    "return-a-failure": Idiom("main() { echo b; }\nreturn 4\n", 4, []),
    "exit-trap": Idiom("trap 'echo bye $?' EXIT\nmain() { false; echo no; }\n", 1, ["bye 1"]),
    "exit-trap-decides": Idiom("trap 'exit 0' EXIT\nmain() { false; }\n", 0, []),
    "err-trap": Idiom(
        "set -E\ntrap 'echo \"line $LINENO of ${BASH_SOURCE##*.code.}: $BASH_COMMAND\"' ERR\n"
        "main() {\n  false\n}\n",
        1,
        ["line 4 of sh: false"],
    ),
    "err-trap-is-not-inherited": Idiom("trap 'echo no' ERR\nmain() { false; }\n", 1, []),
    "strict": Idiom("#!/bin/bash\nset -e -u -o pipefail\nmain() { false | cat; echo no; }\n", 1, []),
    "failing-substitution": Idiom("main() { x=$(exit 5); echo no; }\n", 5, []),
    "failing-local": Idiom("main() { local x=$(exit 5); echo yes; }\n", 0, ["yes"]),
    "failing-subshell": Idiom("main() { (exit 6); echo no; }\n", 6, []),
    "handled-failure": Idiom("main() { (exit 6) || echo $?; }\n", 0, ["6"]),
    "no-newline-at-the-end": Idiom("main() { echo b; }", 0, ["b"]),
    "a-comment-at-the-end": Idiom("main() { echo b; } # done", 0, ["b"]),
    "nothing": Idiom("", 0, []),
    "carriage-returns": Idiom("main() {\r\n  echo b\r\n}\r\n", 2, []),
    "byte-order-mark": Idiom("\ufeff#!/bin/bash\nmain() { echo b; }\n", 127, []),
    "names-of-commands": Idiom(
        "test() { echo mine; }\nenvironment() { echo too; }\nmain() { test; environment; }\n",
        0,
        ["mine", "too"],
    ),
    "beside-the-code": Idiom('main() { cd /; ls "$(dirname "$0")" | grep -c code.sh; }\n', 0, ["1"]),
    "run-again": Idiom(
        'if [ -z "$AGAIN" ]; then AGAIN=1 exec bash -e "$0" main; fi\nmain() { echo b; }\n', 0, ["b"]
    ),
    "no-input": Idiom("main() { cat; read -r x || echo over; }\n", 0, ["over"]),
    "unset-variables": Idiom("set -u\nmain() { echo $# ${1-none} $_dx_function; }\n", 0, ["0 none main"]),
    "daemon": Idiom(
        "main() {\n  sleep 100 & daemon=$!\n  (sleep 0.1; exit 4) &\n  wait -n || echo $?\n"
        "  kill $daemon\n  wait $daemon || echo $?\n}\n",
        0,
        ["4", "143"],
    ),
    "jobs-that-ended": Idiom(
        "main() { for i in 1 2; do (exit $i) & pids+=($!); done; sleep 0.1\n"
        "for p in ${pids[@]}; do wait $p || echo $?; done; }\n",
        0,
        ["1", "2"],
    ),
    "sourced-files": Idiom(
        "main() {\n  unset DX_JOB_ID x\n  source ~/environment; . ~/.bash_helper_vars\n"
        "  echo ${DX_JOB_ID%%-*} $x\n}\n",
        0,
        ["job 1"],
    ),
}


@pytest.mark.parametrize("idiom", IDIOMS.values(), ids=IDIOMS)
def test_it_ends_as_in_a_script(workshop: Workshop, idiom: Idiom) -> None:
    job = workshop.run(idiom.code, "bash", job_input={"x": 1})
    assert (job.code, job.said()) == (idiom.exit_code, idiom.said), job.said("STDERR")


REPORTS = {
    "at-the-exit": (
        'end() { c=$?; [ $c = 0 ] || dx-jobutil-report-error "code $c"; }\ntrap end EXIT\n(exit 7)\n',
        ("AppError", "code 7"),
    ),
    "mark-and-fail": (
        "mark-section 'sorting reads'\nfalse\n",
        ("AppError", "Error while sorting reads; please refer to the job log for more details."),
    ),
    "mark-and-end": ("mark-section 'sorting reads'\n", (None, None)),
    "report-and-go-on": ("dx-jobutil-report-error oops || true\n", (None, None)),
    "report-and-exit-0": ("dx-jobutil-report-error oops || exit 0\n", (None, None)),
    "report-and-exit-1": (
        "dx-jobutil-report-error oops AppInternalError || exit 1\n",
        ("AppInternalError", "oops"),
    ),
}


@pytest.mark.parametrize(("code", "expected"), REPORTS.values(), ids=REPORTS)
def test_the_exit_status_decides_about_a_reported_error(
    workshop: Workshop, code: str, expected: tuple[str | None, str | None]
) -> None:
    job = workshop.run(code, "bash")
    outcome = read_outcome(job.folder, job.code)
    assert (outcome.reason, outcome.message) == expected


FILTERS = [
    "exec > >(tee log) 2>&1\n",
    "exec > >(sleep 0.1; tee log) 2>&1\n",
    "exec > >(tee -a log | sed 's/^//') 2>&1\n",
    "(sleep 100; echo no) | cat &\nexec > >(sleep 0.1; cat)\n",
]


@pytest.mark.parametrize("filtered", FILTERS)
@pytest.mark.parametrize("shop", ["workshop", "bare_workshop"])
def test_the_last_lines_pass_through_a_filter(
    shop: str, request: pytest.FixtureRequest, filtered: str
) -> None:
    code = f"{filtered}for number in 1 2 3; do echo $number; done\necho last\nexit 3\n"
    job = request.getfixturevalue(shop).run(code, "bash")
    assert (job.code, job.said()) == (3, ["1", "2", "3", "last"])


def test_a_filter_that_never_ends_does_not_keep_the_executor_from_closing(
    tmp_path: Path, worker_environment: WorkerEnvironment
) -> None:
    shop = Workshop(tmp_path, worker_environment, isolation=Isolation.NONE)
    job_id = shop.start("set -m\nexec > >(cat; exec sleep 1000)\necho last\n", "bash")
    shop.wait_for_line(job_id, "last")
    shop.close()
    shop.loop.close()


def test_a_filter_that_never_ends_is_ended(workshop: Workshop) -> None:
    job = workshop.run("exec > >(cat; exec sleep 1000)\necho last\n", "bash")
    assert (job.code, job.said()) == (0, ["last"])
