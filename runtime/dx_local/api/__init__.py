"""The HTTP API of the platform: routes, authentication, file transfers and log streams."""

from __future__ import annotations
