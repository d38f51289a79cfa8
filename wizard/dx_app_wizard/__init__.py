"""Write DNAnexus apps: the interview, the spec model and the templates behind `dx-app-wizard`."""

from __future__ import annotations

__version__ = "0.1.0"
