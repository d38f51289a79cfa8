"""The table of routes: from (class, method) to the platform's function.

`POST /file-xxxx/describe` is ("file", "describe"), and its function gets the entity's ID. The function of a
route without an entity, such as `POST /file/new`, gets the name of the class instead.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NoReturn

from dx_local.api import request_keys
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
    """A route: its function, the keys of its requests, and its special properties.

    `keys` are the keys that are documented or that clients send, separated by spaces. All others are ignored.
    """

    function: Function
    keys: str = ""
    of_class: bool = False  # /file/new, not /file-xxxx/new
    takes_any_json: bool = False  # the body is a value of the user: a hash or an array
    needs_token: bool = True
    always_rejects: bool = False  # always fails, as on the platform for users without a feature


@dataclass(frozen=True)
class Call:
    """The route of a request, with its entity (or class) and method."""

    entity: str
    method: str
    route: Route

    @property
    def creates(self) -> bool:
        """True if repeating the call without a nonce would create a second entity."""
        return self.method in {"new", "run"}

    @property
    def frees_space(self) -> bool:
        """True if the call can free space on a full disk, by terminating a job or removing objects."""
        return self.method in {"terminate", "removeObjects", "removeFolder", "destroy"}


def find(path: str) -> Call:
    """Return the call for a path such as `/file-xxxx/describe` or `/app-NAME/ALIAS/describe`.

    Raises ResourceNotFound for a method that is not implemented.
    """
    entity, _, method = path.strip("/").rpartition("/")
    class_name = class_of(entity)
    route = ROUTES.get((class_name, method))
    if route is None or route.of_class != (entity == class_name):
        raise ResourceNotFound(f"dx-local does not implement POST {path}")
    return Call(entity, method, route)


def _no_such_entity(_context: Context, entity_id: str, _request: JSON) -> NoReturn:
    """Reject a call for a class without any entities."""
    raise access.not_found(entity_id)


def _needs_feature(_context: Context, class_name: str, _request: JSON) -> NoReturn:
    """Reject the creation of an entity of a class that requires a feature of the account."""
    raise PermissionDenied(f"Creating a {class_name} requires a feature that dx-local does not have")


_OF_EVERY_OBJECT: dict[str, Route] = {
    "addTags": Route(objects.add_tags, keys="project tags"),
    "describe": Route(objects.describe, keys=f"{request_keys.DESCRIBE} project"),
    "getDetails": Route(objects.get_details),
    "listProjects": Route(objects.list_projects),
    "removeTags": Route(objects.remove_tags, keys="project tags"),
    "rename": Route(objects.rename, keys="name project"),
    "setProperties": Route(objects.set_properties, keys="project properties"),
}

# These do not include applets, which are created closed.
_OF_OPEN_OBJECTS: dict[str, Route] = {
    "addTypes": Route(objects.add_types, keys="types"),
    "close": Route(objects.close),
    "removeTypes": Route(objects.remove_types, keys="types"),
    "setVisibility": Route(objects.set_visibility, keys="hidden"),
}

_OF_PROJECTS_AND_CONTAINERS: dict[str, Route] = {
    "clone": Route(contents.clone, keys="destination folders objects parents project"),
    "describe": Route(projects.describe, keys=request_keys.DESCRIBE),
    "listFolder": Route(contents.list_folder, keys="describe folder includeHidden only"),
    "move": Route(contents.move, keys="destination folders objects"),
    "newFolder": Route(contents.new_folder, keys="folder parents"),
    "removeFolder": Route(contents.remove_folder, keys="folder force partial recurse"),
    "removeObjects": Route(contents.remove_objects, keys="force objects"),
    "renameFolder": Route(contents.rename_folder, keys="folder name newpath"),
}

_WITHOUT_ENTITIES = ("database", "dbcluster", "globalworkflow", "org")

ROUTES: dict[tuple[str, str], Route] = {
    **{
        (class_name, method): Route(_needs_feature, of_class=True, always_rejects=True)
        if method == "new"
        else Route(_no_such_entity, always_rejects=True)
        for class_name, method in DXPY
        if class_name in _WITHOUT_ENTITIES
    },
    **{
        (class_name, method): route
        for class_name in objects.CLASSES
        for method, route in _OF_EVERY_OBJECT.items()
    },
    **{
        (class_name, method): route
        for class_name in objects.CLASSES_THAT_OPEN
        for method, route in _OF_OPEN_OBJECTS.items()
    },
    **{
        (class_name, "setDetails"): Route(objects.set_details, takes_any_json=True)
        for class_name in objects.CLASSES_THAT_OPEN
    },
    **{
        (class_name, method): route
        for class_name in ("project", "container")
        for method, route in _OF_PROJECTS_AND_CONTAINERS.items()
    },
    ("project", "new"): Route(
        projects.new, of_class=True, keys=f"{request_keys.PROJECT} properties region tags"
    ),
    ("project", "update"): Route(projects.update, keys=f"{request_keys.PROJECT} version"),
    ("project", "destroy"): Route(projects.destroy, keys="terminateJobs"),
    ("project", "invite"): Route(project_members.invite, keys="invitee level suppressEmailNotification"),
    ("project", "decreasePermissions"): Route(project_members.decrease_permissions),
    ("project", "leave"): Route(project_members.leave, always_rejects=True),
    ("project", "transfer"): Route(project_members.transfer, always_rejects=True),
    ("project", "archive"): Route(archival.archive, keys="allCopies files folder recurse"),
    ("project", "unarchive"): Route(archival.unarchive, keys="dryRun files folder rate recurse"),
    ("project", "addTags"): Route(projects.add_tags, keys="tags"),
    ("project", "removeTags"): Route(projects.remove_tags, keys="tags"),
    ("project", "setProperties"): Route(projects.set_properties, keys="properties"),
    ("file", "new"): Route(files.new, of_class=True, keys=f"{request_keys.OBJECT} media"),
    ("file", "upload"): Route(files.upload, keys="index md5 size"),
    ("file", "close"): Route(files.close),
    ("file", "download"): Route(files.download, keys="duration filename preauthenticated project stickyIP"),
    ("gtable", "new"): Route(
        gtables.new, of_class=True, keys=f"{request_keys.OBJECT} columns indices initializeFrom"
    ),
    ("gtable", "nextPart"): Route(gtables.next_part),
    ("gtable", "addRows"): Route(gtables.add_rows, keys="data part"),
    ("gtable", "close"): Route(gtables.close),
    ("gtable", "get"): Route(gtables.get, keys="columns limit query starting"),
    ("record", "new"): Route(records.new, of_class=True, keys=f"{request_keys.OBJECT} close initializeFrom"),
    ("workflow", "new"): Route(
        workflows.new,
        of_class=True,
        keys=f"{request_keys.OBJECT} {request_keys.WORKFLOW} initializeFrom temporary",
    ),
    ("workflow", "addStage"): Route(
        workflows.add_stage,
        keys="editVersion executable executionPolicy folder id input name systemRequirements",
    ),
    ("workflow", "dryRun"): Route(
        analyses.dry_run, keys="folder input project rerunStages stageFolders stageSystemRequirements"
    ),
    ("workflow", "isStageCompatible"): Route(
        workflows.is_stage_compatible, keys="editVersion executable stage"
    ),
    ("workflow", "moveStage"): Route(workflows.move_stage, keys="editVersion newIndex stage"),
    ("workflow", "overwrite"): Route(workflows.overwrite, keys="editVersion from"),
    ("workflow", "removeStage"): Route(workflows.remove_stage, keys="editVersion stage"),
    ("workflow", "run"): Route(
        analyses.run, keys=f"{request_keys.WORKFLOW_RUN} rerunStages stageFolders stageSystemRequirements"
    ),
    ("workflow", "update"): Route(workflows.update, keys=f"{request_keys.WORKFLOW} editVersion"),
    ("workflow", "updateStageExecutable"): Route(
        workflows.update_stage_executable, keys="editVersion executable force stage"
    ),
    ("workflow", "validateBatch"): Route(batches.validate_workflow_batch, keys="batchInput commonInput"),
    ("analysis", "addTags"): Route(jobs.add_tags, keys="tags"),
    ("analysis", "describe"): Route(analyses.describe, keys=f"{request_keys.DESCRIBE} io"),
    ("analysis", "removeTags"): Route(jobs.remove_tags, keys="tags"),
    ("analysis", "setProperties"): Route(jobs.set_properties, keys="properties"),
    ("analysis", "terminate"): Route(jobs.terminate),
    ("applet", "new"): Route(
        applets.new_applet,
        of_class=True,
        keys=f"{request_keys.OBJECT} {request_keys.APPLET}",
    ),
    ("applet", "get"): Route(applets.get_applet),
    ("applet", "run"): Route(
        applets.run_applet, keys=f"{request_keys.RUN} executionPolicy executionPolicy.maxSpotTries"
    ),
    ("applet", "validateBatch"): Route(batches.validate_applet_batch, keys="batchInput commonInput"),
    ("app", "new"): Route(apps.new, of_class=True, keys=f"{request_keys.APP} initializeFrom name version"),
    ("app", "update"): Route(apps.update, keys=request_keys.APP),
    ("app", "publish"): Route(apps.publish, keys="makeDefault"),
    ("app", "delete"): Route(apps.delete),
    ("app", "run"): Route(apps.run, keys=f"{request_keys.RUN} executionPolicy executionPolicy.maxSpotTries"),
    ("app", "validateBatch"): Route(batches.validate_app_batch, keys="batchInput commonInput"),
    ("app", "describe"): Route(app_views.describe, keys=request_keys.DESCRIBE),
    ("app", "get"): Route(app_views.get),
    ("app", "addTags"): Route(app_members.add_tags, keys="tags"),
    ("app", "removeTags"): Route(app_members.remove_tags, keys="tags"),
    ("app", "listCategories"): Route(app_members.list_categories),
    ("app", "addCategories"): Route(app_members.add_categories, keys="categories"),
    ("app", "removeCategories"): Route(app_members.remove_categories, keys="categories"),
    ("app", "listDevelopers"): Route(app_members.list_developers),
    ("app", "addDevelopers"): Route(app_members.add_developers, keys="developers"),
    ("app", "removeDevelopers"): Route(app_members.remove_developers, keys="developers"),
    ("app", "listAuthorizedUsers"): Route(app_members.list_authorized_users),
    ("app", "addAuthorizedUsers"): Route(app_members.add_authorized_users, keys="authorizedUsers"),
    ("app", "removeAuthorizedUsers"): Route(app_members.remove_authorized_users, keys="authorizedUsers"),
    ("app", "install"): Route(app_members.install),
    ("app", "uninstall"): Route(app_members.uninstall),
    ("job", "new"): Route(
        job_creation.new,
        of_class=True,
        keys=request_keys.JOB,
    ),
    ("job", "describe"): Route(job_descriptions.describe_job, keys=f"{request_keys.DESCRIBE} io try"),
    ("job", "terminate"): Route(jobs.terminate),
    ("job", "addTags"): Route(jobs.add_tags, keys="tags try"),
    ("job", "removeTags"): Route(jobs.remove_tags, keys="tags try"),
    ("job", "setProperties"): Route(jobs.set_properties, keys="properties try"),
    ("job", "getIdentityToken"): Route(identity_tokens.get_identity_token, keys="audience subject_claims"),
    ("job", "update"): Route(jobs.update, keys="allowSSH"),
    ("user", "describe"): Route(users.describe, keys=request_keys.DESCRIBE),
    ("user", "update"): Route(users.update, keys="billTo sshPublicKey"),
    ("user", "new"): Route(users.new, of_class=True, always_rejects=True),
    ("system", "comeBackLater"): Route(
        users.come_back_later, of_class=True, needs_token=False, keys="setRetryAfter waitUntil"
    ),
    ("system", "headers"): Route(users.headers, of_class=True),
    ("system", "findDatabases"): Route(data_objects.find_none, of_class=True),
    ("system", "findOrgs"): Route(data_objects.find_none, of_class=True),
    ("system", "describeExecutions"): Route(
        executions.describe_executions, of_class=True, keys="describe executions"
    ),
    ("system", "destroyAuthToken"): Route(users.destroy_auth_token, of_class=True, keys="tokenSignature"),
    ("system", "describeDataObjects"): Route(
        object_lookup.describe_data_objects, of_class=True, keys="classDescribeOptions objects"
    ),
    ("system", "describeProjects"): Route(
        find_projects.describe_projects, of_class=True, keys="describe projects"
    ),
    ("system", "findAnalyses"): Route(
        executions.find_analyses, of_class=True, keys=request_keys.FIND_EXECUTIONS
    ),
    ("system", "findApps"): Route(
        find_apps.find_apps,
        of_class=True,
        keys=request_keys.FIND_APPS,
    ),
    ("system", "findDataObjects"): Route(
        data_objects.find_data_objects,
        of_class=True,
        keys=request_keys.FIND_DATA_OBJECTS,
    ),
    ("system", "findExecutions"): Route(
        executions.find_executions, of_class=True, keys=f"{request_keys.FIND_EXECUTIONS} class"
    ),
    ("system", "findGlobalWorkflows"): Route(data_objects.find_none, of_class=True),
    ("system", "findJobs"): Route(executions.find_jobs, of_class=True, keys=request_keys.FIND_EXECUTIONS),
    ("system", "findProjects"): Route(
        find_projects.find_projects,
        of_class=True,
        keys=request_keys.FIND_PROJECTS,
    ),
    ("system", "generateBatchInputs"): Route(
        batches.generate_batch_inputs, of_class=True, keys="folder inputs project"
    ),
    ("system", "getUserInfo"): Route(users.get_user_info, of_class=True),
    ("system", "greet"): Route(users.greet, of_class=True, needs_token=False),
    ("system", "newAuthToken"): Route(
        users.new_auth_token, of_class=True, needs_token=False, always_rejects=True
    ),
    ("system", "resolveDataObjects"): Route(
        object_lookup.resolve_data_objects, of_class=True, keys="folder objects project"
    ),
    ("system", "whoami"): Route(users.whoami, of_class=True, keys="fields"),
}
