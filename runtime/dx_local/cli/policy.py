"""Load the policy of a folder; report mistakes in policy files as usage errors."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dx_app_wizard.policy.load import load_policy
from dx_app_wizard.policy.model import Policy, PolicyFileError
from dx_local.errors import UsageError

if TYPE_CHECKING:
    from pathlib import Path


def policy_of(folder: Path) -> Policy:
    """Return the policy of a folder. Raises UsageError with all mistakes in its files."""
    try:
        return load_policy(folder)
    except PolicyFileError as error:
        raise UsageError(error.message, error.hint) from None
