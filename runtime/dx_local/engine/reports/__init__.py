"""The reports of a run: the cause of its failure, and the whole run as data."""

from __future__ import annotations
