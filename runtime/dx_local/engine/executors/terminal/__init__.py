"""The user's terminal, lent to jobs that stop in a debugger."""

from __future__ import annotations
