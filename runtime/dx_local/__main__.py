"""`python -m dx_local` is the command `dx-local`."""

from __future__ import annotations

from dx_local.start import dx_local

dx_local()
