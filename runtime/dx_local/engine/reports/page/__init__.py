"""The report of a run as one HTML file that needs nothing else: its sources, and the data packed into it."""

from __future__ import annotations
