"""The environment variables that tell a job who and where it is.

Source: https://documentation.dnanexus.com/developer/apps/execution-environment
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from dx_local.engine.service.client_environment import auth_server_variables
from dx_local.platform.core import access
from dx_local.platform.core.ids import class_of
from dx_local.platform.execution import app_containers

if TYPE_CHECKING:
    from collections.abc import Mapping

    from dx_local.platform.core.context import Platform
    from dx_local.platform.core.store import Row


def variables_of(platform: Platform, job: Row) -> Mapping[str, str]:
    """Return the DX_* variables of a job, with a new token in them."""
    store = platform.store
    token = access.issue_token(store, job["user"], job["id"])
    _, _, address = platform.base_url.partition("://")
    host, _, port = address.partition(":")
    variables = {
        "DX_APISERVER_PROTOCOL": "http",
        "DX_APISERVER_HOST": host,
        "DX_APISERVER_PORT": port,
        **auth_server_variables(platform.base_url),
        "DX_SECURITY_CONTEXT": json.dumps({"auth_token_type": "Bearer", "auth_token": token}),
        "DX_JOB_ID": job["id"],
        "DX_WORKSPACE_ID": job["workspace"],
        "DX_PROJECT_CONTEXT_ID": job["project"],
    }
    if class_of(job["executable"]) == "app":
        resources = app_containers.resources(store, job["executable"], job["region"])
        cache = app_containers.project_cache(store, job["executable"], job["project"])
        variables |= {"DX_RESOURCES_ID": resources or "", "DX_PROJECT_CACHE_ID": cache or ""}
    return variables
