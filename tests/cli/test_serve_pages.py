"""`dx-local serve --ui`: who may see the pages, and what they show."""

from __future__ import annotations

import base64
import http.client
import json
import re
import signal
import subprocess
import zlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest
from tests.conftest import write_app
from tests.local_server import LocalServer

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

CODE = "main() { echo hello; sleep 1; echo '<b>bye</b>'; dx-jobutil-add-output n 3 --class=int; }\n"
SECRET = "key="


@dataclass
class Pages:
    """A server, its link, the cookie that its key is exchanged for, and a job that ran there."""

    server: LocalServer
    link: str
    cookie: str = ""
    job: str = ""

    def get(self, path: str, **headers: str) -> tuple[int, dict[str, str], bytes]:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        cookie = {"cookie": self.cookie} if self.cookie else {}
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        connection.request("GET", path, headers={**cookie, **named})
        answer = connection.getresponse()
        found = answer.status, {k.lower(): v for k, v in answer.getheaders()}, answer.read()
        connection.close()
        return found

    @property
    def port(self) -> int:
        return int(self.server.ready["url"].rpartition(":")[2])

    @property
    def path(self) -> str:
        return "/" + self.link.split("/", 3)[3]

    def events(self, path: str) -> Iterator[Any]:
        """Yield the messages of a stream until its end."""
        status, headers, body = self.get(path)
        assert (status, headers["content-type"]) == (200, "text/event-stream; charset=utf-8")
        for event in body.decode().split("\n\n"):
            if event.startswith("data: "):
                yield json.loads(event.removeprefix("data: "))


def dx(server: LocalServer, *arguments: str | Path) -> str:
    done = subprocess.run(
        ["dx", *arguments],
        env=server.variables(),
        capture_output=True,
        text=True,
        check=True,
        cwd=server.home,
    )
    return done.stdout.strip()


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pages]:
    home = tmp_path_factory.mktemp("pages")
    spec = {"inputSpec": [], "outputSpec": [{"name": "n", "class": "int"}], "interpreter": "bash"}
    app = write_app(home / "app", CODE, spec)
    with LocalServer(home, ("--ui",)) as server:
        match = re.search(r"http://127\.0\.0\.1:\d+/ui/\?key=\S+", server.errors)
        assert match
        found = Pages(server, match[0])
        found.cookie = found.get(found.path)[1]["set-cookie"].partition(";")[0]
        dx(server, "build", app)
        (home / "<b>.txt").write_text("text", encoding="utf-8")
        dx(server, "upload", home / "<b>.txt", "--wait", "--brief")
        found.job = dx(server, "run", "app", "-y", "--brief")
        yield found


def test_the_link_is_printed_once_and_not_on_stdout(pages: Pages) -> None:
    assert pages.server.errors.count(SECRET) == 1
    assert SECRET not in json.dumps(pages.server.ready)


def test_the_key_is_exchanged_for_a_cookie(pages: Pages) -> None:
    status, headers, _ = Pages(pages.server, pages.link).get(pages.path)
    assert (status, headers["location"]) == (303, "/ui/")
    attributes = {part.strip().lower() for part in headers["set-cookie"].split(";")[1:]}
    assert attributes == {"httponly", "path=/ui/", "samesite=strict"}
    assert pages.link.partition(SECRET)[2] not in headers["set-cookie"]


PATHS = ("/ui/", "/ui/lists", "/ui/run/{job}", "/ui/events/{job}", "/ui/log/{job}", "/ui/values/{job}")


@pytest.mark.parametrize("path", PATHS)
def test_nobody_enters_without_the_cookie(pages: Pages, path: str) -> None:
    stranger = Pages(pages.server, pages.link)
    assert stranger.get(path.format(job=pages.job))[0] == 403
    stranger.cookie = f"{pages.cookie}x"
    assert stranger.get(path.format(job=pages.job))[0] == 403


@pytest.mark.parametrize(
    "headers",
    [
        {"sec_fetch_site": "same-site"},
        {"sec_fetch_site": "cross-site"},
        {"host": "example.com"},
        {"origin": "https://example.com"},
    ],
)
def test_requests_of_other_pages_are_rejected(pages: Pages, headers: dict[str, str]) -> None:
    assert pages.get(f"/ui/values/{pages.job}", **headers)[0] == 403


def test_a_wrong_key_opens_nothing(pages: Pages) -> None:
    status, headers, _ = Pages(pages.server, pages.link).get("/ui/?key=wrong")
    assert (status, "set-cookie" in headers) == (403, False)


def test_pages_have_a_strict_policy(pages: Pages) -> None:
    _, headers, body = pages.get(f"/ui/run/{pages.job}")
    policy = headers["content-security-policy"]
    assert policy.startswith("default-src 'none'; script-src 'sha256-")
    assert policy.endswith("frame-ancestors 'none'")
    assert headers["cache-control"] == "no-store"
    assert pages.job in body.decode()


def test_the_report_is_sent_until_the_run_has_ended(pages: Pages) -> None:
    *_, last = pages.events(f"/ui/events/{pages.job}")
    data = json.loads(zlib.decompress(base64.b64decode(last["report"])))
    assert data["state"] == "done"
    assert data["sentence"].startswith("Done after")
    assert data["rerun"] is None


def test_the_log_is_sent_until_the_job_has_ended(pages: Pages) -> None:
    lines = [line for message in pages.events(f"/ui/log/{pages.job}") for line in message]
    assert lines[-2:] == ["hello", "<b>bye</b>"]


def test_values_of_a_job(pages: Pages) -> None:
    list(pages.events(f"/ui/log/{pages.job}"))
    status, _, body = pages.get(f"/ui/values/{pages.job}")
    assert (status, json.loads(body)) == (200, ["{}", '{"n":3}'])


def first_event(pages: Pages, path: str) -> Any:
    connection = http.client.HTTPConnection("127.0.0.1", pages.port, timeout=30)
    connection.request("GET", path, headers={"cookie": pages.cookie})
    answer = connection.getresponse()
    line = answer.readline().decode()
    connection.close()
    return json.loads(line.removeprefix("data: "))


def test_runs_and_projects_are_listed(pages: Pages) -> None:
    runs, projects = first_event(pages, "/ui/lists")["lists"]
    assert runs["rows"][0][0] == {"text": "app", "href": f"/ui/run/{pages.job}"}
    assert projects["rows"][0][0]["href"] == f"/ui/project/{pages.server.project}"


def test_files_are_listed_and_downloaded_as_attachments(pages: Pages) -> None:
    rows = first_event(pages, f"/ui/lists/{pages.server.project}")["lists"][0]["rows"]
    (file,) = (row[1] for row in rows if row[2] == "file")
    assert file["text"] == "<b>.txt"
    status, headers, body = pages.get(file["href"])
    assert (status, body) == (200, b"text")
    assert headers["content-disposition"].startswith("attachment")
    assert headers["x-content-type-options"] == "nosniff"


@pytest.mark.parametrize(
    "path", ["/ui/run/job-none", "/ui/project/none", "/ui/file/none", "/ui/log/none", "/ui/events/x"]
)
def test_unknown_ids_are_not_found(pages: Pages, path: str) -> None:
    assert pages.get(path)[0] == 404


@pytest.mark.parametrize("number", ["1", "-1", "x", "9" * 30])
def test_unknown_tries_are_rejected(pages: Pages, number: str) -> None:
    assert pages.get(f"/ui/log/{pages.job}?try={number}")[0] == 422


def test_the_api_is_as_before(pages: Pages) -> None:
    assert dx(pages.server, "ls") != ""
    assert pages.get("/ui/nothing")[0] == 404


def test_without_the_option_there_are_no_pages(tmp_path: Path) -> None:
    with LocalServer(tmp_path) as server:
        assert Pages(server, "").get("/ui/")[0] == 404
        assert "/ui/" not in server.errors


def test_an_open_page_does_not_disturb_the_end_of_the_server(tmp_path: Path) -> None:
    with LocalServer(tmp_path, ("--ui",)) as server:
        browser = Pages(server, re.findall(r"http://\S+key=\S+", server.errors)[0])
        browser.cookie = browser.get(browser.path)[1]["set-cookie"].partition(";")[0]
        connection = http.client.HTTPConnection("127.0.0.1", browser.port, timeout=30)
        connection.request("GET", "/ui/lists", headers={"cookie": browser.cookie})
        stream = connection.getresponse()
        assert stream.readline().startswith(b"data: ")
        assert server.end(signal.SIGINT) == 130
        assert b"event: end" not in stream.read()  # so that the browser tries again
        connection.close()
        assert "Traceback" not in server.errors
