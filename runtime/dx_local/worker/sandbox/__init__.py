"""The sandbox of a job: namespaces, mounts and overlays, and the pool of reusable sandboxes."""

from __future__ import annotations
