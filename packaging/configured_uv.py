"""Run uv as dx-local does: with the package index of pip's configuration and the system's certificates.

    python packaging/configured_uv.py ARGUMENT...

The Makefile installs with it, in an environment that has uv but not yet this package.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]


def main() -> None:
    """Become uv with the arguments of this program."""
    sys.path[:0] = [str(ROOT / "wizard"), str(ROOT / "runtime")]
    import uv

    from dx_local.engine.environments.uv_variables import uv_environment

    program = uv.find_uv_bin()
    os.execve(program, [program, *sys.argv[1:]], uv_environment())  # noqa: S606  (there is nothing for a shell)


if __name__ == "__main__":
    main()
