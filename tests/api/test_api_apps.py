"""The real `dx` and dxpy build, find, describe, change and get apps."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from pathlib import Path

    from tests.conftest import MakeApp, ServedPlatform

JSON = dict[str, Any]

CODE = "main() { dx-jobutil-add-output text hello --class=string; }\n"


class Builder:
    """Builds apps with the real `dx build`."""

    def __init__(self, served: ServedPlatform, make_app: MakeApp) -> None:
        self.served = served
        self._make_app = make_app

    def folder(self, name: str, **spec: Any) -> Path:
        """Write the folder of an app with resources."""
        usual: JSON = {
            "interpreter": "bash",
            "title": f"The {name}",
            "categories": ["Reports"],
            "authorizedUsers": ["user-local"],
            "access": {"network": ["*"]},
        }
        folder = self._make_app(CODE, name=name, outputs={"text": "string"}, **{**usual, **spec})
        (folder / "resources" / "usr").mkdir(parents=True)
        (folder / "resources" / "usr" / "data.txt").write_text(name)
        return folder

    def __call__(self, name: str, *options: str, **spec: Any) -> str:
        """Build an app and return its ID."""
        built = self.served.dx("build", "--create-app", str(self.folder(name, **spec)), *options)
        app: str = json.loads(built)["id"]
        return app

    def describe(self, app: str) -> JSON:
        described: JSON = json.loads(self.served.dx("describe", app, "--json"))
        return described


@pytest.fixture
def dx(served_to_module: ServedPlatform) -> ServedPlatform:
    return served_to_module


@pytest.fixture
def build(dx: ServedPlatform, make_app: MakeApp) -> Builder:
    return Builder(dx, make_app)


def test_build_and_publish(dx: ServedPlatform, build: Builder) -> None:
    app = build("published", "--publish")
    shown = build.describe(app)
    assert (shown["name"], shown["version"], shown["aliases"]) == ("published", "0.0.1", ["0.0.1", "default"])
    assert shown["published"]
    assert shown["authorizedUsers"] == ["user-local"]
    assert shown["categories"] == ["Reports"]
    assert shown["access"] == {"network": ["*"]}
    assert dx.dx("find", "projects", "--brief") == dx.project
