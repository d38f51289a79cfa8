"""Tests of the `dx` commands that apps and users run, with the real `dx` and the real server."""

from __future__ import annotations

import json
import subprocess
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.conftest import ServedPlatform


def upload(served: ServedPlatform, name: str, text: str, *options: str) -> str:
    (served.folder / name).write_text(text)
    return served.dx("upload", name, "--brief", "--wait", *options)


def test_upload_and_download_by_name(served: ServedPlatform) -> None:
    upload(served, "a.txt", "hello")
    served.dx("download", "a.txt", "-o", "b.txt")
    assert (served.folder / "b.txt").read_text() == "hello"


def test_download_by_id_to_stdout(served: ServedPlatform) -> None:
    file = upload(served, "a.txt", "hello")
    assert served.dx("download", file, "-o", "-") == "hello"


def test_cat(served: ServedPlatform) -> None:
    upload(served, "a.txt", "hello")
    assert served.dx("cat", "a.txt") == "hello"


def test_upload_with_metadata(served: ServedPlatform) -> None:
    file = upload(
        served, "a.txt", "x", "--path", "/deep/er/b.txt", "-p", "--property", "k=v", "--details", '{"n": 1}'
    )
    described = json.loads(served.dx("describe", file, "--json"))
    shown = {key: described[key] for key in ("name", "folder", "properties", "details", "size", "state")}
    assert shown == {
        "name": "b.txt",
        "folder": "/deep/er",
        "properties": {"k": "v"},
        "details": {"n": 1},
        "size": 1,
        "state": "closed",
    }


def test_describe_name_alone(served: ServedPlatform) -> None:
    assert served.dx("describe", upload(served, "a b.txt", "x"), "--name") == "a b.txt"


def test_describe_by_path(served: ServedPlatform) -> None:
    upload(served, "a.txt", "x", "--path", "/f/a.txt", "-p")
    assert "Result 1:" in served.dx("describe", "/f/a.txt")


def test_describe_the_project(served: ServedPlatform) -> None:
    assert json.loads(served.dx("describe", ":", "--json"))["name"] == "P"
    assert served.project in served.dx("describe", served.project)


def test_download_a_folder(served: ServedPlatform) -> None:
    upload(served, "a.txt", "A", "--path", "/d/a.txt", "-p")
    upload(served, "b.txt", "B", "--path", "/d/e/b.txt", "-p")
    served.dx("download", "-r", "/d")
    assert (served.folder / "d" / "e" / "b.txt").read_text() == "B"


def test_list_and_tree(served: ServedPlatform) -> None:
    upload(served, "a.txt", "x", "--path", "/d/a.txt", "-p")
    assert served.dx("ls") == "d/"
    assert served.dx("ls", "/d") == "a.txt"
    assert "a.txt" in served.dx("tree")


def test_tags_and_properties(served: ServedPlatform) -> None:
    file = upload(served, "a.txt", "x")
    served.dx("tag", "a.txt", "one", "two")
    served.dx("untag", file, "two")
    served.dx("set_properties", f"{served.project}:{file}", "k=v", "l=w")
    served.dx("unset_properties", file, "l")
    described = json.loads(served.dx("describe", file, "--json"))
    assert (described["tags"], described["properties"]) == (["one"], {"k": "v"})


def test_move_copy_and_remove(served: ServedPlatform) -> None:
    other = served.dx("new", "project", "other", "--brief")
    upload(served, "a.txt", "x")
    served.dx("mkdir", "-p", "/d/e")
    served.dx("mv", "a.txt", "/d/e/b.txt")
    served.dx("cp", "/d/e/b.txt", f"{other}:/c.txt")
    served.dx("rm", "/d/e/b.txt")
    served.dx("rm", "-r", "/d")
    assert (served.dx("ls"), served.dx("ls", f"{other}:/")) == ("", "c.txt")


def test_find_data_by_everything_that_apps_use(served: ServedPlatform) -> None:
    file = upload(served, "a.txt", "x", "--property", "k=v")
    upload(served, "b.txt", "x")
    options = ("--name", "a*", "--class", "file", "--path", f"{served.project}:/", "--state", "closed")
    assert served.dx("find", "data", *options, "--property", "k=v", "--brief") == f"{served.project}:{file}"


def test_find_projects(served: ServedPlatform) -> None:
    assert served.dx("find", "projects", "--name", "P", "--brief") == served.project


def test_records_and_details(served: ServedPlatform) -> None:
    record = served.dx("new", "record", "r", "--brief", "--details", '{"a": [1]}')
    served.dx("set_details", record, '{"b": 2}')
    assert json.loads(served.dx("get_details", record)) == {"b": 2}
    served.dx("close", record)
    assert served.dx("describe", record, "--json").find('"state": "closed"') > 0


def test_whoami(served: ServedPlatform) -> None:
    assert served.dx("whoami") == "local"


def test_wait_for_a_closed_object_ends_at_once(served: ServedPlatform) -> None:
    assert "Done" in served.dx("wait", upload(served, "a.txt", "x"))


def test_make_download_url(served: ServedPlatform) -> None:
    upload(served, "a.txt", "hello")
    url = served.dx("make_download_url", "a.txt")
    assert served.request("GET", url).body == b"hello"


def test_remove_a_project(served: ServedPlatform) -> None:
    other = served.dx("new", "project", "other", "--brief")
    served.dx("rmproject", "-y", other)
    assert served.error(f"/{other}/describe") == (404, "ResourceNotFound")


def test_call_the_api_by_hand(served: ServedPlatform) -> None:
    assert json.loads(served.dx("api", "system", "whoami")) == {"id": "user-local"}


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("describe", f"file-{'0' * 24}"), f"file-{'0' * 24}"),
        (("download", "missing.txt"), "missing.txt"),
        (("rm", "missing.txt"), "missing.txt"),
        (("mkdir", "/a/b"), "The specified folder could not be found in project-"),
        (("api", "system", "nonsense"), "does not implement POST /system/nonsense"),
    ],
)
def test_errors_reach_the_user(served: ServedPlatform, arguments: tuple[str, ...], says: str) -> None:
    failed = served.try_dx(*arguments)
    assert failed.returncode != 0
    assert says in failed.stdout + failed.stderr


def test_inside_a_job_commands_use_the_workspace(served: ServedPlatform) -> None:
    job = served.job()
    (served.folder / "a.txt").write_text("x")
    file = served.dx("upload", "a.txt", "--brief", job=job)
    described = json.loads(served.dx("describe", file, "--json", job=job))
    assert described["project"] == served.variables(job)["DX_WORKSPACE_ID"]
    assert served.dx("ls", job=job) == "a.txt"
    assert "a.txt" not in served.dx("ls")


def test_an_ssh_key_is_configured_and_revoked(served: ServedPlatform) -> None:
    for name, text in (("id", "private"), ("id.pub", "ssh-rsa AAAA me")):
        path = served.folder / ".ssh" / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)
    settings = served.folder / ".dnanexus_config"
    settings.mkdir(exist_ok=True)
    done = subprocess.run(
        ["dx", "ssh_config"],
        env=served.variables(),
        cwd=served.folder,
        input="1\n",
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert "Updated public key for user user-local" in done.stdout, done.stderr
    assert served.post("/user-local/describe")["sshPublicKey"] == "ssh-rsa AAAA me"
    assert "revoked" in served.dx("ssh_config", "--revoke")
    assert "sshPublicKey" not in served.post("/user-local/describe")
