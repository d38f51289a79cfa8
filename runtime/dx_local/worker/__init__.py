"""The inside of a job; runs in the worker environment with the standard library and dxpy only."""

from __future__ import annotations
