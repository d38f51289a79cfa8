"""Every route that is implemented: (class, method) → the platform's function.

`POST /file-xxxx/describe` is ("file", "describe"), called with the entity's ID; a route of a class rather
than of an entity, such as `POST /file/new`, is called with the name of the class.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NoReturn

from dx_local.api.methods import DXPY
from dx_local.platform import users
from dx_local.platform.apps import app_members, app_views, apps
from dx_local.platform.core import access
from dx_local.platform.core.context import JSON, Context
from dx_local.platform.core.errors import PermissionDenied, ResourceNotFound
from dx_local.platform.core.ids import class_of
from dx_local.platform.data import (
    archival,
    contents,
    files,
    object_lookup,
    objects,
    project_members,
    projects,
    records,
)
from dx_local.platform.execution import applets, identity_tokens, job_creation, job_descriptions, jobs
from dx_local.platform.find import apps as find_apps
from dx_local.platform.find import data_objects, executions
from dx_local.platform.find import projects as find_projects
from dx_local.platform.gtables import gtables
from dx_local.platform.workflows import analyses, batches, workflows

Function = Callable[[Context, str, Any], Any]


@dataclass(frozen=True)
class Route:
    """What answers a route, and what is particular about it."""

    function: Function
    of_class: bool = False  # /file/new, not /file-xxxx/new
    takes_any_json: bool = False  # the body is a value of the user's: a hash or an array
    needs_token: bool = True
    refuses: bool = False  # always answers with an error, as the platform does to users without some feature


@dataclass(frozen=True)
class Call:
    """A route as a request names it: the entity (or class) and the method."""

    entity: str
    method: str
    route: Route

    @property
    def creates(self) -> bool:
        """Whether repeating the call would create something again, unless it carries a nonce."""
        return self.method in {"new", "run"}

    @property
    def frees_space(self) -> bool:
        """True if the call helps on a full disk: it ends a job, or removes objects."""
        return self.method in {"terminate", "removeObjects", "removeFolder", "destroy"}


def find(path: str) -> Call:
    """Return what a path such as `/file-xxxx/describe` or `/app-NAME/ALIAS/describe` calls.

    Raises ResourceNotFound when that is nothing here.
    """
    entity, _, method = path.strip("/").rpartition("/")
    class_name = class_of(entity)
    route = ROUTES.get((class_name, method))
    if route is None or route.of_class != (entity == class_name):
        raise ResourceNotFound(f"dx-local does not implement POST {path}")
    return Call(entity, method, route)


def _no_such_entity(_context: Context, entity_id: str, _request: JSON) -> NoReturn:
    """Answer for a class of which there are no entities here."""
    raise access.not_found(entity_id)


def _needs_feature(_context: Context, class_name: str, _request: JSON) -> NoReturn:
    """Answer who would make an entity of a class that not every account has."""
    raise PermissionDenied(f"Making a {class_name} needs a feature that no account on dx-local has")


_OF_EVERY_OBJECT: dict[str, Function] = {
    "addTags": objects.add_tags,
    "describe": objects.describe,
    "getDetails": objects.get_details,
    "listProjects": objects.list_projects,
    "removeTags": objects.remove_tags,
    "rename": objects.rename,
    "setProperties": objects.set_properties,
}

# An applet is closed from the beginning.
_OF_OPEN_OBJECTS: dict[str, Function] = {
    "addTypes": objects.add_types,
    "close": objects.close,
    "removeTypes": objects.remove_types,
    "setVisibility": objects.set_visibility,
}

_OF_PROJECTS_AND_CONTAINERS: dict[str, Function] = {
    "clone": contents.clone,
    "describe": projects.describe,
    "listFolder": contents.list_folder,
    "move": contents.move,
    "newFolder": contents.new_folder,
    "removeFolder": contents.remove_folder,
    "removeObjects": contents.remove_objects,
    "renameFolder": contents.rename_folder,
}

_WITHOUT_ENTITIES = ("database", "dbcluster", "globalworkflow", "org")

ROUTES: dict[tuple[str, str], Route] = {
    **{
        (class_name, method): Route(_needs_feature, of_class=True, refuses=True)
        if method == "new"
        else Route(_no_such_entity, refuses=True)
        for class_name, method in DXPY
        if class_name in _WITHOUT_ENTITIES
    },
    **{
        (class_name, method): Route(function)
        for class_name in ("applet", "file", "gtable", "record", "workflow")
        for method, function in _OF_EVERY_OBJECT.items()
    },
    **{
        (class_name, method): Route(function)
        for class_name in ("file", "gtable", "record", "workflow")
        for method, function in _OF_OPEN_OBJECTS.items()
    },
    **{
        (class_name, "setDetails"): Route(objects.set_details, takes_any_json=True)
        for class_name in ("file", "gtable", "record", "workflow")
    },
    **{
        (class_name, method): Route(function)
        for class_name in ("project", "container")
        for method, function in _OF_PROJECTS_AND_CONTAINERS.items()
    },
    ("project", "new"): Route(projects.new, of_class=True),
    ("project", "update"): Route(projects.update),
    ("project", "destroy"): Route(projects.destroy),
    ("project", "invite"): Route(project_members.invite),
    ("project", "decreasePermissions"): Route(project_members.decrease_permissions),
    ("project", "leave"): Route(project_members.leave, refuses=True),
    ("project", "transfer"): Route(project_members.transfer, refuses=True),
    ("project", "archive"): Route(archival.archive),
    ("project", "unarchive"): Route(archival.unarchive),
    ("project", "addTags"): Route(projects.add_tags),
    ("project", "removeTags"): Route(projects.remove_tags),
    ("project", "setProperties"): Route(projects.set_properties),
    ("file", "new"): Route(files.new, of_class=True),
    ("file", "upload"): Route(files.upload),
    ("file", "close"): Route(files.close),
    ("file", "download"): Route(files.download),
    ("gtable", "new"): Route(gtables.new, of_class=True),
    ("gtable", "nextPart"): Route(gtables.next_part),
    ("gtable", "addRows"): Route(gtables.add_rows),
    ("gtable", "close"): Route(gtables.close),
    ("gtable", "get"): Route(gtables.get),
    ("record", "new"): Route(records.new, of_class=True),
    ("workflow", "new"): Route(workflows.new, of_class=True),
    ("workflow", "addStage"): Route(workflows.add_stage),
    ("workflow", "dryRun"): Route(analyses.dry_run),
    ("workflow", "isStageCompatible"): Route(workflows.is_stage_compatible),
    ("workflow", "moveStage"): Route(workflows.move_stage),
    ("workflow", "overwrite"): Route(workflows.overwrite),
    ("workflow", "removeStage"): Route(workflows.remove_stage),
    ("workflow", "run"): Route(analyses.run),
    ("workflow", "update"): Route(workflows.update),
    ("workflow", "updateStageExecutable"): Route(workflows.update_stage_executable),
    ("workflow", "validateBatch"): Route(batches.validate_workflow_batch),
    ("analysis", "addTags"): Route(jobs.add_tags),
    ("analysis", "describe"): Route(analyses.describe),
    ("analysis", "removeTags"): Route(jobs.remove_tags),
    ("analysis", "setProperties"): Route(jobs.set_properties),
    ("analysis", "terminate"): Route(jobs.terminate),
    ("applet", "new"): Route(applets.new_applet, of_class=True),
    ("applet", "get"): Route(applets.get_applet),
    ("applet", "run"): Route(applets.run_applet),
    ("applet", "validateBatch"): Route(batches.validate_applet_batch),
    ("app", "new"): Route(apps.new, of_class=True),
    ("app", "update"): Route(apps.update),
    ("app", "publish"): Route(apps.publish),
    ("app", "delete"): Route(apps.delete),
    ("app", "run"): Route(apps.run),
    ("app", "validateBatch"): Route(batches.validate_app_batch),
    ("app", "describe"): Route(app_views.describe),
    ("app", "get"): Route(app_views.get),
    ("app", "addTags"): Route(app_members.add_tags),
    ("app", "removeTags"): Route(app_members.remove_tags),
    ("app", "listCategories"): Route(app_members.list_categories),
    ("app", "addCategories"): Route(app_members.add_categories),
    ("app", "removeCategories"): Route(app_members.remove_categories),
    ("app", "listDevelopers"): Route(app_members.list_developers),
    ("app", "addDevelopers"): Route(app_members.add_developers),
    ("app", "removeDevelopers"): Route(app_members.remove_developers),
    ("app", "listAuthorizedUsers"): Route(app_members.list_authorized_users),
    ("app", "addAuthorizedUsers"): Route(app_members.add_authorized_users),
    ("app", "removeAuthorizedUsers"): Route(app_members.remove_authorized_users),
    ("app", "install"): Route(app_members.install),
    ("app", "uninstall"): Route(app_members.uninstall),
    ("job", "new"): Route(job_creation.new, of_class=True),
    ("job", "describe"): Route(job_descriptions.describe_job),
    ("job", "terminate"): Route(jobs.terminate),
    ("job", "addTags"): Route(jobs.add_tags),
    ("job", "removeTags"): Route(jobs.remove_tags),
    ("job", "setProperties"): Route(jobs.set_properties),
    ("job", "getIdentityToken"): Route(identity_tokens.get_identity_token),
    ("job", "update"): Route(jobs.update),
    ("user", "describe"): Route(users.describe),
    ("user", "update"): Route(users.update),
    ("user", "new"): Route(users.new, of_class=True, refuses=True),
    ("system", "comeBackLater"): Route(users.come_back_later, of_class=True, needs_token=False),
    ("system", "headers"): Route(users.headers, of_class=True),
    ("system", "findDatabases"): Route(data_objects.find_nothing, of_class=True),
    ("system", "findOrgs"): Route(data_objects.find_nothing, of_class=True),
    ("system", "describeExecutions"): Route(executions.describe_executions, of_class=True),
    ("system", "destroyAuthToken"): Route(users.destroy_auth_token, of_class=True),
    ("system", "describeDataObjects"): Route(object_lookup.describe_data_objects, of_class=True),
    ("system", "describeProjects"): Route(find_projects.describe_projects, of_class=True),
    ("system", "findAnalyses"): Route(executions.find_analyses, of_class=True),
    ("system", "findApps"): Route(find_apps.find_apps, of_class=True),
    ("system", "findDataObjects"): Route(data_objects.find_data_objects, of_class=True),
    ("system", "findExecutions"): Route(executions.find_executions, of_class=True),
    ("system", "findGlobalWorkflows"): Route(data_objects.find_nothing, of_class=True),
    ("system", "findJobs"): Route(executions.find_jobs, of_class=True),
    ("system", "findProjects"): Route(find_projects.find_projects, of_class=True),
    ("system", "generateBatchInputs"): Route(batches.generate_batch_inputs, of_class=True),
    ("system", "getUserInfo"): Route(users.get_user_info, of_class=True),
    ("system", "greet"): Route(users.greet, of_class=True, needs_token=False),
    ("system", "newAuthToken"): Route(users.new_auth_token, of_class=True, needs_token=False, refuses=True),
    ("system", "resolveDataObjects"): Route(object_lookup.resolve_data_objects, of_class=True),
    ("system", "whoami"): Route(users.whoami, of_class=True),
}
