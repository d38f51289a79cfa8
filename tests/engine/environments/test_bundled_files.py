"""Bundled files of an applet, unpacked into folders."""

from __future__ import annotations

import io
import os
import stat
import tarfile
import zipfile
from typing import TYPE_CHECKING, Any

import pytest

from dx_local.engine.environments.bundled_files import (
    BundledFile,
    BundledFileError,
    BundledFiles,
    bundled_files_of,
    layer_with_build_modes,
    unpack,
)

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from dx_local.platform.core.context import Platform
    from dx_local.testing import Run


def tar(folder: Path, name: str, mode: str, members: dict[str, str]) -> BundledFile:
    """Write an archive of text files; a name that ends with `@` becomes a link to the text."""
    path = folder / name
    with tarfile.open(path, mode) as archive:  # type: ignore[call-overload]
        for member, text in members.items():
            info = tarfile.TarInfo(member.removesuffix("@"))
            if member.endswith("@"):
                info.type, info.linkname = tarfile.SYMTYPE, text
                archive.addfile(info)
            else:
                info.size, info.mode = len(text), 0o755
                archive.addfile(info, io.BytesIO(text.encode()))
    return BundledFile(name, "file-1", (path,))


@pytest.mark.parametrize(
    ("name", "mode"), [("a.tar.gz", "w:gz"), ("a.tgz", "w:gz"), ("a.tar", "w"), ("a.tar.xz", "w:xz")]
)
def test_an_archive_is_unpacked_with_modes(tmp_path: Path, name: str, mode: str) -> None:
    folder = unpack([tar(tmp_path, name, mode, {"usr/bin/x": "hello"})], tmp_path / "out")
    assert (folder / "usr/bin/x").read_text() == "hello"
    assert os.access(folder / "usr/bin/x", os.X_OK)


def test_an_archive_in_pieces_is_put_together(tmp_path: Path) -> None:
    whole = tar(tmp_path, "a.tar.gz", "w:gz", {"a": "A" * 100}).pieces[0].read_bytes()
    pieces = (tmp_path / "1", tmp_path / "2")
    pieces[0].write_bytes(whole[:50])
    pieces[1].write_bytes(whole[50:])
    unpacked = unpack([BundledFile("a.tar.gz", "file-1", pieces)], tmp_path / "out")
    assert (unpacked / "a").read_text() == "A" * 100


def test_several_archives_share_the_folder(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "b.zip", "w") as archive:
        archive.writestr("b", "B")
    bundles = [tar(tmp_path, "a.tar", "w", {"a": "A"}), BundledFile("b.zip", "file-2", (tmp_path / "b.zip",))]
    folder = unpack(bundles, tmp_path / "out")
    assert {path.name for path in folder.iterdir()} == {"a", "b"}


def test_a_file_that_is_no_archive_is_copied(tmp_path: Path) -> None:
    (tmp_path / "data").write_text("x")
    assert (
        unpack([BundledFile("data.txt", "file-1", (tmp_path / "data",))], tmp_path / "out") / "data.txt"
    ).exists()


@pytest.mark.parametrize(
    "members",
    [
        pytest.param({"../evil": "x"}, id="parent"),
        pytest.param({"up@": "..", "up/evil": "x"}, id="link"),
    ],
)
def test_nothing_is_written_outside(tmp_path: Path, members: dict[str, str]) -> None:
    place = tmp_path / "deep" / "resources" / "applet"
    with pytest.raises(BundledFileError, match=r"a\.tar cannot be unpacked"):
        unpack([tar(tmp_path, "a.tar", "w", members)], place)
    assert not list(tmp_path.rglob("evil"))
    assert not list(place.parent.iterdir())


@pytest.mark.parametrize("name", ["a.tar.gz", "a.zip"])
def test_a_broken_archive_is_an_error_and_leaves_nothing(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_text("not an archive")
    with pytest.raises(BundledFileError, match="cannot be unpacked"):
        unpack([BundledFile(name, "file-1", (tmp_path / name,))], tmp_path / "resources" / "applet")
    assert not list((tmp_path / "resources").iterdir())


def test_a_bundle_of_another_platform_is_named(platform: Platform) -> None:
    run_spec: dict[str, Any] = {
        "bundledDepends": [{"name": "x", "id": {"$dnanexus_link": "file-" + "0" * 24}}]
    }
    with pytest.raises(BundledFileError, match="file-0000"):
        bundled_files_of(platform, run_spec)


def test_what_a_killed_process_left_is_removed(platform: Platform) -> None:
    unfinished = platform.folder / "resources" / ".abc-1234" / "usr"
    unfinished.mkdir(parents=True)
    (platform.folder / "resources" / ".abc-1234.archive").write_text("x")
    BundledFiles(platform)
    assert list((platform.folder / "resources").iterdir()) == []


def modes(folder: Path) -> dict[str, int]:
    return {
        path.relative_to(folder).as_posix(): stat.S_IMODE(path.lstat().st_mode)
        for path in folder.rglob("*")
        if not path.is_symlink()
    }


def test_a_layer_has_the_files_that_get_another_mode_when_built(tmp_path: Path) -> None:
    resources = tmp_path / "resources"
    for name, mode in {"opt/tool/run": 0o700, "opt/tool/notes": 0o640, "usr/bin/fine": 0o755}.items():
        path = resources / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(name)
        path.chmod(mode)
    (resources / "opt" / "tool").chmod(0o700)
    (resources / "opt" / "link").symlink_to("tool/run")
    os.mkfifo(resources / "opt" / "pipe", 0o600)
    before = modes(resources)
    (layer,) = layer_with_build_modes(resources, tmp_path / "layer")
    assert modes(layer) == {
        "opt": before["opt"],
        "opt/tool": 0o755,
        "opt/tool/run": 0o755,
        "opt/tool/notes": 0o644,
    }
    assert (layer / "opt/tool/run").read_text() == "opt/tool/run"
    assert modes(resources) == before


def test_resources_that_are_built_as_they_are_need_no_layer(tmp_path: Path) -> None:
    (tmp_path / "resources").mkdir()
    (tmp_path / "resources" / "file").write_text("")
    (tmp_path / "resources" / "file").chmod(0o644)
    assert layer_with_build_modes(tmp_path / "resources", tmp_path / "layer") == []
    assert not (tmp_path / "layer").exists()


def test_a_run_shows_the_modes_that_a_build_gives(
    make_app: Callable[..., Path], dx_run: Callable[..., Run]
) -> None:
    code = 'main() { dx-jobutil-add-output said "$(stat -c %a /opt/tool/run)" --class=string; }\n'
    app = make_app(code, outputs={"said": "string"}, interpreter="bash")
    program = app / "resources" / "opt" / "tool" / "run"
    program.parent.mkdir(parents=True)
    program.touch(0o700)
    assert dx_run(app).output == {"said": "755"}
