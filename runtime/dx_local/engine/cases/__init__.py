"""Test cases of an app: read, selected, run, compared with what they expect, and updated."""

from __future__ import annotations
