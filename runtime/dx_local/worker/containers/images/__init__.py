"""Images: their names, archives and layers, and the images of a job."""

from __future__ import annotations
