"""The platform as plain functions over a store, without HTTP and processes."""

from __future__ import annotations
