"""The built-in apps: names, inputs and outputs, as `dx build_asset` and `dx build --remote` expect them.

Their code is in `dx_local.worker.builders`. Sources: ASSET_BUILDERS in dxpy.asset_builder, and
`_build_app_remote` in dxpy.scripts.dx_build_app.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from dx_local.platform.core.context import JSON

_RELEASES = {
    "precise": "12.04",
    "trusty": "14.04",
    "xenial": "16.04",
    "xenial_v1": "16.04",
    "focal": "20.04",
    "noble": "24.04",
}
_ANY_RELEASE = "|".join(_RELEASES)
_NAMES = re.compile(
    rf"(?:(?P<asset>create_asset)|(?P<app>tarball_app_builder)|(?P<applet>tarball_applet_builder))"
    rf"(?:_(?P<release>{_ANY_RELEASE}))?"
)
_CODE = """\
import dxpy
from dx_local.worker.builders import {module}
from dx_local.worker.builders.errors import run_build


@dxpy.entry_point("main")
def main(**job_input):
    return run_build({module}.{function}, job_input)


dxpy.run()
"""

_ARCHIVE = {"name": "input_file", "class": "file"}
_OPTIONS = {"name": "build_options", "class": "hash", "optional": True}
# `dx build` in the job reads assets of other projects. It builds apps in a temporary project of its own.
_ACCESS_OF_BUILDS = {
    "network": ["*"],
    "project": "CONTRIBUTE",
    "allProjects": "ADMINISTER",
    "developer": True,
    "projectCreation": True,
}


@dataclass(frozen=True)
class BuiltinApp:
    """A built-in app: the code that it runs, and its specifications."""

    name: str
    title: str
    module: str
    function: str
    inputs: tuple[JSON, ...]
    outputs: tuple[JSON, ...]
    access: JSON
    release: str = "24.04"
    shows_changes: bool = False
    """True if its jobs can read their changes to the sandbox."""

    @property
    def applet(self) -> JSON:
        """The request for its applet, without a project."""
        return {
            "name": self.name,
            "title": self.title,
            "dxapi": "1.0.0",
            "inputSpec": list(self.inputs),
            "outputSpec": list(self.outputs),
            "access": self.access,
            "runSpec": {
                "interpreter": "python3",
                "distribution": "Ubuntu",
                "release": self.release,
                "version": "0",
                "code": _CODE.format(module=self.module, function=self.function),
            },
        }


def builtin_app(name: str) -> BuiltinApp | None:
    """Return the built-in app of this name, or None if there is none."""
    match = _NAMES.fullmatch(name)
    if match is None or (match["asset"] and not match["release"]):
        return None
    kind = next(kind for kind in _MAKERS if match[kind])
    made = _MAKERS[kind](name)
    # Jobs of a release have its Python, for which an asset has packages.
    return replace(made, release=_RELEASES[match["release"]]) if match["release"] else made


def _asset_builder(name: str) -> BuiltinApp:
    return BuiltinApp(
        name=name,
        title="Asset builder",
        module="asset",
        function="build_asset",
        inputs=(
            {"name": "conf_json", "class": "file"},
            {"name": "custom_asset", "class": "file", "optional": True},
            {"name": "asset_makefile", "class": "file", "optional": True},
        ),
        outputs=({"name": "asset_bundle", "class": "record"},),
        access={"network": ["*"]},
        shows_changes=True,
    )


def _app_builder(name: str) -> BuiltinApp:
    return BuiltinApp(
        name=name,
        title="App builder",
        module="app",
        function="build_app",
        inputs=(_ARCHIVE, _OPTIONS, {"name": "publish", "class": "boolean", "optional": True}),
        outputs=({"name": "output_app", "class": "string"},),
        access=_ACCESS_OF_BUILDS,
    )


def _applet_builder(name: str) -> BuiltinApp:
    return BuiltinApp(
        name=name,
        title="Applet builder",
        module="app",
        function="build_applet",
        inputs=(_ARCHIVE, _OPTIONS),
        outputs=({"name": "output_applet", "class": "applet"},),
        access=_ACCESS_OF_BUILDS,
    )


_MAKERS = {"asset": _asset_builder, "app": _app_builder, "applet": _applet_builder}
