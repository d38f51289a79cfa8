"""Start jobs when slots are free, enforce time limits, and wake those that wait for an execution."""

from __future__ import annotations
