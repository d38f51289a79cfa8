"""Unpack a layer into the cache, by a process outside of all sandboxes; standard library only."""

from __future__ import annotations
