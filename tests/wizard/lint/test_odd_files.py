"""Apps with pipes, sockets, devices, folders, circular links or invalid names in place of files."""

from __future__ import annotations

import json
import os
import socket
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from dx_app_wizard.dxapp import json_document, regular_file
from dx_app_wizard.errors import SpecFileError
from dx_app_wizard.lint.linter import lint_app
from dx_app_wizard.rendering.provenance import read_record

if TYPE_CHECKING:
    from collections.abc import Callable

SPEC = {
    "name": "app",
    "runSpec": {
        "interpreter": "bash",
        "file": "src/code.sh",
        "distribution": "Ubuntu",
        "release": "24.04",
        "version": "0",
    },
}


def make_socket(path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as one:
        folder = os.open(path.parent, os.O_PATH)  # the address of a socket must be short
        one.bind(f"/proc/self/fd/{folder}/{path.name}")
        os.close(folder)


ODD: dict[str, tuple[Callable[[Path], None], str]] = {
    "pipe": (os.mkfifo, "It is a pipe, not a regular file"),
    "socket": (make_socket, "It is a socket, not a regular file"),
    "device": (lambda path: path.symlink_to("/dev/zero"), "It is a device, not a regular file"),
    "folder": (Path.mkdir, "Is a directory"),
    "circle": (lambda path: path.symlink_to(path.name), "Too many levels of symbolic links"),
}


@pytest.fixture
def app(tmp_path: Path) -> Path:
    folder = tmp_path / "app"
    (folder / "src").mkdir(parents=True)
    (folder / "resources" / "bin").mkdir(parents=True)
    (folder / "test").mkdir()
    (folder / "dxapp.json").write_text(json.dumps(SPEC))
    (folder / "src" / "code.sh").write_text("main() { true; }\n")
    return folder


@pytest.fixture(params=list(ODD))
def make_odd(request: pytest.FixtureRequest) -> Callable[[Path], str]:
    """Replace a file by something else, and return the findings about it."""
    maker, reported = ODD[request.param]

    def make(path: Path) -> str:
        path.unlink(missing_ok=True)
        maker(path)
        return reported

    return make


def test_a_file_that_is_none_is_not_read(tmp_path: Path, make_odd: Callable[[Path], str]) -> None:
    reported = make_odd(tmp_path / "x")
    with pytest.raises(OSError, match=reported):
        regular_file.read(tmp_path / "x")


def test_dxapp_json_that_is_no_file_is_a_finding(app: Path, make_odd: Callable[[Path], str]) -> None:
    reported = make_odd(app / "dxapp.json")
    (finding,) = lint_app(app)
    assert (finding.level, finding.message) == ("error", f"dxapp.json cannot be read: {reported}")


def test_a_source_that_is_no_file_is_a_finding(app: Path, make_odd: Callable[[Path], str]) -> None:
    reported = make_odd(app / "src" / "code.sh")
    (finding,) = [finding for finding in lint_app(app) if finding.rule == "source-file"]
    expected = {
        f"runSpec.file cannot be read: {reported}",
        "the file named by runSpec.file does not exist",
    }
    assert finding.message in expected


@pytest.mark.parametrize(
    "name",
    ["resources/bin/tool.sh", "resources/bin/tool.py", "Readme.md", "test/input.json", ".dx-app-wizard.json"],
)
def test_no_other_file_hangs_or_breaks_the_linter(
    app: Path, make_odd: Callable[[Path], str], name: str
) -> None:
    make_odd(app / name)
    assert {finding.rule for finding in lint_app(app) if finding.level == "error"} <= {"resource-links"}


def test_a_record_that_is_no_file(app: Path, make_odd: Callable[[Path], str]) -> None:
    make_odd(app / ".dx-app-wizard.json")
    try:
        assert read_record(app) is None
    except SpecFileError as error:
        assert "cannot be read" in error.message  # noqa: PT017 - some are no record, others cannot be read


@pytest.mark.parametrize("name", ["src/a\0b", "\ud800", "x" * 300, "y/" * 3000, "src/code.sh/below"])
def test_names_that_no_file_can_have_are_findings(app: Path, name: str) -> None:
    raw = {**SPEC, "runSpec": {"interpreter": "bash", "file": name}}
    (app / "dxapp.json").write_text(json.dumps(raw))
    assert "source-file" in [finding.rule for finding in lint_app(app)]


@pytest.mark.parametrize("raw", [{"title": "a\ud800"}, {"details": {"\udfff": 1}}, {"tags": ["x", "\udce9"]}])
def test_text_that_is_not_unicode_is_a_finding(app: Path, raw: dict[str, object]) -> None:
    (app / "dxapp.json").write_text(json.dumps({**SPEC, **raw}))
    assert "text-unicode" in [finding.rule for finding in lint_app(app)]


def test_a_byte_order_mark_is_a_finding_with_the_right_place_of_others(app: Path) -> None:
    (app / "dxapp.json").write_text('\ufeff{"name": 7}', encoding="utf-8")
    found = lint_app(app)
    assert "byte order mark" in found[0].message
    assert [(finding.line, finding.column) for finding in found if finding.path == "name"] == [(1, 10)]


def test_a_json_file_that_a_user_names_may_be_a_pipe_with_a_mark() -> None:
    read_end, write_end = os.pipe()
    os.write(write_end, b'\xef\xbb\xbf{"a": 1}')
    os.close(write_end)
    assert json_document.read_given(Path(f"/dev/fd/{read_end}")).value == {"a": 1}
    os.close(read_end)
