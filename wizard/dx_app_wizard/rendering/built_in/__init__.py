"""Rendering of the built-in template."""

from __future__ import annotations
