"""The end of a run on a terminal: its outputs and usage, or the block on its failure."""

from __future__ import annotations
