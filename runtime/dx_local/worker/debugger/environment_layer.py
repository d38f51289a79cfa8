"""A layer of the worker environment in sandboxes, by which programs in Python that jobs start adapt pdb.

Jobs themselves are forked with the hook in place. In other programs, a .pth file of the environment installs
it: such a file needs no variables that an app could see.
"""

from __future__ import annotations

import os
import sysconfig
from pathlib import Path

from dx_local.worker.debugger.pdb_hook import FINDER

# One line, as Python's module site requires: a finder that runs program_hook.py when pdb is imported. Outside
# jobs it does nothing.
_LINE = (
    "import os, sys; 'DX_JOB_ID' in os.environ and sys.meta_path.insert(0, type({name!r}, (), {{'find_spec':"
    " staticmethod(lambda name, *_: __import__('runpy').run_path({hook!r})['spec'] if name == 'pdb' else None"
    ")}}))\n"
)


def build(folder: str, prefix: str) -> None:
    """Create the layer for the environment at `prefix` in a new folder. Raises OSError."""
    packages = sysconfig.get_path("purelib")
    target = Path(folder + packages[len(prefix) :])
    target.mkdir(parents=True)
    hook = str(Path(__file__).with_name("program_hook.py"))
    (target / "dx-local-debugger.pth").write_text(_LINE.format(name=FINDER, hook=hook), encoding="utf-8")
    # Otherwise the folder would appear changed to jobs, which would list it again for their first import.
    status = Path(packages).stat()
    os.utime(target, ns=(status.st_atime_ns, status.st_mtime_ns))
