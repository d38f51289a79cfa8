from __future__ import annotations

import asyncio
import http.client
import json
import re
import signal
import socket
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import pytest
from starlette.responses import StreamingResponse
from starlette.routing import Route

from dx_local.api import coverage, routes
from dx_local.api.lazy_server import LazyServer
from dx_local.api.listening import listen
from dx_local.api.server import Server
from dx_local.engine.executors.remote.encryption import make_identity, node_context
from dx_local.platform.core import access

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from starlette.requests import Request
    from tests.conftest import ServedPlatform

    from dx_local.platform.core.context import Context, Platform

JSON = dict[str, Any]


def test_answers_have_the_headers_that_clients_check(served: ServedPlatform) -> None:
    reply = served.request("POST", "/system/whoami", "{}")
    assert reply.headers["content-type"].startswith("application/json")
    assert int(reply.headers["content-length"]) == len(reply.body)
    assert reply.headers["x-content-type-options"] == "nosniff"
    assert re.fullmatch(r"\d{13}-\d{1,6}", reply.headers["x-request-id"])


def test_answers_are_never_compressed(served: ServedPlatform) -> None:
    reply = served.request("POST", "/system/whoami", "{}", {"Accept-Encoding": "gzip"})
    assert "content-encoding" not in reply.headers


@pytest.mark.parametrize(
    "header",
    [
        pytest.param("Bearer wrong", id="unknown token"),
        pytest.param("Bearer ", id="empty token"),
        pytest.param("Bearer ü", id="not ASCII"),
        pytest.param("Basic abc", id="other scheme"),
        pytest.param("", id="nothing"),
    ],
)
def test_without_a_good_token_nothing_is_answered(served: ServedPlatform, header: str) -> None:
    reply = served.request("POST", "/system/whoami", "{}", {"Authorization": header})
    assert (reply.status, reply.json["error"]["type"]) == (401, "InvalidAuthentication")


def test_a_revoked_token_is_worthless(served: ServedPlatform) -> None:
    job = served.job()
    token = served.token_of(job)
    served.inside(lambda context: access.revoke_tokens(context.store, job))
    assert served.error("/system/whoami", token=token) == (401, "InvalidAuthentication")


def test_the_scheme_of_a_token_may_be_in_any_case(served: ServedPlatform) -> None:
    reply = served.request("POST", "/system/whoami", "{}", {"Authorization": f"bearer {served.token}"})
    assert reply.json == {"id": "user-local"}


@pytest.mark.parametrize(
    "path",
    [
        "/None/describe",
        "/file/describe",
        "/file-000000000000000000000000/new",
        "/system/findDataObjects/more",
        "/org-x/nonsense",
        "/file-000000000000000000000000/nonsense",
        "/describe",
        "/",
    ],
)
def test_an_unknown_route_names_itself(served: ServedPlatform, path: str) -> None:
    reply = served.request("POST", path, "{}")
    assert (reply.status, reply.json["error"]["type"]) == (404, "ResourceNotFound")
    assert f"POST {path}" in reply.json["error"]["message"]


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE", "HEAD"])
def test_other_methods_are_not_found(served: ServedPlatform, method: str) -> None:
    assert served.request(method, "/system/whoami").status == 404


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(b"", id="empty"),
        pytest.param(b"{", id="cut off"),
        pytest.param(b"[]", id="array"),
        pytest.param(b'"text"', id="string"),
        pytest.param(b"null", id="null"),
        pytest.param(b'{"a": NaN}', id="NaN"),
        pytest.param(b'{"a": -Infinity}', id="infinity"),
        pytest.param(b"\xff", id="not UTF-8"),
        pytest.param(b'{"a": ' + b"[" * 200_000 + b"]" * 200_000 + b"}", id="too deep"),
    ],
)
def test_a_malformed_body_is_named_so(served: ServedPlatform, body: bytes) -> None:
    reply = served.request("POST", "/system/whoami", body)
    assert (reply.status, reply.json["error"]["type"]) == (400, "MalformedJSON")


def test_another_content_type_is_rejected(served: ServedPlatform) -> None:
    reply = served.request("POST", "/system/whoami", "{}", {"Content-Type": "text/plain"})
    assert (reply.status, reply.json["error"]["type"]) == (400, "MalformedJSON")


def test_half_a_surrogate_pair_is_invalid_input(served: ServedPlatform) -> None:
    request = {"project": served.project, "name": "\ud800"}
    assert served.error("/record/new", request) == (422, "InvalidInput")


def test_an_integer_beyond_64_bits_is_invalid_input(served: ServedPlatform) -> None:
    request = {"created": {"after": 10**30}}
    assert served.error("/system/findDataObjects", request) == (422, "InvalidInput")


@pytest.mark.parametrize(
    "entity", ["file-ünïcode", "record-000000000000000000000000", "file-", "file-..%2f.."]
)
def test_an_unknown_entity_is_not_found(served: ServedPlatform, entity: str) -> None:
    assert served.error(f"/{quote(entity)}/describe") == (404, "ResourceNotFound")


@pytest.mark.parametrize(
    "headers",
    [
        {"Host": "evil.example"},
        {"Host": "evil.example:80"},
        {"Host": ""},
        {"Origin": "http://evil.example"},
        {"Origin": "null"},
    ],
)
def test_requests_for_other_hosts_or_from_other_pages_are_rejected(
    served: ServedPlatform, headers: dict[str, str]
) -> None:
    reply = served.request("POST", "/system/whoami", "{}", headers)
    assert (reply.status, reply.json["error"]["type"]) == (401, "PermissionDenied")


@pytest.mark.parametrize("headers", [{"Host": "localhost"}, {"Origin": "http://127.0.0.1:8000"}])
def test_requests_from_this_machine_are_answered(served: ServedPlatform, headers: dict[str, str]) -> None:
    assert served.request("POST", "/system/whoami", "{}", headers).status == 200


def test_a_bug_is_answered_and_logged(served: ServedPlatform, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(_context: Context, _entity: str, _request: JSON) -> JSON:
        raise ZeroDivisionError("what a bug")

    monkeypatch.setitem(routes.ROUTES, ("system", "greet"), routes.Route(broken, of_class=True))
    assert served.error("/system/greet") == (500, "InternalError")
    assert "what a bug" in (served.folder / "platform" / "server.log").read_text()


def test_an_error_undoes_the_whole_call(served: ServedPlatform) -> None:
    request = {"project": served.project, "folder": "/new", "parents": True, "types": "no array"}
    assert served.error("/record/new", request) == (422, "InvalidInput")
    assert served.post(f"/{served.project}/listFolder")["folders"] == []


@pytest.mark.parametrize("details", [{"a": [1, {"b": None}]}, [1, "two"], {}])
def test_details_come_back_as_they_were_set(served: ServedPlatform, details: Any) -> None:
    record = served.post("/record/new", {"project": served.project})["id"]
    served.post(f"/{record}/setDetails", details)
    assert served.post(f"/{record}/getDetails") == details


def test_a_repeated_nonce_creates_nothing_more(served: ServedPlatform) -> None:
    request = {"project": served.project, "nonce": "n"}
    first = served.post("/record/new", request)
    assert served.post("/record/new", request) == first
    assert served.error("/record/new", {**request, "name": "other"}) == (422, "InvalidInput")


def test_every_route_of_a_class_rejects_missing_entities(served: ServedPlatform) -> None:
    for (class_name, method), route in routes.ROUTES.items():
        if route.of_class:
            reply = served.request("POST", f"/{class_name}/{method}", "{}")
            assert reply.status in {200, 401, 422}, (class_name, method, reply.body)


def test_every_route_of_an_entity_answers_for_an_unknown_one(served: ServedPlatform) -> None:
    for (class_name, method), route in routes.ROUTES.items():
        if not route.of_class and not route.always_rejects:
            entity = f"{class_name}-{'0' * 24}"
            reply = served.request("POST", f"/{entity}/{method}", "{}")
            if method == "listProjects":
                assert (reply.status, reply.json) == (200, {}), class_name
            else:
                assert reply.status in {404, 422}, (class_name, method, reply.body)


def test_rejected_requests_change_nothing(served: ServedPlatform) -> None:
    for class_name, method in coverage.rejected():
        route = routes.ROUTES[class_name, method]
        entity = served.project if class_name == "project" else f"{class_name}-{'0' * 24}"
        path = f"/{class_name if route.of_class else entity}/{method}"
        reply = served.request("POST", path, json.dumps({"invitee": "user-local", "name": "n"}))
        assert reply.status in {401, 404, 422}, (path, reply.body)
        assert "implement" not in reply.json["error"]["message"]


class Recorder:
    """Hooks that record their arguments and mark the answer."""

    def __init__(self) -> None:
        self.calls: list[tuple[str | None, str, str]] = []

    async def before_call(self, *_: object) -> None:
        pass

    async def before_answer(
        self,
        context: Context,
        entity_id: str,
        method: str,
        request: JSON,  # noqa: ARG002 - named as the hook has it
        answer: JSON,
    ) -> JSON:
        self.calls.append((context.caller.job, entity_id, method))
        return {**answer, "marked": True}


def test_hooks_receive_the_calls_of_jobs(serve_with: Callable[[Recorder], ServedPlatform]) -> None:
    recorder = Recorder()
    served = serve_with(recorder)
    job = served.job()
    assert served.post("/system/whoami", token=served.token_of(job))["marked"]
    assert recorder.calls == [(job, "system", "whoami")]


def test_hooks_receive_the_calls_of_users(serve_with: Callable[[Recorder], ServedPlatform]) -> None:
    assert "marked" in serve_with(Recorder()).post("/system/whoami")


ANY_SERVER = pytest.mark.parametrize("server_class", [Server, LazyServer])


@ANY_SERVER
def test_the_server_closes_at_once_in_spite_of_open_connections(
    platform: Platform, server_class: type[Server | LazyServer]
) -> None:
    async def serve() -> float:
        async with server_class(platform) as server:
            connection = http.client.HTTPConnection("127.0.0.1", server.port)
            await asyncio.to_thread(connection.request, "POST", "/system/whoami", "{}")
            await asyncio.to_thread(lambda: connection.getresponse().read())
            leaving = time.monotonic()
        connection.close()
        return time.monotonic() - leaving

    assert asyncio.run(serve()) < 0.5


def test_the_server_leaves_signals_alone(platform: Platform) -> None:
    async def handler_while_serving() -> Any:
        async with Server(platform):
            return signal.getsignal(signal.SIGINT)

    before = signal.getsignal(signal.SIGTERM)
    asyncio.run(handler_while_serving())
    assert signal.getsignal(signal.SIGTERM) is before


def test_a_port_can_be_chosen_and_used_again(platform: Platform) -> None:
    async def serve_twice() -> list[int]:
        async with LazyServer(platform) as first:
            pass
        async with LazyServer(platform, port=first.port) as second:
            return [first.port, second.port]

    first, second = asyncio.run(serve_twice())
    assert first == second


def test_a_lazy_server_closes_without_a_client(platform: Platform) -> None:
    async def serve() -> int:
        async with LazyServer(platform) as server:
            assert platform.base_url == f"http://127.0.0.1:{server.port}"
        return server.port

    port = asyncio.run(serve())
    with pytest.raises(ConnectionRefusedError):
        _status_of_get(port)


def test_many_clients_at_once_lose_nothing(served: ServedPlatform) -> None:
    def create(number: int) -> str:
        record: str = served.post("/record/new", {"project": served.project, "name": str(number)})["id"]
        return record

    with ThreadPoolExecutor(16) as pool:
        created = set(pool.map(create, range(200)))
    found = served.post("/system/findDataObjects", {"scope": {"project": served.project}})
    assert {row["id"] for row in found["results"]} == created
    assert len(created) == 200


def test_json_of_any_script_survives(served: ServedPlatform) -> None:
    name = "報告 \U0001f9ec é\u0301 \u202e"
    record = served.post("/record/new", {"project": served.project, "name": name})["id"]
    reply = served.request("POST", f"/{record}/describe", json.dumps({}))
    assert reply.json["name"] == name


@ANY_SERVER
def test_a_second_socket_is_answered_at_until_the_server_closes(
    platform: Platform, server_class: type[Server | LazyServer]
) -> None:
    async def answer() -> int:
        with socket.create_server(("127.0.0.1", 0)) as listener:
            port = listener.getsockname()[1]
            async with server_class(platform) as server:
                server.answer_at(listener.dup())
                status = await asyncio.to_thread(_status_of_get, port)
        with pytest.raises(ConnectionRefusedError):
            await asyncio.to_thread(_status_of_get, port)
        return status

    assert asyncio.run(answer()) == 404


def test_a_client_that_breaks_off_is_no_news(platform: Platform, caplog: pytest.LogCaptureFixture) -> None:
    identity = make_identity()
    is_over = asyncio.Event()

    async def chunks() -> AsyncIterator[bytes]:
        for _ in range(100):
            yield bytes(1024)
        is_over.set()

    async def stream(_: Request) -> StreamingResponse:
        return StreamingResponse(chunks())

    async def break_off() -> None:
        async with Server(platform) as server:
            server.add_routes([Route("/stream", stream)])
            listener = listen(port=0)
            server.answer_at(listener, identity.context)
            context = node_context(identity.certificate)
            _, writer = await asyncio.open_connection(*listener.getsockname(), ssl=context)
            writer.write(b"GET /stream HTTP/1.1\r\nHost: x\r\n\r\n")
            writer.close()
            await asyncio.wait_for(is_over.wait(), 30)

    asyncio.run(break_off())
    assert [record.getMessage() for record in caplog.records if record.name == "asyncio"] == []


def _status_of_get(port: int) -> int:
    with closing(http.client.HTTPConnection("127.0.0.1", port, timeout=30)) as connection:
        connection.request("GET", "/")
        return connection.getresponse().status
