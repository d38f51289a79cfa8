"""A worker environment is created in a cache whose file system refuses locks, while that of /tmp has them."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
from tests.surroundings import ROOT

if TYPE_CHECKING:
    from pathlib import Path

# Only in the folder of the variable: uv must have another place for its locks.
SHIM = r"""
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

static int is_refused(int file)
{
    char link[64], path[4096] = "";
    const char *folder = getenv("FOLDER_WITHOUT_LOCKS");
    snprintf(link, sizeof link, "/proc/self/fd/%d", file);
    return folder && readlink(link, path, sizeof path - 1) > 0 && strncmp(path, folder, strlen(folder)) == 0;
}

int flock(int file, int operation)
{
    if (is_refused(file)) {
        errno = ENOSYS;
        return -1;
    }
    return syscall(SYS_flock, file, operation);
}

int fcntl64(int file, int command, ...)
{
    va_list arguments;
    va_start(arguments, command);
    long argument = va_arg(arguments, long);
    va_end(arguments);
    if ((command == F_SETLK || command == F_SETLKW || command == F_GETLK) && is_refused(file)) {
        errno = ENOSYS;
        return -1;
    }
    return syscall(SYS_fcntl, file, command, argument);
}

int fcntl(int file, int command, ...) __attribute__((alias("fcntl64")));
"""

CODE = """
from dx_local.engine.environments.python_environments import EnvironmentRequest, prepare_environment
made = prepare_environment(EnvironmentRequest(packages=("six",)), announce=print)
print(made.python)
"""


@pytest.mark.slow
@pytest.mark.skipif(not shutil.which("cc"), reason="this machine has no C compiler")
def test_an_environment_is_created_without_locks(tmp_path: Path) -> None:
    source, shim, cache = tmp_path / "shim.c", tmp_path / "shim.so", tmp_path / "cache"
    source.write_text(SHIM)
    cache.mkdir()
    subprocess.run(["cc", "-shared", "-fPIC", "-D_LARGEFILE64_SOURCE", "-o", shim, source], check=True)
    variables = {"LD_PRELOAD": str(shim), "FOLDER_WITHOUT_LOCKS": str(cache), "XDG_CACHE_HOME": str(cache)}
    done = subprocess.run(
        [sys.executable, "-c", CODE],
        env={**os.environ, **variables, "TMPDIR": str(tmp_path)},
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    python = done.stdout.splitlines()[-1]
    assert python.startswith(str(cache))
    subprocess.run([python, "-c", "import dxpy, six"], check=True)
    assert not list(cache.rglob("*.owner"))
    assert [path.name for path in tmp_path.glob("dx-local-uv-*")]
