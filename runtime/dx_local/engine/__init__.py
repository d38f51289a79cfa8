"""Run jobs: build applets from apps, prepare environments, schedule jobs, and start their processes."""

from __future__ import annotations
