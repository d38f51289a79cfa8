"""Install a built-in app on a platform, when a client names it for the first time."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dx_app_wizard.dxapp.instances import known_regions
from dx_local.engine.builtin_apps.definitions import builtin_app
from dx_local.platform.apps import app_members, apps
from dx_local.platform.data import projects
from dx_local.platform.execution import applets
from dx_local.platform.execution.app_names import EVERYBODY, split

if TYPE_CHECKING:
    from dx_local.engine.builtin_apps.definitions import BuiltinApp
    from dx_local.platform.core.context import JSON, Context

_VERSION = "1.0.0"


def install_if_builtin(context: Context, address: str) -> None:
    """Install the built-in app at an address, `app-NAME` or `app-NAME/ALIAS`, unless the name exists.

    The context is that of the user; no transaction is open.
    """
    app = builtin_app(split(address)[0])
    if app is None or context.store.get("app_name", app.name):
        return
    with context.store.transaction():
        _install(context, app)


def _install(context: Context, app: BuiltinApp) -> None:
    # As `dx build --create-app` does: the app keeps the applets of projects that are gone.
    homes = {
        region: projects.new(context, "project", {"name": app.name, "region": region})["id"]
        for region in dict.fromkeys([context.platform.region, *known_regions()])
    }
    made = {region: _applet(context, app, project) for region, project in homes.items()}
    request = {
        "name": app.name,
        "version": _VERSION,
        "title": app.title,
        "access": app.access,
        "ignoreReuse": True,  # packages from the network may have changed
        "regionalOptions": {region: {"applet": applet} for region, applet in made.items()},
    }
    app_id = apps.new(context, "app", request)["id"]
    app_members.add_authorized_users(context, app_id, {"authorizedUsers": [EVERYBODY]})
    apps.publish(context, app_id, {"makeDefault": True})
    for project in homes.values():
        projects.destroy(context, project, {})


def _applet(context: Context, app: BuiltinApp, project: str) -> str:
    applet: str = applets.new_applet(context, "applet", {**app.applet, "project": project})["id"]
    row = context.store.get("object", applet)
    assert row is not None
    local: JSON = {"source": None, "resources": None, "assets": [], "objects": [], "apps": []}
    fields = {**row["fields"], "local": {**local, "shows_changes": app.shows_changes}}
    context.store.update("object", applet, fields=fields)
    return applet
