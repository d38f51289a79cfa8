"""The environment variables of a job, set here rather than inherited from the host."""

from __future__ import annotations

import os
import platform
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from dx_local.worker.programs import CONTAINERS, IMAGE, OWN_PROGRAMS
from dx_local.worker.runners.locales import utf8_locale

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from dx_local.worker.job import Job

_PROGRAMS = ("usr/local/bin", "usr/bin", "bin")
_MODULES = ("usr/local/lib/python3*/*-packages", "usr/lib/python3*/*-packages")
_TRIPLET = f"{platform.machine()}-linux-gnu"
# The frameworks of macOS end a forked process that uses them, unless the first variable allows it. Python
# uses them to look for proxies, unless there is the second variable. Jobs inherit proxies on no system.
# Source: https://docs.python.org/3/library/urllib.request.html, and
# https://github.com/python/cpython/issues/104578
_AFTER_FORKS_ON_MACOS = {"OBJC_DISABLE_INITIALIZE_FORK_SAFETY": "YES", "no_proxy": "*"}
_USUAL_PATH = ("/usr/local/sbin", "/usr/local/bin", "/usr/sbin", "/usr/bin", "/sbin", "/bin")


def environment(job: Job, inherited: dict[str, str]) -> dict[str, str]:
    """Return all variables of the job's process.

    They contain neither the user's token nor settings of the user's shell. Only the host's PATH is inherited,
    after the worker's and the app's programs, and TMPDIR if the job uses the host's temporary folder.
    """
    variables = {
        "HOME": job.home,
        "PWD": job.home,
        "LANG": utf8_locale(),
        "LC_ALL": utf8_locale(),
        "SHELL": "/bin/bash",
        "DX_CLI_WD": "/",
        "DX_USER_CONF_DIR": f"{job.home}/.dnanexus_config",
    }
    if sys.platform == "darwin":
        variables.update(_AFTER_FORKS_ON_MACOS)
    host_path = inherited.get("PATH", os.defpath)
    variables.update(_in_sandbox(job, host_path) if job.is_sandboxed else _on_host(job, host_path))
    if "TMPDIR" in inherited and not job.is_sandboxed:
        variables["TMPDIR"] = inherited["TMPDIR"]
    # The layer's folder, even in a sandbox: at the same path in / are also modules for the host's Python.
    if modules := folders(job.layers, _MODULES):
        variables["PYTHONPATH"] = os.pathsep.join(modules)
    return {**variables, **job.variables}


def _on_host(job: Job, host_path: str) -> dict[str, str]:
    """Return the variables by which a job without a sandbox finds its layers on the host."""
    programs = folders(job.layers, _PROGRAMS)
    own_packages = f"{job.home}/.local/pip"  # pip in a job must not change the host's Python
    path = [*_tools(job), *programs, f"{IMAGE}/usr/bin", f"{own_packages}/bin", host_path]
    variables = {"PATH": os.pathsep.join(path), "PIP_TARGET": own_packages}
    if job.layers:
        variables["DX_FS_ROOT"] = job.layers[0]
        libraries = folders(
            job.layers, ["usr/local/lib", f"usr/lib/{_TRIPLET}", "usr/lib", f"lib/{_TRIPLET}", "lib"]
        )
        modules = folders(
            job.layers, ["usr/local/share/perl5", "usr/share/perl5", f"usr/lib/{_TRIPLET}/perl5/*"]
        )
        for name, found in (("LD_LIBRARY_PATH", libraries), ("PERL5LIB", modules)):
            if found:
                variables[name] = os.pathsep.join(found)
    return variables


def _in_sandbox(job: Job, host_path: str) -> dict[str, str]:
    """Return the variables of a job whose layers are overlaid on `/`; programs in them still come first.

    The dynamic linker finds only those libraries in /usr/local/lib that were there at the host's last
    `ldconfig`.
    """
    app_folders = [f"/{name}" for name in _PROGRAMS if folders(job.layers, [name])]
    host = [folder for folder in host_path.split(os.pathsep) if folder not in app_folders]
    usual = [folder for folder in _USUAL_PATH if folder not in (*app_folders, *host)]
    variables = {"PATH": os.pathsep.join([*_tools(job), *app_folders, *host, *usual])}
    local = ("usr/local/lib", f"usr/local/lib/{_TRIPLET}")
    if libraries := [f"/{name}" for name in local if folders(job.layers, [name])]:
        variables["LD_LIBRARY_PATH"] = os.pathsep.join(libraries)
    return variables


def _tools(job: Job) -> list[str]:
    """Return the folder with the programs of dxpy, after those that precede it in PATH."""
    return [*filter(None, [job.clients]), str(OWN_PROGRAMS), str(CONTAINERS), job.tools]


def folders(roots: Iterable[str], patterns: Sequence[str]) -> list[str]:
    """Return the existing folders in the roots, root by root, in the order of the glob patterns."""
    return [
        str(path)
        for root in roots
        for pattern in patterns
        for path in sorted(Path(root).glob(pattern))
        if path.is_dir()
    ]
