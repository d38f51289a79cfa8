"""Text for people: fitted to a width, and the outcomes of jobs in words."""

from __future__ import annotations
