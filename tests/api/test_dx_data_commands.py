"""Tests of each `dx` command for folders, data objects, files and projects, with the real server."""

from __future__ import annotations

import hashlib
import json
import subprocess
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest
from tests.forked import run_dx

from dx_local.platform.execution import applets, job_events

if TYPE_CHECKING:
    from pathlib import Path

    from tests.conftest import ServedPlatform

    from dx_local.platform.core.context import Context

JSON = dict[str, Any]


@dataclass
class Terminal:
    """The shell of a user, in an empty folder, with a new and empty project."""

    served: ServedPlatform
    folder: Path
    project: str

    def try_dx(self, *arguments: str, stdin: str = "") -> subprocess.CompletedProcess[str]:
        variables = self.served.variables()
        del variables["DX_CLI_WD"]  # it would override `dx cd`
        variables |= {"DX_PROJECT_CONTEXT_ID": self.project, "HOME": str(self.folder)}
        return run_dx(self.served.environment.bin, arguments, variables, self.folder, stdin)

    def dx(self, *arguments: str, stdin: str = "") -> str:
        done = self.try_dx(*arguments, stdin=stdin)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout.strip()

    def lines(self, *arguments: str) -> list[str]:
        return self.dx(*arguments).splitlines()

    def fails(self, *arguments: str) -> str:
        done = self.try_dx(*arguments)
        assert done.returncode != 0, done.stdout
        return " ".join((done.stdout + done.stderr).split())  # dx breaks lines at the width of a terminal

    def record(self, path: str, **fields: Any) -> str:
        """Create a record without starting `dx`."""
        folder, _, name = path.rpartition("/")
        request = {"project": self.project, "folder": folder or "/", "name": name, "parents": True, **fields}
        record: str = self.served.post("/record/new", request)["id"]
        return record

    def file(self, path: str, text: str = "x", **fields: Any) -> str:
        """Create a closed file without starting `dx`."""
        folder, _, name = path.rpartition("/")
        request = {"project": self.project, "folder": folder or "/", "name": name, "parents": True, **fields}
        file: str = self.served.post("/file/new", request)["id"]
        part = {"size": len(text), "md5": hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()}
        target = self.served.post(f"/{file}/upload", part)
        self.served.request("PUT", target["url"], text, target["headers"])
        self.served.post(f"/{file}/close")
        return file

    def describe(self, entity: str, **options: Any) -> JSON:
        return self.served.post(f"/{entity}/describe", {"properties": True, "details": True, **options})

    def paths(self) -> set[str]:
        """Return the paths of all visible objects of the project."""
        request = {"scope": {"project": self.project}, "visibility": "visible", "describe": True}
        rows = self.served.post("/system/findDataObjects", request)["results"]
        return {f"{row['describe']['folder'].rstrip('/')}/{row['describe']['name']}" for row in rows}


@pytest.fixture
def terminal(served_to_module: ServedPlatform, tmp_path: Path) -> Terminal:
    name = f"of {tmp_path.name}"
    return Terminal(served_to_module, tmp_path, served_to_module.post("/project/new", {"name": name})["id"])


def test_ls(terminal: Terminal) -> None:
    file = terminal.file("/d/b.txt")
    terminal.file("/d/e/deep.txt")
    terminal.record("/d/.hidden", hidden=True)
    assert terminal.lines("ls", "/d") == ["e/", "b.txt"]
    assert terminal.lines("ls", "-a", "/d") == ["./", "../", "e/", ".hidden", "b.txt"]
    assert terminal.lines("ls", "--obj", "--brief", "d") == [file]
    assert terminal.lines("ls", "--folders", "--full", "d") == ["/d/e"]
    assert f"1 bytes   b.txt ({file})" in terminal.dx("ls", "-l", "d/b*")


def test_ls_of_a_missing_folder(terminal: Terminal) -> None:
    assert "Unable to resolve" in terminal.fails("ls", "/missing")


def test_tree(terminal: Terminal) -> None:
    terminal.file("/d/e/deep.txt")
    assert terminal.lines("tree", "/d") == ["/d", "└── e", "    └── deep.txt"]
    assert "closed" in terminal.dx("tree", "-l")


def test_mkdir_and_rmdir(terminal: Terminal) -> None:
    terminal.dx("mkdir", "-p", "/a/b/c", "/d")
    assert "already exists" in terminal.fails("mkdir", "/d")
    assert "not empty" in terminal.fails("rmdir", "/a")
    terminal.dx("rmdir", "/a/b/c", "/d")
    assert terminal.served.post(f"/{terminal.project}/listFolder")["folders"] == ["/a"]


def test_cd_and_pwd(terminal: Terminal) -> None:
    name = terminal.describe(terminal.project)["name"]
    terminal.file("/a/b/x.txt")
    terminal.dx("cd", "a/b")
    assert terminal.dx("pwd") == f"{name}:/a/b"
    assert terminal.dx("ls") == "x.txt"
    terminal.dx("cd", "..")
    assert terminal.dx("cat", "b/x.txt") == "x"
    assert "folder could not be found" in terminal.fails("cd", "/missing")


def test_select(terminal: Terminal) -> None:
    other = terminal.dx("new", "project", f"other of {terminal.project}", "--brief", "--select")
    variables = terminal.folder / ".dnanexus_config"
    assert other in "".join(path.read_text() for path in variables.rglob("*") if path.is_file())
    terminal.dx("select", terminal.project)


GARDEN: dict[str, JSON] = {
    "/apple.bam": {"tags": ["fruit", "red"], "properties": {"size": "s", "k": "1"}, "types": ["T", "U"]},
    "/f/banana.bam": {"tags": ["fruit"], "properties": {"size": "m"}},
    "/f/g/carrot.txt": {"types": ["T"], "close": True},
    "/f/g/date.txt": {"hidden": True},
}


@pytest.fixture(scope="module")
def garden(served_to_module: ServedPlatform, tmp_path_factory: pytest.TempPathFactory) -> Terminal:
    """A project with objects to find."""
    project = served_to_module.post("/project/new", {"name": "garden", "tags": ["green"]})["id"]
    gardener = Terminal(served_to_module, tmp_path_factory.mktemp("garden"), project)
    made = {path: gardener.record(path, **fields) for path, fields in GARDEN.items()}
    gardener.record("/pie", details={"of": {"$dnanexus_link": made["/apple.bam"]}})
    return gardener


@pytest.mark.parametrize(
    ("flags", "names"),
    [
        ("--name *.bam --class record", "apple.bam banana.bam"),
        ("--tag fruit --tag red", "apple.bam"),
        ("--property size=s --property k", "apple.bam"),
        ("--type T --state closed", "carrot.txt"),
        ("--visibility hidden --name d*", "date.txt"),
        ("--folder /f --norecurse", "banana.bam"),
        ("--path garden:/f/g --visibility either", "carrot.txt date.txt"),
        (
            "--created-after=-1h --mod-after=-1h --mod-before=2100-01-01 --state open",
            "apple.bam banana.bam pie",
        ),
        ("--created-before=2020-01-01", ""),
        ("--all-projects --property size", "apple.bam banana.bam"),
    ],
)
def test_find_data(garden: Terminal, flags: str, names: str) -> None:
    found = json.loads(garden.dx("find", "data", "--json", *flags.split()))
    assert sorted(each["describe"]["name"] for each in found) == names.split()


def test_find_data_by_link(garden: Terminal) -> None:
    (apple,) = garden.lines("find", "data", "--brief", "--name", "apple*")
    (pie,) = garden.lines("find", "data", "--brief", "--link", apple.partition(":")[2])
    assert garden.describe(pie.partition(":")[2])["name"] == "pie"


def test_find_projects(garden: Terminal) -> None:
    assert garden.lines("find", "projects", "--name", "gard*", "--tag", "green", "--brief") == [
        garden.project
    ]
    shown = json.loads(garden.dx("find", "projects", "--name", "garden", "--level", "ADMINISTER", "--json"))
    assert [(each["id"], each["level"]) for each in shown] == [(garden.project, "ADMINISTER")]


def test_upload_from_a_pipe(terminal: Terminal) -> None:
    file = terminal.dx("upload", "-", "--path", "/in/piped.txt", "-p", "--brief", "--wait", stdin="piped")
    assert terminal.paths() == {"/in/piped.txt"}
    assert terminal.dx("cat", file) == "piped"


def test_upload_of_a_folder(terminal: Terminal) -> None:
    for path in ("d/a.txt", "d/e/b.txt", "d/e/empty"):
        (terminal.folder / path).parent.mkdir(parents=True, exist_ok=True)
        (terminal.folder / path).write_text("" if path.endswith("empty") else path)
    terminal.dx("upload", "-r", "d", "--tag", "t", "--path", "/up/", "-p", "--wait")
    assert terminal.paths() == {"/up/d/a.txt", "/up/d/e/b.txt", "/up/d/e/empty"}
    assert len(terminal.lines("find", "data", "--tag", "t", "--brief")) == 3


def test_upload_of_several_files(terminal: Terminal) -> None:
    for name in ("a.txt", "b c.txt"):
        (terminal.folder / name).write_text(name)
    terminal.dx("upload", "a.txt", "b c.txt", "--wait", "--type", "T", "--visibility", "visible")
    assert terminal.paths() == {"/a.txt", "/b c.txt"}


def test_download_of_a_folder(terminal: Terminal) -> None:
    terminal.file("/d/a.txt", "A")
    terminal.file("/d/e/b.txt", "B")
    terminal.dx("download", "-r", "/d", "-o", ".")
    assert "already exists" in terminal.fails("download", "-r", "/d")
    (terminal.folder / "d" / "a.txt").write_text("changed")
    terminal.dx("download", "-r", "-f", "/d")
    assert (terminal.folder / "d" / "a.txt").read_text() == "A"
    assert (terminal.folder / "d" / "e" / "b.txt").read_text() == "B"


def test_download_by_wildcard(terminal: Terminal) -> None:
    for name in ("a.txt", "b.txt", "c.bam"):
        terminal.file(f"/d/{name}", name)
    terminal.dx("download", "/d/*.txt")
    assert {path.name for path in terminal.folder.glob("*.*")} == {"a.txt", "b.txt"}


def test_download_of_one_name_that_two_files_have(terminal: Terminal) -> None:
    files = {terminal.file("/a.txt", text): text for text in ("one", "two")}
    assert "resolves to 2 data objects" in terminal.fails("download", "a.txt", "-o", "x")
    terminal.dx("download", "-a", "-f", "a.txt")
    assert (terminal.folder / "a.txt").read_text() in files.values()


def test_download_of_the_output_of_a_job(terminal: Terminal) -> None:
    file = terminal.file("/made.txt", "made")

    def run(context: Context) -> str:
        run_spec = {"interpreter": "bash", "code": "main() { true; }"}
        applet = {"project": terminal.project, "dxapi": "1.0.0", "runSpec": run_spec}
        applet_id = applets.new_applet(context, "applet", applet)["id"]
        request = {"project": terminal.project, "input": {}}
        job: str = applets.run_applet(context, applet_id, request)["id"]
        job_events.start(context.platform, job)
        job_events.finish(context.platform, job, {"out": {"$dnanexus_link": file}})
        return job

    assert terminal.dx("download", f"{terminal.served.inside(run)}:out", "-o", "-") == "made"


def test_cat_and_head(terminal: Terminal) -> None:
    terminal.file("/a.txt", "1\n2\n3\n")
    terminal.file("/b.txt", "4\n")
    assert terminal.lines("cat", "a.txt", "b.txt") == ["1", "2", "3", "4"]
    assert terminal.lines("head", "-n", "2", "a.txt") == ["1", "2"]


def test_a_download_url_works_with_curl(terminal: Terminal) -> None:
    terminal.file("/a.txt", "0123456789")
    url = terminal.dx("make_download_url", "a.txt", "--filename", "new name.txt", "--duration", "1h")
    assert url.endswith("/new%20name.txt")
    curl = ["curl", "--silent", "--show-error", "--fail", "--range", "2-4", "-OJ", url]
    subprocess.run(curl, check=True, cwd=terminal.folder, timeout=30)
    assert (terminal.folder / "new%20name.txt").read_text() == "234"


def test_mv(terminal: Terminal) -> None:
    terminal.file("/a.txt")
    terminal.file("/d/b.txt")
    terminal.dx("mkdir", "/e")
    terminal.dx("mv", "a.txt", "/d", "/e/")
    terminal.dx("mv", "/e/a.txt", "/c.txt")
    terminal.dx("mv", "/e/d", "/e/renamed")
    assert terminal.paths() == {"/c.txt", "/e/renamed/b.txt"}


def test_cp_to_another_project(terminal: Terminal) -> None:
    other = terminal.served.post("/project/new", {"name": f"copies of {terminal.project}"})["id"]
    terminal.file("/d/e/a.txt")
    file = terminal.file("/b.txt")
    terminal.dx("cp", "/d", f"{other}:/")
    terminal.dx("cp", "b.txt", f"{other}:/renamed.txt")
    assert file in terminal.dx("cp", "b.txt", f"{other}:/")  # unchanged, because it already exists there
    assert "If cloned, a folder would conflict" in terminal.fails("cp", "/d", f"{other}:/")
    assert Terminal(terminal.served, terminal.folder, other).paths() == {"/d/e/a.txt", "/renamed.txt"}


def test_rm(terminal: Terminal) -> None:
    for path in ("/a.txt", "/a.txt", "/b.txt", "/d/e/c.txt"):
        terminal.file(path)
    assert "resolves to 2 data objects" in terminal.fails("rm", "a.txt")
    assert "-r" in terminal.fails("rm", "/d")
    terminal.dx("rm", "-a", "a.txt")
    terminal.dx("rm", "-r", "/d", "b.txt")
    assert terminal.paths() == set()


def test_metadata_of_a_copy(terminal: Terminal) -> None:
    file = terminal.file("/a.txt", tags=["old"], properties={"gone": "1"})
    terminal.dx("rename", "a.txt", "b.txt")
    terminal.dx("tag", "b.txt", "new", "ünïcode $")
    terminal.dx("untag", "b.txt", "old")
    terminal.dx("set_properties", "b.txt", "k=v", "empty=")
    terminal.dx("unset_properties", "b.txt", "gone")
    described = terminal.describe(file)
    assert (described["name"], described["tags"]) == ("b.txt", ["new", "ünïcode $"])
    assert described["properties"] == {"k": "v", "empty": ""}


def test_content_of_an_object(terminal: Terminal) -> None:
    record = terminal.dx("new", "record", "/r", "--type", "T", "--details", '{"a": [1]}', "--brief")
    terminal.dx("add_types", "r", "U", "V")
    terminal.dx("remove_types", "r", "T")
    terminal.dx("set_details", "r", '{"b": 2}')
    terminal.dx("set_visibility", "r", "hidden")
    assert json.loads(terminal.dx("get_details", record)) == {"b": 2}
    terminal.dx("close", record, "--wait")
    assert "not in the open state" in terminal.fails("add_types", record, "W")
    described = terminal.describe(record)
    assert (described["types"], described["hidden"], described["state"]) == (["U", "V"], True, "closed")


def test_describe_of_a_name_that_two_objects_have(terminal: Terminal) -> None:
    made = {terminal.record("/d/same") for _ in range(2)}
    shown = json.loads(terminal.dx("describe", "/d/same", "--json", "--multi"))
    assert {each["id"] for each in shown} == made
    assert "Result 2:" in terminal.dx("describe", "/d/same")
    assert "No matches found" in terminal.fails("describe", "/d/other")


def test_names_with_every_special_character(terminal: Terminal) -> None:
    terminal.file("/odd/name: *?[x].txt", "odd")
    assert terminal.lines("ls", "odd") == ["name: *?[x].txt"]
    assert terminal.dx("cat", r"/odd/name\: \*\?\[x\].txt") == "odd"


def test_folders_with_slashes_in_their_names(terminal: Terminal) -> None:
    terminal.dx("mkdir", "-p", r"/a\/b/c")
    terminal.file(r"/a\/b/c/x.txt")
    assert terminal.lines("ls", r"/a\/b/") == ["c/"]
    terminal.dx("mv", r"/a\/b/c/x.txt", r"/a\/b")
    assert terminal.paths() == {r"/a\/b/x.txt"}


def test_projects(terminal: Terminal) -> None:
    name = f"new of {terminal.project}"
    project = terminal.dx("new", "project", name, "--brief")
    terminal.dx("update", "project", project, "--summary", "S", "--protected", "true")
    terminal.dx("tag", project, "t")
    described = terminal.describe(project)
    assert (described["summary"], described["protected"], described["tags"]) == ("S", True, ["t"])
    terminal.dx("rmproject", "-y", project)
    assert "No matches found" in terminal.fails("describe", project)
