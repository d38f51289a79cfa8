"""Import this module to render an app, so that forks of this process find the templates compiled."""

from __future__ import annotations

import tempfile
from pathlib import Path

from tests import compiled_templates

from dx_app_wizard.dxapp.model import AppSpec
from dx_app_wizard.rendering.plan import Plan
from dx_app_wizard.rendering.render import render_app

compiled_templates.keep()
with tempfile.TemporaryDirectory() as folder:
    spec = AppSpec.from_dict({"name": "warm", "runSpec": {"file": "src/warm.py"}})
    for language in ("python", "bash"):
        render_app(Plan(spec, language, "basic"), Path(folder, language))
