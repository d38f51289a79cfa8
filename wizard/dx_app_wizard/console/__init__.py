"""The edge between a command and its terminal: start, standard streams, interruptions and safe text.

Shared by all commands, `dx-local` included. Nothing is imported here that takes time.
"""

from __future__ import annotations
