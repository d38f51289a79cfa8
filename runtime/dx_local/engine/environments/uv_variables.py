"""The variables of uv: certificates of the system, the package index configured for pip, and its cache.

uv reads SSL_CERT_FILE and the variables of proxies itself, but no configuration of pip. Source of pip's
files, their order and options: https://pip.pypa.io/en/stable/topics/configuration/

The Makefile uses this module as well (packaging/configured_uv.py).
"""

from __future__ import annotations

import configparser
import os
import stat
import sys
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from dx_app_wizard.user_dirs import cache_dir, cache_problem
from dx_local.worker.process import file_systems

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_SECTIONS = ("global", "install")  # the later one takes precedence
_OPTIONS = ("index-url", "extra-index-url", "find-links", "trusted-host", "cert", "client-cert", "proxy")
_OWN_INDEX = ("UV_DEFAULT_INDEX", "UV_INDEX", "UV_INDEX_URL", "UV_EXTRA_INDEX_URL", "UV_FIND_LINKS")
_CERTIFICATES = ("SSL_CERT_FILE", "SSL_CERT_DIR", "UV_SYSTEM_CERTS", "UV_NATIVE_TLS")
# pip reads them through the package requests; the first one that is set counts.
_CERTIFICATES_OF_REQUESTS = ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE")
# The second is the name in uv before 0.11.
_SYSTEM_CERTIFICATES = {"UV_SYSTEM_CERTS": "true", "UV_NATIVE_TLS": "true"}
# Those of Debian, Fedora, openSUSE, RHEL and Alpine. Pythons that are not the system's do not know the path.
_SYSTEM_BUNDLES = (
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/ssl/ca-bundle.pem",
    "/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem",
    "/etc/ssl/cert.pem",
)
_PROXIES = ("HTTP_PROXY", "HTTPS_PROXY")


def uv_environment() -> dict[str, str]:
    """Return the environment for uv: this process's, with `uv_variables` and a cache that can be written.

    Raises NoCacheError.
    """
    environment = {**os.environ, **uv_variables(os.environ)}
    if not environment.get("UV_CACHE_DIR") and cache_problem("uv"):
        environment["UV_CACHE_DIR"] = str(cache_dir("uv"))
    return environment


def uv_variables(environment: Mapping[str, str]) -> dict[str, str]:
    """Return the variables to add to an environment for uv; what the user has set for uv stays in force."""
    pip = _pip_options(environment)
    added = {} if _has_own_index(environment) else _index(pip)
    if not any(environment.get(name) for name in _CERTIFICATES):
        added |= _certificates(pip, environment)
    if (certificate := pip.get("client-cert")) and not environment.get("SSL_CLIENT_CERT"):
        added["SSL_CLIENT_CERT"] = certificate
    if hosts := pip.get("trusted-host"):
        added.setdefault("UV_INSECURE_HOST", environment.get("UV_INSECURE_HOST") or " ".join(hosts.split()))
    if proxy := pip.get("proxy"):
        proxy = proxy if "://" in proxy else f"http://{proxy}"
        known = {name.upper() for name, value in environment.items() if value}
        added |= {name: proxy for name in _PROXIES if not {name, "ALL_PROXY"} & known}
    if not environment.get("UV_CACHE_DIR") and not _has_locks(_uv_cache(environment)):
        added["UV_CACHE_DIR"] = _private_folder()
    return added


def _uv_cache(environment: Mapping[str, str]) -> Path:
    return Path(environment.get("XDG_CACHE_HOME") or Path(environment.get("HOME") or "/", ".cache"), "uv")


def _private_folder() -> str:
    """Return a folder among the temporary files that only this user can enter. Raises OSError.

    The next call finds it again, unless another user has a folder with its name.
    """
    folder = Path(tempfile.gettempdir(), f"dx-local-uv-{os.geteuid()}")
    with suppress(FileExistsError):
        folder.mkdir(0o700)
    found = folder.lstat()
    if stat.S_ISDIR(found.st_mode) and found.st_uid == os.geteuid() and not found.st_mode & 0o077:
        return str(folder)
    return tempfile.mkdtemp(prefix="dx-local-uv-")


def _has_locks(folder: Path) -> bool:
    """Return whether uv can lock files in a folder, which need not exist: it fails if it cannot."""
    return file_systems.has_file_locks(next(place for place in (folder, *folder.parents) if place.is_dir()))


def _certificates(pip: Mapping[str, str], environment: Mapping[str, str]) -> dict[str, str]:
    """Return the variables for the certificates that pip trusts: a file, a folder, or those of the system."""
    named = [pip.get("cert"), *(environment.get(name) for name in _CERTIFICATES_OF_REQUESTS)]
    if certificates := next(filter(None, named), None):
        return {"SSL_CERT_DIR" if Path(certificates).is_dir() else "SSL_CERT_FILE": certificates}
    # A company's certificates are in this store, but not among those that uv comes with.
    return _SYSTEM_CERTIFICATES if _system_has_certificates() else {}


def _index(pip: Mapping[str, str]) -> dict[str, str]:
    added: dict[str, str] = {}
    if index := pip.get("index-url"):
        added["UV_DEFAULT_INDEX"] = index
    if extra := pip.get("extra-index-url"):
        # As pip does, take the best version of all indexes, instead of the first index with the package.
        added |= {"UV_INDEX": " ".join(extra.split()), "UV_INDEX_STRATEGY": "unsafe-best-match"}
    if links := pip.get("find-links"):
        added["UV_FIND_LINKS"] = ",".join(links.split())
    return added


def _has_own_index(environment: Mapping[str, str]) -> bool:
    """Return whether an index is configured for uv, by a variable or in a file."""
    if any(environment.get(name) for name in _OWN_INDEX):
        return True
    files = [Path(environment.get("UV_CONFIG_FILE") or _config_home(environment) / "uv" / "uv.toml")]
    files.append(Path("/etc/uv/uv.toml"))
    return any("index" in _text(path) or "find-links" in _text(path) for path in files)


def _pip_options(environment: Mapping[str, str]) -> dict[str, str]:
    """Return the options of `pip install` in files and variables."""
    found: dict[tuple[str, str], str] = {}
    for path in _pip_files(environment):
        parser = configparser.RawConfigParser()
        try:
            parser.read_string(_text(path))
        except configparser.Error:
            continue  # pip reports the mistake; uv may find its packages without this file
        for section in set(parser.sections()) & set(_SECTIONS):
            for name, value in parser.items(section):
                found[section, name.lower().replace("_", "-")] = value
    options = {name: value for section in _SECTIONS for (of, name), value in found.items() if of == section}
    variables = {name: environment.get(f"PIP_{name.upper().replace('-', '_')}") for name in _OPTIONS}
    options |= {name: value for name, value in variables.items() if value}
    return {name: value.strip() for name, value in options.items() if value.strip()}


def _pip_files(environment: Mapping[str, str]) -> Iterator[Path]:
    """Yield the files of pip's configuration, the least important one first."""
    named = environment.get("PIP_CONFIG_FILE")
    if named == os.devnull:
        return
    for folder in reversed((environment.get("XDG_CONFIG_DIRS") or "/etc/xdg").split(os.pathsep)):
        yield Path(folder, "pip", "pip.conf")
    yield Path("/etc/pip.conf")
    if not (named and os.path.exists(named)):  # noqa: PTH110  (that of Path raises for a closed folder)
        yield Path(environment.get("HOME") or "/", ".pip", "pip.conf")
        yield _config_home(environment) / "pip" / "pip.conf"
    yield Path(sys.prefix, "pip.conf")
    if named:
        yield Path(named)


def _config_home(environment: Mapping[str, str]) -> Path:
    return Path(environment.get("XDG_CONFIG_HOME") or Path(environment.get("HOME") or "/", ".config"))


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""


def system_bundle() -> str | None:
    """Return the file with the certificates that the system trusts, or None if it has none."""
    return next((bundle for bundle in _SYSTEM_BUNDLES if Path(bundle).is_file()), None)


def _system_has_certificates() -> bool:
    return system_bundle() is not None
