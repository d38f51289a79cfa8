"""Results of runs and test cases, as text for people."""

from __future__ import annotations
