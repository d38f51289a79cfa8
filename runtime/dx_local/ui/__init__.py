"""What a run looks like: live progress and reports."""

from __future__ import annotations
