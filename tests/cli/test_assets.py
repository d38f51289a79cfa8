"""assetDepends with `dx-local run`: missing assets are listed, given ones are overlaid on `/`."""

from __future__ import annotations

import os
import tarfile
from typing import TYPE_CHECKING

import pytest

from dx_local.testing import run_app

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.cli.conftest import DxLocal

CODE = 'main() { dx-jobutil-add-output said "$(say) $(cat ${DX_FS_ROOT-}/usr/share/word)" --class=string; }'
NAMED = {"name": "say_asset", "version": "1.2.0", "project": "project-xxxx"}


@pytest.fixture
def app(make_app: Callable[..., Path]) -> Path:
    regional = {"aws:us-east-1": {"assetDepends": [NAMED, {"id": "record-xxxx"}]}}
    made = make_app(CODE, interpreter="bash", outputs={"said": "string"}, regionalOptions=regional)
    put(made / "resources", "usr/share/word", "of the app")
    return made


def put(root: Path, name: str, text: str) -> None:
    (root / name).parent.mkdir(parents=True, exist_ok=True)
    (root / name).write_text(text)
    (root / name).chmod(0o755)


@pytest.fixture
def archive(tmp_path: Path) -> Path:
    put(tmp_path / "packed", "usr/bin/say", "#!/bin/sh\necho said")
    with tarfile.open(tmp_path / "say asset.tar.gz", "w:gz") as made:
        made.add(tmp_path / "packed", ".")
    return tmp_path / "say asset.tar.gz"


@pytest.mark.parametrize("isolation", ["auto", "none"])
def test_assets_lie_over_what_the_app_brings(
    dx_local: DxLocal, app: Path, archive: Path, tmp_path: Path, isolation: str
) -> None:
    put(tmp_path / "folder", "usr/share/word", "of the asset")
    options = ["--json", "--isolation", isolation, f"--asset={archive}", f"--asset={tmp_path / 'folder'}"]
    done = dx_local("run", app, *options)
    assert done.json["output"] == {"said": "said of the asset"}
    assert "depends on assets" not in done.stderr


def test_bundles_of_the_region_are_named_like_assets(
    dx_local: DxLocal, make_app: Callable[..., Path]
) -> None:
    bundle = {"name": "tool.tar.gz", "id": {"$dnanexus_link": f"file-{'0' * 24}"}}
    regional = {"aws:us-east-1": {"bundledDepends": [bundle]}}
    done = dx_local("run", make_app("true", interpreter="bash", regionalOptions=regional))
    assert (done.exit_code, "The app depends on assets: tool.tar.gz." in done.stderr) == (0, True)


@pytest.mark.parametrize(
    ("resources", "named"), [("project-xxxx", "project-xxxx"), (["file-a", "file-b"], "file-a, file-b")]
)
def test_resources_of_an_app_are_named(
    dx_local: DxLocal, make_app: Callable[..., Path], resources: str | list[str], named: str
) -> None:
    regional = {"aws:us-east-1": {"resources": resources}}
    done = dx_local("run", make_app("true", interpreter="bash", regionalOptions=regional))
    assert f"The app's resources ({named}) are not on this machine" in done.stderr


@pytest.mark.usefixtures("sandboxed")
def test_assets_that_are_not_given_are_named(dx_local: DxLocal, app: Path, archive: Path) -> None:
    done = dx_local("run", app, "--asset", archive)
    assert "The app depends on assets: record-xxxx (given: " in done.stderr
    assert done.stderr.count("--asset") == 1
    assert done.stdout == "said\tsaid of the app\n"


@pytest.mark.parametrize(
    ("name", "problem"), [("nowhere", "no such asset"), ("a.txt", "neither a folder nor")]
)
def test_what_is_no_asset_is_refused(
    dx_local: DxLocal, app: Path, tmp_path: Path, name: str, problem: str
) -> None:
    (tmp_path / "a.txt").touch()
    done = dx_local("run", app, "--asset", name)
    assert (done.exit_code, problem in done.stderr) == (2, True)
    assert not (app / "test-job-workspaces").exists()


@pytest.mark.usefixtures("sandboxed")
def test_assets_are_given_to_run_app(app: Path, archive: Path, tmp_path: Path) -> None:
    assert run_app(app, assets=[archive], folder=tmp_path / "run").output == {"said": "said of the app"}


def test_an_asset_that_is_a_pipe_is_refused(dx_local: DxLocal, app: Path, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "asset.tar.gz")
    done = dx_local("run", app, "--asset", tmp_path / "asset.tar.gz")
    assert (done.exit_code, "It is a pipe, not a regular file" in done.stderr) == (2, True)


RECORD = f"record-{'B' * 24}"
KEYS = {"by name": "say_asset@1.2.0", "by ID": RECORD, "in a project": f"project-{'b' * 24}:say_asset@1.2.0"}
DEPENDS = {
    "by name": {"name": "say_asset", "version": "1.2.0", "project": f"project-{'b' * 24}"},
    "by ID": {"id": {"$dnanexus_link": RECORD}},
    "in a project": {"name": "say_asset", "version": "1.2.0", "project": f"project-{'b' * 24}"},
}


@pytest.fixture
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))


@pytest.mark.parametrize("how", list(KEYS))
@pytest.mark.parametrize("source", ["a project file", "dx-local asset add"])
@pytest.mark.usefixtures("state")
def test_a_known_asset_is_found_by_its_key(
    dx_local: DxLocal, make_app: Callable[..., Path], archive: Path, how: str, source: str
) -> None:
    regional = {"aws:us-east-1": {"assetDepends": [DEPENDS[how]]}}
    app = make_app("main() { say; }", interpreter="bash", regionalOptions=regional)
    if source == "a project file":
        (app.parent / ".dx-app-wizard.toml").write_text(f'[assets]\n"{KEYS[how]}" = "{archive.name}"\n')
    else:
        project, _, key = KEYS[how].rpartition(":")
        name, _, version = key.partition("@")
        named = ["--name", name, "--version", version] if version else ["--id", key]
        added = dx_local("asset", "add", archive, *named, *(["--project", project] if project else []))
        assert added.exit_code == 0, added.stderr
        assert dx_local("asset", "ls").stdout == f"{KEYS[how]}  {archive}\n"
    done = dx_local("run", app)
    assert (done.exit_code, "depends on assets" in done.stderr) == (0, False), done.stderr


@pytest.mark.usefixtures("state")
def test_a_forgotten_asset_is_missing_again(dx_local: DxLocal, app: Path, archive: Path) -> None:
    dx_local("asset", "add", archive, "--name", "say_asset", "--version", "1.2.0")
    assert dx_local("asset", "rm", "say_asset@1.2.0").exit_code == 0
    assert archive.exists()
    assert dx_local("asset", "ls").stderr == "no assets were added\n"
    assert "say_asset 1.2.0" in dx_local("run", app).stderr


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        (["add", "none", "--id", RECORD], "no such asset: 'none'"),
        (["add", ".", "--id", "record-x"], "'record-x' names no asset"),
        (["add", "."], "Pass either --id, or --name and --version."),
        (["add", ".", "--name", "a"], "Pass either --id, or --name and --version."),
        (["rm", "a@1"], "there is no asset 'a@1'"),
    ],
)
@pytest.mark.usefixtures("state")
def test_a_mistake_with_known_assets_is_wrong_use(
    dx_local: DxLocal, arguments: list[str], problem: str
) -> None:
    failed = dx_local("asset", *arguments)
    assert (failed.exit_code, problem in failed.stderr) == (2, True)


def test_a_failed_run_names_its_missing_assets_at_the_end(
    dx_local: DxLocal, make_app: Callable[..., Path]
) -> None:
    regional = {"aws:us-east-1": {"assetDepends": [NAMED]}}
    failed = dx_local(
        "run", make_app("main() { say; }", interpreter="bash", regionalOptions=regional), "--json"
    )
    assert "say_asset 1.2.0" in failed.json["failure"]["hint"]


@pytest.mark.usefixtures("state")
def test_dx_build_finds_known_assets_on_a_served_platform(
    dx_local: DxLocal, make_app: Callable[..., Path], tmp_path: Path
) -> None:
    put(tmp_path / "folder", "usr/bin/say", "#!/bin/sh\necho said")
    for key in ("--name=say_asset", "--version=1.2.0", f"--project=project-{'b' * 24}"), ("--id", RECORD):
        assert dx_local("asset", "add", "folder", *key).exit_code == 0
    regional = {"assetDepends": [DEPENDS["by name"], {"id": RECORD}]}
    app = make_app("main() { say; }", interpreter="bash", regionalOptions={"aws:us-east-1": regional})
    script = f'dx run "$(dx build {app} --brief | jq -r .id)" -y --brief --wait'
    done = dx_local("exec", "--", "bash", "-ec", script)
    assert done.exit_code == 0, done.stderr
