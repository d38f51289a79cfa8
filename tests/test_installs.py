"""Real installations: the commands printed after "Next:" work, and CI files pin the package's origin."""

from __future__ import annotations

import hashlib
import json
import os
import socket
import subprocess
import sys
import time
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]

BIN = Path(sys.executable).parent
ROOT = Path(__file__).parent.parent
CACHE = os.environ.get("XDG_CACHE_HOME", str(Path.home() / ".cache"))


@pytest.fixture(scope="module")
def distributions(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a wheel and an sdist of this repository."""
    folder = tmp_path_factory.mktemp("distributions")
    subprocess.run([BIN / "hatchling", "build", "-d", folder], cwd=ROOT, check=True, capture_output=True)
    return folder


def new_home(folder: Path) -> dict[str, str]:
    """Return the environment of a user who has installed nothing; downloads are cached for the next test."""
    kept = {name: os.environ[name] for name in os.environ if name.startswith(("PIP_", "UV_", "SSL_"))}
    return {
        **kept,
        "HOME": str(folder / "home"),
        "PATH": "/usr/bin:/bin",
        "XDG_CACHE_HOME": CACHE,
        "PIPX_DEFAULT_PYTHON": sys.executable,
        "UV_PYTHON": sys.executable,
    }


def call(home: dict[str, str], *command: str | Path, cwd: Path | None = None) -> str:
    """Run a command, and return its stderr."""
    done = subprocess.run(command, env=home, cwd=cwd, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{command}\n{done.stdout}{done.stderr}"
    return done.stderr


def by_pip(package: Path, home: dict[str, str]) -> Path:
    folder = Path(home["HOME"], "a venv")
    call(home, sys.executable, "-m", "venv", folder)
    call(home, folder / "bin/pip", "install", "--quiet", package)
    return folder / "bin"


def by_pip_with_pytest(package: Path, home: dict[str, str]) -> Path:
    folder = by_pip(package, home)
    call(home, folder / "pip", "install", "--quiet", "pytest")
    return folder


def by_uv(package: Path, home: dict[str, str]) -> Path:
    call(home, BIN / "uv", "tool", "install", package)
    return Path(home["HOME"], ".local/bin")


def by_pipx(package: Path, home: dict[str, str]) -> Path:
    call(home, BIN / "pipx", "install", str(package))
    return Path(home["HOME"], ".local/bin")


def next_commands(printed: str) -> list[str]:
    """Return the lines below "Next:"."""
    return [line.strip() for line in printed.partition("Next:\n")[2].splitlines()]


@dataclass(frozen=True)
class Installed:
    """The folder of our programs, the environment of their user, and the installer."""

    folder: Path
    home: dict[str, str]
    installer: str


INSTALLERS = {"pip": by_pip, "pip with pytest": by_pip_with_pytest, "uv": by_uv, "pipx": by_pipx}


@pytest.fixture(scope="module", params=INSTALLERS)
def installed(
    request: pytest.FixtureRequest, distributions: Path, tmp_path_factory: pytest.TempPathFactory
) -> Installed:
    """The wheel, installed for a new user."""
    home = new_home(tmp_path_factory.mktemp("user"))
    folder = INSTALLERS[request.param](next(distributions.glob("*.whl")), home)
    return Installed(folder, home, request.param)


@pytest.mark.parametrize("is_on_path", [False, True], ids=["not on PATH", "on PATH"])
def test_the_next_commands_work(installed: Installed, is_on_path: bool, tmp_path: Path) -> None:
    path = f"{installed.folder}:{installed.home['PATH']}" if is_on_path else installed.home["PATH"]
    shell = {**installed.home, "PATH": path}
    wizard = "dx-app-wizard" if is_on_path else installed.folder / "dx-app-wizard"
    flags = ("--language", "python", "--template", "basic", "--input", "reads:file", "--no-input")
    commands = next_commands(call(shell, "/usr/bin/env", wizard, "app", *flags, cwd=tmp_path))
    assert commands[0] == "cd app"
    assert (commands[1] == "dx-local run") == is_on_path
    assert len(commands) == (3 if installed.installer == "pip with pytest" else 2)
    call(shell, "bash", "-e", "-c", "\n".join(commands), cwd=tmp_path)


@pytest.mark.parametrize("by", [by_pip, by_uv, by_pipx])
def test_the_hint_adds_the_extra(
    by: Callable[[Path, dict[str, str]], Path], distributions: Path, tmp_path: Path
) -> None:
    home = new_home(tmp_path)
    folder = by(next(distributions.glob("*.whl")), home)
    shell = {**home, "PATH": f"{BIN}:{home['PATH']}"}
    (tmp_path / "a.wdl").touch()
    command = (folder / "dx-app-wizard", "app", "--no-input", "--from-wdl", tmp_path / "a.wdl")
    refused = subprocess.run(command, env=shell, capture_output=True, text=True, check=False)
    assert "reading WDL needs miniwdl" in refused.stderr
    call(shell, "bash", "-c", refused.stderr.partition("Install it: ")[2], cwd=tmp_path)
    refused = subprocess.run(command, env=shell, capture_output=True, text=True, check=False)
    assert "a.wdl" in refused.stderr
    assert "needs miniwdl" not in refused.stderr


def test_the_sdist_can_be_installed(distributions: Path, tmp_path: Path) -> None:
    home = new_home(tmp_path)
    folder = by_pip(next(distributions.glob("*.tar.gz")), home)
    flags = ("--language", "bash", "--template", "basic", "--no-input")
    call(home, folder / "dx-app-wizard", "app", *flags, cwd=tmp_path)
    call(home, folder / "dx-local", "lint", "app", cwd=tmp_path)


@contextmanager
def serving(*command: str | Path) -> Iterator[str]:
    """Start a server at a free port, which the command gets as its last word; yield the address."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    server = subprocess.Popen(
        [*command[:-1], f"{command[-1]}{port}"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        for _ in range(500):
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", port)) == 0:
                    break
            time.sleep(0.02)
        yield f"127.0.0.1:{port}"
    finally:
        server.terminate()
        server.wait()


def pinned_package(requirement: str, folder: Path) -> Any:
    """Return the package in the CI file of an app written by a copy that pip installed from requirement.

    Not by uv, which records no hashes (0.13), and takes git repositories from https and ssh only.
    """
    packages = folder / "packages"
    pip = (sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check")
    quick = ("--no-deps", "--no-build-isolation", "--target", packages)
    subprocess.run([*pip, *quick, requirement], check=True)
    flags = ("--language", "bash", "--template", "basic", "--ci", "github", "--json")
    printed = subprocess.check_output(
        [sys.executable, "-m", "dx_app_wizard", "app", *flags],
        env={**os.environ, "PYTHONPATH": str(packages)},
        cwd=folder,
    )
    package = json.loads(printed)["answers"]["ci_package"]
    assert f'PACKAGE: "{package}"' in (folder / "app/.github/workflows/test.yml").read_text()
    return package


def test_ci_pins_the_archive(distributions: Path, tmp_path: Path) -> None:
    wheel = next(distributions.glob("*.whl"))
    server = (sys.executable, "-m", "http.server", "--bind", "127.0.0.1", "--directory", distributions, "")
    with serving(*server) as address:
        package = pinned_package(f"http://{address}/{wheel.name}", tmp_path)
    digest = hashlib.sha256(wheel.read_bytes()).hexdigest()
    assert package == f"dx-app-wizard @ http://{address}/{wheel.name}#sha256={digest}"


def test_ci_pins_the_commit(tmp_path: Path) -> None:
    subprocess.run(["git", "clone", "--quiet", "--bare", ROOT, tmp_path / "wizard.git"], check=True)
    commit = subprocess.check_output(["git", "rev-parse", "HEAD"], cwd=ROOT, text=True).strip()
    daemon = ("git", "daemon", "--export-all", f"--base-path={tmp_path}", "--listen=127.0.0.1", "--port=")
    with serving(*daemon) as address:
        package = pinned_package(f"git+git://{address}/wizard.git@{commit}", tmp_path)
    assert package == f"dx-app-wizard @ git+git://{address}/wizard.git@{commit}"
