"""Time limits of jobs: units, the longest limit, and texts such as `48h`."""

from __future__ import annotations

import re
from typing import Any

MINUTES = {"days": 24 * 60, "hours": 60, "minutes": 1}
"""Minutes in each unit that `timeoutPolicy` accepts."""

LONGEST_TIMEOUT_MINUTES = 30 * 24 * 60

_MINUTES_BY_LETTER = {unit[0]: minutes for unit, minutes in MINUTES.items()}


def timeout_minutes(value: Any) -> int:
    """Return the number of minutes in `48h`, `2d` or `90m`; 0 if value is anything else."""
    match = re.fullmatch(r"([0-9]{1,6})([dhm])", value) if isinstance(value, str) else None
    return int(match[1]) * _MINUTES_BY_LETTER[match[2]] if match else 0
