"""The things a user can do, one module each: create an app, update it, answer questions."""

from __future__ import annotations
