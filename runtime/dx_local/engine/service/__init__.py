"""A platform that stays up: its state folder, and the environment of its clients."""

from __future__ import annotations
