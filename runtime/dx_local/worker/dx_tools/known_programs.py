"""Recognize the official program whose plain calls the compiled client does itself (add_output.c)."""

from __future__ import annotations

import hashlib
import importlib.util
from pathlib import Path

from dx_local.worker.dx_tools.launchers import read_launcher

ADD_OUTPUT = "dx-jobutil-add-output"

# SHA-256 of the sources that add_output.c follows: the program without its launcher, which has the path of
# the environment's Python, and the module whose functions it calls. Before you add one, read what has
# changed, and run the slow tests of tests/worker/dx_tools/test_add_output.py with that version of dxpy.
_KNOWN_PROGRAMS = {
    "25b524b1b0ae72e3c56044c56ed45277735151c1d3c7d471aea0a651573ed6db",  # dxpy 0.280 to 0.417.1
}
_KNOWN_RESOLVERS = {
    "1e214f0b1c09abd2b97e5db50c45bb55bc27c3c93968093075d82b1144cd2e09",  # dxpy 0.280 to 0.310
    "8ec52cf2d28873990824a47f8d5293f65d6fe94cc6512f151a82a84202666ab8",  # dxpy 0.330 to 0.350.1
    "4be6c495c54fd82821c030ee29def899373fe73cef9bb53f38da5e8d9fe5bc3f",  # dxpy 0.370.2 and 0.380
    "be29a1daba80dd2c3ab50e84129072cd61572ddc1f801b66b0ac18c9e2e3db15",  # dxpy 0.395 to 0.417.1
}


def is_known_add_output(programs: Path) -> bool:
    """Return whether the program in this folder is a known one, and so is the dxpy of this Python."""
    dxpy = importlib.util.find_spec("dxpy")
    if dxpy is None or dxpy.origin is None:
        return False
    try:
        program = (programs / ADD_OUTPUT).read_bytes()
        resolver = Path(dxpy.origin).with_name("utils").joinpath("resolver.py").read_bytes()
    except OSError:
        return False
    launcher = read_launcher(program)
    if launcher is None:
        return False
    return _digest(launcher.body) in _KNOWN_PROGRAMS and _digest(resolver) in _KNOWN_RESOLVERS


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
