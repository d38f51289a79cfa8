"""Whole-file downloads and uploads by open files, and by streams on nodes, with dxpy's own results."""

from __future__ import annotations

import re
import shlex
import subprocess
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from tests.conftest import WARM_TOOLS, RunningPlatform, ServedPlatform

from dx_local.engine.settings import InputDelivery, Isolation
from dx_local.platform.data import files
from dx_local.worker.sandbox.host_folders import SHARED_MEMORY

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from dx_local.engine.environments.python_environments import WorkerEnvironment

MIB = 1 << 20

# The following code runs as one job; `show` prints a result, or the error that was raised instead.
PREPARED = """
import dxpy, hashlib, inspect, os, sys
from dxpy.bindings import DXFile

sys.stdout = sys.stderr

def show(what, *arguments, **options):
    try:
        result = what(*arguments, **options)
    except Exception as error:
        result = [type(error).__name__, str(error)]
    print(getattr(what, "__name__", ""), result if not isinstance(result, DXFile) else described(result))

def digest(path):
    return [hashlib.md5(open(path, "rb").read()).hexdigest(), os.path.getsize(path)]

def described(handler):
    known = handler.describe(fields={"parts"}, default_fields=True)
    attributes = handler._cur_part, handler._num_uploaded_parts, handler._write_bufsize
    return {**known, "created": 0, "modified": 0}, handler.get_proj_id() == known["project"], attributes

def fetched(name, *arguments, **options):
    dxpy.download_dxfile(ids[name], "got", *arguments, **options)
    found = digest("got")
    os.unlink("got")
    return name, found

def data(name, size):
    with open(name, "wb") as file:
        file.write((b"%015d\\n" % size) * (size // 16))
    return name

@dxpy.entry_point("main")
def main(**given):
    global ids
    ids = given
"""

DOWNLOADS = """
    for name in sorted(ids):
        show(fetched, name)
        show(os.path.lexists, "got")
    show(fetched, "text", project=dxpy.PROJECT_CONTEXT_ID)
    show(fetched, "text", project=dxpy.WORKSPACE_ID)
    show(fetched, "text", project=DXFile.NO_PROJECT_HINT)
    show(fetched, "text", chunksize=100)
    show(fetched, "text", 100, False)
    show(fetched, "text", show_progress=True)
    show(fetched, "text", describe_output=dxpy.describe(ids["text"]))
    show(fetched, "text", max_retries=0)
    show(dxpy.download_dxfile, DXFile(ids["text"]), "by handler")
    show(dxpy.download_dxfile, {"$dnanexus_link": ids["text"]}, "by link")
    show(dxpy.download_dxfile, "nonsense", "no file")
    show(dxpy.download_dxfile, "file-000000000000000000000000", "no file")
    show(dxpy.download_dxfile, ids["text"], "none/there")
    show(dxpy.download_dxfile, ids["text"], ".")
    show(dxpy.download_dxfile, ids["text"], "")
    data("long", 64000)
    show(dxpy.download_dxfile, ids["text"], "long")
    data("appended", 64)
    show(dxpy.download_dxfile, ids["text"], "appended", append=True)
    os.symlink("long", "good link")
    show(dxpy.download_dxfile, ids["empty"], "good link")
    os.symlink("nowhere", "dangling")
    show(dxpy.download_dxfile, ids["text"], "dangling")
    show(dxpy.download_dxfile, ids["text"], "/dev/null")
    show(dxpy.download_folder, dxpy.PROJECT_CONTEXT_ID, "folder", folder="/in")
    for path in ["by handler", "by link", "long", "appended", "nowhere", "folder/text"]:
        show(digest, path)
    show(os.listdir, "folder")
    print(sorted(os.listdir()))
"""

UPLOADS = """
    up = dxpy.upload_local_file
    show(up, data("small", 160))
    show(up, data("large.txt", 12 << 20), write_buffer_size=1)
    show(up, "large.txt", write_buffer_size=6 << 20, wait_on_close=True)
    show(up, "large.txt", multithread=False, media_type="x/y")
    show(up, data("empty", 0))
    with open("sparse", "wb") as file:
        file.truncate(1000000)
    show(up, filename="sparse", name="n", folder="/a", parents=True, tags=["t"], properties={"k": "v"},
         details={"a": 1}, types=["T"], hidden=True)
    show(up, "small", name=None)
    show(up, "small", show_progress=True)
    show(up, "small", keep_open=True)
    show(up, file=open("small", "rb"))
    show(up, "small", use_existing_dxfile=dxpy.new_dxfile(mode="a"))
    show(up, "small", max_retries=0)
    show(up, "small", folder="/none/there")
    show(up, "small", project="project-000000000000000000000000")
    show(up, "small", project=dxpy.PROJECT_CONTEXT_ID)
    show(up, "none/there")
    show(up, ".")
    show(up, None)
    again = up("large.txt", wait_on_close=True)
    show(again.close)
    show(lambda: DXFile(again.get_id()).read(32))
    show(inspect.signature, up)
    show(inspect.signature, dxpy.download_dxfile)
"""

SHELL = [
    "dx download text; cmp text text; dx download text; dx download -f text; md5sum text",
    "dx download pieces sparse empty; md5sum pieces sparse empty",
    "dx download -r $DX_PROJECT_CONTEXT_ID:/in; find in | sort",
    "dx download $OPEN; ls",
    "dx download file-000000000000000000000000; ls",
    "dx download text -o none/there; ls",
    "for i in 1 2 3 4; do dx download -f pieces -o same & done; wait; md5sum same",
    "dx download packed.gz; gunzip packed.gz; md5sum packed; ls",
    "dx download text; echo edited > text; dx download text -o again; md5sum again",
    "ulimit -f 1; dx download text > /dev/null 2>&1; stat -c %s text",
    "dx-download-all-inputs; md5sum in/*/*",
    "dx upload text.txt; echo $?; dx upload --brief none; echo $?",
    "head -c 20000000 /dev/zero > big; dx upload big --brief --wait --buffer-size 6000000 > id",
    'dx api "$(cat ../12/id)" describe \'{"fields": {"parts": true, "size": true, "state": true}}\'',
    "mkdir -p d/more; echo 1 > d/a; echo 2 > d/more/b; : > d/c; dx upload -r d --brief | wc -l; dx tree",
    "dx upload text.txt --path $DX_PROJECT_CONTEXT_ID:/",
    "mkdir -p out/x out/y; echo 1 > out/x/one; cp text.txt out/y; dx-upload-all-outputs; cat job_output.json",
    # A separate disk, which is full, and whose file system differs from that of the files.
    "unshare -Urm sh -c 'mount -t tmpfs -o size=100k x /mnt; dx download pieces -o /mnt/p; wc -c /mnt/p'",
    "unshare -Urm sh -c 'mount -t tmpfs x /mnt; dx download pieces -o /mnt/p; dx upload /mnt/p; sum /mnt/p'",
]
RUN_SHELL = """
main() {
    set +e
    echo some text > text.txt
    for index in "${!scripts[@]}"; do
        folder=$HOME/$index
        mkdir "$folder"; cp text.txt job_input.json "$folder"; cd "$folder"
        echo "== ${scripts[$index]}"
        HOME=$folder bash -c "${scripts[$index]}" < /dev/null 2>&1
        echo "-> $?"
        cd "$HOME"
    done
}
"""


def put(running: RunningPlatform, name: str, *parts: bytes, close: bool = True) -> str:
    """Upload a file in these parts and return its ID."""
    file: str = running.post("/file/new", {"project": running.project, "name": name})["id"]
    for index, data in enumerate(parts, start=1):
        target = running.post(f"/{file}/upload", {"index": index, "size": len(data)})
        assert running.request("PUT", target["url"], data).status == 200
    if close:
        running.post(f"/{file}/close")
    return file


def link(running: ServedPlatform, path: Path, folder: str = "/") -> str:
    """Register a local file with the platform, as `dx-local run` does with inputs."""
    place = {"project": running.project, "folder": folder, "name": path.name}
    return running.inside(lambda context: files.link_local(context, path, **place))


def furnish(running: RunningPlatform, folder: Path) -> dict[str, str]:
    """Create files of all kinds on a platform, the user's in a folder; return their IDs."""
    folder.mkdir()
    (folder / "text").write_text("text " * 10_000)
    with (folder / "sparse").open("wb") as sparse:
        sparse.write(b"begin")
        sparse.seek(3 * MIB)
        sparse.write(b"end")
        sparse.truncate(4 * MIB)
    (folder / "packed").write_text("text")
    subprocess.run(["gzip", "-n", folder / "packed"], check=True)
    return {
        "text": link(running, folder / "text", "/in"),
        "sparse": link(running, folder / "sparse"),
        "packed": link(running, folder / "packed.gz"),
        "empty": put(running, "empty", b""),
        "pieces": put(running, "pieces", *(bytes([i]) * (5 * MIB) for i in range(4)), b"end"),
        "open": put(running, "open", b"x", close=False),
    }


@pytest.fixture(scope="module")
def plainly_running(
    tmp_path_factory: pytest.TempPathFactory, worker_environment: WorkerEnvironment
) -> Iterator[RunningPlatform]:
    """A platform whose jobs use dxpy's own functions."""
    with RunningPlatform(tmp_path_factory.mktemp("plain"), worker_environment) as platform:
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("DX_LOCAL_TOOLS", "plain")
            run(platform, "main() { true; }", "bash")
        yield platform


@pytest.fixture(scope="module")
def running_on_node(
    tmp_path_factory: pytest.TempPathFactory, worker_environment: WorkerEnvironment
) -> Iterator[RunningPlatform]:
    """A platform whose jobs have no socket, as on all nodes."""
    folder = tmp_path_factory.mktemp("node")
    with RunningPlatform(folder, worker_environment, options={"executor": "thread"}) as platform:
        yield platform


def run(
    running: RunningPlatform, code: str, interpreter: str = "python3", given: dict[str, Any] | None = None
) -> str:
    """Run code as a job and return its log without IDs and times."""
    job = running.run(code, interpreter, given or {})
    (log,) = (running.folder / "platform" / "jobs").glob(f"*{job}/log.txt")
    text = re.sub(r"\b([a-z]+)-[0-9A-Za-z]{24}\b", r"\1-ID", log.read_text())
    text = re.sub(r"\d{10}\.\d+|\d{13}-\d+|(Created|modified) .*|0x[0-9a-f]+", "TIME", text)
    text = text.partition("Invoking main with")[2] or text
    return text.replace(str(running.folder), "FOLDER")


def logs(platforms: Sequence[RunningPlatform], code: str, tmp_path: Path) -> list[list[str]]:
    """Run code on platforms with the same files, and return the lines of each log."""
    return [
        run(platform, PREPARED + code, given=furnish(platform, tmp_path / str(number))).splitlines()
        for number, platform in enumerate(platforms)
    ]


def handed_over(running: RunningPlatform) -> int:
    """Return the number of files that were stored by open files."""
    query = "SELECT count(*) FROM object WHERE json_extract(fields, '$.partSize') IS NOT NULL"
    return int(running.inside(lambda context: context.store.value(query)))


@pytest.mark.parametrize("code", [DOWNLOADS, UPLOADS], ids=["downloads", "uploads"])
def test_dxpy_does_what_it_does_officially(
    running: RunningPlatform,
    running_on_node: RunningPlatform,
    plainly_running: RunningPlatform,
    code: str,
    tmp_path: Path,
) -> None:
    short, streamed, official = logs((running, running_on_node, plainly_running), code, tmp_path)
    assert short == official
    assert streamed == official
    assert handed_over(plainly_running) == 0


WITHOUT_OFFICIAL_TRANSFERS = """
    from dxpy.bindings import dxfile_functions
    dxfile_functions.response_iterator = DXFile.upload_part = None
    for name in ("pieces", "sparse", "empty", "large"):
        show(fetched, name)
    dxpy.download_dxfile(ids["pieces"], "got")
    show(dxpy.upload_local_file, "got", write_buffer_size=6 << 20)
"""


@WARM_TOOLS
def test_whole_files_are_streamed_on_nodes(running_on_node: RunningPlatform, tmp_path: Path) -> None:
    given = furnish(running_on_node, tmp_path / "given")
    with (tmp_path / "large").open("wb") as large:
        large.truncate(130 * MIB)
    given["large"] = link(running_on_node, tmp_path / "large")
    log = run(running_on_node, PREPARED + WITHOUT_OFFICIAL_TRANSFERS, given=given)
    assert re.findall(r"fetched \('(\w+)', \['\w+', (\d+)\]\)", log) == [
        ("pieces", str(20 * MIB + 3)),
        ("sparse", str(4 * MIB)),
        ("empty", "0"),
        ("large", str(130 * MIB)),
    ]
    assert log.count("'state': 'complete'") == 4
    assert "'state': 'closed'" in log


def test_a_download_names_the_size_of_parts_that_have_no_checksums_yet(
    served_to_module: ServedPlatform, tmp_path: Path
) -> None:
    (tmp_path / "text").write_text("text")
    file = link(served_to_module, tmp_path / "text")
    url = served_to_module.post(f"/{file}/download", {"preauthenticated": True})["url"]
    header = "x-dx-local-part-size"
    assert served_to_module.request("GET", url).headers[header] == str(64 * MIB)
    served_to_module.post(f"/{file}/describe", {"fields": {"parts": True}})
    assert header not in served_to_module.request("GET", url).headers


def test_bytes_with_a_wrong_checksum_are_not_delivered_on_nodes(
    running_on_node: RunningPlatform, tmp_path: Path
) -> None:
    file = furnish(running_on_node, tmp_path / "given")["pieces"]
    part = running_on_node.folder / "platform" / "files" / f"{file}.parts" / "2"
    part.write_bytes(b"x" * part.stat().st_size)
    log = run(running_on_node, f"{PREPARED}    show(dxpy.download_dxfile, '{file}', 'got')\n")
    assert "['DXChecksumMismatchError', 'md5sum mismatch in file-ID part 2" in log


@pytest.mark.slow
def test_programs_do_what_they_do_officially(
    running: RunningPlatform,
    running_on_node: RunningPlatform,
    plainly_running: RunningPlatform,
    tmp_path: Path,
) -> None:
    said = []
    for platform in (running, running_on_node, plainly_running):
        platform.project = platform.post("/project/new", {"name": "P"})["id"]
        given = furnish(platform, tmp_path / platform.folder.name)
        scripts = " ".join(map(shlex.quote, SHELL))
        before = f"scripts=({scripts})\nexport OPEN={given['open']}\n"
        links = {name: {"$dnanexus_link": file} for name, file in given.items() if name != "open"}
        # Without line breaks, which depend on the lengths of names.
        log = "".join(run(platform, before + RUN_SHELL, "bash", given=links).split())
        said.append(re.sub(r"([a-z]+)-[0-9A-Za-z]{24}", r"\1-ID", log).split("=="))
    assert len(said[0]) == 1 + len(SHELL)
    assert said[0] == said[2]
    assert said[1] == said[2]


@WARM_TOOLS
def test_whole_files_take_the_short_way(running: RunningPlatform, tmp_path: Path) -> None:
    file = furnish(running, tmp_path / "given")["text"]
    before = handed_over(running)
    code = f"dxpy.download_dxfile('{file}', 'f')\n    dxpy.upload_local_file('f')\n"
    run(running, f"{PREPARED}    {code}")
    run(running, f"main() {{ dx download {file}; dx upload text; }}", "bash")
    assert handed_over(running) == before + 2
    # The official download requests checksums; this one must not.
    assert not running.inside(lambda c: c.store.value("SELECT 1 FROM part WHERE file = ?", file))


def test_what_a_job_does_to_its_input_stays_in_the_job(running: RunningPlatform, tmp_path: Path) -> None:
    given = furnish(running, tmp_path / "given")
    packed = (tmp_path / "given" / "packed.gz").read_bytes()
    code = "dx download $T $P; echo edited > text; gunzip packed.gz; dx download $T -o other; md5sum other"
    log = run(running, f"T={given['text']} P={given['packed']}\nmain() {{ {code}; }}", "bash")
    assert "edited" not in (tmp_path / "given" / "text").read_text()
    assert (tmp_path / "given" / "packed.gz").read_bytes() == packed
    official = subprocess.run(["md5sum", tmp_path / "given" / "text"], capture_output=True, check=True)
    assert official.stdout.decode().split()[0] in log


def test_an_input_that_its_owner_edits_is_noticed(running: RunningPlatform, tmp_path: Path) -> None:
    file = furnish(running, tmp_path / "given")["text"]
    with (tmp_path / "given" / "text").open("r+b") as text:
        text.write(b"EDIT")
    log = run(running, f"{PREPARED}    show(dxpy.download_dxfile, '{file}', 'f')\n")
    assert "have changed on disk since it was closed" in log


LINKED = """
main() {
    dx download "$text" -o a
    stat -c %F a
    (echo edited >> a) || true
    dx download -f "$packed" -o a
    gzip -cd < a
}
"""


NEEDS_NAMESPACES = pytest.mark.skipif(
    subprocess.run(["unshare", "-Urm", "true"], capture_output=True, check=False).returncode != 0,
    reason="user namespaces are not allowed here",
)


@WARM_TOOLS
@pytest.mark.parametrize(
    "isolation",
    [
        pytest.param(Isolation.NAMESPACE, marks=NEEDS_NAMESPACES),
        pytest.param(Isolation.NONE, marks=pytest.mark.slow),
    ],
)
def test_a_job_gets_a_link_where_it_cannot_write(
    tmp_path: Path, worker_environment: WorkerEnvironment, isolation: Isolation
) -> None:
    options = {"input_delivery": InputDelivery.LINK, "isolation": isolation}
    with RunningPlatform(tmp_path, worker_environment, options=options) as running:
        given = furnish(running, tmp_path / "given")
        links = {name: {"$dnanexus_link": given[name]} for name in ("text", "packed")}
        printed = run(running, LINKED, "bash", given=links).splitlines()
    assert ("symbolic link" if isolation is Isolation.NAMESPACE else "regular file") in printed
    assert printed[-1] == "text"
    assert "edited" not in (tmp_path / "given" / "text").read_text()


@WARM_TOOLS
@NEEDS_NAMESPACES
def test_a_job_gets_a_link_to_a_file_on_another_disk_in_a_folder_that_is_hidden_from_it(
    tmp_path: Path, worker_environment: WorkerEnvironment
) -> None:
    options = {"input_delivery": InputDelivery.LINK, "isolation": Isolation.NAMESPACE}
    with (
        tempfile.TemporaryDirectory(dir=SHARED_MEMORY) as elsewhere,
        RunningPlatform(tmp_path, worker_environment, options=options) as running,
    ):
        given = furnish(running, Path(elsewhere, "given"))
        links = {name: {"$dnanexus_link": given[name]} for name in ("text", "packed")}
        assert "symbolic link" in run(running, LINKED, "bash", given=links).splitlines()


def test_an_upload_is_a_copy(running: RunningPlatform) -> None:
    code = """
    file = dxpy.upload_local_file(data("f", 160))
    open("f", "wb").write(b"changed")
    print(len(file.read()))
"""
    assert run(running, PREPARED + code).endswith("160\n")
