"""A package index on this machine, with or without packages and TLS, and a private authority."""

from __future__ import annotations

import http.server
import io
import ssl
import subprocess
import threading
import zipfile
from dataclasses import dataclass
from typing import TYPE_CHECKING

from dx_local.engine.environments.python_environments import DXPY_VERSION

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from typing_extensions import Self


class Index:
    """A package index; `asked` has the paths of its requests. It has the wheels, or nothing at all."""

    def __init__(self, certificate: Path | None = None, wheels: Mapping[str, bytes] | None = None) -> None:
        """`certificate` has the certificate and the key for `localhost`. `wheels` are by their names."""
        self.asked: list[str] = []
        asked, pages = self.asked, _pages(wheels or {})

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                asked.append(self.path)
                content = pages.get(self.path)
                if content is None:
                    self.send_error(404)
                    return
                self.send_response(200)
                self.send_header(
                    "Content-Type", "text/html" if self.path.endswith("/") else "application/zip"
                )
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

            def do_HEAD(self) -> None:
                self.do_GET()

            def log_message(self, *_arguments: object) -> None:
                pass

        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        if certificate:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(certificate)
            self._server.socket = context.wrap_socket(self._server.socket, server_side=True)
        scheme, host = ("https", "localhost") if certificate else ("http", "127.0.0.1")
        self.url = f"{scheme}://{host}:{self._server.server_address[1]}"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        self._server.shutdown()
        self._server.server_close()


def _pages(wheels: Mapping[str, bytes]) -> dict[str, bytes]:
    """Return the content of an index by path: https://packaging.python.org/en/latest/specifications/."""
    pages = {f"/files/{name}": content for name, content in wheels.items()}
    for name in wheels:
        project = name.partition("-")[0]
        pages[f"/simple/{project}/"] = f'<a href="/files/{name}">{name}</a>'.encode()
    return pages


def wheels_of_an_environment() -> dict[str, bytes]:
    """Return the packages of a worker environment, with next to nothing in them."""
    return dict(_wheel(name, version) for name, version in (("dxpy", DXPY_VERSION), ("pip", "99.0")))


def _wheel(name: str, version: str) -> tuple[str, bytes]:
    info, content = f"{name}-{version}.dist-info", io.BytesIO()
    files = {
        f"{name}/__init__.py": f"__version__ = {version!r}\n",
        f"{name}-{version}.data/scripts/{name}-program": "#!python\nprint('started')\n",
        f"{info}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n",
        f"{info}/WHEEL": "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    with zipfile.ZipFile(content, "w") as archive:
        for path, text in files.items():
            archive.writestr(path, text)
        record = "".join(f"{path},,\n" for path in (*files, f"{info}/RECORD"))
        archive.writestr(f"{info}/RECORD", record)
    return f"{name}-{version}-py3-none-any.whl", content.getvalue()


@dataclass(frozen=True)
class Authority:
    """An authority that nobody trusts: its certificate, and one with its key that it signed for localhost."""

    certificate: Path
    server: Path


def make_authority(folder: Path) -> Authority:
    """Create an authority and the certificate of a server in a folder."""
    key, request, config = folder / "ca.key", folder / "server.request", folder / "server.extensions"
    authority = Authority(folder / "ca.pem", folder / "server.pem")
    config.write_text("subjectAltName=DNS:localhost\n")
    new = ("-newkey", "rsa:2048", "-nodes")
    _openssl(
        "req",
        "-x509",
        *new,
        "-days",
        "2",
        "-subj",
        "/CN=Company",
        "-keyout",
        key,
        "-out",
        authority.certificate,
    )
    _openssl("req", *new, "-subj", "/CN=localhost", "-keyout", folder / "server.key", "-out", request)
    signed = folder / "signed.pem"
    by = ("-CA", authority.certificate, "-CAkey", key, "-CAcreateserial", "-extfile", config)
    _openssl("x509", "-req", "-days", "2", "-in", request, *by, "-out", signed)
    authority.server.write_text(signed.read_text() + (folder / "server.key").read_text())
    return authority


def _openssl(*arguments: str | Path) -> None:
    subprocess.run(["openssl", *arguments], check=True, capture_output=True)
