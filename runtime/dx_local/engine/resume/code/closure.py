"""The part of an applet's code on which the jobs of one entry point depend."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from dx_local.engine.resume.code.parts import Closure


def closure_of(code: str, interpreter: str, function: str) -> Closure:
    """Return the parts of an applet's code that can affect a job at an entry point.

    Code that calls functions by computed names, or that cannot be parsed, is one part: the whole file.
    """
    if interpreter == "bash":
        from dx_local.engine.resume.code.bash_closure import bash_closure

        return bash_closure(code, function)
    from dx_local.engine.resume.code.python_closure import python_closure

    return python_closure(code, function)
