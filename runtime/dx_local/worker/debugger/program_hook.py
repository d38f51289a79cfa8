"""Code that programs in Python execute as they start in a job, so that pdb borrows the user's terminal there.

It costs next to nothing until a program imports pdb.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from importlib.machinery import ModuleSpec

_WORKER_DEPTH = 2  # of the folder of the package, above this file


class ProgramHook:
    """A finder of the module pdb that makes way for the one of jobs."""

    @classmethod
    def find_spec(cls, name: str, *_: Any) -> ModuleSpec | None:
        """Return the spec of the adapted pdb; None for any other module."""
        if name != "pdb":
            return None
        sys.meta_path.remove(cls)
        import importlib.util
        import os
        from pathlib import Path

        # As in the zygote: the package's folder may contain other versions of modules that programs use.
        package = Path(__file__).parents[_WORKER_DEPTH]
        spec = importlib.util.spec_from_file_location("dx_local", package / "__init__.py")
        assert spec is not None
        sys.modules.setdefault("dx_local", importlib.util.module_from_spec(spec))
        from dx_local.worker.channel import EXECUTOR_FOLDER, TERMINAL_SOCKET
        from dx_local.worker.debugger.pdb_hook import PdbHook

        address = f"{EXECUTOR_FOLDER}/{TERMINAL_SOCKET}"
        hook = PdbHook(address, os.environ["DX_JOB_ID"], os.environ.get("TERM", "xterm"))
        hook.install()
        return hook.find_spec(name)


if __name__ == "__main__":
    sys.meta_path.insert(0, ProgramHook)
