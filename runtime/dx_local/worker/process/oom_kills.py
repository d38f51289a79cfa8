"""Notice that the kernel kills processes because memory ran out, on this machine or in a control group."""

from __future__ import annotations

import re
import time
from pathlib import Path

_STATISTICS = Path("/proc/vmstat")
# Several jobs may be killed in the same emergency; their exits arrive one after the other.
_EMERGENCY_SECONDS = 10.0


class OutOfMemoryKills:
    """Detects whether the kernel has recently killed processes because the machine was out of memory."""

    def __init__(self, statistics: Path = _STATISTICS) -> None:
        self._statistics = statistics
        self._count = self._read()
        self._noticed = -_EMERGENCY_SECONDS

    def happened(self) -> bool:
        """Return whether that happened a moment ago, or since the last call or creation."""
        count = self._read()
        if count > self._count:
            self._count, self._noticed = count, time.monotonic()
        return time.monotonic() - self._noticed < _EMERGENCY_SECONDS

    def _read(self) -> int:
        try:
            found = re.search(r"^oom_kill (\d+)$", self._statistics.read_text(), re.MULTILINE)
        except OSError:
            return 0
        return int(found[1]) if found else 0
