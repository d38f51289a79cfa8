"""Run the code of one job in Python or bash, with its environment variables."""

from __future__ import annotations
