"""The package index, certificates and proxies that the creation of a worker environment really uses."""

from __future__ import annotations

import os
import ssl
import subprocess
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING

import pytest

from dx_local.engine.environments.python_environments import (
    EnvironmentBuildError,
    EnvironmentRequest,
    prepare_environment,
)
from dx_local.engine.environments.uv_variables import uv_variables

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


class Index:
    """A package index without packages, on this machine; `asked` has the paths of its requests."""

    def __init__(self, certificate: Path | None = None) -> None:
        self.asked: list[str] = []
        asked = self.asked

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                asked.append(self.path)
                self.send_error(404)

            def log_message(self, *_arguments: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        if certificate:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(certificate)
            self._server.socket = context.wrap_socket(self._server.socket, server_side=True)
        scheme, host = ("https", "localhost") if certificate else ("http", "127.0.0.1")
        self.url = f"{scheme}://{host}:{self._server.server_address[1]}"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


@pytest.fixture
def index() -> Iterator[Index]:
    server = Index()
    yield server
    server.close()


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A user without any configuration of pip and uv, and an empty cache of uv."""
    for name in [*os.environ]:
        if name.startswith(("PIP_", "UV_", "SSL_CERT")) or name.lower().endswith("_proxy"):
            monkeypatch.delenv(name)
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


def test_certificates_of_pip_are_trusted(home: Path) -> None:
    certificate = home / "server.pem"
    command = [
        *("openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=localhost"),
        *("-addext", "subjectAltName=DNS:localhost", "-addext", "basicConstraints=critical,CA:FALSE"),
        *("-keyout", str(certificate), "-out", str(home / "certificate.pem")),
    ]
    subprocess.run(command, check=True, capture_output=True)
    with certificate.open("a") as file:
        file.write((home / "certificate.pem").read_text())
    index = Index(certificate)
    try:
        configuration = home / "XDG_CONFIG_HOME/pip/pip.conf"
        write(configuration, f"[global]\nindex-url = {index.url}/simple\n")
        build()
        assert index.asked == []
        write(configuration, f"[global]\nindex-url = {index.url}/simple\ncert = {home}/certificate.pem\n")
        build()
        assert "/simple/dxpy/" in index.asked
    finally:
        index.close()


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
    assert uv_variables(environment) == {"UV_SYSTEM_CERTS": "true"}
    assert uv_variables({**environment, name: "mine"}) == {}
