"""Validate requests to create or change an app, and return the fields to store.

The specifications and code of an app are those of its applets, one for each region. Texts come from the
request, or else from the applet. Access comes only from the request.

Source: https://documentation.dnanexus.com/developer/api/running-analyses/apps#api-method-app-new
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from dx_app_wizard.dxapp.names import app_name_problem
from dx_local.platform.core.errors import InvalidInput
from dx_local.platform.data import objects, projects
from dx_local.platform.execution import app_containers, applets, requirements
from dx_local.platform.execution.app_names import ALIAS
from dx_local.platform.requests import request_fields as read

if TYPE_CHECKING:
    from dx_local.platform.core.context import JSON, Context
    from dx_local.platform.core.schema import AppRow

TEXTS = ("title", "summary", "description", "developerNotes")
_FLAGS = ("openSource", "ignoreReuse")
# Fields that are only described.
ECHOED = ("httpsApp", "treeTurnaroundTimeThreshold")


def read_name(request: JSON, default: str | None) -> str:
    """Return the name of an app in a request. Raises InvalidInput if it is not valid."""
    name = read.text(request, "name", default)
    if problem := app_name_problem(name):
        raise InvalidInput(f'"name" {problem}')
    return name


def read_version(request: JSON) -> str:
    """Return the version of an app in a request. Raises InvalidInput if no address can contain it.

    Other versions are valid: `dx build` only warns of those that are not semantic.
    """
    version = read.text(request, "version")
    if not ALIAS.fullmatch(version):
        raise InvalidInput(f'"version" must be like 1.0.0 and match {ALIAS.pattern}, not "{version}"')
    return version


def regional_options(
    context: Context, app_id: str, request: JSON, model: AppRow | None = None
) -> dict[str, JSON] | None:
    """Return the applet and a new container of resources for each region: `{region: {applet, resources}}`.

    If the request names no applets, those of the app `model` are used; without a model, None is returned.
    Raises InvalidInput.
    """
    wanted = _requested_applets(context, request)
    if wanted is None and model is not None:
        wanted = {region: {"applet": each["applet"]} for region, each in _regions_of(model).items()}
    if wanted is None:
        return None
    for region, options in wanted.items():
        _check_applet(context, options["applet"], region)
    return {
        region: {
            "applet": options["applet"],
            "resources": app_containers.create_resources(
                context, app_id, options["applet"], region, options.get("resources")
            ),
        }
        for region, options in wanted.items()
    }


def fields(context: Context, request: JSON, regional: dict[str, JSON], old: JSON) -> JSON:
    """Return the fields of an app: from the request, else the old fields, else its applet's texts."""
    applet = context.store.get("object", next(iter(regional.values()))["applet"])
    texts = {**applet["fields"], **old} if applet else old
    found: JSON = {name: read.text(request, name, texts.get(name) or "") for name in TEXTS}
    found |= {name: read.flag(request, name, default=old.get(name, False)) for name in _FLAGS}
    found |= {name: old[name] for name in ECHOED if name in old} | applets.platform_fields(request)
    return {
        **found,
        "access": applets.read_access(request, old.get("access")),
        "billTo": read.text(request, "billTo", old.get("billTo", context.caller.user)),
        "categories": read.strings(request, "categories", old.get("categories", [])),
        "details": objects.check_details(request.get("details", old.get("details", {}))),
        "regionalOptions": regional,
    }


def _requested_applets(context: Context, request: JSON) -> dict[str, JSON] | None:
    """Return `{region: {applet, resources?}}` from `applet` or `regionalOptions` of a request."""
    applet = read.optional_text(request, "applet")
    given = request.get("regionalOptions")
    if applet is not None and given is not None:
        raise InvalidInput('"applet" and "regionalOptions" cannot be used together')
    if applet is not None:
        _, placement = objects.get_visible(context, applet)
        region = projects.region_of(context.store, placement["project"])
        return {region: {"applet": applet, "resources": request.get("resources")}}
    if given is None:
        return None
    options = read.mapping(request, "regionalOptions")
    if not options or not all(
        isinstance(each, dict) and isinstance(each.get("applet"), str) for each in options.values()
    ):
        raise InvalidInput('"regionalOptions" must map each region to a hash with an "applet"')
    return options


def _check_applet(context: Context, applet_id: str, region: str) -> None:
    """Raise InvalidInput if an applet requires instance types that the region no longer has."""
    applet, _ = objects.get_visible(context, applet_id)
    run_spec = applet["fields"].get("runSpec") or {}
    requirements.check_available(run_spec.get("systemRequirements") or {}, region)


def _regions_of(app: AppRow) -> dict[str, JSON]:
    regions: dict[str, JSON] = app["fields"]["regionalOptions"]
    return regions
