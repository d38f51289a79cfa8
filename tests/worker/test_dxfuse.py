"""Mounts of inputs and projects: dx-mount-all-inputs and dxfuse, as jobs call them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

    from dx_local.testing import Run

    RunApp = Callable[..., Run]
    MakeApp = Callable[..., Path]

INPUTS = """
main() {
    dx-mount-all-inputs --except left_out --verbose > messages
    cat messages
    cd in; find . -type f -o -type l | sort; cat one/a.txt many/*/*; cd ..
    for change in 'echo x > in/one/a.txt' 'touch in/new' 'rm in/one/a.txt' 'chmod 777 in/one/a.txt'; do
        sh -c "$change" 2> refused && echo "possible: $change"
    done
    cp mount-manifest.json ~/manifest
    dx-jobutil-add-output manifest "$(dx upload --brief manifest)"
}
"""

PROJECT = r"""
main() {
    for text in first second third; do
        echo $text > same.txt
        dx upload --brief --path "$DX_PROJECT_CONTEXT_ID:/below/same.txt" --parents same.txt > /dev/null
    done
    echo clash > same.txt
    dx upload --brief --path "$DX_PROJECT_CONTEXT_ID:/below/clash" same.txt > /dev/null
    dx mkdir -p "$DX_PROJECT_CONTEXT_ID:/below/clash" "$DX_PROJECT_CONTEXT_ID:/below/2/deep"
    id=$(dx upload --brief --path "$DX_PROJECT_CONTEXT_ID:/plain.txt" same.txt)
    dx api $id rename '{"project": "'$DX_PROJECT_CONTEXT_ID'", "name": "a/b"}' > /dev/null
    echo '{"files": [{"proj_id": "'$DX_PROJECT_CONTEXT_ID'", "file_id": "'$id'", "parent": "/x/y"}],
        "directories": [{"proj_id": "'$DX_PROJECT_CONTEXT_ID'", "folder": "/below/2", "dirname": "d"}]}
    ' > m.json
    name=$(python3 -c 'import dxpy; print(dxpy.DXProject(dxpy.PROJECT_CONTEXT_ID).name)')
    mkdir by_id by_name by_manifest
    dxfuse -readOnly by_id $DX_PROJECT_CONTEXT_ID > /dev/null
    dxfuse -verbose 2 -uid 0 by_name "$name" > /dev/null
    dxfuse by_manifest m.json | tail -n 1
    (cd by_id/"$name"; find . -mindepth 1 ! -path './input*' | sort)
    diff -r by_id by_name && echo equal
    (cd by_manifest; find . -mindepth 1 | sort)
    cat by_id/"$name"/below/same.txt by_id/"$name"/below/1/same.txt by_id/"$name"/below/3/same.txt
    stat -c %A by_id/"$name"/below/same.txt
    fusermount -u by_id
    ls by_id | wc -l
    set +e
    dxfuse -limitedWrite by_id x; echo $?
    dxfuse missing x; echo $?
    dxfuse by_id no-such-project; echo $?
    dxfuse -unknown; echo $?
    echo '{"files": [1]}' > bad.json; dxfuse by_id bad.json; echo $?
    dxfuse -version | cut -c 1
}
"""


@pytest.fixture
def files(tmp_path: Path) -> dict[str, object]:
    (tmp_path / "data").mkdir()
    for name in ("a.txt", "b.txt", "c.txt"):
        (tmp_path / "data" / name).write_text(f"{name}\n")
    a, b, c = (str(tmp_path / "data" / name) for name in ("a.txt", "b.txt", "c.txt"))
    return {"one": a, "many": [b, c], "left_out": c}


def lines_of(run: Run) -> list[str]:
    """Return what the job itself printed."""
    return run.log.splitlines()


@pytest.mark.usefixtures("sandboxed")
@pytest.mark.parametrize("delivery", ["copy", "link"])
def test_inputs_are_mounted_as_downloads_place_them(
    dx_run: RunApp, make_app: MakeApp, files: dict[str, object], delivery: str
) -> None:
    inputs = {"one": "file", "many": "array:file", "left_out": "file"}
    app = make_app(INPUTS, interpreter="bash", inputs=inputs, outputs={"manifest": "file"})
    run = dx_run(app, files, input_delivery=delivery)
    lines = lines_of(run)
    assert "Daemon started successfully" in run.log
    start = lines.index("./many/0/b.txt")
    assert lines[start:] == ["./many/0/b.txt", "./many/1/c.txt", "./one/a.txt", "a.txt", "b.txt", "c.txt"]
    manifest = json.loads(Path(run.output["manifest"]).read_text())["Files"]
    assert [entry["parent"] for entry in manifest] == ["/one", "/many/0", "/many/1"]
    assert {key for entry in manifest for key in entry} == {"proj_id", "file_id", "parent"}


@pytest.mark.usefixtures("sandboxed")
def test_projects_are_mounted_with_every_file_under_a_name_of_its_own(
    dx_run: RunApp, make_app: MakeApp
) -> None:
    app = make_app(PROJECT, interpreter="bash", access={"project": "CONTRIBUTE"})
    lines = lines_of(dx_run(app, {}))
    start = lines.index("Daemon started successfully") + 1
    below = ["./below/1", "./below/1/clash", "./below/1/same.txt", "./below/2", "./below/2/deep"]
    below += ["./below/3", "./below/3/same.txt", "./below/clash", "./below/same.txt"]
    assert lines[start:][: len(below) + 2] == ["./a___b", "./below", *below]
    rest = lines[start + len(below) + 2 :]
    assert rest[:6] == ["equal", "./d", "./d/deep", "./x", "./x/y", "./x/y/a___b"]
    assert rest[6:11] == ["first", "second", "third", "-r--r--r--", "0"]
    codes = [line for line in rest[11:] if line.isdigit() or line == "v"]
    assert codes == ["2", "1", "1", "2", "1", "v"]
    for problem in (
        "-limitedWrite is not supported",
        "mountpoint missing does not exist",
        "no project with name no-such-project",
        "flag provided but not defined: -unknown",
        "bad.json does not hold lists",
    ):
        assert problem in "\n".join(rest)


def test_without_a_sandbox_mounts_are_plain_folders(
    dx_run: RunApp, make_app: MakeApp, files: dict[str, object]
) -> None:
    code = "main() { dx-mount-all-inputs > /dev/null; cat in/*/a.txt in/many/*/*; fusermount -u in; }\n"
    inputs = {"one": "file", "many": "array:file", "left_out": "file"}
    run = dx_run(make_app(code, interpreter="bash", inputs=inputs), files, isolation="none")
    assert lines_of(run)[-3:] == ["a.txt", "b.txt", "c.txt"]
