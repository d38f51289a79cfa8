"""The sandbox of a job: namespaces, mounts and overlays, and the pool of reusable ones."""

from __future__ import annotations
