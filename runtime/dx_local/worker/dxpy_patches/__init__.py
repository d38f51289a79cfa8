"""Patches of dxpy inside jobs: gtables, waiting without polling, and file transfer by open files."""

from __future__ import annotations
