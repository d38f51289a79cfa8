"""Check that Parsl, which is optional, is installed, and that nodes of this machine have their Python."""

from __future__ import annotations

import shutil
from importlib import metadata, util
from pathlib import Path
from typing import TYPE_CHECKING

from dx_local.errors import UsageError

if TYPE_CHECKING:
    from dx_local.engine.cluster.settings import ClusterSettings

EXTRA = "parsl"
"""The optional extra with Parsl."""


def check_parsl() -> None:
    """Raise UsageError if Parsl is not installed."""
    if util.find_spec("parsl") is None:
        from dx_app_wizard.installation import install_hint  # few runs need it

        raise UsageError("jobs on a cluster need Parsl", install_hint(EXTRA))


def check_python(settings: ClusterSettings) -> None:
    """Raise UsageError if the Python of nodes that are processes of this machine does not exist."""
    # The lines of `setup` may bring it.
    if settings.on != "local" or settings.python is None or settings.setup:
        return
    if shutil.which(settings.python) is None:
        raise UsageError(
            f"`python` in [executor] is {settings.python!r}, which is no program on this machine",
            "Set it to a Python with the same packages as this one, or leave it out.",
        )


def parsl_program(name: str) -> Path:
    """Return the path of a program that Parsl installs, which need not be on PATH.

    Raises FileNotFoundError if the installation does not list it.
    """
    for file in metadata.distribution("parsl").files or ():
        if file.name == name and file.parent.name in {"bin", "Scripts"}:
            return Path(str(file.locate())).resolve()
    raise FileNotFoundError(f"the installed Parsl has no program {name}")
