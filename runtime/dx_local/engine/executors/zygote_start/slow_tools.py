"""The reasons why a run and its jobs were slower than they could be, as a sentence for the user."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

import dx_local
from dx_app_wizard.user_dirs import find_cache_dir

if TYPE_CHECKING:
    from dx_local.engine.executors.zygote import ZygoteCapabilities

NO_COMPILER = "no C compiler of this machine (cc, gcc or clang) can compile their client"
_NO_LIBRARY = "the library that starts them could not be compiled or loaded (worker/process/spawn.c)"


class SlowTools:
    """Collects reasons from the zygotes of a run, and from messages that they send later."""

    def __init__(self) -> None:
        self._cold: str | None = None
        self._has_python_client = False
        self._lacks_library = False

    def note_job(self, interpreter: str, tool_client: str | None, capabilities: ZygoteCapabilities) -> None:
        """Note a job that has started: those in bash call the tools."""
        if interpreter == "bash":
            self._cold = self._cold or capabilities.cold_tools_reason
            self._has_python_client |= tool_client is None and sys.platform == "linux"
            self._lacks_library |= capabilities.lacks_library

    def note_reason(self, reason: str) -> None:
        """Note that the tools of running jobs have become cold."""
        self._cold = self._cold or reason

    def sentence(self) -> str | None:
        """Return the sentence, or None if the tools were as fast as they can be.

        Losses that are small, or that no user can avoid, are worth mentioning once, not after every run.
        """
        if self._cold and (sys.platform == "linux" or _is_first_time("no-linux")):
            return (
                f"Each call of dx and dx-* in jobs took about 0.2 s longer than necessary: {self._cold}."
                " `dx-local doctor` shows the state of this machine."
            )
        if self._has_python_client and _is_first_time("no-compiler"):
            return f"Each call of dx and dx-* in jobs took about 10 ms longer than necessary: {NO_COMPILER}."
        if self._lacks_library and _is_first_time("no-library"):
            return f"Each bash job took a few milliseconds longer to start than necessary: {_NO_LIBRARY}."
        if (problem := not_compiled()) and _is_first_time("no-bytecode"):
            return f"dx-local took about a second longer to start than necessary: {problem}."
        return None


def not_compiled() -> str | None:
    """Return the reason why Python compiles the modules of dx-local at each start, or None if it does not.

    This happens if an installer that does not compile them, such as uv, made a folder that cannot be written.
    """
    spec = sys.modules[dx_local.__name__].__spec__
    if spec is None or spec.cached is None or os.path.exists(spec.cached):  # noqa: PTH110  (after most runs)
        return None
    folder = os.path.dirname(os.path.dirname(dx_local.__file__ or ""))  # noqa: PTH120  (with what it imports)
    variable = "PYTHONDONTWRITEBYTECODE is set" if sys.dont_write_bytecode else "its folder cannot be written"
    return (
        f"its modules are not compiled, and {variable}. Run once: {sys.executable} -m compileall -q {folder}"
    )


def _is_first_time(subject: str) -> bool:
    """Return whether no run has mentioned a subject yet, and remember that one has."""
    folder = find_cache_dir("dx-local")
    if folder is None:
        return True
    try:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / f"{subject}-announced").touch(exist_ok=False)
    except FileExistsError:
        return False
    except OSError:
        pass
    return True
