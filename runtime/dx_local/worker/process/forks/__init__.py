"""Processes that fork, prepared so that their forks have less to do and copy fewer pages."""

from __future__ import annotations
