"""Additions to dxpy inside jobs: gtables, waiting without polling, and file transfer by descriptor."""

from __future__ import annotations
