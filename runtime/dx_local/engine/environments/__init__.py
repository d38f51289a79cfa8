"""Prepare the environments of jobs: Python with dxpy, bundled files, and execDepends."""

from __future__ import annotations
