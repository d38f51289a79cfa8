"""What a DNAnexus app declares: links, I/O classes, dxapp.json, names and lint rules."""

from __future__ import annotations
