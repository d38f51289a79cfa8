"""The program `dxfuse` of jobs: projects and files as folders, read-only, without FUSE."""

from __future__ import annotations
