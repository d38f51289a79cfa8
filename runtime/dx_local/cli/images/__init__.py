"""Container images that all runs find without network."""

from __future__ import annotations
