"""Tests that each documented key takes effect, is rejected if invalid, or is listed as without effect."""

from __future__ import annotations

import hashlib
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import pytest
from tests.api.good_requests import GOOD
from tests.api.test_fuzz import world_of

from dx_local.api.request_keys import WITHOUT_EFFECT
from dx_local.api.routes import ROUTES
from dx_local.platform.core.errors import ApiError
from dx_local.platform.execution import run_specs
from dx_local.platform.requests.background_work import WorkRequired

if TYPE_CHECKING:
    from tests.api.fuzzer import World
    from tests.conftest import ServedPlatform

    from dx_local.api.methods import Method
    from dx_local.platform.core.context import Context

JSON = dict[str, Any]

KEYS = {method: frozenset(route.keys.split()) for method, route in ROUTES.items() if route.keys}

# No key accepts all of these values.
WRONG: tuple[Any, ...] = (1.5, "no such\0thing", [1.5], {"no such": 1.5}, {"no such": {"no": 1.5}})


class TakenBackError(Exception):
    """Rolls back the changes of a call."""


@dataclass
class Tries:
    """Tries requests on a platform with one or two entities of every class, and undoes their changes."""

    served: ServedPlatform
    world: World
    closed_table: str

    @property
    def project(self) -> str:
        return self.world.project

    def known(self, class_name: str) -> str:
        return self.world.entities[class_name][0]

    def entity(self, method: Method) -> str:
        """Return the entity, or class, on which a method is called."""
        class_name = method[0]
        if ROUTES[method].of_class:
            return class_name
        if method == ("gtable", "get"):
            return self.closed_table
        return self.world.entities[class_name][-1 if method in OF_LAST else 0]

    def refusal(self, method: Method, request: Any) -> str | None:
        """Return the reason for which a request is rejected, or None if it is accepted."""
        route = ROUTES[method]
        refused: list[str] = []

        def call(context: Context) -> None:
            try:
                with suppress(WorkRequired):  # raised only after the request has been accepted
                    route.function(context, self.entity(method), request)
            except ApiError as error:
                refused.append(error.message)
            raise TakenBackError

        job = self.known("job") if method in OF_JOBS or method[0] == "container" else None
        with suppress(TakenBackError):
            self.served.inside(call, job)
        return refused[0] if refused else None

    def good_request(self, method: Method) -> Any:
        """Return a request that is accepted."""
        make = SPECIAL.get(method) or GOOD.get(method) or GOOD.get(("", method[1]), lambda _: {})
        return make(self)


# Methods called on the last entity of their class, which is open; others are called on the first one.
OF_LAST = {("file", name) for name in ("addTypes", "removeTypes", "setVisibility", "upload")}

# Methods that jobs call on themselves.
OF_JOBS = {("job", "new"), ("job", "getIdentityToken")}

# Valid requests for the first entity of each class, if those of the fuzzer are for others.
SPECIAL: dict[Method, Any] = {
    ("container", "clone"): lambda some: {"project": some.project},
    ("container", "move"): lambda _: {"destination": "/"},
    ("project", "archive"): lambda _: {"folder": "/"},
    ("project", "clone"): lambda some: {"project": some.world.entities["project"][1]},
    ("project", "decreasePermissions"): lambda _: {},
    ("project", "move"): lambda _: {"destination": "/"},
    **{(name, "renameFolder"): lambda _: {"folder": "/f", "name": "g"} for name in ("container", "project")},
    ("project", "unarchive"): lambda _: {"folder": "/"},
    ("system", "describeExecutions"): lambda some: {"executions": [some.known("job")]},
    ("system", "destroyAuthToken"): lambda some: {
        "tokenSignature": hashlib.sha256(some.world.tokens["job"].encode()).hexdigest()
    },
    ("user", "update"): lambda _: {},
    ("workflow", "addStage"): lambda some: {"editVersion": 0, "executable": some.known("applet")},
}


@pytest.fixture(scope="module")
def tries(served_to_module: ServedPlatform) -> Tries:
    world = world_of(served_to_module)
    made = Tries(served_to_module, world, "")
    served_to_module.post(
        f"/{made.known('container')}/newFolder", {"folder": "/f"}, token=world.tokens["job"]
    )
    table = served_to_module.post("/gtable/new", GOOD["gtable", "new"](made))["id"]
    served_to_module.post(f"/{table}/close")
    return replace(made, closed_table=table)


@pytest.mark.parametrize("method", sorted(KEYS), ids="/".join)
def test_documented_keys_take_effect_or_are_rejected_or_listed(tries: Tries, method: Method) -> None:
    good = tries.good_request(method)
    assert tries.refusal(method, good) is None
    listed = WITHOUT_EFFECT.get(method, {}).keys()
    ignored = [
        key
        for key in sorted(KEYS[method] - listed)
        if not any(tries.refusal(method, {**good, key: wrong}) for wrong in WRONG)
    ]
    assert ignored == []


NESTED = [
    *(("runSpec", key) for key in sorted(run_specs.KEYS - {"dependencies"})),
    *(("access", key) for key in ("allProjects", "developer", "network", "project", "projectCreation")),
]


@pytest.mark.parametrize(("outer", "key"), NESTED, ids=".".join)
def test_keys_of_specs_take_effect_or_are_rejected(tries: Tries, outer: str, key: str) -> None:
    method = ("applet", "new")
    good = tries.good_request(method)
    assert any(tries.refusal(method, {**good, outer: {**good.get(outer, {}), key: wrong}}) for wrong in WRONG)


def test_keys_without_effect_are_documented_ones() -> None:
    assert {
        method: keys
        for method, listed in WITHOUT_EFFECT.items()
        if (keys := listed.keys() - KEYS.get(method, frozenset()))
    } == {}


# Methods that ignore their request.
WITHOUT_KEYS = {
    *((name, "getDetails") for name in ("applet", "file", "gtable", "record", "workflow")),
    *((name, "listProjects") for name in ("applet", "file", "gtable", "record", "workflow")),
    *((name, "close") for name in ("file", "gtable", "record", "workflow")),
    *((name, "terminate") for name in ("analysis", "job")),
    *(("app", f"list{name}") for name in ("AuthorizedUsers", "Categories", "Developers")),
    *(("app", name) for name in ("delete", "get", "install", "uninstall")),
    *(("system", name) for name in ("findDatabases", "findGlobalWorkflows", "findOrgs", "getUserInfo")),
    *(("system", name) for name in ("greet", "headers")),
    ("applet", "get"),
    ("gtable", "nextPart"),
    ("project", "decreasePermissions"),  # its keys are members
}


def test_the_keys_of_all_methods_are_known() -> None:
    methods = {
        method for method, route in ROUTES.items() if not route.always_rejects and not route.takes_any_json
    }
    assert methods == KEYS.keys() | WITHOUT_KEYS
