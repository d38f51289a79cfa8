"""`dx` and `dx-*` inside jobs: a client, and a server that has imported them."""

from __future__ import annotations
