"""Apps as the wizard writes them, rendered once per session: every language, pattern and kind of inputs."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import pytest
from tests import compiled_templates

from dx_app_wizard.answers.choices import LANGUAGES, PATTERNS
from dx_app_wizard.dxapp.classes import USUAL_CLASSES
from dx_app_wizard.dxapp.model import AppSpec
from dx_app_wizard.rendering.plan import Plan
from dx_app_wizard.rendering.render import render_app

compiled_templates.keep()

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from dx_app_wizard.answers.choices import Language, Pattern

Parameters = list[dict[str, Any]]

CLASSES = [*USUAL_CLASSES, *(f"array:{item}" for item in USUAL_CLASSES)]


def _every_class(prefix: str) -> Parameters:
    return [{"name": f"{prefix}_{name.replace(':', '_')}", "class": name} for name in CLASSES]


# Inputs called like variables, functions and types of the generated sources, and like x_name of a file x.
_ODD_NAMES: Parameters = [
    {"name": "list", "class": "array:string", "optional": True},
    {"name": "piece", "class": "string", "default": "it's a 'piece'; $HOME"},
    *(
        {"name": name, "class": "string"}
        for name in ("app_input", "cut", "job", "main", "output", "process", "results", "x_name", "str")
    ),
    {"name": "x", "class": "file", "optional": True},
    {"name": "lines", "class": "int"},
    {"name": "pieces", "class": "array:int"},
]

INTERFACES: dict[str, tuple[Parameters, Parameters]] = {
    "typical": (
        [{"name": "reads", "class": "file"}],
        [{"name": "report", "class": "file"}, {"name": "n_lines", "class": "int"}],
    ),
    "option": (
        [{"name": "reads", "class": "file"}, {"name": "depth", "class": "int", "default": 3}],
        [{"name": "n_lines", "class": "int"}],
    ),
    "nothing": ([], []),
    # What a default does not give a run on this machine: objects of the platform, null, choices with names.
    "defaults": (
        [
            {"name": "genome", "class": "file", "default": {"$dnanexus_link": f"file-{'g' * 24}"}},
            {
                "name": "sets",
                "class": "array:record",
                "optional": True,
                "default": [{"$dnanexus_link": {"project": "project-x", "id": f"record-{'r' * 24}"}}],
            },
            {"name": "tool", "class": "hash", "default": {"by": {"$dnanexus_link": f"applet-{'a' * 24}"}}},
            {"name": "depth", "class": "int", "default": None},
            {"name": "table", "class": "gtable"},
            {"name": "mode", "class": "string", "choices": [{"name": "Fast", "value": "-f"}, "-s"]},
            {"name": "note", "class": "string", "optional": True, "default": None},
        ],
        [{"name": "n_lines", "class": "int"}, {"name": "kept", "class": "array:record"}],
    ),
    "every": (_every_class("in"), _every_class("out")),
    "odd": (
        _ODD_NAMES,
        [
            {"name": name.replace(":", "_"), "class": name, "optional": True}
            for name in ("int", "record", "applet", "workflow")
        ],
    ),
}


def _make(folder: Path, language: Language, pattern: Pattern, interface: str) -> Path:
    """Write an app called INTERFACE-PATTERN-LANGUAGE into folder, and return where it is."""
    name = f"{interface}-{pattern}-{language}"
    inputs, outputs = INTERFACES[interface]
    raw = {
        "name": name,
        "title": f"The app {name}",
        "dxapi": "1.0.0",
        "version": "0.0.1",
        "inputSpec": inputs,
        "outputSpec": outputs,
        "runSpec": {
            "interpreter": "python3" if language == "python" else "bash",
            "file": f"src/{name}.{'py' if language == 'python' else 'sh'}",
            "distribution": "Ubuntu",
            "release": "24.04",
            "version": "0",
        },
    }
    render_app(Plan(AppSpec.from_dict(raw), language, pattern), folder / name)
    return folder / name


@pytest.fixture
def make_app(tmp_path: Path) -> Callable[[Language, Pattern, str], Path]:
    """Return a function that writes one app, for a test that changes it, and returns its folder."""
    return partial(_make, tmp_path)


@pytest.fixture(scope="session")
def apps(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Return the folders of one app for each language, pattern and interface, by name."""
    folder = tmp_path_factory.mktemp("apps")
    made = [
        _make(folder, language, pattern, interface)
        for language in LANGUAGES
        for pattern in PATTERNS
        for interface in INTERFACES
    ]
    return {app.name: app for app in made}
