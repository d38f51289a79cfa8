"""Use jobs of a kept run in a new run: run one of them again, or take over those that are done."""

from __future__ import annotations
