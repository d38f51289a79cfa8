"""Run DNAnexus apps on this machine: an in-process emulation of the platform for the unmodified dxpy."""

from __future__ import annotations
