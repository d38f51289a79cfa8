"""Code for Python 2: what of it Python 3 cannot read, and what is to be done about that."""

from __future__ import annotations

import ast
import warnings
from dataclasses import dataclass
from functools import lru_cache

# Begins of what Python says of code that was right in Python 2, and what mends it.
_REMEDIES = (
    ("Missing parentheses in call to 'print'", "Write print(…) with parentheses."),
    ("Missing parentheses in call to 'exec'", "Write exec(…) with parentheses."),
    ("multiple exception types must be parenthesized", "Write `except Type as error:`."),
    ("leading zeros in decimal integer literals", "Write octal numbers as 0o644."),
    ("inconsistent use of tabs and spaces", "Indent with spaces alone."),
)

_PORTING = "The tool 2to3 mends most of what Python 3 reads otherwise; then set the interpreter to 'python3'."


@dataclass(frozen=True)
class Python2Code:
    """The first place at which code for Python 2 is not code for Python 3."""

    problem: str
    """What Python 3 says of it."""
    line: int
    column: int | None
    text: str
    """The line."""

    @property
    def remedy(self) -> str:
        """How this line, and the rest, is made code for Python 3."""
        fitting = (remedy for begin, remedy in _REMEDIES if self.problem.startswith(begin))
        return " ".join([*fitting, _PORTING])


def is_python2(interpreter: object) -> bool:
    """Tell whether an interpreter, as runSpec names it, is Python 2."""
    return isinstance(interpreter, str) and interpreter.startswith("python2")


@lru_cache(maxsize=16)
def python2_code(code: str) -> Python2Code | None:
    """Return where code for Python 2 cannot be read by Python 3, or None where it can.

    Thousands of jobs may run the same code.
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
        return Python2Code(str(error) or "it is nested too deeply", 1, None, "")
    return None
