"""Marks of removed files: names in the archives of layers, other things in folders that overlayfs reads.

`.wh.NAME` hides NAME of the layers below, and `.wh..wh..opq` hides all of them in its folder. Overlayfs has a
character device 0:0 and an extended attribute instead.
Source: https://github.com/opencontainers/image-spec/blob/main/layer.md, and overlayfs in the kernel's
documentation.
"""

from __future__ import annotations

WHITEOUT, OPAQUE = ".wh.", ".wh..wh..opq"
RESERVED = ".wh..wh."
"""The beginning of further names, which mean nothing."""

OPAQUE_ATTRIBUTE = "user.overlay.opaque"
"""The attribute of opaque folders in overlays with the option `userxattr`."""
