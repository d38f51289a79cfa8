"""An organisation's requirements: load policy files and check apps against them."""

from __future__ import annotations
