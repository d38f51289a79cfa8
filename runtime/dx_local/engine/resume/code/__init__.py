"""The code on which a job depends: its entry point, and everything that this reaches by name."""

from __future__ import annotations
