"""The package index, certificates and proxies that `make` and new worker environments really use."""

from __future__ import annotations

import os
import subprocess
import sys
import venv
from pathlib import Path
from typing import TYPE_CHECKING

import pip
import pytest
import uv
from tests.local_index import Authority, Index, make_authority, wheels_of_an_environment

from dx_local.engine.environments.python_environments import (
    EnvironmentBuildError,
    EnvironmentRequest,
    prepare_environment,
)
from dx_local.engine.environments.uv_variables import uv_variables

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parents[3]


@pytest.fixture
def index() -> Iterator[Index]:
    with Index() as server:
        yield server


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A user without any configuration of pip and uv, and an empty cache of uv."""
    for name in [*os.environ]:
        is_of_tls = name.startswith("SSL_CERT") or name.endswith("_CA_BUNDLE")
        if name.startswith(("PIP_", "UV_")) or is_of_tls or name.lower().endswith("_proxy"):
            monkeypatch.delenv(name)
    monkeypatch.setenv("UV_HTTP_RETRIES", "0")
    for name in ("XDG_CONFIG_HOME", "XDG_CONFIG_DIRS"):
        monkeypatch.setenv(name, str(tmp_path / name))
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path


def build() -> str:
    """Try to create an environment with dxpy, and return the error."""
    with pytest.raises(EnvironmentBuildError) as caught:
        prepare_environment(EnvironmentRequest(), announce=print)
    return str(caught.value)


def write(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


@pytest.mark.parametrize(
    "place", ["user", "legacy", "global", "PIP_CONFIG_FILE", "PIP_INDEX_URL", "PIP_EXTRA_INDEX_URL"]
)
def test_the_index_of_pip_is_asked(
    index: Index, home: Path, monkeypatch: pytest.MonkeyPatch, place: str
) -> None:
    files = {
        "user": home / "XDG_CONFIG_HOME/pip/pip.conf",
        "legacy": home / ".pip/pip.conf",
        "global": home / "XDG_CONFIG_DIRS/pip/pip.conf",
        "PIP_CONFIG_FILE": home / "elsewhere",
    }
    if place in files:
        file = write(files[place], f"[global]\nindex-url = {index.url}/simple\n")
        if place.startswith("PIP_"):
            monkeypatch.setenv(place, str(file))
    else:
        # The default index is out of reach, so that a wrong answer cannot come from there.
        monkeypatch.setenv("PIP_INDEX_URL", "http://127.0.0.1:9/simple")
        monkeypatch.setenv(place, f"{index.url}/simple")
    build()
    assert "/simple/dxpy/" in index.asked


# Creates an environment in namespaces of its own, in which the system's certificates are those of a file.
BUILD = """
from dx_local.engine.environments.python_environments import *
try:
    print(prepare_environment(EnvironmentRequest(), announce=lambda text: None).python)
except EnvironmentBuildError as error:
    print(error)
"""
WITH_CERTIFICATES = 'mount --bind "$1" /etc/ssl/certs/ca-certificates.crt && shift && exec "$@"'
SYSTEM = "/etc/ssl/certs/ca-certificates.crt"


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return make_authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture
def company(authority: Authority, monkeypatch: pytest.MonkeyPatch) -> Iterator[Index]:
    """The index of a company, which is configured for pip; its certificate is signed by the company's own."""
    with Index(authority.server, wheels_of_an_environment()) as index:
        monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
        monkeypatch.setenv("PIP_INDEX_URL", f"{index.url}/simple")
        yield index


@pytest.mark.parametrize("place", ["pip.conf", "REQUESTS_CA_BUNDLE"])
def test_certificates_of_pip_are_trusted(
    company: Index, authority: Authority, home: Path, monkeypatch: pytest.MonkeyPatch, place: str
) -> None:
    if place == "pip.conf":
        file = write(home / "pip.conf", f"[global]\ncert = {authority.certificate}\n")
        monkeypatch.setenv("PIP_CONFIG_FILE", str(file))
    else:
        monkeypatch.setenv(place, str(authority.certificate))
    environment = prepare_environment(EnvironmentRequest(), announce=print)
    started = subprocess.run([environment.bin / "dxpy-program"], capture_output=True, text=True, check=True)
    assert started.stdout == "started\n"


def run_with_certificates(bundle: Path | str, *command: str | Path) -> subprocess.CompletedProcess[str]:
    """Run a command for which a file is the system's certificates."""
    done = subprocess.run(
        ["unshare", "-rm", "sh", "-c", WITH_CERTIFICATES, "sh", bundle, *command],
        capture_output=True,
        text=True,
        check=False,
    )
    if "mount:" in done.stderr or "unshare:" in done.stderr:
        pytest.skip(f"no file can be put in the place of {SYSTEM}: {done.stderr}")
    return done


@pytest.mark.parametrize("is_known", [True, False])
def test_certificates_of_the_system_are_trusted(company: Index, authority: Authority, is_known: bool) -> None:
    bundle = authority.certificate if is_known else SYSTEM
    done = run_with_certificates(bundle, sys.executable, "-c", BUILD)
    assert done.stdout.endswith("/bin/python\n") == is_known, done
    assert ("signed by an authority unknown to this machine" in done.stdout) != is_known


PROJECT = """
[build-system]
requires = []
build-backend = "backend"
backend-path = ["."]

[project]
name = "made"
version = "1"
optional-dependencies.dev = ["dxpy"]
"""
BACKEND = """
import zipfile

def build_editable(folder, settings=None, metadata=None):
    files = {
        "METADATA": "Metadata-Version: 2.1\\nName: made\\nVersion: 1\\nProvides-Extra: dev\\n"
                    "Requires-Dist: dxpy; extra == 'dev'\\n",
        "WHEEL": "Wheel-Version: 1.0\\nGenerator: test\\nRoot-Is-Purelib: true\\nTag: py3-none-any\\n",
        "RECORD": "".join(f"made-1.dist-info/{name},,\\n" for name in ("METADATA", "WHEEL", "RECORD")),
    }
    with zipfile.ZipFile(f"{folder}/made-1-py3-none-any.whl", "w") as archive:
        for name, text in files.items():
            archive.writestr(f"made-1.dist-info/{name}", text)
    return "made-1-py3-none-any.whl"
"""


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A folder with our Makefile, another project, and a virtual environment that has pip and uv."""
    folder = tmp_path / "checkout"
    folder.mkdir()
    for name in ("Makefile", "packaging", "wizard", "runtime"):
        (folder / name).symlink_to(ROOT / name)
    write(folder / "pyproject.toml", PROJECT)
    write(folder / "backend.py", BACKEND)
    venv.create(folder / ".venv", symlinks=True)
    (own,) = folder.glob(".venv/lib/python*/site-packages")
    write(own / "pip_and_uv.pth", f"{Path(pip.__file__).parents[1]}\n")
    (folder / ".venv/bin/uv").symlink_to(uv.find_uv_bin())
    return folder


@pytest.mark.slow
@pytest.mark.parametrize("is_known", [True, False])
def test_make_installs_from_the_index_of_pip(
    company: Index, authority: Authority, checkout: Path, is_known: bool
) -> None:
    bundle = authority.certificate if is_known else SYSTEM
    done = run_with_certificates(bundle, "make", "-C", checkout, ".venv/.installed")
    assert (done.returncode == 0) == is_known, done
    assert (checkout / ".venv/bin/dxpy-program").exists() == is_known
    assert any(path.startswith("/files/dxpy-") for path in company.asked) == is_known


def test_a_proxy_of_pip_is_used(index: Index, home: Path) -> None:
    write(
        home / "XDG_CONFIG_HOME/pip/pip.conf",
        f"[global]\nindex-url = http://index.invalid/simple\n[install]\nproxy = {index.url}\n",
    )
    build()
    assert "http://index.invalid/simple/dxpy/" in index.asked


@pytest.mark.parametrize("name", ["UV_DEFAULT_INDEX", "UV_INDEX_URL"])
def test_an_index_for_uv_takes_precedence(index: Index, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setenv("PIP_INDEX_URL", "http://127.0.0.1:9/simple")
    monkeypatch.setenv(name, f"{index.url}/simple")
    build()
    assert "/simple/dxpy/" in index.asked


def test_an_index_in_a_file_of_uv_takes_precedence(home: Path) -> None:
    write(home / "XDG_CONFIG_HOME/uv/uv.toml", 'index-url = "https://uv.example.org/simple"\n')
    assert "UV_DEFAULT_INDEX" not in uv_variables({**os.environ, "PIP_INDEX_URL": "https://pip.example.org"})


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("[install]\nindex_url = a\n[global]\nindex-url = b\n", {"UV_DEFAULT_INDEX": "a"}),
        (
            "[global]\nextra-index-url =\n  https://a\n  https://b\n",
            {"UV_INDEX": "https://a https://b", "UV_INDEX_STRATEGY": "unsafe-best-match"},
        ),
        ("[global]\nfind-links = /w /x\n", {"UV_FIND_LINKS": "/w,/x"}),
        ("[global]\ntrusted-host = a b\n", {"UV_INSECURE_HOST": "a b"}),
        ("[global]\nclient-cert = /mine.pem\n", {"SSL_CLIENT_CERT": "/mine.pem"}),
        ("index-url = no section\n", {}),
    ],
)
def test_options_of_pip_become_variables_of_uv(home: Path, text: str, expected: dict[str, str]) -> None:
    write(home / "XDG_CONFIG_HOME/pip/pip.conf", text)
    found = uv_variables({**os.environ, "UV_SYSTEM_CERTS": "false"})
    assert found == expected


@pytest.mark.parametrize("name", ["SSL_CERT_FILE", "UV_SYSTEM_CERTS", "UV_NATIVE_TLS"])
def test_certificates_are_those_of_the_system_unless_the_user_chose_others(name: str) -> None:
    environment = {"PIP_CONFIG_FILE": os.devnull, "HOME": os.environ["HOME"]}
    assert uv_variables(environment) == {"UV_SYSTEM_CERTS": "true", "UV_NATIVE_TLS": "true"}
    assert uv_variables({**environment, name: "mine"}) == {}


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({"CURL_CA_BUNDLE": "/curl"}, {"SSL_CERT_FILE": "/curl"}),
        ({"CURL_CA_BUNDLE": "/curl", "REQUESTS_CA_BUNDLE": "/requests"}, {"SSL_CERT_FILE": "/requests"}),
        ({"REQUESTS_CA_BUNDLE": "/etc/ssl"}, {"SSL_CERT_DIR": "/etc/ssl"}),
        ({"REQUESTS_CA_BUNDLE": "/requests", "PIP_CERT": "/pip"}, {"SSL_CERT_FILE": "/pip"}),
        ({"REQUESTS_CA_BUNDLE": "/requests", "SSL_CERT_FILE": "/mine"}, {}),
    ],
)
def test_certificates_of_pip_come_in_its_order(given: dict[str, str], expected: dict[str, str]) -> None:
    assert uv_variables({"PIP_CONFIG_FILE": os.devnull, "HOME": os.environ["HOME"], **given}) == expected
