"""How the dxapp.json to be written differs from the one that was given."""

from __future__ import annotations

import difflib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from dx_app_wizard.dxapp.model import AppSpec


def spec_difference(spec: AppSpec, base: AppSpec) -> str:
    """Return the unified diff from the dxapp.json that was given to the one to write."""
    old, new = base.dumps().splitlines(), spec.dumps().splitlines()
    return "\n".join(difflib.unified_diff(old, new, "dxapp.json as given", "dxapp.json", lineterm=""))
