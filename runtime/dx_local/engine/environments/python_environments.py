"""Worker environments: a Python with dxpy and the pip packages of the app's execDepends, as on workers.

uv creates them in $XDG_CACHE_HOME/dx-local/environments. Runs with the same requirements share one. If the
cache cannot be written, those in it are used, and new ones are in a private folder.
"""

from __future__ import annotations

import hashlib
import json
import platform
import re
import shutil
import signal
import subprocess
import sys
import sysconfig
import tempfile
import time
from contextlib import suppress
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from dx_app_wizard.errors import NoCacheError
from dx_app_wizard.files import atomic_write
from dx_app_wizard.user_dirs import cache_dir, cache_problem, cached, find_cache_dir
from dx_local.engine.environments.python_versions import PYTHON_OF_RELEASE, find_python, running_version
from dx_local.engine.environments.tool_client import native_client
from dx_local.worker.process import locks

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from dx_local.engine.environments.exec_depends import Dependency

DXPY_VERSION = "0.417.1"

_PIP_MANAGERS = ("pip", "pip3")
_ENVIRONMENTS = "environments"
_COMPLETE = "dx-local.json"
_RECIPE = 2  # increased when environments get other contents, so that older ones are not used

# In a job without a sandbox, pip installs into the job's home. Python has to look there before its own
# packages.
_OWN_PACKAGES_OF_JOBS = (
    'import os, sys; own = os.environ.get("PIP_TARGET"); own and sys.path.insert(len(sys.path) - 1, own)\n'
)
_LAST_LINES = 12
# Messages of uv, and of the libraries with which it connects.
_UNTRUSTED = re.compile(r"invalid peer certificate|certificate verify failed|UnknownIssuer", re.IGNORECASE)
_UNREACHABLE = re.compile(
    r"dns error|failed to lookup address|connection refused|network is unreachable|timed out|407 Proxy"
    r"|unsuccessful tunnel|tunnel error",
    re.IGNORECASE,
)
_DAY_SECONDS = 24 * 3600


class EnvironmentBuildError(Exception):
    """A worker environment could not be created; `output` contains the last lines that uv printed.

    `was_stopped` means that a signal such as Ctrl-C ended uv, so that the next attempt may succeed.
    """

    def __init__(self, request: EnvironmentRequest, output: str, *, was_stopped: bool = False) -> None:
        self.request = request
        self.output = output
        self.was_stopped = was_stopped
        super().__init__(
            f"The worker environment ({request.describe()}) could not be created.\n{output}\n{_hint(output)}"
        )


def _hint(output: str) -> str:
    """Return the way out of a failure, by the lines that uv printed."""
    if _UNTRUSTED.search(output):
        return (
            "The certificate of the package index is signed by an authority unknown to this machine, such as"
            " your organisation's proxy. Add its certificate to those of the system, or name a file with it"
            " in SSL_CERT_FILE or PIP_CERT. Then run the command again."
        )
    if _UNREACHABLE.search(output):
        return (
            "The package index cannot be reached. Check the network and, if your organisation has them, the"
            " proxy in HTTPS_PROXY and the index in pip.conf or PIP_INDEX_URL. Then run the command again."
        )
    return (
        "Check that the package index can be reached, and that the Python version and the pip packages "
        'in "execDepends" of dxapp.json exist. Then run the command again.'
    )


_STOPPED = frozenset(
    code for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP) for code in (-number, 128 + number)
)


@dataclass(frozen=True)
class WorkerEnvironment:
    """A Python that can import dxpy, and the folder of dxpy's programs (dx, dx-jobutil-…)."""

    python: Path
    bin: Path
    dxpy_version: str
    tool_client: Path | None = None
    """The compiled client by which jobs call these programs, if there is one."""


@dataclass(frozen=True)
class EnvironmentRequest:
    """The worker environment that an app requires; `python` is a version, or None for the running one."""

    python: str | None = None
    interpreter: Path | None = None
    """The path of that Python; with None, uv finds it."""
    dxpy: str = DXPY_VERSION
    packages: tuple[str, ...] = ()
    """Requirements for pip."""

    def describe(self) -> str:
        """Return a short description for messages."""
        python = self.python or platform.python_version()
        return ", ".join([f"Python {python}", f"dxpy {self.dxpy}", *self.packages])


def requirements_of(dependencies: Iterable[Dependency]) -> tuple[str, ...]:
    """Return the pip packages among dependencies, as requirements for pip."""
    requirements = [
        f"{entry.name}=={entry.version}" if entry.version else entry.name
        for entry in dependencies
        if entry.manager in _PIP_MANAGERS
    ]
    return tuple(dict.fromkeys(requirements))


def request_of_python(version: str | None) -> EnvironmentRequest | None:
    """Return the request for a Python of this machine, or None if it has none of this version.

    With None as the version, it is the running one.
    """
    if version in (None, running_version()):
        return EnvironmentRequest()
    found = find_python(version)
    return EnvironmentRequest(python=version, interpreter=found) if found else None


def prepare_environment(
    request: EnvironmentRequest, *, announce: Callable[[str], None], wheels: Path | None = None
) -> WorkerEnvironment:
    """Return the requested environment: the running one if it matches, or a cached one, or a new one.

    Calls `announce` before it creates one, because that takes a while. With `wheels`, its packages come from
    this folder instead of a package index. Raises EnvironmentBuildError.
    """
    if existing := existing_environment(request):
        return existing
    folder = _folder_of(request)
    folder.parent.mkdir(parents=True, exist_ok=True)
    with locks.hold(folder.with_name(f"{folder.name}.lock")):
        if not _is_complete(folder):  # another run may have created it before the lock was free
            announce(f"Creating a worker environment{_place()}: first job with {request.describe()}.")
            _try_to_build(request, folder, wheels)
    return _environment_in(folder, request)


def existing_environment(request: EnvironmentRequest) -> WorkerEnvironment | None:
    """Return the requested environment if it need not be created. Raises NoCacheError."""
    own_version = _own_dxpy_version()
    if own_version and request.python in (None, running_version()) and not request.packages:
        programs = Path(sysconfig.get_path("scripts"))
        return WorkerEnvironment(Path(sys.executable), programs, own_version, _client())
    folder = environment_folder(request)
    return _environment_in(folder, request) if folder else None


def environment_folder(request: EnvironmentRequest) -> Path | None:
    """Return the folder of the cached environment for a request; None if there is none."""
    folder = _folder_of(request)
    return folder if _is_complete(folder) else None


def existing_environments() -> list[WorkerEnvironment]:
    """Return the environments for jobs without pip packages that need not be created, of any Python.

    The one of the running Python comes first, those of the workers' releases follow.
    """
    found: dict[WorkerEnvironment, None] = {}
    for request in map(request_of_python, (None, *PYTHON_OF_RELEASE.values())):
        with suppress(NoCacheError):
            if request and (environment := existing_environment(request)):
                found[environment] = None
    return list(found)


def failed_recently(request: EnvironmentRequest) -> bool:
    """Return whether the creation of a missing environment failed within the last day."""
    folder = _folder_of(request)
    try:
        age = time.time() - _failure_of(folder).stat().st_mtime
    except FileNotFoundError:
        return False
    return age < _DAY_SECONDS and not _is_complete(folder)


def _own_dxpy_version() -> str | None:
    if find_spec("dxpy") is None:
        return None
    from importlib import metadata  # takes long, and most installations have no dxpy

    try:
        return metadata.version("dxpy")
    except metadata.PackageNotFoundError:
        return None


def _folder_of(request: EnvironmentRequest) -> Path:
    """Return the folder of a complete environment, or the one in which it can be created."""
    known = cached("dx-local", _ENVIRONMENTS, key_of_environment(request), _COMPLETE).parent
    return (
        known if _is_complete(known) else cache_dir("dx-local") / _ENVIRONMENTS / key_of_environment(request)
    )


def _environment_in(folder: Path, request: EnvironmentRequest) -> WorkerEnvironment:
    return WorkerEnvironment(folder / "bin" / "python", folder / "bin", request.dxpy, _client())


def _client() -> Path | None:
    known, cache = cached("dx-local", _ENVIRONMENTS), find_cache_dir("dx-local")
    own = cache and cache / _ENVIRONMENTS
    if client := native_client(known, compiles=known == own):
        return client
    return native_client(own) if own and own != known else None


def _place() -> str:
    """Return words for the place of new environments if that is unusual, and for the reason."""
    problem = cache_problem("dx-local")
    return f" in {cache_dir('dx-local')}, because {problem}" if problem else ""


def key_of_environment(request: EnvironmentRequest) -> str:
    """Return the name of the folder of a requested environment in the cache."""
    # Pythons of the same version differ by their installation folder.
    python = request.python or [platform.python_version(), platform.machine(), sys.base_prefix]
    interpreter = str(request.interpreter or "")
    wanted = json.dumps([python, interpreter, request.dxpy, sorted(request.packages), _RECIPE])
    version = re.sub(r"[^\w.]", "_", request.python or platform.python_version(), flags=re.ASCII)
    return f"python{version}-dxpy{request.dxpy}-{hashlib.sha256(wanted.encode()).hexdigest()[:12]}"


def _is_complete(folder: Path) -> bool:
    try:
        # The second condition fails if the Python that the environment links to was removed.
        return (folder / _COMPLETE).is_file() and (folder / "bin" / "python").exists()
    except PermissionError:
        return False  # its creation will report the error


def _failure_of(folder: Path) -> Path:
    """Return the file whose modification time is that of the last failed creation."""
    return folder.with_name(f"{folder.name}.failed")


def _try_to_build(request: EnvironmentRequest, folder: Path, wheels: Path | None) -> None:
    try:
        _build(request, folder, wheels)
    except EnvironmentBuildError as error:
        if not error.was_stopped:
            _failure_of(folder).touch()
        raise
    _failure_of(folder).unlink(missing_ok=True)


def _build(request: EnvironmentRequest, folder: Path, wheels: Path | None) -> None:
    # An environment cannot be moved, so it is created at its final path; the marker is written last.
    if folder.exists():
        shutil.rmtree(folder)
    python = folder / "bin" / "python"
    _uv(
        request,
        "venv",
        "--no-project",
        f"--python={request.interpreter or request.python or sys.executable}",
        str(folder),
    )
    # Compiled here, because otherwise the first job to use a program would wait for it and show warnings.
    source = ("--offline", "--no-index", "--find-links", str(wheels)) if wheels else ()
    install = ("pip", "install", *source, "--python", str(python))
    _uv(request, *install, "--compile-bytecode", "--", f"dxpy=={request.dxpy}", *request.packages)
    # Few jobs call pip, so it is not compiled.
    _uv(request, *install, "--", "pip")
    (site_packages,) = folder.glob("lib/python*/site-packages")
    (site_packages / "dx_local_pip_target.pth").write_text(_OWN_PACKAGES_OF_JOBS)
    made_of = {"dxpy": request.dxpy, "packages": request.packages}
    atomic_write(folder / _COMPLETE, json.dumps(made_of) + "\n")


def _uv(request: EnvironmentRequest, *arguments: str) -> None:
    import uv

    from dx_local.engine.environments.uv_variables import uv_environment  # few runs need it

    folder = cache_dir("dx-local") / _ENVIRONMENTS
    try:
        # uv leaves locks in its temporary folder. The current folder is not the user's, because a
        # pyproject.toml there could contain settings for uv.
        with tempfile.TemporaryDirectory(prefix="uv-", dir=folder) as temporary:
            result = subprocess.run(
                [uv.find_uv_bin(), *arguments],
                cwd=folder,
                env={**uv_environment(), "TMPDIR": temporary},
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                errors="replace",
                check=False,
            )
    except OSError as error:
        raise EnvironmentBuildError(request, f"uv could not be started: {error}") from error
    if result.returncode != 0:
        output = "\n".join(result.stdout.splitlines()[-_LAST_LINES:])
        raise EnvironmentBuildError(request, output, was_stopped=result.returncode in _STOPPED)
