"""The oldest bash that may run jobs. Workers have bash 5, and code for it ends oddly in a much older one."""

from __future__ import annotations

import shlex
from pathlib import Path

# In bash 4.3, an empty array is an unset variable, and there is no `shopt -s inherit_errexit`: scripts with
# `set -u` fail at once, and those with `set -e` miss errors.
GUARD = "((BASH_VERSINFO[0] * 100 + BASH_VERSINFO[1] >= 404)) || . " + shlex.quote(
    str(Path(__file__).with_name("newer_bash.sh"))
)
"""A line for the beginning of a script: an older bash becomes a newer one of this machine, or ends."""
