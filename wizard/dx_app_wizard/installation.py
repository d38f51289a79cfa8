"""The command that adds an optional extra to the running installation. The runtime uses this module as well.

No package index has this package, so its bare name would install whatever somebody publishes under it. The
installation records its origin and its installer:

- direct_url.json, of every installer:
  https://packaging.python.org/en/latest/specifications/direct-url-data-structure/
- uv-receipt.toml of `uv tool`, and pipx_metadata.json of pipx, at the root of the environment
"""

from __future__ import annotations

import importlib.util
import json
import re
import shlex
import sys
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlsplit

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping

NAME = "dx-app-wizard"
"""The name of the package that is installed."""

_RECEIPT_OF_UV = "uv-receipt.toml"
_RECORD_OF_PIPX = "pipx_metadata.json"


def install_hint(extra: str) -> str:
    """Return the hint that installs an extra of this package beside the running program."""
    command = _install_command(extra)
    return f"Install it: {command}" if command else f"Install {NAME} with its extra {extra!r}."


@dataclass(frozen=True)
class _Origin:
    """The folder, file or URL from which the package was installed."""

    address: str
    is_local: bool
    is_editable: bool

    def requirement(self, extras: Collection[str]) -> list[str]:
        """Return the arguments for an installer that name the package with extras."""
        names = ",".join(sorted(extras))
        if not self.is_local:
            return [f"{NAME}[{names}] @ {self.address}"]
        return [*(["--editable"] if self.is_editable else []), f"{self.address}[{names}]"]


def _install_command(extra: str) -> str | None:
    """Return the command that adds an extra; None if the program runs without being installed."""
    try:
        installed = metadata.distribution(NAME)
    except metadata.PackageNotFoundError:
        return None
    text = installed.read_text("direct_url.json")
    origin = _origin(json.loads(text)) if text else None
    if origin is None:  # the packages of the extra have to do
        return shlex.join([*_pip(), *_packages(extra, installed.requires or ())])
    root = Path(sys.prefix)
    if (receipt := root / _RECEIPT_OF_UV).is_file():
        extras, others = _in_receipt(receipt)
        added = [argument for name in others for argument in ("--with", name)]
        words = ["uv", "tool", "install", "--force", *added, *origin.requirement({extra, *extras})]
    elif (root / _RECORD_OF_PIPX).is_file():
        words = ["pipx", "install", "--force", *origin.requirement({extra})]
    else:
        words = [*_pip(), *origin.requirement({extra})]
    return shlex.join(words)


def _origin(record: Mapping[str, Any]) -> _Origin | None:
    """Return the origin in a direct_url.json; None if nothing can be installed from there any more."""
    parts = urlsplit(record["url"])
    if parts.query or parts.password:  # the signature of a private link, or a secret
        return None
    folder = f"#subdirectory={record['subdirectory']}" if record.get("subdirectory") else ""
    if vcs := record.get("vcs_info"):
        return _Origin(f"{vcs['vcs']}+{record['url']}@{vcs['commit_id']}{folder}", False, False)
    if parts.scheme != "file":
        return _Origin(f"{record['url']}{folder}", False, False)
    path = Path(unquote(parts.path))
    is_editable = record.get("dir_info", {}).get("editable", False)
    return _Origin(str(path), True, is_editable) if path.exists() else None


def _pip() -> list[str]:
    """Return the command that installs packages into the running environment, which may lack pip."""
    if importlib.util.find_spec("pip") is not None:
        return [sys.executable, "-m", "pip", "install"]
    return [sys.executable, "-m", "uv", "pip", "install", "--python", sys.executable]


def _packages(extra: str, requires: Collection[str]) -> Iterator[str]:
    """Yield the requirements of an extra among those of the package: `NAME>=1; extra == 'EXTRA'`."""
    for requirement in requires:
        wanted, _, marker = requirement.partition(";")
        if re.search(rf"\bextra\s*==\s*['\"]{re.escape(extra)}['\"]", marker):
            yield wanted.strip()


def _in_receipt(receipt: Path) -> tuple[list[str], list[str]]:
    """Return the extras with which `uv tool` installed the package, and the packages beside it."""
    if sys.version_info >= (3, 11):
        import tomllib
    else:
        import tomli as tomllib

    found = tomllib.loads(receipt.read_text(encoding="utf-8"))["tool"].get("requirements", [])
    extras = [extra for each in found if each["name"] == NAME for extra in each.get("extras", [])]
    return extras, [f"{each['name']}{each.get('specifier', '')}" for each in found if each["name"] != NAME]
