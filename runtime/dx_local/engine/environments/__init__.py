"""Prepare what jobs run in: Python with dxpy, bundled files, and execDepends."""

from __future__ import annotations
