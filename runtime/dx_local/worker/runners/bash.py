"""Run a job in bash: a wrapper in the job's home sources the input variables and the code.

Bash runs the wrapper as a file, as on the platform, because `bash -c` forgets children that ended before
they were waited for. Sources: traces in published logs of DNAnexus jobs (2018, 2022);
dxpy.utils.local_exec_utils for the order of the steps; `dx-print-bash-vars` for the variables.
"""

from __future__ import annotations

import os
import re
import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

from dxpy.utils import file_load_utils

from dx_local.worker import job_home
from dx_local.worker.job import FAILED_COMMAND_FILE, INPUT_FILE
from dx_local.worker.process.signals import restore_defaults_of_programs
from dx_local.worker.programs import IMAGE
from dx_local.worker.runners import python
from dx_local.worker.runners.bash_version import GUARD

if TYPE_CHECKING:
    from dx_local.worker.job import Job

# The positional parameters are removed before any code of the app runs, which may inspect them. Unlike the
# platform's `type -t` in a subshell, `declare -F` needs no fork. It is not used if the app traces its
# commands, so that the trace is the platform's.
_WRAPPER = """\
#!/bin/bash -e
# Run the app's code, and its entry point if the code defines it.
{guard}
_dx_function=$1; shift
cd "$HOME"
. "$HOME/.bash_helper_vars"
{options}. "$0.code.sh"
if case $- in *x*) false ;; *) declare -F "$_dx_function" ;; esac > /dev/null 2>&1 ||
    [[ $(type -t "$_dx_function") == function ]]; then
    "$_dx_function"
else
    echo "$0: Global scope execution complete. Not invoking entry point function $_dx_function" \
        "because it was not found" >&2
fi
"""

# Records the failed command in a file of its subshell, for the executor to read. It changes nothing
# that the app can see: `$?` is expanded first and restored by bash, `$_` is passed on as the last
# argument, and a trace of these commands goes nowhere. A command fails unnoticed if errexit is off, as in
# command substitutions, whose failure may yet end the job.
_ERR_TRAP = """\
{{ case $-$BASH_SUBSHELL in *e* | *[1-9]*) \
builtin printf "%s\\0" "$?" "$LINENO" "$BASH_COMMAND" "${{#BASH_SOURCE[@]}}" "${{BASH_SOURCE[@]}}" \
"${{BASH_LINENO[@]}}" "$_" >|{file}."$BASH_SUBSHELL.${{#BASH_SOURCE[@]}}" || :;; esac; }} 2>/dev/null"""
# In functions, the app's own traps would behave differently once errtrace is on, or see the one above.
_TRAPS = re.compile(rb"\btrap\b")
_TRAPPED = re.compile(rb"\b(?:ERR|DEBUG)\b")

_LONG_VALUE = 16 * 1024

MONITOR = b"pcp-dstat"
"""The name of a process that runs on workers, in apps that look for it."""


def run(job: Job) -> NoReturn:
    """Write the files of the job's home; become a bash that runs the wrapper.

    Raises OSError if bash cannot be executed.
    """
    python.configure_dxpy(job)
    code = Path(job.code).read_bytes()
    write_variables(job, job.home, dict(os.environ))
    write_wrapper(job, job.home, code)
    if MONITOR in code:
        # On workers this process logs their load. Here it only has to exist, for apps that look for it to
        # kill it.
        os.spawnv(os.P_WAIT, f"{IMAGE}/usr/bin/dx-dstat", ["dx-dstat"])  # noqa: S606
    restore_defaults_of_programs()
    arguments = command(job)
    try:
        os.execvp(arguments[0], arguments)  # noqa: S606  (the app asks for bash)
    except OSError as error:
        raise OSError(error.errno, error.strerror, arguments[0]) from None


def command(job: Job) -> list[str]:
    """Return the name and arguments of the job's program."""
    return ["bash", "-e", job.wrapper, job.function]


def write_variables(job: Job, home: str, environment: dict[str, str]) -> None:
    """Write the variables of the input to `.bash_helper_vars` in the job's home.

    `home` is the path at which this process sees the home, `environment` has all variables of the job.
    """
    variables = _input_variables(job, home, environment)
    lines = [line for name, value in variables.items() for line in _export(name, value)]
    job_home.write(home, ".bash_helper_vars", "".join(f"{line}\n" for line in lines))
    sys.stderr.flush()  # Python 3.8 would keep dxpy's warnings, and lose them when this process becomes bash


def write_wrapper(job: Job, home: str, code: bytes) -> None:
    """Write the wrapper for the app's code, and `.bashrc`, to the job's home, which is at `home`."""
    options = _traps(job, code)
    options += "set -x\n" if job.settings.get("xtrace") else ""
    job_home.write(home, job.job_id, _WRAPPER.format(guard=GUARD, options=options), mode=0o777)
    job_home.write_bashrc(home)


def _input_variables(job: Job, home: str, environment: dict[str, str]) -> dict[str, str]:
    """Return the variables that `dx-print-bash-vars` derives from the input, by name, quoted for the shell.

    The file names come from the API. The patterns of the inputSpec, which apply only to `main`, come from
    dnanexus-executable.json, which saves two API calls: dxpy reads them from a file if DX_JOB_ID is not set.
    """
    changed = {name: value for name, value in environment.items() if name != "DX_JOB_ID"}
    if job.function == "main":
        changed["DX_TEST_DXAPP_JSON"] = f"{home}/dnanexus-executable.json"
    own, os.environ = os.environ, changed  # type: ignore[assignment]
    try:
        variables: dict[str, str] = file_load_utils.gen_bash_vars(
            f"{home}/{INPUT_FILE}", job_homedir=job.home
        )
    finally:
        os.environ = own  # noqa: B003
    return variables


def _may_trap(job: Job, code: bytes) -> bool:
    """Return whether the wrapper may set a trap: if the user allows it and the app has none of its own."""
    has_own = _TRAPS.search(code) and _TRAPPED.search(code)
    return not (has_own or job.settings.get("plain_bash"))


def _traps(job: Job, code: bytes) -> str:
    """Return shell code that sets the traps for the app's code; empty if there are none."""
    trap = None
    if _may_trap(job, code):
        trap = _ERR_TRAP.format(file=shlex.quote(f"{job.home}/{FAILED_COMMAND_FILE}"))
    if job.settings.get("debug_on"):
        from dx_local.worker.debugger import bash_prompt  # most jobs have none

        return bash_prompt.trap_lines(job, trap)
    return f"set -E\ntrap {shlex.quote(trap)} ERR\n" if trap else ""


def _export(name: str, value: str) -> list[str]:
    lines = [f"export {name}={value}"]
    if len(value) >= _LONG_VALUE:
        lines.insert(0, f'echo "warning: variable {name} is long ({len(value)} bytes)"')
    return lines
