"""Unusable paths end a command with a plain error."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    MakeApp = Callable[..., Path]
    DxLocal = Callable[..., Any]

CODE = "main() { dx-jobutil-add-output said hello --class=string; }\n"


@pytest.fixture
def app(make_app: MakeApp) -> Path:
    inputs = {"reads": "file?", "table": "gtable?", "text": "string?"}
    return make_app(CODE, inputs=inputs, outputs={"said": "string"}, interpreter="bash", name="app")


@pytest.fixture
def odd(tmp_path: Path) -> dict[str, str]:
    """Paths that cannot be used, by why."""
    (tmp_path / "circle").symlink_to("circle")
    (tmp_path / "file").touch()
    return {
        "too long": "x" * 300,
        "much too long": "x/" * 3000,
        "circle": "circle/below",
        "below a file": "file/below",
        "device": "/dev/zero",
    }


WHYS = ("too long", "much too long", "circle", "below a file")


@pytest.mark.parametrize("why", WHYS)
@pytest.mark.parametrize(
    "command",
    [
        "run app --workspace-path {}",
        "run app --out {}",
        "run app -f {}",
        "run app --asset {}",
        "run {}",
        "lint {}",
        "lint {} --fix",
        "serve --state {}",
        "env --state {}",
        "exec --state {} -- true",
    ],
)
def test_a_path_that_is_impossible(
    dx_local: DxLocal, app: Path, odd: dict[str, str], command: str, why: str
) -> None:
    done = dx_local(*command.format(odd[why]).split(" "))
    assert done.exit_code in (2, 4), (done.stderr, done.stdout)
    assert "a bug in" not in done.stderr
    assert done.stderr.startswith("error: ")
    assert (
        sorted(path.name for path in app.iterdir()) == ["code.sh", "dxapp.json"]
        or not (app / "test-job-workspaces").exists()
    )


@pytest.mark.parametrize("why", [*WHYS, "device"])
@pytest.mark.parametrize("name", ["reads", "table", "other:file"])
def test_an_input_that_is_no_file(
    dx_local: DxLocal, app: Path, odd: dict[str, str], name: str, why: str
) -> None:
    function = ["--function", "main"] if ":" not in name else ["--function", "other"]
    done = dx_local("run", app, *function, f"-i{name}={odd[why]}")
    assert done.exit_code == 2, (done.stderr, done.stdout)
    assert "a bug in" not in done.stderr


@pytest.mark.parametrize("text", ["x" * 300, "x/" * 3000, "a\nb"])
def test_a_long_text_is_no_path(dx_local: DxLocal, app: Path, text: str) -> None:
    assert dx_local("run", app, f"-itext={text}", "-q").exit_code == 0
    assert dx_local("run", app, f"-inew={text}", "-q", "--function", "main").exit_code == 2


@pytest.mark.parametrize(
    ("value", "reported"),
    [
        ("", "no path is given"),
        ("http://127.0.0.1/reads.txt", "'http://127.0.0.1/reads.txt' is a URL; download the file"),
        ("s3://bucket/reads.txt", "'s3://bucket/reads.txt' is a URL"),
    ],
)
def test_what_is_no_path_is_refused_as_it_was_typed(
    dx_local: DxLocal, app: Path, value: str, reported: str
) -> None:
    done = dx_local("run", app, f"-ireads={value}")
    assert (done.exit_code, reported in done.stderr) == (2, True)


@pytest.mark.parametrize("name", ["-j", "-f", "-itext"])
@pytest.mark.parametrize("text", ["\ud800", "caf\udce9"])
def test_text_that_is_not_unicode_is_refused(
    dx_local: DxLocal, app: Path, tmp_path: Path, name: str, text: str
) -> None:
    data = b'{"text": "\\ud800"}' if text == "\ud800" else b'{"text": "caf\xe9"}'
    (tmp_path / "input.json").write_bytes(data)
    options = {"-j": ["-j", os.fsdecode(data)], "-f": ["-f", "input.json"], "-itext": [f"-itext={text}"]}
    done = dx_local("run", app, *options[name])
    assert done.exit_code == 2, (done.stderr, done.stdout)
    assert "not Unicode" in done.stderr


def test_paths_may_contain_bytes_that_are_not_utf_8(
    dx_local: DxLocal, echo_app: Path, tmp_path: Path
) -> None:
    reads = tmp_path / os.fsdecode(b"caf\xe9.fq")
    reads.write_text("reads")
    app = echo_app.rename(tmp_path / os.fsdecode(b"\xe9cho"))
    options = ["--workspace-path", os.fsdecode(b"run\xe9"), "--out", os.fsdecode(b"out\xe9")]
    done = dx_local("run", app, f"-ireads={reads}", "--json", *options)
    assert (done.exit_code, done.json["output"]["echo"]["reads"]) == (0, ["reads"])


@pytest.mark.parametrize("where", ["-f", "samples"])
def test_inputs_may_begin_with_a_byte_order_mark(
    dx_local: DxLocal, echo_app: Path, tmp_path: Path, where: str
) -> None:
    path = tmp_path / "input.json" if where == "-f" else echo_app / "test" / "input.json"
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(b'\xef\xbb\xbf{"n": 4}\r\n')
    done = dx_local("run", echo_app, "-q", "--json", *(["-f", "input.json"] if where == "-f" else []))
    assert done.json["output"]["echo"]["n"] == 4


def test_samples_that_are_no_file_are_refused(dx_local: DxLocal, app: Path) -> None:
    (app / "test").mkdir()
    os.mkfifo(app / "test" / "input.json")
    done = dx_local("run", app)
    assert done.exit_code == 2
    assert "It is a pipe, not a regular file" in done.stderr


def test_a_source_that_is_a_pipe_does_not_hang_a_run(dx_local: DxLocal, app: Path) -> None:
    (source,) = (path for path in app.rglob("*") if path.suffix != ".json" and path.is_file())
    source.unlink()
    os.mkfifo(source)
    done = dx_local("run", app)
    assert (done.exit_code, "It is a pipe" in done.stderr) == (3, True)
