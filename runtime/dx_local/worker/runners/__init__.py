"""Run the code of one job: Python or bash, and the variables it starts with."""

from __future__ import annotations
