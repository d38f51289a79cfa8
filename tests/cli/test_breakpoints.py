"""`breakpoint()` in jobs of `dx-local run`, on a terminal and without one."""

from __future__ import annotations

import os
import pty
import re
import signal
import subprocess
import sys
import termios
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import pytest
from tests.screens import DX_LOCAL, Terminal

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    MakeApp = Callable[..., Path]

SCATTERS = """
import dxpy

@dxpy.entry_point('process')
def process(number):
    lengths = [number, 2]
    breakpoint()
    total = sum(lengths)
    print('total', total)
    return {'n': total}

@dxpy.entry_point('main')
def main():
    jobs = [dxpy.new_dxjob({'number': number}, 'process') for number in range(3)]
    return {'ns': [job.get_output_ref('n') for job in jobs]}

dxpy.run()
"""

STOPS = """
import dxpy, pdb, time

@dxpy.entry_point('main')
def main():
    time.sleep(0)
    pdb.set_trace()
    time.sleep(0)
    return {}

dxpy.run()
"""

AT_PROMPT = r"\(Pdb\)$"


def unwrapped(shown: str) -> str:
    """Return a screen of 80 columns with lines that were too long for it in one piece."""
    return re.sub(r"(?m)^(.{80})\n", r"\1", shown)


def logs_of(app: Path, name: str) -> list[str]:
    found = app.glob(f"test-job-workspaces/*/jobs/{name}-job-*/log.txt")
    return [log.read_text(encoding="utf-8") for log in found]


def test_parallel_jobs_stop_one_after_the_other(make_app: MakeApp) -> None:
    app = make_app(SCATTERS, outputs={"ns": "array:int"}, name="count-kmers")
    terminal = Terminal("run", str(app), "--max-parallel", "2")
    shown = terminal.read_until_all(AT_PROMPT, r"process(\[\d\])? waits for the terminal")
    assert re.search(r"^--- process\S* stopped at src/count-kmers\.py:\d+; c continues", shown, re.MULTILINE)
    assert re.search(r"-> (total = sum\(lengths\)|breakpoint\(\))\n", shown)
    terminal.type("p len(lengths)", rf"\) p len\(lengths\)\n2\n{AT_PROMPT}")
    terminal.type("n", rf"\) n\n(.*\n)+.*{AT_PROMPT}")
    shown = terminal.type("w", rf"\) w\n(.*\n)+.*{AT_PROMPT}")
    assert re.search(r"\) w\n.*/src/count-kmers\.py\S*<module>\(\)\n-> dxpy\.run\(\)\n", unwrapped(shown))
    for _ in range(2):
        terminal.process.send("\x0c")  # clears the screen
        terminal.read_until_all(rf"\A{AT_PROMPT}")
        terminal.type("c", rf"--- process\S* stopped at (.*\n)+{AT_PROMPT}")
    terminal.process.send("c\r")
    assert terminal.read_to_end() == 0
    assert "done: 4 jobs in " in terminal.shown()
    assert len(set(re.findall(r"process\S* \| total (\d)\r\n", terminal.written))) == 3
    logs = logs_of(app, "process")
    assert sum("(Pdb) p len(lengths)\n2\n" in log for log in logs) == 1
    assert all(re.search(r"\n--- process\S* stopped at src/count-kmers\.py:\d+", log) for log in logs)


def test_ctrl_c_interrupts_the_command_and_history_works(make_app: MakeApp) -> None:
    terminal = Terminal("run", str(make_app(STOPS)))
    terminal.read_until_all(AT_PROMPT)
    terminal.type("print('asleep'); time.sleep(600)", r"\nasleep$")
    terminal.process.send("\x03")
    terminal.read_until_all(rf"KeyboardInterrupt\n{AT_PROMPT}")
    terminal.type("p 6 * 7", rf"\n42\n{AT_PROMPT}")
    terminal.type("\x1b[A", rf"\n42\n(.*\n)*.*\) p 6 \* 7\n42\n{AT_PROMPT}")
    terminal.process.send("c\r")
    assert terminal.read_to_end() == 0


def test_the_job_sees_the_size_of_the_window(make_app: MakeApp) -> None:
    terminal = Terminal("run", str(make_app(STOPS)))
    terminal.read_until_all(AT_PROMPT)
    terminal.type("import os; window = os.get_terminal_size; window()", r"columns=80, lines=24")
    terminal.resize(100, 30)
    terminal.type("window()", r"columns=100, lines=30")
    terminal.process.send("c\r")
    assert terminal.read_to_end() == 0


def test_q_ends_the_job_with_a_message(make_app: MakeApp) -> None:
    app = make_app(STOPS)
    terminal = Terminal("run", str(app))
    terminal.read_until_all(AT_PROMPT)
    terminal.process.send("q\r")
    assert terminal.read_to_end() == 6
    assert re.search(r"The job was ended in the debugger at src/app\.py:\d+", "".join(logs_of(app, "main")))
    assert "The job was ended in the" in terminal.shown()
    assert "(Pdb)" not in terminal.written[terminal.written.rindex("error:") :]


WITH_SHORT_MINUTES = """
from dx_local.platform.execution import requirements
from dx_local.start import dx_local
requirements.UNIT_MS["minutes"] = 5000
dx_local()
"""


@pytest.mark.slow
def test_time_at_the_prompt_does_not_count(make_app: MakeApp) -> None:
    app = make_app(STOPS, runSpec={"timeoutPolicy": {"main": {"minutes": 1}}})
    terminal = Terminal("run", str(app), program=(sys.executable, "-c", WITH_SHORT_MINUTES))
    terminal.read_until_all(AT_PROMPT)
    terminal.type("time.sleep(5); print('slept')", rf"\nslept\n{AT_PROMPT}")
    terminal.process.send("c\r")
    assert terminal.read_to_end() == 0


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_the_terminal_is_restored(make_app: MakeApp, number: int) -> None:
    terminal = Terminal("run", str(make_app(STOPS)))
    before = termios.tcgetattr(terminal.process.fileno())
    terminal.read_until_all(AT_PROMPT)
    assert termios.tcgetattr(terminal.process.fileno()) != before
    terminal.process.kill(number)
    with suppress(OSError):  # once no process has the terminal any more
        while os.read(terminal.process.fileno(), 65536):
            pass
    assert termios.tcgetattr(terminal.process.fileno()) == before


def run_without_terminal(app: Path, **options: Any) -> str:
    command = [str(DX_LOCAL), "run", str(app), "--progress", "plain"]
    done: subprocess.CompletedProcess[str] = subprocess.run(
        command, check=True, stderr=subprocess.PIPE, text=True, timeout=60, **options
    )
    return done.stderr


PASSED_OVER = r"main \| breakpoint\(\) at src/app\.py:7 passed over: no terminal\n"


def test_without_a_terminal_it_is_passed_over(make_app: MakeApp) -> None:
    app = make_app(STOPS)
    assert re.search(PASSED_OVER, run_without_terminal(app, stdin=subprocess.DEVNULL))


def test_a_terminal_of_another_session_is_not_used(make_app: MakeApp) -> None:
    """As after setsid, or under a server that a terminal has started."""
    master, slave = pty.openpty()
    text = run_without_terminal(make_app(STOPS), stdin=slave, start_new_session=True)
    os.close(master)
    os.close(slave)
    assert re.search(PASSED_OVER, text)


def test_ci_is_not_waited_for(make_app: MakeApp) -> None:
    terminal = Terminal("run", str(make_app(STOPS)), CI="true")
    assert terminal.read_to_end() == 0
    assert "passed over: no terminal" in terminal.shown()
