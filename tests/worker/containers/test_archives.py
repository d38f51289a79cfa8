"""Archives of images that jobs load: their forms, the layers in the cache, and attacks."""

from __future__ import annotations

import asyncio
import gzip
import io
import json
import os
import tarfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from tests.worker.containers.conftest import ContainerWorkshop, add_to
from tests.worker.containers.image_files import (
    Layer,
    busybox_layer,
    config_of,
    digest_of,
    docker_archive,
    oci_archive,
    oci_files,
    zstd,
)

from dx_local.engine.images import image_folder
from dx_local.engine.images.cache import ImageCache
from dx_local.worker.containers.errors import ArchiveError, DockerError
from dx_local.worker.containers.images import archives
from dx_local.worker.containers.images.archives import Part
from dx_local.worker.containers.images.references import parse_reference

if TYPE_CHECKING:
    from collections.abc import Callable

    from dx_local.engine.environments.python_environments import WorkerEnvironment


def _small(text: str) -> list[bytes]:
    return [busybox_layer(), Layer().add("text", text.encode()).bytes()]


def _with_packed_layers(layers: list[bytes], name: str) -> bytes:
    plain = docker_archive(layers, name)
    packed = Layer()
    with tarfile.open(fileobj=io.BytesIO(plain)) as archive:
        for entry in archive:
            content = archive.extractfile(entry).read()  # type: ignore[union-attr]
            packed.add(entry.name, gzip.compress(content) if entry.name.endswith("layer.tar") else content)
    return packed.bytes()


FORMS: dict[str, Callable[[list[bytes], str], bytes]] = {
    "docker": docker_archive,
    "docker-legacy": lambda layers, name: docker_archive(layers, name, legacy=True),
    "docker-gzip": lambda layers, name: gzip.compress(docker_archive(layers, name)),
    "docker-zstd": lambda layers, name: zstd(docker_archive(layers, name)),
    "docker-gzip-layers": _with_packed_layers,
    "oci": oci_archive,
    "oci-gzip": lambda layers, name: oci_archive(layers, name, "gzip"),
    "oci-zstd": lambda layers, name: oci_archive(layers, name, "zstd"),
}


@pytest.mark.parametrize("form", FORMS)
def test_archives_of_all_forms_load(docker: ContainerWorkshop, tmp_path: Path, form: str) -> None:
    file = tmp_path / "image"
    file.write_bytes(FORMS[form](_small(form), f"{form}:3"))
    job = docker.bash(
        f"cd {tmp_path}; docker load -i image; cat image | docker load; docker load < image;"
        f" docker run --rm {form}:3 cat /text",
        tmp_path,
    )
    assert job.said() == [*[f"Loaded image: {form}:3"] * 3, form], job.said("STDERR")


def test_an_image_without_name_is_loaded_by_its_id(docker: ContainerWorkshop, tmp_path: Path) -> None:
    (tmp_path / "image").write_bytes(docker_archive(_small("unnamed")))
    job = docker.bash(
        f"id=$(docker load -i {tmp_path}/image); echo ${{id%:*}}; docker run --rm ${{id##*: }} cat /text",
        tmp_path,
    )
    assert job.said() == ["Loaded image ID: sha256", "unnamed"]


def test_layouts_are_folders_of_an_archive(tmp_path: Path) -> None:
    layers = _small("layout")
    for name, content in oci_files(layers, "x:1").items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(content)
    with archives.open_layout(str(tmp_path)) as (image,):
        assert [layer.digest for layer in image.layers] == [digest_of(layer) for layer in layers]
        assert image.names == ("x:1",)


def test_layers_hide_and_link_files_as_their_archives_say(docker: ContainerWorkshop, tmp_path: Path) -> None:
    lower = Layer().folder("d").add("d/gone", b"1").add("d/kept", b"2").folder("o").add("o/hidden", b"3")
    lower.add("replaced", b"file").folder("r").add("r/old", b"4")
    upper = Layer().add("d/.wh.gone", b"").add("o/.wh..wh..opq", b"").add("o/new", b"5").folder("replaced")
    upper.add(".wh.r", b"").folder("r").add("r/fresh", b"6")
    upper.add("l/a", b"linked").hard_link("l/b", "l/a").link("l/c", "/etc/passwd").add(
        "l/x", b"x", mode=0o4755
    )
    layers = [busybox_layer(), lower.bytes(), upper.bytes()]
    (tmp_path / "image").write_bytes(docker_archive(layers, "marks:1"))
    script = (
        "ls d o r; test -d replaced && echo folder; stat -c %h l/a; readlink l/c; ls -l /l/x | cut -c 1-10;"
        " stat -c %Y l/a; stat -c %a /tmp"
    )
    job = docker.bash(
        f"docker load -i {tmp_path}/image; docker run --rm -w / marks:1 sh -c '{script}'", tmp_path
    )
    modes = "-rwsr-xr-x" if os.geteuid() == 0 else "-rwxr-xr-x"
    files = ["d:", "kept", "", "o:", "new", "", "r:", "fresh"]
    assert job.said()[1:] == [*files, "folder", "2", "/etc/passwd", modes, "1600000000", "1777"]


def test_twenty_jobs_load_and_run_one_image(docker: ContainerWorkshop, tmp_path: Path) -> None:
    (tmp_path / "image").write_bytes(docker_archive(_small("shared"), "shared:1"))
    script = f"docker load -i {tmp_path}/image; docker run --rm shared:1 cat /text"
    jobs = [docker.begin(script, tmp_path) for _ in range(20)]
    ended = [docker.wait(job) for job in jobs]
    assert {(*job.said(), job.code) for job in ended} == {("Loaded image: shared:1", "shared", 0)}
    digest = digest_of(_small("shared")[1])
    assert [path.name for path in (docker.cache.folder / "layers").glob(f"{digest}*")] == [digest]


def test_a_layer_may_occur_several_times(docker: ContainerWorkshop, tmp_path: Path) -> None:
    one, gone = Layer().add("f", b"1\n").bytes(), Layer().add(".wh.f", b"").bytes()
    (tmp_path / "image").write_bytes(docker_archive([busybox_layer(), one, gone, one, gone, one], "twice:1"))
    job = docker.bash(f"docker load -i {tmp_path}/image; docker run --rm twice:1 cat /f", tmp_path)
    assert job.said()[1:] == ["1"]


@pytest.mark.slow
def test_images_have_any_number_of_layers(docker: ContainerWorkshop, tmp_path: Path) -> None:
    layers = [busybox_layer(), *(Layer().add(f"file{n}", b"x").bytes() for n in range(110))]
    (tmp_path / "image").write_bytes(docker_archive(layers, "many:1"))
    add_to(docker.cache, tmp_path / "image", "many:1")
    job = docker.bash(
        f"docker load -i {tmp_path}/image; docker run --rm -w / many:1 sh -c 'ls | grep -c file'",
        tmp_path,
    )
    assert job.said()[1:] == ["110"]


def _device(name: str, kind: bytes) -> bytes:
    return Layer().add(name, type=kind, devmajor=1, devminor=3).add("after", b"1").bytes()


def _with_size(size: int) -> bytes:
    """Return a layer whose only file claims to have this size."""
    data = bytearray(Layer().add("big", b"x" * 100).bytes())
    field = b"%011o\0" % size if size < 8**11 else b"\x80" + size.to_bytes(11, "big")
    data[124:136] = field
    data[148:156] = b" " * 8
    data[148:156] = b"%06o\0 " % sum(data[:512])
    return bytes(data)


def _deep_through_links() -> bytes:
    """Return a layer that is refused at its last entry, after folders of a depth that links make possible."""
    layer, place = Layer(), ""
    for number in range(4):
        deep = f"{place}{'d/' * 400}"
        layer.folder(deep).link(f"l{number}", deep)
        place = f"l{number}/"
    return layer.add("../x", b"").bytes()


ATTACKS = {
    "parent": (Layer().add("../../escaped", b"x").bytes(), "leads outside"),
    "inner-parent": (Layer().add("a/../../escaped", b"x").bytes(), "leads outside"),
    "hidden-parent": (Layer().add("a/.wh.x/../../..", b"").bytes(), "leads outside"),
    "hard-link-outside": (Layer().hard_link("a", "../../../etc/passwd").bytes(), "leads outside"),
    "hard-link-missing": (Layer().hard_link("a", "/etc/passwd").bytes(), "is missing"),
    "hard-link-through-link": (Layer().link("e", "/etc").hard_link("a", "e/passwd").bytes(), "is missing"),
    "longer-than-archive": (_with_size(1 << 20), "the archive ends before its data"),
    "larger-than-disk": (_with_size(1 << 60), "the archive ends before its data"),
    "negative": (b"", "truncated"),
    "sparse": (Layer().add("s", type=b"S").bytes(), "not supported"),
    "long-header": (Layer().add("n", type=b"L", size=1 << 40).bytes(), "header of"),
    "no-archive": (b"this is no archive" * 100, "is not a tar archive"),
    "cut": (busybox_layer()[:100_000], "the archive ends before its data"),
    "deep": (Layer().add("d/" * 800 + "f", b"").bytes(), "nested too deeply"),
    "deep-through-links": (_deep_through_links(), "leads outside"),
    "file-as-folder": (Layer().add("f", b"").add("f/x", b"").bytes(), "no folder"),
}


@pytest.mark.parametrize("attack", [name for name in ATTACKS if name != "negative"])
def test_attacks_are_refused_and_leave_nothing(cache: ImageCache, tmp_path: Path, attack: str) -> None:
    layer, problem = ATTACKS[attack]
    with pytest.raises(ArchiveError, match=problem):
        _add(cache, layer, tmp_path)
    assert not list((cache.folder / "unfinished").iterdir())
    assert not (cache.folder / "layers" / digest_of(layer)).exists()


def _add(cache: ImageCache, layer: bytes, folder: Path, digest: str = "") -> Path:
    """Unpack a layer into a cache; return its folder."""
    file = folder / "layer"
    file.write_bytes(layer)
    with file.open("rb") as opened:
        cache.add_layer(digest or digest_of(layer), Part(opened.fileno(), 0, len(layer)))
    return cache.folder / "layers" / (digest or digest_of(layer))


HARMLESS = {
    "absolute": (Layer().add("/etc/absolute", b"1"), {"etc/absolute": b"1"}),
    "through-link": (Layer().link("e", "/etc").folder("etc").add("e/written", b"1"), {"etc/written": b"1"}),
    "through-parent-link": (Layer().link("e", "../../..").add("e/written", b"1"), {"written": b"1"}),
    "replaced-link": (Layer().link("f", "/etc/passwd").add("f", b"1"), {"f": b"1"}),
    "replaced-folder": (Layer().folder("f").add("f/x", b"2").add("f", b"1"), {"f": b"1"}),
    "hard-link-to-link": (Layer().link("f", "/etc/passwd").hard_link("g", "f").add("g", b"1"), {"g": b"1"}),
    "bytes": (Layer().add(os.fsdecode(b"caf\xe9\n"), b"1"), {os.fsdecode(b"caf\xe9\n"): b"1"}),
    "long": (Layer().add("n" * 200 + "/" + "m" * 200, b"1"), {"n" * 200 + "/" + "m" * 200: b"1"}),
}


@pytest.mark.parametrize("name", HARMLESS)
def test_names_never_lead_outside(cache: ImageCache, tmp_path: Path, name: str) -> None:
    layer, files = HARMLESS[name]
    folder = _add(cache, layer.bytes(), tmp_path)
    found = {path: (folder / path).read_bytes() for path in files}
    assert found == files
    for outside in ("/etc/absolute", "/etc/written", "/written"):
        assert not Path(outside).exists()


def test_devices_are_left_out(cache: ImageCache, tmp_path: Path) -> None:
    for name, kind in (("null", tarfile.CHRTYPE), ("disk", tarfile.BLKTYPE)):
        folder = _add(cache, _device(name, kind), tmp_path)
        assert [path.name for path in folder.iterdir()] == ["after"]


def test_a_wrong_digest_is_refused(cache: ImageCache, tmp_path: Path) -> None:
    with pytest.raises(ArchiveError, match="another digest"):
        _add(cache, Layer().add("x", b"1").bytes(), tmp_path, digest="0" * 64)
    assert not (cache.folder / "layers" / ("0" * 64)).exists()


def test_a_damaged_archive_is_explained_to_the_job(docker: ContainerWorkshop, tmp_path: Path) -> None:
    layers = [Layer().add("../x", b"1").bytes()]
    (tmp_path / "attack").write_bytes(docker_archive(layers, "attack:1"))
    (tmp_path / "cut").write_bytes(gzip.compress(docker_archive([busybox_layer()], "cut:1"))[:-2000])
    (tmp_path / "other").write_bytes(Layer().add("a", b"1").bytes())
    script = "".join(
        f"docker load -i {tmp_path}/{name}; echo $?; " for name in ("attack", "cut", "other", "none")
    )
    job = docker.bash(script, tmp_path)
    assert job.said() == ["1"] * 4
    problems = ["leads outside of the layer", "stream is truncated", "this is not an image", "no such file"]
    for problem, line in zip(problems, job.said("STDERR"), strict=True):
        assert problem in line


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_a_million_entries_are_unpacked_if_the_disk_can_hold_them(cache: ImageCache, tmp_path: Path) -> None:
    layer = Layer()
    for number in range(1_000_000):
        layer.add(f"{number // 1000}/{number}", b"")
    content = layer.bytes()
    folder = _add(cache, content, tmp_path)
    assert sum(1 for path in folder.glob("*/*")) == 1_000_000
    cache.remove_layer(digest_of(content))


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("samtools", "samtools:latest"),
        ("library/samtools:1", "samtools:1"),
        ("docker.io/user/tool:1", "user/tool:1"),
        (
            "quay.io/biocontainers/samtools:1.19--h50ea8bc_0",
            "quay.io/biocontainers/samtools:1.19--h50ea8bc_0",
        ),
        ("localhost:5000/a/b", "localhost:5000/a/b:latest"),
        (f"x@sha256:{'a' * 64}", f"x@sha256:{'a' * 64}"),
    ],
)
def test_names_of_images_are_completed(text: str, name: str) -> None:
    assert str(parse_reference(text)) == name


@pytest.mark.parametrize(
    "text", ["", "Upper", "a:b:c", "../x", "a b", "x@sha256:1", "x:", "-a", "a//b", "x@"]
)
def test_other_texts_are_no_names_of_images(text: str) -> None:
    with pytest.raises(DockerError, match="invalid reference format"):
        parse_reference(text)


def test_manifests_of_other_forms_are_refused(tmp_path: Path) -> None:
    manifests: list[Any] = [[{}], {"a": 1}, [1], "x"]
    for manifest in manifests:
        path = tmp_path / "image"
        path.write_bytes(Layer().add("manifest.json", json.dumps(manifest).encode()).bytes())
        file = os.open(path, os.O_RDONLY)
        with pytest.raises(ArchiveError, match="damaged"), archives.open_archive(file, str(tmp_path)):
            pass
        os.close(file)


DAMAGED: dict[str, Any] = {
    "text": {"config": "x"},
    "entrypoint": {"config": {"Entrypoint": 5}},
    "command": {"config": {"Cmd": {"a": 1}}},
    "variables": {"config": {"Env": [1]}},
    "zero-byte": {"config": {"Env": ["A=\0"]}},
    "user": {"config": {"User": ["root"]}},
    "labels": {"config": {"Labels": [1]}},
    "digest": {"rootfs": {"diff_ids": ["sha256:../../x"]}},
}


@pytest.mark.parametrize("name", [*DAMAGED, "nested", "names"])
def test_descriptions_that_make_no_sense_are_refused(tmp_path: Path, name: str) -> None:
    layer = Layer().add("x", b"1").bytes()
    config = {**json.loads(config_of([layer])), **DAMAGED.get(name, {})}
    names = [5] if name == "names" else ["x:1"]
    manifest = json.dumps([{"Config": "c", "RepoTags": names, "Layers": ["l"]}]).encode()
    text = b"[" * 100_000 if name == "nested" else manifest
    archive = Layer().add("c", json.dumps(config).encode()).add("l", layer).add("manifest.json", text)
    path = tmp_path / "image"
    path.write_bytes(archive.bytes())
    with path.open("rb") as file, pytest.raises(ArchiveError, match=r"damaged|is not a SHA-256"):  # noqa: SIM117
        with archives.open_archive(file.fileno(), str(tmp_path)):
            pass


def test_a_run_that_ends_leaves_no_half_of_a_layer(
    tmp_path: Path, worker_environment: WorkerEnvironment
) -> None:
    folder = tmp_path / "images"
    image_folder.prepare(folder)
    layer = Layer().add("zeros", bytes(200_000_000)).bytes()
    (tmp_path / "image").write_bytes(docker_archive([layer], "zeros:1"))
    shop = ContainerWorkshop(tmp_path / "jobs", worker_environment, ImageCache(folder))
    try:
        shop.begin(f"docker load -i {tmp_path}/image", tmp_path)
        shop.loop.run_until_complete(_until(lambda: any((folder / "unfinished").iterdir())))
    finally:
        shop.close()
        shop.loop.close()
    assert not list((folder / "unfinished").iterdir())
    assert not list((folder / "layers").iterdir())


async def _until(condition: Callable[[], bool]) -> None:
    """Wait for a condition, at most a minute."""
    for _ in range(6000):
        if condition():
            return
        await asyncio.sleep(0.01)
    raise TimeoutError
