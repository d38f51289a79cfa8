"""Images: their names, archives and layers, and those that a job knows."""

from __future__ import annotations
