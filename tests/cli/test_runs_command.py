"""`dx-local runs`: the list of kept runs, for people and for programs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.docs.test_json_outputs import check

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.cli.conftest import DxLocal

    MakeApp = Callable[..., Path]

FAILS = "main() { dx-jobutil-report-error 'no reads' AppError; exit 1; }\n"


def test_runs_are_listed_with_the_cause_of_failure(dx_local: DxLocal, make_app: MakeApp) -> None:
    app = make_app(FAILS, interpreter="bash")
    dx_local("run", app, "-q")
    listed = dx_local("runs", app)
    (run,) = (app / "test-job-workspaces").iterdir()
    assert listed.exit_code == 0
    assert listed.stdout.startswith(f"{run.name}  failed  0/1 jobs  ")
    assert listed.stdout.endswith("  main: no reads\n")


def test_programs_get_the_same(dx_local: DxLocal, make_app: MakeApp) -> None:
    app = make_app("main() { :; }\n", interpreter="bash")
    dx_local("run", app, "-q")
    (run,) = check("runs", dx_local("runs", app, "--json").json)["runs"]
    assert (run["state"], run["jobs"], run["done"]) == ("done", 1, 1)


def test_the_app_can_be_named_as_for_the_other_verbs(dx_local: DxLocal, make_app: MakeApp) -> None:
    make_app("main() { :; }\n", interpreter="bash", name="app")
    assert dx_local("runs", "--app", "app").stderr == "'app' has no kept runs\n"
    assert dx_local("clean", "--app", "app", "--yes").exit_code == 0
    twice = dx_local("runs", "app", "--app", "app")
    assert (twice.exit_code, "Pass one of them." in twice.stderr) == (2, True)


def test_an_app_without_runs_is_no_error(dx_local: DxLocal, make_app: MakeApp) -> None:
    make_app("main() { :; }\n", interpreter="bash", name="app")
    listed = dx_local("runs", "app")
    assert (listed.exit_code, listed.stdout) == (0, "")
    assert listed.stderr == "'app' has no kept runs\n"


def test_a_missing_folder_is_wrong_use(dx_local: DxLocal) -> None:
    printed = check("runs", dx_local("runs", "none", "--json").json)
    assert printed["error"]["code"] == "usage"
