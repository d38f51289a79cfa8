"""The requirement that installs the running dx-app-wizard on another machine.

Installers record the URL that a package came from in direct_url.json:
https://packaging.python.org/en/latest/specifications/direct-url-data-structure/
"""

from __future__ import annotations

import json
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import dx_app_wizard
from dx_app_wizard.answers.readers import AnswerError, read_requirement
from dx_app_wizard.installation import NAME

if TYPE_CHECKING:
    from collections.abc import Mapping
    from urllib.parse import SplitResult

_SCHEMES = ("https", "http", "ssh", "git")
_HASHES = ("sha256", "sha384", "sha512")


def installed_requirement() -> str | None:
    """Return a requirement pinned to the commit or hash that is running, or None if none is recorded.

    None for a copy that came from a folder or file of this machine, or from a package index: its address is
    not recorded, and a version alone would be looked up in whichever index the other machine uses.
    """
    try:
        installed = distribution(NAME)
    except PackageNotFoundError:
        return None
    package = Path(str(installed.locate_file(dx_app_wizard.__name__)))
    text = installed.read_text("direct_url.json")
    if text is None or package != Path(dx_app_wizard.__file__).parent:
        return None
    return pinned_requirement(json.loads(text))


def pinned_requirement(record: Mapping[str, Any]) -> str | None:
    """Return the requirement that a direct_url.json describes; None unless it installs the same elsewhere."""
    parts = urlsplit(record["url"])
    # A query may be the signature of a private link.
    if parts.scheme not in _SCHEMES or parts.query or not parts.hostname:
        return None
    fragments = [f"subdirectory={record['subdirectory']}"] if record.get("subdirectory") else []
    address = parts._replace(netloc=_without_password(parts), fragment="").geturl()
    if vcs := record.get("vcs_info"):
        address = f"{vcs['vcs']}+{address}@{vcs['commit_id']}"
    elif found := _hash(record.get("archive_info", {})):
        fragments.append(found)
    else:
        return None
    requirement = f"{NAME} @ {address}{'#' if fragments else ''}{'&'.join(fragments)}"
    try:
        return read_requirement(requirement)
    except AnswerError:
        return None


def _without_password(parts: SplitResult) -> str:
    """Return host and port, and for ssh the user name, which is no secret there."""
    user, _, host = parts.netloc.rpartition("@")
    name = user.partition(":")[0]
    return f"{name}@{host}" if parts.scheme == "ssh" and name else host


def _hash(archive: Mapping[str, Any]) -> str | None:
    """Return the archive's hash as pip reads it in a URL's fragment."""
    hashes = archive.get("hashes") or dict([archive.get("hash", "=").split("=", 1)])
    return next((f"{name}={hashes[name]}" for name in _HASHES if hashes.get(name)), None)
