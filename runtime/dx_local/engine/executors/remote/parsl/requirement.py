"""Check that Parsl, which is optional, is installed."""

from __future__ import annotations

from importlib import metadata, util
from pathlib import Path

from dx_local.errors import UsageError

EXTRA = "parsl"
"""The optional extra with Parsl."""


def check_parsl() -> None:
    """Raise UsageError if Parsl is not installed."""
    if util.find_spec("parsl") is None:
        from dx_app_wizard.installation import install_hint  # few runs need it

        raise UsageError("jobs on a cluster need Parsl", install_hint(EXTRA))


def parsl_program(name: str) -> Path:
    """Return the path of a program that Parsl installs, which need not be on PATH.

    Raises FileNotFoundError if the installation does not list it.
    """
    for file in metadata.distribution("parsl").files or ():
        if file.name == name and file.parent.name in {"bin", "Scripts"}:
            return Path(str(file.locate())).resolve()
    raise FileNotFoundError(f"the installed Parsl has no program {name}")
