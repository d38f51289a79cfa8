"""`dx-local image`: images that the jobs of all runs find by name."""

from __future__ import annotations

import json
import subprocess
from typing import TYPE_CHECKING, Any

import pytest
from tests.local_server import DX_LOCAL, user_variables
from tests.small_disk import SmallDisk
from tests.worker.containers.image_files import BUSYBOX, Layer, busybox_layer, docker_archive, oci_files

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

pytestmark = pytest.mark.skipif(not BUSYBOX.exists(), reason="images for tests are made from /bin/busybox")


def image(home: Path, *arguments: str, prefix: Sequence[str] = ()) -> dict[str, Any]:
    """Run `dx-local image … --json` with a cache in a folder; return the object that it prints."""
    done = subprocess.run(
        [*prefix, DX_LOCAL, "image", *arguments, "--json"],
        env={**user_variables(home), "XDG_CACHE_HOME": str(home / "cache")},
        cwd=home,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        check=False,
    )
    printed: dict[str, Any] = json.loads(done.stdout)
    assert (done.returncode == 0) == (printed["error"] is None)
    return printed


@pytest.fixture
def archive(tmp_path: Path) -> Path:
    path = tmp_path / "small.tar"
    path.write_bytes(docker_archive([Layer().add("x", b"1").bytes()], "small:1"))
    return path


def test_images_are_added_listed_and_removed(tmp_path: Path, archive: Path) -> None:
    layers = tmp_path / "cache" / "dx-local" / "images" / "layers"
    for name, content in oci_files([Layer().add("y", b"1").bytes()], "").items():
        (tmp_path / "layout" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "layout" / name).write_bytes(content)
    assert image(tmp_path, "add", "small.tar")["added"] == ["small:1"]
    assert image(tmp_path, "add", "small.tar", "--name", "quay.io/other")["added"] == ["quay.io/other:latest"]
    assert image(tmp_path, "add", "layout", "--name", "laid:2")["added"] == ["laid:2"]
    listed = image(tmp_path, "ls")
    assert [each["name"] for each in listed["images"]] == ["laid:2", "quay.io/other:latest", "small:1"]
    assert image(tmp_path, "rm", "laid:2")["bytes"] > 0
    assert image(tmp_path, "rm", "small:1")["bytes"] == 0  # another name has the layer
    assert len(list(layers.iterdir())) == 1
    assert image(tmp_path, "rm", "quay.io/other", "--unused")["bytes"] > 0
    assert list(layers.iterdir()) == []


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("add", "none.tar"), "no such file"),
        (("add", "text"), "is not a tar archive"),
        (("add", "small.tar", "--name", "Not A Name"), "invalid reference format"),
        (("rm", "none"), "there is no image 'none:latest'"),
        (("rm",), "no image to remove"),
    ],
)
def test_mistakes_are_named(tmp_path: Path, archive: Path, arguments: tuple[str, ...], message: str) -> None:
    (tmp_path / "text").write_text("x" * 1000)
    error = image(tmp_path, *arguments)["error"]
    assert message in error["message"]
    assert error["code"] == "usage"


@pytest.mark.parametrize("compression", ["none", "gzip"])
def test_a_layer_that_the_disk_cannot_hold_is_refused(tmp_path: Path, compression: str) -> None:
    layers = [Layer().add("zeros", bytes(40_000_000)).bytes()]
    for name, content in oci_files(layers, "x:1", compression).items():
        (tmp_path / "layout" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "layout" / name).write_bytes(content)
    layout = str(tmp_path / "layout")  # the command starts in another folder
    with SmallDisk(tmp_path / "cache", 100 << 20) as disk:
        error = image(tmp_path, "add", layout, "--name", "x:1", prefix=disk.prefix)["error"]
        assert "the layer needs more than the 3" in error["message"]
        assert "MiB that are free on the disk of the cache" in error["message"]
        left = disk.seen_from_outside / "dx-local" / "images"
        assert [*(left / "layers").iterdir(), *(left / "unfinished").iterdir()] == []


@pytest.mark.slow
def test_a_run_finds_an_added_image(
    make_app: Callable[..., Path], variables: dict[str, str], tmp_path: Path
) -> None:
    # Not the cache of the machine, which would keep the image; so a worker environment is made, too.
    variables["XDG_CACHE_HOME"] = str(tmp_path / "cache")
    (tmp_path / "busy.tar").write_bytes(docker_archive([busybox_layer()], "busy:1"))
    subprocess.run([DX_LOCAL, "image", "add", "busy.tar"], env=variables, cwd=tmp_path, check=True)
    code = 'main() { dx-jobutil-add-output said "$(docker run --rm busy:1 echo hello)" --class=string; }\n'
    make_app(code, outputs={"said": "string"}, interpreter="bash", name="app")
    done = subprocess.run(
        [DX_LOCAL, "run", "app", "--json"], env=variables, cwd=tmp_path, capture_output=True, check=False
    )
    assert json.loads(done.stdout)["output"] == {"said": "hello"}
