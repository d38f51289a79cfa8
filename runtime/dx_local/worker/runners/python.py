"""A job in Python: the app's code as the real `__main__` module of a process that has dxpy already.

Source of the order of things: dxpy.utils.local_exec_utils (code first, then `dxpy.run()` unless it ran) and
dxpy.utils.config (what dxpy reads from the environment when it is imported).
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
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, NoReturn

import dxpy
from dxpy.utils import exec_utils

from dx_local.worker.dxpy_patches import file_transfer

if TYPE_CHECKING:
    from dx_local.worker.job import Job

_EXIT_CODE_OF_LOST_OUTPUT = 120
_OUR_FOLDER = os.path.dirname(os.path.dirname(__file__))  # noqa: PTH120  (compared with what code objects say)


class Program(NamedTuple):
    """A job's program: the file that error messages name, the source, and its code if compiled beforehand."""

    path: str
    source: bytes
    code: types.CodeType | None = None

    def compile(self) -> types.CodeType:
        """Return the code; raise what compiling raises."""
        return compile(self.source, self.path, "exec", dont_inherit=True)


# In the process that jobs are forked from: programs by path, and that of the job which is forked next, by ID.
_compiled: dict[str, Program] = {}
_prepared: dict[str, Program] = {}


def prepare(job: Job) -> None:
    """Compile a job's program in the process that jobs are forked from, where it is the author's own file.

    What is wrong with it, or to be warned of, is left for the job to say.
    """
    _prepared.clear()
    with contextlib.suppress(Exception):
        program = program_of(job)
        if program.path != job.source:
            return  # the job sees its copy elsewhere
        if program.code is None:
            with warnings.catch_warnings():
                warnings.simplefilter("error")
                program = _compiled[program.path] = program._replace(code=program.compile())
        _prepared[job.job_id] = program


def program_of(job: Job) -> Program:
    """Return a job's program. Raises OSError.

    Error messages name the author's own file as long as it still holds the code that the applet was made of.
    """
    source = Path(job.code).read_bytes()
    path = job.code
    with contextlib.suppress(OSError):
        if job.source is not None and Path(job.source).read_bytes() == source:
            path = job.source
    known = _compiled.get(path)
    return known if known and known.source == source else Program(path, source)


def run(job: Job) -> NoReturn:
    """Run the job's code and entry point, and end the process with the exit code that Python would give."""
    program = _prepared.pop(job.job_id, None) or program_of(job)
    tempfile.tempdir = None
    with contextlib.suppress(OSError):  # some file systems have no hard links
        os.link(job.code, job.wrapper)
    sys.argv = [job.wrapper]
    sys.path[:0] = [job.home, *filter(None, os.environ.get("PYTHONPATH", "").split(os.pathsep))]
    if packages := os.environ.get("PIP_TARGET"):
        places = [place for place, folder in enumerate(sys.path) if folder.endswith("site-packages")]
        sys.path.insert(places[0] if places else len(sys.path), packages)
    sys.stdout.reconfigure(line_buffering=True)  # type: ignore[union-attr]
    connect_dxpy(job)
    tell_own_description(job)
    try:
        execute(program, job.wrapper)
    except SystemExit as error:
        status = status_of(error)
    except BaseException as error:  # noqa: BLE001  (this is the last frame of the app's process)
        report(error)
        status = 130 if isinstance(error, KeyboardInterrupt) else 1
    else:
        status = 0
    leave(status)


def connect_dxpy(job: Job) -> None:
    """Bring dxpy, imported long ago in the zygote, into the state it would have if imported by this job.

    Its configuration looks at the environment again; files of configuration are not read, because the
    environment says all that they could say.
    """
    dxpy.config._user_conf_dir = os.environ["DX_USER_CONF_DIR"]  # noqa: SLF001
    dxpy.config._sync_dxpy_state()  # noqa: SLF001
    dxpy._pool_manager = None  # noqa: SLF001
    file_transfer.find(job.log_sockets)
    dxpy.DXLogHandler.__init__.__defaults__ = (
        f"{job.log_sockets}.priority",
        f"{job.log_sockets}.bulk",
        "DX_APP",
    )


def tell_own_description(job: Job) -> None:
    """Have `dxpy.run()` know what it begins with asking the server: the job's entry point and input.

    It takes nothing else from the job's description, neither of the two changes while a job runs, and the
    call would cost more than all else that a short job does. All other descriptions come from the server.
    """
    own = {"function": job.function, "input": json.loads(Path(job.input_file).read_bytes())}
    ask = dxpy.describe

    @functools.wraps(ask)
    def describe(*arguments: Any, **options: Any) -> Any:
        if sys._getframe(1).f_code is not exec_utils.run.__code__:  # noqa: SLF001
            return ask(*arguments, **options)
        dxpy.describe = ask
        return own

    dxpy.describe = describe


def execute(program: Program, file: str) -> None:
    """Execute the program as `__main__`, then the entry point, unless it called `dxpy.run()` itself.

    On the platform a wrapper executes the code among its own globals, so that `__file__` is the wrapper.
    """
    main = types.ModuleType("__main__")
    main.__dict__.update(__file__=file, __builtins__=__builtins__, dxpy=dxpy)
    sys.modules["__main__"] = main
    exec(program.code or program.compile(), main.__dict__)
    if exec_utils.RUN_COUNT == 0:
        dxpy.run()


def leave(status: int) -> NoReturn:
    """End this process as Python does, with this exit code if nothing goes wrong on the way."""
    os._exit(wind_up(status))


def wind_up(status: int) -> int:
    """Do what Python does at its end: join threads, run exit functions, flush streams; return the exit code.

    Taking down the interpreter itself would cost more than the whole of a short job.
    """
    threading._shutdown()  # type: ignore[attr-defined]  # noqa: SLF001
    atexit._run_exitfuncs()  # noqa: SLF001
    for stream in (sys.stdout, sys.stderr):
        try:
            if stream and not getattr(stream, "closed", False):
                stream.flush()
        except Exception as error:  # noqa: BLE001, PERF203  (an app may put anything in a stream's place)
            status = _EXIT_CODE_OF_LOST_OUTPUT
            if stream is sys.stdout:
                said = f"Exception ignored in: {stream!r}\n{type(error).__name__}: {error}"
                with contextlib.suppress(Exception):
                    print(said, file=sys.stderr)
    return status


def status_of(error: SystemExit) -> int:
    """Return the exit code that Python would end with, having printed what else there is."""
    if error.code is None:
        return 0
    if isinstance(error.code, int):
        return error.code & 0xFF
    print(error.code, file=sys.stderr)
    return 1


def report(error: BaseException) -> None:
    """Print an error as Python does, without our own frames."""
    trace = error.__traceback__
    while trace and trace.tb_frame.f_code.co_filename.startswith(_OUR_FOLDER):
        trace = trace.tb_next
    error.__traceback__ = trace
    sys.excepthook(type(error), error, trace)
