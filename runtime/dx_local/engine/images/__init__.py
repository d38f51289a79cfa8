"""The cache of container images, which jobs read and only this room writes."""

from __future__ import annotations
