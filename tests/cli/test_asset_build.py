"""`dx-local asset build`: what ends up in an asset, which runs find it, and builds that fail."""

from __future__ import annotations

import os
import re
import subprocess
import tarfile
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest
from tests.asset_folders import MAKEFILE, asset_folder
from tests.cli.conftest import BIN
from tests.worker.test_pip import WHEEL, wheel

from dx_local.worker.builders import asset_spec

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.cli.conftest import DxLocal

EVERYTHING = f"""{MAKEFILE}
\tln /usr/share/said/word /usr/share/said/hard
\tln -s hard /usr/share/said/soft
\tmkdir -p /opt/empty /opt/private; chmod 700 /opt/private; echo x > /opt/private/file
\tmkfifo /opt/pipe
\trm /etc/passwd
\techo x > /tmp/file; echo x > $$HOME/file; echo x > /var/tmp/file; echo x > /dev/shm/file
\tmkdir -p /var/cache/of-the-build /opt/__pycache__; touch /var/cache/of-the-build/file /opt/__pycache__/a.pyc
\tbase64 -d /src/wheel > {WHEEL}
\tpip install --quiet --no-index --disable-pip-version-check --root-user-action=ignore ./{WHEEL}
\tprintf 'x' > "/opt/two$$(printf '\\nlines')"
"""
APP = """
import subprocess, colours, dxpy
@dxpy.entry_point("main")
def main():
    return {"said": subprocess.check_output(["say"], text=True).strip() + colours.RED}
"""
RECORD = re.compile(r"record-[0-9A-Za-z]{24}")


@dataclass
class Built:
    """A built asset: what the command printed, the members of its bundle, and the state folder."""

    state: Path
    printed: str
    log: str

    @property
    def bundle(self) -> Path:
        return self.state / "dx-local" / "assets" / "say_asset@1.2.0.tar.gz"

    @property
    def record(self) -> str:
        found = RECORD.search(self.printed)
        assert found
        return found[0]

    def members(self) -> dict[str, tarfile.TarInfo]:
        with tarfile.open(self.bundle) as archive:
            return {member.name: member for member in archive.getmembers()}


def build(folder: Path, state: Path, *options: str, **variables: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [BIN / "dx-local", "asset", "build", folder, *options],
        env={**os.environ, "XDG_STATE_HOME": str(state), **variables},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.fixture(scope="module")
def built(sandboxes: None, tmp_path_factory: pytest.TempPathFactory) -> Built:
    place = tmp_path_factory.mktemp("built")
    excluded = ["/src", "/usr/local/lib/python3*/dist-packages/colours-*"]
    folder = asset_folder(place / "say", EVERYTHING, excludeResource=excluded)
    (folder / "resources" / "src" / "wheel").write_text(wheel())
    (folder / "resources" / "usr" / "local" / "outside").symlink_to(place / "secret")
    (place / "secret").write_text("secret")
    (folder / "resources" / "usr" / "local").chmod(0o700)
    (folder / "resources" / "bin").mkdir()
    (folder / "resources" / "bin" / "tool").write_text("a tool")
    done = build(folder, place / "state")
    assert done.returncode == 0, done.stderr
    return Built(place / "state", done.stdout, done.stderr)


def test_the_files_of_a_build_are_the_asset(built: Built) -> None:
    packages = {name for name in built.members() if "-packages/" in name}
    assert built.members().keys() - packages == {
        "opt/empty",
        "opt/private",
        "opt/private/file",
        "opt/two\nlines",
        "usr/bin/tool",
        "usr/local/bin/say",
        "usr/local/outside",
        "usr/share/said/hard",
        "usr/share/said/soft",
        "usr/share/said/word",
    }
    assert {re.sub(r".*/dist-packages/", "", name) for name in packages} == {"colours.py"}


def test_members_keep_their_kind_and_belong_to_root(built: Built) -> None:
    members = built.members()
    assert members["usr/local/outside"].issym()
    assert members["usr/share/said/soft"].linkname == "hard"
    assert members["usr/share/said/word"].linkname == "usr/share/said/hard"
    assert (members["opt/private"].mode, members["usr/local/bin/say"].mode) == (0o700, 0o755)
    assert {(member.uid, member.gid, member.uname) for member in members.values()} == {(0, 0, "root")}


def test_what_a_build_removes_is_reported(built: Built) -> None:
    assert "The build removed /etc/passwd; an asset cannot remove files." in built.log


@pytest.mark.parametrize("how", ["by ID", "by name"])
def test_runs_find_a_built_asset(
    dx_local: DxLocal,
    make_app: Callable[..., Path],
    built: Built,
    how: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(built.state))
    named = {"name": "say_asset", "version": "1.2.0", "project": f"project-{'b' * 24}"}
    asset = {"id": built.record} if how == "by ID" else named
    app = make_app(APP, outputs={"said": "string"}, runSpec={"assetDepends": [asset]})
    done = dx_local("run", app, "--json")
    assert done.json["output"] == {"said": "from sourceff0000"}, done.stderr


@pytest.mark.slow
def test_a_second_build_keeps_the_record_and_rm_removes_the_bundle(
    built: Built, tmp_path: Path, dx_local: DxLocal, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = build(asset_folder(tmp_path / "say", None), tmp_path, "-q").stdout
    again = build(tmp_path / "say", tmp_path, "-q")
    assert (again.stdout, again.stderr) == (first, "")
    bundle = tmp_path / "dx-local" / "assets" / built.bundle.name
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    dx_local("asset", "rm", "say_asset@1.2.0")
    assert bundle.exists()
    found = RECORD.search(first)
    assert found
    dx_local("asset", "rm", found[0])
    assert not bundle.exists()


@pytest.mark.usefixtures("sandboxed")
def test_a_failing_makefile_leaves_nothing(tmp_path: Path) -> None:
    makefile = "all:\n\t@echo '\033[31mno such compiler'\n\t@exit 3\n"
    done = build(asset_folder(tmp_path / "say", makefile), tmp_path / "state", "-q")
    assert done.returncode == 5
    assert "error: the asset was not built: make failed with exit code 2. Its last lines:" in done.stderr
    assert "\n  no such compiler\n" in done.stderr
    assert "Error 3" in done.stderr
    assert not (tmp_path / "state" / "dx-local").exists()


@pytest.mark.slow
def test_output_is_written_and_not_added(tmp_path: Path) -> None:
    folder = asset_folder(tmp_path / "say", None)
    done = build(folder, tmp_path / "state", "-q", "--output", str(tmp_path / "mine.tgz"))
    assert (done.stdout, done.stderr) == (f"{tmp_path / 'mine.tgz'}\n", "")
    with tarfile.open(tmp_path / "mine.tgz") as archive:
        assert archive.getnames() == ["usr/local/bin/say"]
    assert not (tmp_path / "state" / "dx-local" / "assets.json").exists()


@pytest.mark.parametrize("variable", ["none"])
def test_without_a_sandbox_a_sentence_names_the_way_out(
    dx_local: DxLocal, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, variable: str
) -> None:
    monkeypatch.setenv("DX_LOCAL_ISOLATION", variable)
    done = dx_local("asset", "build", asset_folder(tmp_path / "say"))
    assert done.exit_code == 2
    assert "leave out --isolation none" in done.stderr


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"name": 5}, "name must be a string, not a number"),
        ({"name": "a/b"}, 'name must not contain "/", because files are named after it'),
        ({"name": "a@b"}, "'a@b@1.2.0' cannot be the name and version of an asset in assetDepends"),
        ({"title": " "}, "title must not be empty"),
        ({"description": "x" * 701}, "description must not be longer than 700 bytes"),
        ({"version": None}, "version must be a string, not null"),
        ({"release": "22.04"}, "release must be one of 24.04, 20.04, 16.04, 14.04, 12.04"),
        ({"release": []}, "release must be a string, not an array"),
        ({"distribution": "Debian"}, 'distribution must be "Ubuntu"'),
        ({"runSpecVersion": 1}, 'runSpecVersion must be "0" or "1"'),
        ({"runSpecVersion": "1"}, 'runSpecVersion can be "1" only for release 16.04'),
        ({"instanceType": {}}, "instanceType must be a string, not an object"),
        ({"execDepends": "samtools"}, "execDepends must be an array of packages, not a string"),
        ({"execDepends": [{}]}, "execDepends[0].name is missing"),
        (
            {"execDepends": [{"name": "a"}, "b"]},
            'execDepends[1] must be an object such as {"name": "samtools"}, not a string',
        ),
        (
            {"execDepends": [{"name": "a", "version": 1}]},
            "execDepends[0].version must be a string, not a number",
        ),
        (
            {"execDepends": [{"name": "a", "package_manager": "conda"}]},
            "execDepends[0].package_manager must be one of apt, pip, pip3, gem, cpan, cran, git",
        ),
        (
            {"execDepends": [{"name": "a", "package_manager": "git"}]},
            "execDepends[0].url is missing, which a git dependency needs",
        ),
        (
            {"execDepends": [{"name": "a", "stages": True}]},
            "execDepends[0].stages must be an array of entry points",
        ),
        ({"excludeResource": {}}, "excludeResource must be an array of paths, not an object"),
        ({"excludeResource": ["/a", False]}, "excludeResource[1] must be a string, not true or false"),
        (
            {"excludeResource": ["src"]},
            'excludeResource[0] must be an absolute path, such as "/src" or "/usr/share/doc/*"',
        ),
    ],
)
def test_mistakes_in_dxasset_json_have_a_place(
    dx_local: DxLocal, tmp_path: Path, change: dict[str, Any], problem: str
) -> None:
    done = dx_local("asset", "build", asset_folder(tmp_path / "say", **change))
    assert done.exit_code == 2
    assert problem in done.stderr
    assert re.search(r"say/dxasset\.json:", done.stderr)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("{", r"dxasset\.json:1:\d: ends too early"),
        ("[]", r"dxasset\.json:1:1: the document must be an object, not an array"),
        ('{"name": "a", "name": "b"}', r"dxasset\.json:1:15: .*name"),
        (None, "has no dxasset.json"),
    ],
)
def test_a_file_that_is_no_dxasset_json_is_refused(
    dx_local: DxLocal, tmp_path: Path, text: str | None, problem: str
) -> None:
    folder = asset_folder(tmp_path / "say")
    (folder / "dxasset.json").unlink()
    if text is not None:
        (folder / "dxasset.json").write_text(text)
    done = dx_local("asset", "build", folder)
    assert done.exit_code == 2
    assert re.search(problem, done.stderr), done.stderr


def test_all_mistakes_are_reported_at_once() -> None:
    found = asset_spec.problems({"name": 1, "release": 2, "execDepends": 3})
    paths = [problem.path for problem in found]
    assert paths == [("name",), ("title",), ("description",), ("version",), ("release",), ("execDepends",)]


@pytest.mark.parametrize(
    ("options", "problem"),
    [
        (["--output", "bundle.zip"], "Pass a name that ends in .tar.gz."),
        (["--output", "nowhere/bundle.tar.gz"], "there is no folder 'nowhere'"),
        (["--project", "elsewhere"], "--project: 'elsewhere:say_asset@1.2.0' names no asset"),
    ],
)
def test_options_are_checked_before_the_build(
    dx_local: DxLocal, tmp_path: Path, options: list[str], problem: str
) -> None:
    done = dx_local("asset", "build", asset_folder(tmp_path / "say"), *options)
    assert (done.exit_code, problem in done.stderr) == (2, True), done.stderr


@pytest.mark.parametrize(
    ("patterns", "path", "expected"),
    [
        (["/src"], "/src", True),
        (["/src/"], "/src", True),
        (["/src"], "/srcs", False),
        (["/usr/share/*"], "/usr/share/doc/a/b", True),
        (["*.pyc"], "/opt/a.pyc", True),
        ([], "/opt/a", False),
        ([], "/var/log", True),
        (["/a[0-9]"], "/a7", True),
        (["/a.b"], "/a-b", False),
        (["*"], "/two\nlines", True),
    ],
)
def test_patterns_exclude_as_those_of_find(patterns: list[str], path: str, expected: bool) -> None:
    from dx_local.worker.builders.asset_archive import exclusion

    assert exclusion(patterns)(path) is expected
