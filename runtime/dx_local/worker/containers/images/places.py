"""Folders of images and containers, as a job sees them."""

from __future__ import annotations

import os

from dx_local.worker.channel import IMAGES

STATE = "/var/tmp/.dx-local-docker"  # noqa: S108  (in a sandbox it is the job's own, and on disk)
"""The folder of the job's own images and containers."""

KNOWN_IMAGES = f"{STATE}/images"
LAYERS = f"{STATE}/layers"
"""The folder of layers that this job has made, by `docker build`."""
CONTAINERS = f"{STATE}/containers"


BASE_LAYER = f"{IMAGES}/base"
"""The layer below those of all images: the mount points that some images lack."""


def cached_layer(digest: str) -> str:
    """Return the folder of a layer in the cache."""
    return f"{IMAGES}/layers/{digest}"


def make_state_folders() -> None:
    """Make the folders; they stay until the job ends."""
    for folder in (KNOWN_IMAGES, LAYERS, CONTAINERS):
        os.makedirs(folder, exist_ok=True)
