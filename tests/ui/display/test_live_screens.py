"""The live view of `dx-local run` as screens of a terminal show it."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest
from tests.screens import Terminal

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    MakeApp = Callable[..., Path]

SIZES = [
    pytest.param(60, 20, id="60x20", marks=pytest.mark.slow),
    pytest.param(80, 24, id="80x24"),
    pytest.param(120, 40, id="120x40", marks=pytest.mark.slow),
]

PRINTS = """
main() {
  echo 'first line'
  sleep 1
  echo '[bold]second line[/bold]'
  sleep 1
}
"""


def test_a_job_that_prints_leaves_the_view_without_markup(make_app: MakeApp) -> None:
    terminal = Terminal("run", str(make_app(PRINTS, interpreter="bash")))
    terminal.read_until("main | [bold]second line[/bold]")
    assert terminal.read_to_end() == 0
    assert re.search(r"\[/?(dim|cyan|green)\]", terminal.written) is None


@pytest.mark.slow
def test_a_new_worker_environment_is_shown_with_its_reason_and_ctrl_c_names_the_folder(
    make_app: MakeApp, tmp_path: Path
) -> None:
    app = make_app(PRINTS, interpreter="bash")
    terminal = Terminal("run", str(app), XDG_CACHE_HOME=str(tmp_path / "cache"))
    reason = r"(?m)^[^ ] Creating a worker environment: first job with Python 3[\d.]+, dxpy [\d.]+\.$"
    screen = terminal.read_until_all(r"main +running", reason)
    sign = screen.splitlines()[-1][0]
    terminal.read_until_all(rf"(?m)^[^ {re.escape(sign)}] Creating")
    terminal.process.sendintr()
    assert terminal.read_to_end() == 130
    (folder,) = app.glob("test-job-workspaces/*")
    assert f"folder of this run: {folder}" in terminal.written


SCATTERS = """
import dxpy, time

@dxpy.entry_point('process')
def process(number):
    print('piece', number)
    if number == 56 and FAILS:
        time.sleep(1)
        return {'n': 1 // 0}
    time.sleep(0.6 if number == 2 else 0)
    return {'n': number}

@dxpy.entry_point('postprocess')
def postprocess(numbers):
    time.sleep(0.6)
    return {'n': sum(numbers)}

@dxpy.entry_point('main')
def main():
    jobs = [dxpy.new_dxjob({'number': number}, 'process') for number in range(COUNT)]
    numbers = [job.get_output_ref('n') for job in jobs]
    return {'n': dxpy.new_dxjob({'numbers': numbers}, 'postprocess').get_output_ref('n')}

dxpy.run()
"""


def scatters(make_app: MakeApp, count: int, *, fails: bool = False) -> str:
    code = SCATTERS.replace("COUNT", str(count)).replace("FAILS", str(fails))
    return str(make_app(code, outputs={"n": "int"}, name="count-kmers"))


def check_frame(shown: str, columns: int, rows: int) -> None:
    """Check that the view appears once, in rows that fit."""
    lines = shown.splitlines()
    header = re.compile(r"count-kmers   \d+ of \d+ jobs?")
    headers = [number for number, line in enumerate(lines) if header.match(line)]
    assert len(headers) == 1, shown
    assert len(lines) - headers[0] <= rows - 2, shown
    assert all(len(line) < columns for line in lines[headers[0] :]), shown


@pytest.mark.parametrize(("columns", "rows"), SIZES)
def test_few_jobs_are_a_tree(make_app: MakeApp, columns: int, rows: int) -> None:
    terminal = Terminal("run", scatters(make_app, 3), columns=columns, rows=rows)
    shown = terminal.read_until_all(
        r"└─ main +waits for postprocess\n",
        r"   ├─ process\[3\] +running +0\.\d s.*  \| piece 2\n",
        r"   └─ postprocess +waits for process\[3\]",
    )
    check_frame(shown, columns, rows)
    assert terminal.read_to_end() == 0
    assert "process[3] | piece 2" in terminal.shown() + "\n".join(terminal.scrolled())


@pytest.mark.slow
def test_jobs_on_nodes_are_shown_with_their_node(make_app: MakeApp) -> None:
    terminal = Terminal("run", scatters(make_app, 3), "--on", "local", "--nodes", "2", columns=120, rows=40)
    terminal.read_until_all(r"requesting up to 2 nodes", r"running +[\d.]+ s.*? on local-[12]")
    assert terminal.read_to_end() == 0
    assert re.search(r"node local-1 is here \(\d+ cores?\)", terminal.written)


@pytest.mark.parametrize(("columns", "rows"), SIZES)
def test_hundreds_of_jobs_are_counted(make_app: MakeApp, columns: int, rows: int) -> None:
    terminal = Terminal("run", scatters(make_app, 198, fails=True), columns=columns, rows=rows)
    shown = terminal.read_until_all(
        r"of 200 jobs  \d+ %   \d:\d\d, about \d:\d\d left",
        r"  process +━*╸?─*  \d+/198   \d running",
        r"  postprocess +waits for \d+ process",
        r"running longest\n  process\[\d+\]",
    )
    check_frame(shown, columns, rows)
    assert terminal.read_to_end() == 6
    text = "\n".join([*terminal.scrolled(), terminal.shown()])
    assert re.search(r"failed\n  process\[57\]  ZeroDivision.*  src/count-kmers\.py:9\n", text), text
    assert "1 failed" in text
    assert "ended with others" in text


def test_a_window_that_becomes_narrower_shows_the_view_once(make_app: MakeApp) -> None:
    terminal = Terminal("run", scatters(make_app, 40), "--logs", "none", columns=120, rows=40)
    terminal.read_until("of 42 jobs")
    terminal.resize(60, 20)
    check_frame(terminal.read_until_all(r"count-kmers   \d+ of 42 jobs", r"postprocess  running"), 60, 20)
    assert terminal.read_to_end() == 0


@pytest.mark.slow
def test_a_terminal_without_unicode_gets_a_bar_in_ascii(make_app: MakeApp) -> None:
    app = scatters(make_app, 40)
    terminal = Terminal("run", app, "--logs", "none", PYTHONIOENCODING="ascii")
    terminal.read_until_all(r"process +\[#+\]  40/40", r"postprocess  running")
    assert terminal.written.isascii()
    assert terminal.read_to_end() == 0


FLOOD = """
main() {
  seq -f 'line %g' 1 500
  sleep 1
}
"""


@pytest.mark.slow
def test_a_flood_of_lines_stays_in_its_file_unless_all_are_wanted(make_app: MakeApp) -> None:
    app = str(make_app(FLOOD, interpreter="bash"))
    held = Terminal("run", app)
    assert held.read_to_end() == 0
    assert "main | line 50\r" in held.written
    assert "main | line 500" not in held.written
    assert "(log lines of jobs are in their files: --logs all shows them)" in held.written
    full = Terminal("run", app, "--logs", "all")
    assert full.read_to_end() == 0
    assert "main | line 500\r" in full.written


def test_only_the_output_of_failed_jobs_is_shown_on_request(make_app: MakeApp) -> None:
    terminal = Terminal("run", scatters(make_app, 60, fails=True), "--logs", "failed")
    assert terminal.read_to_end() == 6
    assert "process[57] | piece 56\r" in terminal.written
    assert "process[2] | piece 1\r" not in terminal.written
