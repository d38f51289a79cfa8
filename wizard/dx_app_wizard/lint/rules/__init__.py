"""The lint rules, one small function each."""

from __future__ import annotations
