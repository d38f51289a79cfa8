"""Run Parsl's interchange as a program that ends with the process that started it.

    python -m dx_local.engine.executors.remote.parsl.interchange_start PID

Parsl by itself leaves it running if its parent is killed, and with it all nodes until their time is up. A
thread looks at the parent once a second, which works on every system and needs no program like setpriv.

A signal to the process group of dx-local must not end it, because dx-local gives nodes back by it. So the
parent blocks these signals until the interchange has a group of its own.
"""

from __future__ import annotations

import os
import runpy
import signal
import sys
import threading
import time

from dx_local.engine.executors.remote.parsl.requirement import parsl_program
from dx_local.worker.process.signals import ENDING_SIGNALS

_SECONDS_BETWEEN_LOOKS = 1.0


def main() -> None:
    """Run the interchange until its parent, the process with the ID in the arguments, has ended."""
    parent = int(sys.argv[1])
    os.setsid()
    for number in ENDING_SIGNALS:
        signal.signal(number, signal.SIG_IGN)  # which also discards one that has been blocked
    signal.signal(signal.SIGTERM, signal.SIG_DFL)  # by which Parsl ends it
    signal.pthread_sigmask(signal.SIG_UNBLOCK, ENDING_SIGNALS)
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
