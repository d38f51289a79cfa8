"""Run the command `dx-app-wizard` as `python -m dx_app_wizard`."""

from __future__ import annotations

from dx_app_wizard.start import dx_app_wizard

dx_app_wizard()
