"""The checks of surroundings: one small function for each, in the order of the table.

A check changes nothing that remains, needs no network, and returns within a second.
"""

from __future__ import annotations

import codecs
import functools
import os
import platform
import shutil
import ssl
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from dx_app_wizard.dxapp.model import FILE_NAME
from dx_app_wizard.user_dirs import cache_problem, find_cache_dir, starts_programs
from dx_local.engine.environments.bash_of_jobs import bash_of_jobs
from dx_local.engine.environments.python_environments import existing_environments
from dx_local.engine.environments.tool_client import find_compiler, native_client
from dx_local.engine.environments.uv_variables import system_bundle
from dx_local.engine.executors.zygote_start.examination import cold_tools_reason
from dx_local.engine.executors.zygote_start.process import WorkerPrograms
from dx_local.engine.executors.zygote_start.slow_tools import NO_COMPILER
from dx_local.engine.run_folder import storage_problem
from dx_local.engine.surroundings.surrounding import Surrounding, bad, good, limited
from dx_local.worker.process import file_systems
from dx_local.worker.sandbox.trial import SandboxError, check_network, check_support

if TYPE_CHECKING:
    from collections.abc import Callable

_LEAST_TEMPORARY = 16 * 1024 * 1024
_LEAST_CACHE = 256 * 1024 * 1024
# Settings with which the kernel or the distribution forbids user namespaces, and the value that does.
_USERNS_SETTINGS = (
    ("kernel.apparmor_restrict_unprivileged_userns", "1", "0"),
    ("kernel.unprivileged_userns_clone", "0", "1"),
    ("user.max_user_namespaces", "0", "15000"),
)
_PERMIT_NAMESPACES = "Permit user namespaces, or ask the administrator of this machine to."
# Options of containers for the calls that make sandboxes, and for PID namespaces, which need all of /proc.
_PERMIT_CALLS = "--security-opt seccomp=unconfined --security-opt apparmor=unconfined"
_PERMIT_PROC = "--security-opt systempaths=unconfined"


class SandboxSupport(NamedTuple):
    """The possibility of sandboxes, and the reason why they are not possible or lack PID namespaces."""

    is_possible: bool
    problem: str | None


@functools.cache
def sandbox_support() -> SandboxSupport:
    """Try a sandbox."""
    try:
        with tempfile.TemporaryDirectory() as temporary:
            return SandboxSupport(True, check_support(temporary))
    except SandboxError as error:
        return SandboxSupport(False, str(error))


def examine(folder: Path) -> list[Surrounding]:
    """Return all surroundings of runs of an app in a folder; a check that fails itself is a finding too."""
    return [_checked(check, folder) for check in CHECKS]


def _checked(check: Callable[[Path], Surrounding], folder: Path) -> Surrounding:
    try:
        return check(folder)
    except Exception as error:  # noqa: BLE001  (the table is for machines on which anything may fail)
        name = check.__name__.replace("_", " ")
        finding = f"could not be checked: {type(error).__name__}: {error}"
        return limited(name, finding, "Open an issue, with this table.")


def system(_folder: Path) -> Surrounding:
    """Describe the system and the Python of this program."""
    kind = (
        f"{platform.system()} {platform.release()} {platform.machine()}, Python {platform.python_version()}"
    )
    return good("system", f"{kind}, user ID {os.geteuid()}")


def sandbox(_folder: Path) -> Surrounding:
    """Try a sandbox."""
    name, support = "sandbox", sandbox_support()
    if not support.is_possible:
        return limited(name, f"jobs run without: {support.problem}", _remedy_of_namespaces())
    if support.problem:
        finding = f"jobs see the processes of this machine: {support.problem}"
        return limited(name, finding, _remedy_of_containers(_PERMIT_PROC) or _PERMIT_NAMESPACES)
    return good(name, "jobs run in namespaces of their own")


def network(_folder: Path) -> Surrounding:
    """Try a network for jobs that contains nothing but the API."""
    name = "network"
    problem = check_network() if sandbox_support().is_possible else "this requires sandboxes"
    if problem:
        finding = f"all jobs reach the network of this machine: {problem}"
        return limited(name, finding, _remedy_of_namespaces())
    return good(name, "jobs reach only the API unless their app requests access")


def compiler(_folder: Path) -> Surrounding:
    """Look for a C compiler, or for what it compiled earlier."""
    name = "compiler"
    found = find_cache_dir("dx-local")
    if found and (client := native_client(found / "environments", compiles=False)):
        return good(name, f"not needed any more: {client} exists")
    if path := find_compiler():
        return good(name, path)
    return limited(name, "no cc, gcc or clang: calls of `dx` in jobs take longer", "Install gcc.")


@functools.cache
def tools_state() -> str:
    """Return `warm` if each call of dx in jobs is a fork, with a restriction, or else the reason."""
    if os.environ.get("DX_LOCAL_TOOLS") == "plain":
        return "cold: DX_LOCAL_TOOLS is plain"
    try:
        environment = next(iter(existing_environments()), None)
        if environment is None:
            return "unknown until the first run creates a worker environment"
        client = str(environment.tool_client) if environment.tool_client else None
        reason = cold_tools_reason(WorkerPrograms(str(environment.python), str(environment.bin), client))
    except OSError as error:
        return f"cold: {error}"
    if reason:
        return f"cold: {reason}"
    return "warm" if client else f"warm, but {NO_COMPILER}"


def warm_tools(_folder: Path) -> Surrounding:
    """Start a zygote, to find out whether `dx` in jobs need not start a Python at each call."""
    name, state = "warm tools", tools_state()
    if state.startswith("cold: "):
        reason = state.removeprefix("cold: ")
        finding = f"each call of dx in a job starts a Python: {reason}"
        return limited(name, finding, _remedy_of_cold_tools(reason))
    return good(name, "calls of dx in jobs take milliseconds" if state == "warm" else state)


def file_locks(folder: Path) -> Surrounding:
    """Try locks where runs are kept and in the cache."""
    name = "locks"
    places = [folder, *([_existing(found)] if (found := find_cache_dir("dx-local")) else [])]
    without = [str(place) for place in places if not _has_locks(place)]
    if without:
        finding = f"none in {' and '.join(without)}: files named *.owner replace them"
        return limited(name, finding, "Use --workspace-path and XDG_CACHE_HOME on a local disk.")
    return good(name, "files can be locked in the app's folder and in the cache")


def file_system(folder: Path) -> Surrounding:
    """Find out whether the app in a folder can store its runs, and on a file system for a single host."""
    name = "file system"
    kind = file_systems.type_of(folder)
    if (folder / FILE_NAME).is_file() and (problem := storage_problem(folder)):
        finding = f"a run of this app cannot be stored in {folder}: {problem}"
        return bad(name, finding, "Pass --workspace-path with a folder that you can write to.")
    if file_systems.is_network(kind):
        finding = f"{folder} is on a network file system ({kind}): the database of a run has no WAL"
        return limited(name, finding, "Pass --workspace-path with a folder on a local disk.")
    return good(name, f"{kind or 'of an unknown type'} at {folder}")


def cache(_folder: Path) -> Surrounding:
    """Check the folder of worker environments: programs must start in it, and it must be writable."""
    name, remedy = "cache", "Set XDG_CACHE_HOME to a folder on another disk."
    problem, folder = cache_problem("dx-local"), find_cache_dir("dx-local")
    if environments := existing_environments():
        places = ", ".join(str(environment.bin.parent) for environment in environments)
        return good(name, f"worker environments: {places}")
    if folder is None:
        return bad(name, str(problem), remedy)
    if (free := shutil.disk_usage(_existing(folder)).free) < _LEAST_CACHE:
        return bad(name, f"{folder} has {free >> 20} MiB left", remedy)
    if problem:
        return limited(name, f"{folder} has to do, because {problem}", remedy)
    return good(name, f"the first run creates a worker environment in {folder}")


def temporary_folder(_folder: Path) -> Surrounding:
    """Check the space and the permissions of the folder for temporary files."""
    name = "temporary folder"
    place = Path(tempfile.gettempdir())
    if (free := shutil.disk_usage(place).free) < _LEAST_TEMPORARY:
        return bad(name, f"{place} has {free >> 10} KiB left", "Set TMPDIR to a folder on another disk.")
    if not starts_programs(place):
        finding = f"programs cannot be started in {place} (mounted noexec): jobs get another folder"
        return limited(name, finding, "Set TMPDIR to a folder that is not mounted noexec.")
    return good(name, str(place))


def certificates(_folder: Path) -> Surrounding:
    """Look for the certificates that the download of packages trusts."""
    name = "certificates"
    for variable in ("SSL_CERT_FILE", "SSL_CERT_DIR"):
        if (value := os.environ.get(variable)) and not Path(value).exists():
            return bad(name, f"{variable} names {value}, which is missing", f"Correct or unset {variable}.")
        if value:
            return good(name, f"{value} ({variable})")
    found = system_bundle() or ssl.get_default_verify_paths().cafile
    if found:
        return good(name, f"{found} of the system")
    if platform.system() == "Darwin":
        return good(name, "those of the system")
    return limited(name, "the system has none; those of uv apply", "Install ca-certificates.")


def bash(_folder: Path) -> Surrounding:
    """Start the bash that jobs get without a sandbox: it may be too old for apps."""
    name, found = "bash", bash_of_jobs()
    if found.problem:
        remedy = "brew install bash" if sys.platform == "darwin" else "Install bash 4.4 or newer."
        return bad(name, found.problem, remedy)
    return good(name, f"{found.path} {found.version}")


def locale(_folder: Path) -> Surrounding:
    """Check the encoding of paths and output."""
    name = "locale"
    encoding = getattr(sys.stdout, "encoding", None) or "unknown"
    if encoding.lower().replace("-", "") == "utf8":
        return good(name, "UTF-8")
    if _is_ascii(encoding):  # click prints UTF-8 then
        return good(name, f"{encoding}; output is in UTF-8")
    finding = f"output is in {encoding}: characters that it lacks are printed as \\uXXXX"
    return limited(name, finding, "Set LC_ALL=C.UTF-8.")


CHECKS: tuple[Callable[[Path], Surrounding], ...] = (
    system,
    sandbox,
    network,
    compiler,
    warm_tools,
    file_locks,
    file_system,
    cache,
    temporary_folder,
    certificates,
    bash,
    locale,
)
"""All checks, in the order of the table."""


def _remedy_of_namespaces() -> str:
    """Return how to permit sandboxes on this machine."""
    if sys.platform != "linux":
        return "Run apps on Linux if they need what only a sandbox has."
    for setting, forbids, permits in _USERNS_SETTINGS:
        if _setting(setting) == forbids:
            return f"sudo sysctl -w {setting}={permits}"
    return _remedy_of_containers(_PERMIT_CALLS) or _PERMIT_NAMESPACES


def _remedy_of_containers(options: str) -> str | None:
    """Return how to permit sandboxes in a container; None if this is no container that leaves its mark."""
    if any(Path(mark).exists() for mark in ("/.dockerenv", "/run/.containerenv")):
        return f"Start the container with {options}, or use a runner without a container."
    return None


def _remedy_of_cold_tools(reason: str) -> str:
    if "DX_LOCAL_TOOLS" in reason:
        return "Unset DX_LOCAL_TOOLS."
    if "colorama" in reason:
        return "Uninstall colorama there."
    if sys.platform != "linux":
        return "Run apps on Linux if they call dx many times."
    return "Set TMPDIR to a folder with a short path, on a disk that is not mounted noexec."


def _is_ascii(encoding: str) -> bool:
    try:
        return codecs.lookup(encoding).name == "ascii"
    except LookupError:
        return False


def _setting(name: str) -> str | None:
    try:
        return Path("/proc/sys", *name.split(".")).read_text(encoding="ascii").strip()
    except OSError:
        return None


def _existing(folder: Path) -> Path:
    """Return the nearest folder that exists."""
    return next(place for place in (folder, *folder.parents) if place.is_dir())


def _has_locks(folder: Path) -> bool:
    """Return whether files in a folder can be locked; true if none can be written there."""
    return file_systems.has_file_locks(folder) and file_systems.has_record_locks(folder)
