"""The first lines of installed programs, which name the Python that runs them.

    #!/path/python
        if the path is short and has no blanks. Otherwise, uv and pip write a program of sh that is also one
        of Python, because the kernel reads only the beginning of the first line, and splits it at blanks:
    #!/bin/sh
    '''exec' '/a long path/python' "$0" "$@"
    ' '''

Source: `format_shebang` in uv (crates/uv-install-wheel), `ScriptMaker` in distlib.
"""

from __future__ import annotations

from typing import NamedTuple

_SHELL = b"#!/bin/sh"
_EXEC, _ARGUMENTS = b"'''exec' ", b' "$0" "$@"'
_END = b"' '''"
_LONGEST_SHEBANG = 120  # of 127 characters that every Linux reads


class Launcher(NamedTuple):
    """The path of the Python that runs a program, and the rest of the program."""

    python: str
    body: bytes


def read_launcher(program: bytes) -> Launcher | None:
    """Return the launcher of a program with this content; None if it has none of these forms."""
    first, _, body = program.partition(b"\n")
    if not first.startswith(b"#!"):
        return None
    if first != _SHELL:
        return Launcher(first[2:].strip().decode("utf-8", "surrogateescape"), body)
    second, _, rest = body.partition(b"\n")
    third, _, body = rest.partition(b"\n")
    if not (second.startswith(_EXEC) and second.endswith(_ARGUMENTS) and third == _END):
        return None
    path = second[len(_EXEC) : -len(_ARGUMENTS)]
    if path[:1] in (b"'", b'"') and path[:1] == path[-1:]:
        path = path[1:-1]
    return Launcher(path.decode("utf-8", "surrogateescape"), body)


def write_launcher(python: str, options: str) -> str:
    """Return the first lines of a program that runs under a Python with options."""
    shebang = f"#!{python} {options}\n"
    if len(shebang.encode("utf-8", "surrogateescape")) <= _LONGEST_SHEBANG and not _has_blanks(python):
        return shebang
    quoted = python.replace("'", "'\"'\"'")
    return f"#!/bin/sh\n'''exec' '{quoted}' {options} \"$0\" \"$@\"\n' '''\n"


def _has_blanks(path: str) -> bool:
    return any(character.isspace() for character in path)
