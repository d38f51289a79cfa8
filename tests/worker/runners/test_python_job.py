"""Python jobs: the code as `__main__`, dxpy as if freshly imported, exit codes as in Python."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from tests.worker.conftest import WITHOUT_PLATFORM

from dx_local.engine.executors.job_folder import JobOutcome, read_outcome

if TYPE_CHECKING:
    from tests.conftest import ServedPlatform
    from tests.worker.conftest import Workshop

VARIABLES = {
    "DX_APISERVER_PROTOCOL": "http",
    "DX_APISERVER_HOST": "127.0.0.1",
    "DX_APISERVER_PORT": "1234",
    "DX_SECURITY_CONTEXT": '{"auth_token_type": "Bearer", "auth_token": "abc"}',
    "DX_WORKSPACE_ID": "container-xxxx",
    "DX_PROJECT_CONTEXT_ID": "project-xxxx",
}


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("dxpy.JOB_ID == os.environ['DX_JOB_ID']", "True"),
        ("dxpy.APISERVER", "http://127.0.0.1:1234"),
        ("dxpy.SECURITY_CONTEXT['auth_token']", "abc"),
        ("dxpy.AUTH_HELPER.security_context['auth_token']", "abc"),
        ("dxpy.WORKSPACE_ID", "container-xxxx"),
        ("dxpy.PROJECT_CONTEXT_ID", "project-xxxx"),
        ("dxpy.bindings.dxfile.DEFAULT_BUFFER_SIZE", str(96 << 20)),
        ("dxpy._pool_manager", "None"),
    ],
)
def test_dxpy_is_as_if_imported_by_the_job(workshop: Workshop, expression: str, expected: str) -> None:
    assert workshop.run(f"import os\nprint({expression})", variables=VARIABLES).said() == [expected]


def test_dxpy_is_there_without_an_import(workshop: Workshop) -> None:
    assert workshop.run("print(dxpy.__name__)").said() == ["dxpy"]


def test_the_code_is_the_main_module(workshop: Workshop) -> None:
    job = workshop.run(
        "import __main__, pickle\n"
        "def f(): return 'pickled'\n"
        "print(__name__, __main__.f is f, pickle.loads(pickle.dumps(f))())"
    )
    assert job.said() == ["__main__ True pickled"]


def test_a_pool_runs_functions_of_the_main_module(workshop: Workshop) -> None:
    job = workshop.run(
        "import multiprocessing\n"
        "def square(x): return x * x\n"
        "with multiprocessing.Pool(2) as pool: print(pool.map(square, range(4)))"
    )
    assert (job.code, job.said()) == (0, ["[0, 1, 4, 9]"])


COUNT = """
@dxpy.entry_point("count")
def count(words):
    print(dxpy.describe(dxpy.JOB_ID)["id"] == dxpy.JOB_ID)
    return {"n": len(words)}
"""


def test_run_knows_entry_point_and_input_without_asking_the_server(workshop: Workshop) -> None:
    code = COUNT.replace("dxpy.describe(dxpy.JOB_ID)", "{'id': 0}") + "dxpy.run()"
    job_input = {"words": ["ä", "b"]}
    job = workshop.run(code, function="count", job_input=job_input, variables=VARIABLES, platform=True)
    assert read_outcome(job.folder, job.code) == JobOutcome({"n": 2})
    assert job.said() == ["Invoking count with {'words': ['ä', 'b']}", "False"]


def test_what_else_a_job_describes_is_asked_of_the_server(workshop: Workshop, served: ServedPlatform) -> None:
    code = COUNT + "print(dxpy.describe(dxpy.JOB_ID)['state'])\ndxpy.run()"
    job = workshop.run_on(served, code, function="count", job_input={"words": []})
    assert job.said() == ["runnable", "Invoking count with {'words': []}", "True"]


def test_the_home_is_the_current_folder_and_holds_the_input(workshop: Workshop) -> None:
    job = workshop.run(
        "import json, os\nprint(json.load(open('job_input.json')), os.getcwd() == os.path.expanduser('~'))",
        job_input={"name": "ä"},
    )
    assert job.said() == ["{'name': 'ä'} True"]


@pytest.mark.parametrize(
    ("code", "complaint"),
    [
        ("print('é')\nif 1 is 1: pass\n", 'SyntaxWarning: "is" with '),
        ("print('é')\nx = )\n", "SyntaxError: unmatched ')'"),
    ],
)
def test_what_is_wrong_with_the_code_is_said_by_every_job(
    workshop: Workshop, tmp_path: Path, code: str, complaint: str
) -> None:
    source = tmp_path / "app.py"
    source.write_text(code + WITHOUT_PLATFORM)
    jobs = [workshop.run(code, source=source) for _ in range(2)]
    assert [complaint in "\n".join(job.said("STDERR")) for job in jobs] == [True, True]


def test_code_that_was_changed_between_two_jobs_is_the_next_ones(workshop: Workshop, tmp_path: Path) -> None:
    source = tmp_path / "app.py"
    said = []
    for number in range(3):
        source.write_text(f"print({number // 2})" + WITHOUT_PLATFORM)
        said += workshop.run(f"print({number // 2})", source=source).said()
    assert said == ["0", "0", "1"]


def test_a_traceback_names_the_authors_file_and_no_frame_of_ours(workshop: Workshop, tmp_path: Path) -> None:
    source = tmp_path / "app.py"
    code = "def broken():\n    return 1 / 0\nbroken()\n"
    source.write_text(code + "\ndxpy.utils.exec_utils.RUN_COUNT = 1\n")
    job = workshop.run(code, source=source)
    places = [line.strip() for line in job.said("STDERR") if "File" in line]
    assert places == [f'File "{source}", line 3, in <module>', f'File "{source}", line 2, in broken']


def test_a_source_that_was_edited_since_is_not_run(workshop: Workshop, tmp_path: Path) -> None:
    source = tmp_path / "app.py"
    source.write_text("print('edited')")
    assert workshop.run("print('bundled')", source=source).said() == ["bundled"]


def test_a_syntax_error_names_its_line(workshop: Workshop) -> None:
    job = workshop.run("x = 1\nprint 'python 2'\n")
    assert job.code == 1
    assert job.said("STDERR")[0] == f'  File "{job.home}/{job.job_id}.code.py", line 2'


def test_the_wrapper_is_the_program_and_the_main_file(workshop: Workshop) -> None:
    code = (
        "import sys\nprint(sys.argv, __file__, open(__file__).read() == open(__file__ + '.code.py').read())"
    )
    job = workshop.run(code)
    wrapper = f"{job.home}/{job.job_id}"
    assert job.said() == [f"['{wrapper}'] {wrapper} True"]


def test_processes_that_are_spawned_find_the_main_file(workshop: Workshop) -> None:
    code = """
import concurrent.futures, multiprocessing, dxpy
def twice(x):
    return 2 * x
if __name__ == "__main__":
    spawn = multiprocessing.get_context("spawn")
    with concurrent.futures.ProcessPoolExecutor(1, spawn) as pool:
        print(list(pool.map(twice, [1, 2])))
"""
    job = workshop.run(code)
    assert job.said() == ["[2, 4]"], job.said("STDERR")


def test_future_imports_of_ours_do_not_reach_the_code(workshop: Workshop) -> None:
    assert workshop.run("def f(x: int): pass\nprint(f.__annotations__['x'] is int)").said() == ["True"]


def test_exit_functions_and_threads_come_to_their_end(workshop: Workshop) -> None:
    job = workshop.run(
        "import atexit, threading, time\n"
        "atexit.register(print, 'exit function')\n"
        "threading.Thread(target=lambda: (time.sleep(0.05), print('thread'))).start()\n"
        "import sys; sys.exit(4)"
    )
    assert (job.code, job.said()) == (4, ["thread", "exit function"])


def test_an_excepthook_of_the_app_is_used(workshop: Workshop) -> None:
    job = workshop.run("import sys\nsys.excepthook = lambda *a: print('hook', a[0].__name__)\n1 / 0")
    assert (job.code, job.said()) == (1, ["hook ZeroDivisionError"])


def test_stdout_and_stderr_keep_their_order_of_writing(workshop: Workshop) -> None:
    job = workshop.run("import sys, time\nprint('one')\ntime.sleep(0.02)\nprint('two', file=sys.stderr)")
    assert [line.message for line in job.lines] == ["one", "two"]


@pytest.mark.parametrize("shop", ["workshop", "bare_workshop"])
def test_what_resources_hold_is_found(shop: str, request: pytest.FixtureRequest, tmp_path: Path) -> None:
    workshop: Workshop = request.getfixturevalue(shop)
    for folder in ("usr/local/lib/python3.11/dist-packages", "usr/bin", "home/dnanexus/config"):
        (tmp_path / folder).mkdir(parents=True)
    (tmp_path / "usr/local/lib/python3.11/dist-packages/bundled.py").write_text("name = 'module'")
    (tmp_path / "usr/bin/tool").write_text("#!/bin/sh\necho program")
    (tmp_path / "usr/bin/tool").chmod(0o755)
    (tmp_path / "home/dnanexus/config/settings").write_text("setting")
    job = workshop.run(
        "import bundled, subprocess, sys, os\n"
        "print(bundled.name, subprocess.check_output(['tool'], text=True).strip())\n"
        "child = [sys.executable, '-c', 'import bundled; print(1)']\n"
        "print(subprocess.check_output(child, text=True).strip())\n"
        "print(open('config/settings').read(), os.environ.get('DX_FS_ROOT'))",
        layers=(tmp_path,),
    )
    assert job.said() == [
        "module program",
        "1",
        f"setting {None if workshop.is_isolated else tmp_path}",
    ]


def test_of_two_layers_the_first_lies_above_the_other(workshop: Workshop, tmp_path: Path) -> None:
    for layer, names in (("upper", ["both"]), ("lower", ["both", "one"])):
        for folder in ("usr/bin", "home/dnanexus/config"):
            (tmp_path / layer / folder).mkdir(parents=True)
            for name in names:
                (tmp_path / layer / folder / name).write_text(f"#!/bin/sh\necho {layer} $0\n")
                (tmp_path / layer / folder / name).chmod(0o755)
    job = workshop.run(
        "main() { (both; one) | cut -d ' ' -f 1; cat config/both config/one | grep echo; }",
        "bash",
        layers=(tmp_path / "upper", tmp_path / "lower"),
    )
    assert job.said() == ["upper", "lower", "echo upper $0", "echo lower $0"]


def test_large_files_for_the_home_are_linked_and_small_ones_are_the_jobs_own(
    workshop: Workshop, tmp_path: Path
) -> None:
    home = tmp_path / "home" / "dnanexus"
    home.mkdir(parents=True)
    (home / "genome").write_bytes(b"A" * (2 << 20))
    (home / "notes").write_text("original")
    job = workshop.run("open('notes', 'w').write('changed')", layers=(tmp_path,))
    assert (job.folder.home / "genome").is_symlink()
    assert (home / "notes").read_text() == "original"


def test_the_programs_of_dxpy_are_on_the_path_after_clients_for_them(workshop: Workshop) -> None:
    code = "import os, sys; print(os.environ['PATH'], sys.executable)"
    path, python = workshop.run(code).said()[0].split()
    _own, clients, *others = path.split(":")
    tools = str(workshop.environment.bin)
    assert tools in others
    clients_of = {path.name for path in Path(clients).glob("dx*")} - {"dx-docker", "dxfuse"}
    assert clients_of <= {path.name for path in Path(tools).iterdir()}
    assert python == str(workshop.environment.python)


def test_an_app_may_have_modules_called_as_ours(workshop: Workshop) -> None:
    job = workshop.run("open('job.py', 'w').write('name = \"mine\"')\nimport job; print(job.name)")
    assert job.said() == ["mine"]


ENTRY_POINT = """
@dxpy.entry_point("main")
def main(**inputs):
    import logging
    logging.warning("watch out")
    return {"n": 1, "job": dxpy.JOB_ID}
"""


@pytest.mark.parametrize("ending", ["", "\ndxpy.run()\n"], ids=["without-run", "with-run"])
def test_the_entry_point_runs_once(workshop: Workshop, served: ServedPlatform, ending: str) -> None:
    job_id = served.job()
    job = workshop.run_on(served, ENTRY_POINT + ending, job_id=job_id)
    assert job.said() == ["Invoking main with {}"]
    assert job.said("WARNING") == ["watch out"]
    assert read_outcome(job.folder, job.code) == JobOutcome({"n": 1, "job": job_id})


@pytest.mark.parametrize(
    ("statement", "outcome"),
    [
        ("raise dxpy.AppError('too few')", JobOutcome(None, "AppError", "too few")),
        ("1 / 0", JobOutcome(None, "AppInternalError", "ZeroDivisionError: division by zero")),
    ],
)
def test_an_exception_of_the_entry_point_is_the_jobs_error(
    workshop: Workshop, served: ServedPlatform, statement: str, outcome: JobOutcome
) -> None:
    code = f"@dxpy.entry_point('main')\ndef main():\n    {statement}\n"
    job = workshop.run_on(served, code)
    assert (job.code, read_outcome(job.folder, job.code)) == (1, outcome)
    assert job.said("STDERR")[-1].endswith(outcome.message or "")


def test_exit_0_in_the_entry_point_is_success(workshop: Workshop, served: ServedPlatform) -> None:
    code = "@dxpy.entry_point('main')\ndef main():\n    raise SystemExit(0)\n"
    assert workshop.run_on(served, code).code == 0
