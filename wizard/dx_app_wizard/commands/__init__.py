"""One module per thing a user can do: create an app, update it, answer questions."""

from __future__ import annotations
