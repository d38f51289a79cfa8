"""What the execDepends of an applet ask for: read, held against this machine, installed for jobs alone."""

from __future__ import annotations
