"""Find the first part of Python 2 code that Python 3 cannot parse, and suggest a fix."""

from __future__ import annotations

import ast
import warnings
from dataclasses import dataclass
from functools import lru_cache

# By the beginning of Python's error message about valid Python 2 code.
_FIXES = (
    ("Missing parentheses in call to 'print'", "Write print(…) with parentheses."),
    ("Missing parentheses in call to 'exec'", "Write exec(…) with parentheses."),
    ("multiple exception types must be parenthesized", "Write `except Type as error:`."),
    ("leading zeros in decimal integer literals", "Write octal numbers as 0o644."),
    ("inconsistent use of tabs and spaces", "Indent with spaces alone."),
)

_PORTING = "The tool 2to3 fixes most of the code; then set the interpreter to 'python3'."


@dataclass(frozen=True)
class Python2Code:
    """The first place at which Python 2 code is not valid in Python 3."""

    problem: str
    """The error message of Python 3."""
    line: int
    column: int | None
    text: str
    """The text of the line."""

    @property
    def hint(self) -> str:
        """The way to port this line, and the rest of the code."""
        fitting = (fix for begin, fix in _FIXES if self.problem.startswith(begin))
        return " ".join([*fitting, _PORTING])


def is_python2(interpreter: object) -> bool:
    """Return whether the value of runSpec.interpreter is Python 2."""
    return isinstance(interpreter, str) and interpreter.startswith("python2")


@lru_cache(maxsize=16)
def python2_code(code: str) -> Python2Code | None:
    """Return the first part of Python 2 code that Python 3 cannot parse, None if there is none.

    Results are cached, as thousands of jobs may run the same code.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            ast.parse(code)
    except SyntaxError as error:
        lines = code.splitlines()
        line = error.lineno or 1
        text = lines[line - 1].strip() if line <= len(lines) else ""
        return Python2Code(error.msg, line, error.offset, text)
    except (ValueError, RecursionError, MemoryError) as error:
        return Python2Code(str(error) or "code is nested too deeply", 1, None, "")
    return None
