"""What DNAnexus is: plain functions over the store, with no HTTP and no processes in them."""

from __future__ import annotations
