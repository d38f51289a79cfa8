"""The environment variables of a job: made here, not copied from the host's."""

from __future__ import annotations

import os
import platform
from pathlib import Path
from typing import TYPE_CHECKING

from dx_local.worker.dx_tools.tools import OWN_PROGRAMS

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from dx_local.worker.job import Job


# What stands in for docker where there is one, for jobs with worlds of their own.
_CONTAINERS = str(Path(__file__).parents[1] / "containers")

# What lies at / on workers of the platform and nowhere else; what an app brings along comes before it.
IMAGE = str(Path(__file__).parents[1] / "image")

_PROGRAMS = ("usr/local/bin", "usr/bin", "bin")
_MODULES = ("usr/local/lib/python3*/*-packages", "usr/lib/python3*/*-packages")
_TRIPLET = f"{platform.machine()}-linux-gnu"
_USUAL_PATH = ("/usr/local/sbin", "/usr/local/bin", "/usr/sbin", "/usr/bin", "/sbin", "/bin")


def environment(job: Job, inherited: dict[str, str]) -> dict[str, str]:
    """Return all variables of the job's process.

    Neither the user's token nor the settings of the user's shell get in. Of the host's only PATH is kept,
    after the worker's own programs and the app's, and, where a job shares it, the place of temporary files.
    """
    variables = {
        "HOME": job.home,
        "PWD": job.home,
        "LANG": "C.UTF-8",
        "LC_ALL": "C.UTF-8",
        "SHELL": "/bin/bash",
        "DX_CLI_WD": "/",
        "DX_USER_CONF_DIR": f"{job.home}/.dnanexus_config",
    }
    host_path = inherited.get("PATH", os.defpath)
    variables.update(_in_world(job, host_path) if job.is_sandboxed else _on_host(job, host_path))
    if "TMPDIR" in inherited and not job.is_sandboxed:
        variables["TMPDIR"] = inherited["TMPDIR"]
    # A layer's own folder, because what lies there on the host is for the host's Python.
    if modules := folders(job.layers, _MODULES):
        variables["PYTHONPATH"] = os.pathsep.join(modules)
    return {**variables, **job.variables}


def _on_host(job: Job, host_path: str) -> dict[str, str]:
    """Return the variables that have a job find its layers where they lie on the host."""
    programs = folders(job.layers, _PROGRAMS)
    own_packages = f"{job.home}/.local/pip"  # what a job has pip install must not change Pythons of the host
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


def _in_world(job: Job, host_path: str) -> dict[str, str]:
    """Return the variables of a job that has its layers laid over `/`; programs in them still come first.

    Libraries in /usr/local/lib are known to the host's linker only as of its last `ldconfig`.
    """
    brought = [f"/{name}" for name in _PROGRAMS if folders(job.layers, [name])]
    host = [folder for folder in host_path.split(os.pathsep) if folder not in brought]
    usual = [folder for folder in _USUAL_PATH if folder not in (*brought, *host)]
    containers = [_CONTAINERS] if any(os.access(f"{folder}/docker", os.X_OK) for folder in host) else []
    variables = {"PATH": os.pathsep.join([*_tools(job), *brought, *containers, *host, *usual])}
    local = ("usr/local/lib", f"usr/local/lib/{_TRIPLET}")
    if libraries := [f"/{name}" for name in local if folders(job.layers, [name])]:
        variables["LD_LIBRARY_PATH"] = os.pathsep.join(libraries)
    return variables


def _tools(job: Job) -> list[str]:
    """Return the folders with the programs of dxpy, and what comes before them."""
    return [*filter(None, [job.clients]), str(OWN_PROGRAMS), job.tools]


def folders(roots: Iterable[str], patterns: Sequence[str]) -> list[str]:
    """Return the folders below the roots that exist: root by root, in the order of the glob patterns."""
    return [
        str(path)
        for root in roots
        for pattern in patterns
        for path in sorted(Path(root).glob(pattern))
        if path.is_dir()
    ]
