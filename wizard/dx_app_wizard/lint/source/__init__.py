"""Read source code for the linter: Python, Python 2, bash, and uses of the network."""

from __future__ import annotations
