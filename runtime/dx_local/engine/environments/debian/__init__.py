"""Resolve, download and unpack Debian packages for jobs."""

from __future__ import annotations
