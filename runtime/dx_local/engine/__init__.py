"""What turns rows into running jobs: bundling apps, worker environments, the driver and its executors."""

from __future__ import annotations
