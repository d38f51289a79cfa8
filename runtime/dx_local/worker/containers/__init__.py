"""`docker` for jobs without a Docker daemon: images, containers and builds by mount namespace and overlay."""

from __future__ import annotations
