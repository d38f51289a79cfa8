"""An app folder as the platform gets it: checked, described as `dx build` does, and installed."""

from __future__ import annotations
