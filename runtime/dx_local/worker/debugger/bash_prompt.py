"""A prompt in a bash job that fails: shell code for its traps, and the program that asks for the terminal.

Bash cannot receive open files. So this program, which the traps start, asks for the terminal, prints a path
at which bash can open it, and keeps it until bash has ended:

    python -I bash_prompt.py OPTIONS STATUS FILE LINE COMMAND
        OPTIONS: those of `_Options` as a JSON object
        STATUS: the exit code of the failed command
        FILE, LINE: its place; empty if it is unknown
        COMMAND: its text
"""

from __future__ import annotations

import importlib.util
import json
import os
import select
import shlex
import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

if __name__ == "__main__":
    # As in the zygote: the package's folder may contain other versions of modules that jobs use.
    _spec = importlib.util.spec_from_file_location("dx_local", Path(__file__).parents[2] / "__init__.py")
    assert _spec is not None
    sys.modules["dx_local"] = importlib.util.module_from_spec(_spec)

from dx_local.worker.debugger.places import short_name
from dx_local.worker.debugger.reasons import stops_for
from dx_local.worker.debugger.terminal import request_terminal

if TYPE_CHECKING:
    from dx_local.worker.job import Job

_LONGEST_COMMAND = 100  # characters

# At this point positional parameters, FUNCNAME and local variables are those of the failed function. With
# errexit or nounset, a mistake at the prompt would end the job.
_PROMPT = r"""_dx_status=$? _dx_line=$LINENO _dx_command=$BASH_COMMAND
{first}
case $_dx_status:{condition} in
0:*) ;;
*e*)
    exec {{_dx_answer}}< <({program} "$_dx_status" "${{BASH_SOURCE[0]-}}" "{line}" "$_dx_command")
    if IFS= read -r -u "$_dx_answer" _dx_terminal; then
        IFS= read -r -u "$_dx_answer" _dx_label
        trap - ERR EXIT
        trap echo INT
        trap '' QUIT
        set +exu
        exec <"$_dx_terminal" >"$_dx_terminal" 2>&1
        export TERM={term}
        while :; do
            if ! IFS= read -r -e -p "(dx $_dx_label) " _dx_typed; then
                (($? > 128)) && continue
                break
            fi
            [[ $_dx_typed == exit ]] && break
            history -s -- "$_dx_typed"
            eval "$_dx_typed"
            set +exu
        done
        exit "$_dx_status"
    fi
    ;;
esac
"""


def trap_lines(job: Job, err_trap: str | None) -> str:
    """Return shell code that sets the traps for the prompt.

    `err_trap` is the code of the trap that is set without a debugger, None if an ERR trap is not allowed.
    Then, and if the app ends by `exit`, the prompt comes when the shell ends.
    """
    options = {
        "address": job.terminal,
        "job": job.job_id,
        "code": job.code,
        "shown": short_name(job.source) if job.source else "",
        "error_file": f"{job.home}/job_error.json",
        "stop_on": list(job.settings["debug_on"]),
    }
    term = shlex.quote(job.terminal_type)
    program = shlex.join([sys.executable, "-I", __file__, json.dumps(options)])

    def trap(signal_name: str, first: str, condition: str, line: str) -> str:
        code = _PROMPT.format(first=first, condition=condition, program=program, line=line, term=term)
        return f"trap {shlex.quote(code)} {signal_name}\n"

    lines = trap("EXIT", "", "e", "")
    if err_trap is not None:
        first = err_trap.replace('"$?"', '"$_dx_status"').replace('"$LINENO"', '"$_dx_line"')
        first = first.replace('"$BASH_COMMAND"', '"$_dx_command"')
        lines += "set -E\n" + trap("ERR", first, "$-", "$_dx_line")
    return lines


def main() -> None:
    """Ask for the terminal and print where it can be opened, and the job's label; or nothing."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C at the prompt
    options: dict[str, Any] = json.loads(sys.argv[1])
    status, file, line, command = sys.argv[2:]
    if not stops_for(options["stop_on"], options["error_file"]):
        return
    name = options["shown"] if file == options["code"] else short_name(file)
    place = f" at {name}:{line}" if line and name else ""
    text = (command.splitlines() or [""])[0][:_LONGEST_COMMAND]
    reason = f"failed{place}, exit code {status}: {text}; exit ends the job"
    granted = request_terminal(options["address"], options["job"], reason, at_end=True)
    if granted is None:
        return
    _connection, terminal, label = granted
    print(f"/proc/{os.getpid()}/fd/{terminal}", label, sep="\n", flush=True)
    end_of_bash = select.poll()
    end_of_bash.register(sys.stdout, 0)
    end_of_bash.poll()


if __name__ == "__main__":
    main()
