"""The HTTP face of the platform: routes, authentication, transfers of bytes."""

from __future__ import annotations
