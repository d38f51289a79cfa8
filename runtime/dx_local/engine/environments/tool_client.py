"""The worker's parts in C, compiled once for this machine if it has a compiler.

They are the client by which jobs call `dx` and `dx-*`, and the library with which a zygote starts jobs.
Without them, Python does the same and takes longer.
"""

from __future__ import annotations

import hashlib
import os
import platform
import secrets
import shutil
import subprocess
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

import dx_local.worker

if TYPE_CHECKING:
    from collections.abc import Sequence

_WORKER = Path(dx_local.worker.__file__).parent
_SOURCES = tuple(_WORKER / "dx_tools" / name for name in ("client.c", "add_output.c", "json_text.c"))
_HEADERS = tuple(_WORKER / "dx_tools" / name for name in ("add_output.h", "json_text.h"))
_LIBRARY_SOURCES = (_WORKER / "process" / "spawn.c", _WORKER / "process" / "forks" / "immortal.c")
# Static linking comes first, because a job's LD_LIBRARY_PATH cannot affect a static program. Not every system
# has the static C library.
_LINK_OPTIONS = (("-O2", "-static"), ("-O2",))
_LIBRARY_OPTIONS = ("-O2", "-shared", "-fPIC")
_TIMEOUT_SECONDS = 30


def native_client(folder: Path, *, compiles: bool = True) -> Path | None:
    """Return the client in a cache folder, compiling it if necessary; None if that is not possible.

    The library is beside it, with the suffix `.so`, unless that cannot be compiled.
    """
    source = b"".join(path.read_bytes() for path in (*_SOURCES, *_HEADERS, *_LIBRARY_SOURCES))
    key = hashlib.sha256(source + platform.machine().encode()).hexdigest()[:12]
    program = folder / f"tool-client-{key}"
    if os.path.exists(program):  # noqa: PTH110  (that of Path raises for a closed folder)
        return program
    if not compiles:
        return None
    compiler = find_compiler()
    if platform.system() != "Linux" or compiler is None:
        return None
    with suppress(OSError):
        folder.mkdir(parents=True, exist_ok=True)
        # The library first: once the client is there, nothing else is compiled.
        _compile(compiler, _LIBRARY_OPTIONS, _LIBRARY_SOURCES, program.with_suffix(".so"))
        return next(
            (program for options in _LINK_OPTIONS if _compile(compiler, options, _SOURCES, program)), None
        )
    return None


def find_compiler() -> str | None:
    """Return the path of a C compiler, or None."""
    return shutil.which("cc") or shutil.which("gcc") or shutil.which("clang")


def _compile(compiler: str, options: Sequence[str], sources: Sequence[Path], program: Path) -> bool:
    unfinished = program.with_name(f".{program.name}-{secrets.token_hex(4)}")
    command = [compiler, *options, "-o", str(unfinished), *map(str, sources)]
    # Without the user's settings for compilers (CFLAGS and others), which are meant for other programs.
    variables = {name: os.environ[name] for name in ("PATH", "TMPDIR") if name in os.environ}
    try:
        done = subprocess.run(
            command,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=_TIMEOUT_SECONDS,
            env=variables,
            check=False,
        )
        if done.returncode == 0:
            unfinished.replace(program)
    except subprocess.TimeoutExpired:
        return False
    finally:
        unfinished.unlink(missing_ok=True)
    return done.returncode == 0
