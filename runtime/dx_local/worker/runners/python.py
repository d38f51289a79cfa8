"""Run a job in Python: the app's code as the real `__main__` module of a process with dxpy imported.

Sources: dxpy.utils.local_exec_utils for the order (code first, then `dxpy.run()` unless the code called it),
and dxpy.utils.config for the variables that dxpy reads when it is imported.
"""

from __future__ import annotations

import atexit
import contextlib
import functools
import json
import os
import sys
import tempfile
import threading
import types
import warnings
from typing import TYPE_CHECKING, Any, NamedTuple, NoReturn

import dxpy
from dxpy.utils import exec_utils

from dx_local.worker.debugger import pdb_hook
from dx_local.worker.debugger.reasons import stops_for
from dx_local.worker.dxpy_patches import file_transfer

if TYPE_CHECKING:
    from dx_local.worker.job import Job

_LOST_OUTPUT_EXIT_CODE = 120
_WORKER_FOLDER = os.path.dirname(os.path.dirname(__file__))  # noqa: PTH120  (compared with strings)


class Program(NamedTuple):
    """A job's program: the path for error messages, the source, and the code if it is compiled already."""

    path: str
    source: bytes
    code: types.CodeType | None = None

    def compile(self) -> types.CodeType:
        """Return the code. Raises the exceptions of `compile`."""
        return compile(self.source, self.path, "exec", dont_inherit=True)


# In the zygote: compiled programs by path, and that of the job to be forked next, by its ID.
_compiled: dict[str, Program] = {}
_prepared: dict[str, Program] = {}


def prepare(job: Job) -> None:
    """Prepare a job in the zygote: its wrapper, and its program if the job runs the author's own file.

    The program is compiled for all jobs that run it. Errors and warnings are ignored: the job compiles such a
    program itself and reports them.
    """
    with contextlib.suppress(OSError):  # some file systems have no hard links
        os.link(job.code, job.wrapper)
    _prepared.clear()
    with contextlib.suppress(Exception):
        program = load_program(job)
        if program.path != job.source:
            return  # in its sandbox, the job sees its copy at another path
        if program.code is None:
            with warnings.catch_warnings():
                warnings.simplefilter("error")
                program = _compiled[program.path] = program._replace(code=program.compile())
        _prepared[job.job_id] = program


def load_program(job: Job) -> Program:
    """Return a job's program. Raises OSError.

    Error messages name the author's own file if it still contains the code that the applet was made from.
    """
    source = _content(job.code)
    path = job.code
    with contextlib.suppress(OSError):
        if job.source is not None and _content(job.source) == source:
            path = job.source
    known = _compiled.get(path)
    return known if known and known.source == source else Program(path, source)


def _content(path: str) -> bytes:
    """Return the content of a file, sooner than `Path.read_bytes` does. Raises OSError."""
    with open(path, "rb", buffering=0) as file:  # noqa: PTH123
        return file.readall()


def run(job: Job) -> NoReturn:
    """Run the job's code and entry point, and end the process with the exit code that Python would return.

    The zygote has called `prepare`.
    """
    program = _prepared.pop(job.job_id, None) or load_program(job)
    tempfile.tempdir = None
    sys.argv = [job.wrapper]
    sys.path[:0] = [job.home, *filter(None, os.environ.get("PYTHONPATH", "").split(os.pathsep))]
    if packages := os.environ.get("PIP_TARGET"):
        positions = [index for index, folder in enumerate(sys.path) if folder.endswith("site-packages")]
        sys.path.insert(positions[0] if positions else len(sys.path), packages)
    sys.stdout.reconfigure(line_buffering=True)  # type: ignore[union-attr]
    configure_dxpy(job)
    pdb_hook.PdbHook(job.terminal, job.job_id, job.terminal_type).install()
    answer_own_description(job)
    try:
        if job.settings.get("debugpy"):
            from dx_local.worker.debugger import debug_server  # most jobs have none

            debug_server.wait_for_client(job.settings["debugpy"])
        execute(program, job.wrapper)
    except SystemExit as error:
        status = exit_code_of(error)
        if status:
            post_mortem(job, error)
    except BaseException as error:  # noqa: BLE001  (this is the last frame of the app's process)
        print_error(error)
        post_mortem(job, error)
        status = 130 if isinstance(error, KeyboardInterrupt) else 1
    else:
        status = 0
    exit_process(status)


def configure_dxpy(job: Job) -> None:
    """Bring dxpy, which the zygote imported, into the state it would have if this job had imported it.

    It reads the environment again, but no configuration files: the environment sets everything in them.
    """
    dxpy.config._user_conf_dir = os.environ["DX_USER_CONF_DIR"]  # noqa: SLF001
    dxpy.config._sync_dxpy_state()  # noqa: SLF001
    dxpy._pool_manager = None  # noqa: SLF001
    file_transfer.set_socket(job.log_sockets)
    dxpy.DXLogHandler.__init__.__defaults__ = (
        f"{job.log_sockets}.priority",
        f"{job.log_sockets}.bulk",
        "DX_APP",
    )


def answer_own_description(job: Job) -> None:
    """Answer the request for the job's entry point and input with which `dxpy.run()` begins.

    It uses nothing else of the job's description, neither of the two changes while a job runs, and the
    request would take longer than everything else in a short job. All other descriptions come from the
    server.
    """
    _own_description.update(function=job.function, input=json.loads(_content(job.input_file)))
    dxpy.describe = _describe_own_job


_own_description: dict[str, Any] = {}
_official_describe = dxpy.describe


@functools.wraps(_official_describe)
def _describe_own_job(*arguments: Any, **options: Any) -> Any:
    if sys._getframe(1).f_code is not exec_utils.run.__code__:  # noqa: SLF001
        return _official_describe(*arguments, **options)
    dxpy.describe = _official_describe
    return _own_description


def execute(program: Program, file: str) -> None:
    """Execute the program as `__main__`, then the entry point, unless it called `dxpy.run()` itself.

    On the platform a wrapper executes the code with its own globals, so `__file__` is the wrapper.
    """
    main = types.ModuleType("__main__")
    main.__dict__.update(__file__=file, __builtins__=__builtins__, dxpy=dxpy)
    sys.modules["__main__"] = main
    exec(program.code or program.compile(), main.__dict__)
    if exec_utils.RUN_COUNT == 0:
        dxpy.run()


def post_mortem(job: Job, error: BaseException) -> None:
    """Stop in a debugger where an error was raised, if the user wants that for such an error."""
    if isinstance(error, KeyboardInterrupt) or not stops_for(
        job.settings.get("debug_on", ()), f"{job.home}/job_error.json"
    ):
        return
    import pdb  # noqa: T100  (as its hook adapts it)

    pdb.Pdb().post_mortem(error)  # type: ignore[attr-defined]


def exit_process(status: int) -> NoReturn:
    """End this process as Python does, with this exit code unless an error occurs on the way."""
    os._exit(shut_down(status))


def shut_down(status: int) -> int:
    """Shut down as Python does: join threads, run exit functions, flush streams. Return the exit code.

    Finalizing the interpreter itself would take longer than a whole short job.
    """
    threading._shutdown()  # type: ignore[attr-defined]  # noqa: SLF001
    atexit._run_exitfuncs()  # noqa: SLF001
    for stream in (sys.stdout, sys.stderr):
        try:
            if stream and not getattr(stream, "closed", False):
                stream.flush()
        except Exception as error:  # noqa: BLE001, PERF203  (an app may replace a stream by any object)
            status = _LOST_OUTPUT_EXIT_CODE
            if stream is sys.stdout:
                message = f"Exception ignored in: {stream!r}\n{type(error).__name__}: {error}"
                with contextlib.suppress(Exception):
                    print(message, file=sys.stderr)
    return status


def exit_code_of(error: SystemExit) -> int:
    """Return the exit code that Python would end with; print the value if it is no exit code."""
    if error.code is None:
        return 0
    if isinstance(error.code, int):
        return error.code & 0xFF
    print(error.code, file=sys.stderr)
    return 1


def print_error(error: BaseException) -> None:
    """Print an error as Python does, without the frames of this package."""
    trace = error.__traceback__
    while trace and trace.tb_frame.f_code.co_filename.startswith(_WORKER_FOLDER):
        trace = trace.tb_next
    error.__traceback__ = trace
    sys.excepthook(type(error), error, trace)
