"""The pages of `dx-local serve --ui` in Chromium: a run as it proceeds, its logs, and downloads."""

from __future__ import annotations

import re
import subprocess
from typing import TYPE_CHECKING

import pytest
from tests.browser import chromium
from tests.conftest import write_app
from tests.local_server import LocalServer

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.slow

CODE = """\
main() {
    echo "first line"
    while ! [ -e "$release" ]; do sleep 0.1; done
    echo "last line"
    dx-jobutil-add-output n 3 --class=int
}
"""


def dx(server: LocalServer, *arguments: str | Path) -> str:
    done = subprocess.run(
        ["dx", *arguments], env=server.variables(), capture_output=True, text=True, check=True
    )
    return done.stdout.strip()


def test_a_run_is_followed_from_its_start_to_its_end(tmp_path: Path) -> None:
    spec = {
        "inputSpec": [{"name": "release", "class": "string"}],
        "outputSpec": [{"name": "n", "class": "int"}],
        "interpreter": "bash",
    }
    app = write_app(tmp_path / "app", CODE, spec)
    (tmp_path / "reads.txt").write_text("ACGT", encoding="utf-8")
    release = tmp_path / "release"
    with LocalServer(tmp_path, ("--ui", "--isolation", "none")) as server, chromium() as browser:
        dx(server, "build", app)
        dx(server, "upload", tmp_path / "reads.txt", "--wait", "--brief")
        job = dx(server, "run", "app", f"-irelease={release}", "-y", "--brief")
        link = re.findall(r"http://\S+key=\S+", server.errors)[0]
        page = browser.new_page()
        requests: list[str] = []
        complaints: list[str] = []
        page.on("request", lambda request: requests.append(request.url))
        page.on("console", lambda message: complaints.append(message.text))
        page.on("pageerror", lambda error: complaints.append(str(error)))

        page.goto(link)
        page.wait_for_selector("#lists a bdi:text-is('app')")
        assert "key=" not in page.url
        page.click("#lists a bdi:text-is('app')")
        page.wait_for_selector("h1:has-text('▶ running')")
        assert page.url.endswith(f"/ui/run/{job}")
        page.click("#rows .label button")
        page.wait_for_selector("#details .log:has-text('first line')")
        assert "last line" not in page.inner_text("#details")

        release.touch()
        page.wait_for_selector("#details .log:has-text('last line')")
        page.wait_for_selector("h1:has-text('✓ done')")
        page.wait_for_selector("#outputs:has-text('3')")

        page.click("#crumbs a")
        page.click(f"#lists a[href='/ui/project/{server.project}']")
        with page.expect_download() as download:
            page.click("#lists a bdi:text-is('reads.txt')")
        assert download.value.path().read_text(encoding="utf-8") == "ACGT"
        assert complaints == []
        own = (server.ready["url"], "data:")
        assert [url for url in requests if not url.startswith(own)] == []
