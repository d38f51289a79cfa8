"""Folders of images and containers, as a job sees them."""

from __future__ import annotations

import os

STATE = "/var/tmp/.dx-local-docker"  # noqa: S108  (in a sandbox it is the job's own, and on disk)
"""The folder of the job's own images and containers."""

KNOWN_IMAGES = f"{STATE}/images"
LAYERS = f"{STATE}/layers"
"""The folder of layers that this job has made, by `docker build`."""
CONTAINERS = f"{STATE}/containers"


def make_state_folders() -> None:
    """Make the folders; they stay until the job ends."""
    for folder in (KNOWN_IMAGES, LAYERS, CONTAINERS):
        os.makedirs(folder, exist_ok=True)
