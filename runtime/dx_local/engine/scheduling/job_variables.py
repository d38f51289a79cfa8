"""Environment variables that identify a job and connect it to the API server.

Source: https://documentation.dnanexus.com/developer/apps/execution-environment
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from dx_local.engine.server_variables import api_server_variables, auth_server_variables, security_context
from dx_local.platform.core import access
from dx_local.platform.core.ids import class_of
from dx_local.platform.execution import app_containers

if TYPE_CHECKING:
    from collections.abc import Mapping

    from dx_local.platform.core.context import Platform
    from dx_local.platform.core.schema import JobRow


def variables_of(platform: Platform, job: JobRow) -> Mapping[str, str]:
    """Return the DX_* variables of a job, with a newly issued token."""
    store = platform.store
    token = access.issue_token(store, job["user"], job["id"])
    variables = {
        **api_server_variables(platform.base_url),
        **auth_server_variables(platform.base_url),
        **security_context(token),
        "DX_JOB_ID": job["id"],
        "DX_WORKSPACE_ID": job["workspace"],
        "DX_PROJECT_CONTEXT_ID": job["project"],
    }
    if class_of(job["executable"]) == "app":
        resources = app_containers.resources(store, job["executable"], job["region"])
        cache = app_containers.project_cache(store, job["executable"], job["project"])
        variables |= {"DX_RESOURCES_ID": resources or "", "DX_PROJECT_CACHE_ID": cache or ""}
    elif resources := platform.resources.get(job["executable"]):
        variables["DX_RESOURCES_ID"] = resources
    return variables
