"""Progress displays and summaries of runs."""

from __future__ import annotations
