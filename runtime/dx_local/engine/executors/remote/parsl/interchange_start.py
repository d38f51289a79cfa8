"""Run Parsl's interchange as a program that ends with the process that started it.

    python -m dx_local.engine.executors.remote.parsl.interchange_start PID

Parsl by itself leaves it running if its parent is killed, and with it all nodes until their time is up. A
thread looks at the parent once a second, which works on every system and needs no program like setpriv.
"""

from __future__ import annotations

import os
import runpy
import signal
import sys
import threading
import time

from dx_local.engine.executors.remote.parsl.requirement import parsl_program

_SECONDS_BETWEEN_LOOKS = 1.0


def main() -> None:
    """Run the interchange until its parent, the process with the ID in the arguments, has ended."""
    parent = int(sys.argv[1])
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for dx-local, which then ends this process
    threading.Thread(target=_end_with, args=(parent,), daemon=True).start()
    program = str(parsl_program("interchange.py"))
    sys.argv = [program]
    runpy.run_path(program, run_name="__main__")


def _end_with(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(_SECONDS_BETWEEN_LOOKS)
    os._exit(1)


if __name__ == "__main__":
    main()
