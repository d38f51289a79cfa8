"""Executors start the processes of jobs, report what they print, and report how they ended."""

from __future__ import annotations
