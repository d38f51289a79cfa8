"""The surroundings of runs on this machine, one check each: sandbox, compiler, locks and others."""

from __future__ import annotations
