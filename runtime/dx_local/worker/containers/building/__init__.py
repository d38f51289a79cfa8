"""Build images from Dockerfiles: parse all of a file first, then run its steps in one container per stage."""

from __future__ import annotations
