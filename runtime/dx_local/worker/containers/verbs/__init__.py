"""The commands of `docker`, each a function of the words after it."""

from __future__ import annotations
