"""The script that programs in Python run in a job when they import pdb; `spec` is the adapted module's."""

from __future__ import annotations

import importlib.util
import os
import sys
from pathlib import Path

if "dx_local" not in sys.modules:
    # As in the zygote: the package's folder may contain other versions of modules that programs use.
    _spec = importlib.util.spec_from_file_location("dx_local", Path(__file__).parents[2] / "__init__.py")
    assert _spec is not None
    sys.modules["dx_local"] = importlib.util.module_from_spec(_spec)

from dx_local.worker.channel import EXECUTOR_FOLDER, TERMINAL_SOCKET
from dx_local.worker.debugger.pdb_hook import FINDER, PdbHook

sys.meta_path[:] = [finder for finder in sys.meta_path if getattr(finder, "__name__", "") != FINDER]
_hook = PdbHook(
    f"{EXECUTOR_FOLDER}/{TERMINAL_SOCKET}", os.environ["DX_JOB_ID"], os.environ.get("TERM", "xterm")
)
_hook.install()
spec = _hook.find_spec("pdb")
