"""Containers: their state, their root folder, their user, and their processes."""

from __future__ import annotations
