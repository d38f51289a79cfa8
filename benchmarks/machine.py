"""Describe the machine of a run."""

from __future__ import annotations

import os
import platform
import re
from contextlib import suppress
from pathlib import Path

from benchmarks.peers.engines import PEERS

from dx_local.engine.environments.python_environments import DXPY_VERSION


def describe() -> str:
    """Return the cores, processor, memory, kernel and versions of the measured programs."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / (1 << 30)
    versions = [f"Python {platform.python_version()}", f"dxpy {DXPY_VERSION}"]
    for peer in PEERS:
        name, _, version = peer.requirements[0].partition("==")
        versions.append(f"{name} {version}")
    return (
        f"{os.cpu_count()} cores ({_processor()}), {memory:.0f} GiB of memory, "
        f"{platform.system()} {platform.release()}; {', '.join(dict.fromkeys(versions))}"
    )


def load() -> str:
    """Return the load average of the last minute."""
    return f"{os.getloadavg()[0]:.1f}"


def _processor() -> str:
    with suppress(OSError):
        found = re.search(r"^model name\s*: (.+)$", Path("/proc/cpuinfo").read_text(), re.MULTILINE)
        if found:
            return found[1]
    return platform.processor() or platform.machine()
