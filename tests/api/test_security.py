"""Tests that requests require a token of the platform, and that web pages from other hosts are rejected."""

from __future__ import annotations

import json
from contextlib import closing
from http.client import HTTPConnection
from typing import TYPE_CHECKING, Any

import pytest
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect

from dx_local.api.routes import ROUTES
from dx_local.platform.core import access

if TYPE_CHECKING:
    from tests.conftest import ServedPlatform

JSON = dict[str, Any]

PATHS = [
    f"/{class_name}{'' if route.of_class else '-' + 24 * '0'}/{method}"
    for (class_name, method), route in ROUTES.items()
    if route.needs_token
]
FOREIGN = [
    {"Host": "evil.example"},
    {"Host": "127.0.0.1.evil.example"},
    {"Host": "localhost.evil.example:80"},
    {"Host": "["},
    {"Host": "]:80"},
    {"Host": "[::ffff:8.8.8.8]"},
    {"Host": "0.0.0.0"},
    {"Host": ""},
    {"Origin": "http://evil.example"},
    {"Origin": "https://localhost.evil.example"},
    {"Origin": "null"},
    {"Origin": ""},
    {"Origin": "http://["},
    {"Origin": "file://"},
]


@pytest.fixture
def served(served_to_module: ServedPlatform) -> ServedPlatform:
    return served_to_module


@pytest.fixture
def transfers(served: ServedPlatform) -> list[tuple[str, str]]:
    """An upload and a download that would succeed."""
    file = served.post("/file/new", {"project": served.project})["id"]
    upload = served.post(f"/{file}/upload", {"index": 1, "size": 1})["url"]
    assert served.request("PUT", upload, b"x").status == 200
    served.post(f"/{file}/close")
    download = served.post(f"/{file}/download", {"project": served.project, "preauthenticated": True})["url"]
    file = served.post("/file/new", {"project": served.project})["id"]
    return [("PUT", served.post(f"/{file}/upload", {"index": 1, "size": 1})["url"]), ("GET", download)]


def statuses(served: ServedPlatform, headers: dict[str, str]) -> set[int]:
    """Send a request with only these headers to every route, and return the statuses of the answers."""
    found = set()
    with closing(HTTPConnection("127.0.0.1", served.port, timeout=30)) as connection:
        for path in PATHS:
            connection.request("POST", path, "{}", {"Content-Type": "application/json", **headers})
            response = connection.getresponse()
            response.read()
            found.add(response.status)
    return found


@pytest.mark.parametrize(
    "header", [None, "", "Bearer", "Bearer ", "Bearer wrong", "Basic Og==", "Bearer \xfc"]
)
def test_no_route_answers_without_a_token(served: ServedPlatform, header: str | None) -> None:
    assert statuses(served, {} if header is None else {"Authorization": header}) == {401}


def test_no_route_answers_a_token_of_a_job_that_ended(served: ServedPlatform) -> None:
    job = served.job()
    token = served.token_of(job)
    served.inside(lambda context: access.revoke_tokens(context.store, job))
    assert statuses(served, {"Authorization": f"Bearer {token}"}) == {401}


@pytest.mark.parametrize("foreign", FOREIGN, ids=str)
def test_no_route_answers_pages_of_elsewhere(served: ServedPlatform, foreign: dict[str, str]) -> None:
    assert statuses(served, {"Authorization": f"Bearer {served.token}", **foreign}) == {401}


@pytest.mark.parametrize("foreign", FOREIGN, ids=str)
def test_no_transfer_answers_pages_of_elsewhere(
    served: ServedPlatform, transfers: list[tuple[str, str]], foreign: dict[str, str]
) -> None:
    for method, url in transfers:
        assert served.request(method, url, b"x" if method == "PUT" else None, foreign).status == 401


@pytest.mark.parametrize("foreign", [each for each in FOREIGN if "Origin" in each], ids=str)
def test_no_log_is_shown_to_pages_of_elsewhere(served: ServedPlatform, foreign: dict[str, str]) -> None:
    url = f"ws://127.0.0.1:{served.port}/{served.job()}/getLog/websocket"
    with pytest.raises(InvalidStatus) as refused, connect(url, additional_headers=foreign):
        pass
    assert refused.value.response.status_code == 401


def test_no_log_is_shown_under_a_foreign_name(served: ServedPlatform) -> None:
    here = ("127.0.0.1", served.port)
    url = f"ws://evil.example:{served.port}/{served.job()}/getLog/websocket"
    with pytest.raises(InvalidStatus) as refused, connect(url, address=here):
        pass
    assert refused.value.response.status_code == 401


def test_responses_have_no_cors_headers(served: ServedPlatform) -> None:
    asked = {"Origin": "http://localhost:8000", "Access-Control-Request-Method": "POST"}
    for method, path in (("OPTIONS", "/system/whoami"), ("POST", "/system/whoami"), ("OPTIONS", "/F/D/x")):
        reply = served.request(method, path, "{}", asked)
        assert [name for name in reply.headers if name.startswith("access-control")] == []


def test_urls_expire(served: ServedPlatform, transfers: list[tuple[str, str]]) -> None:
    def put_clock_forward(days: int) -> None:
        def put(context: Any) -> None:
            before = context.platform.clock
            context.platform.clock = lambda: before() + days * 24 * 60 * 60 * 1000

        served.inside(put)

    put_clock_forward(3)
    try:
        answers = [
            served.request(method, url, b"x" if method == "PUT" else None) for method, url in transfers
        ]
    finally:
        put_clock_forward(-3)
    assert [answer.status for answer in answers] == [401, 401]
    assert ["expired" in json.dumps(answer.json) for answer in answers] == [True, True]


def test_a_url_is_good_for_nothing_else(served: ServedPlatform, transfers: list[tuple[str, str]]) -> None:
    (_, upload), (_, download) = transfers
    assert served.request("GET", upload).status in {401, 404, 405}
    assert served.request("PUT", download, b"x").status in {401, 404, 405}
    signature = upload.split("/")[5]
    forged = download.split("/")
    forged[5] = signature
    assert served.request("GET", "/".join(forged)).status == 401
