"""The sources of a job's log: streams of bytes, and sockets for messages."""

from __future__ import annotations
