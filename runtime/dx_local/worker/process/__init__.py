"""Processes of jobs: system calls, exits, resource usage and memory limits."""

from __future__ import annotations
