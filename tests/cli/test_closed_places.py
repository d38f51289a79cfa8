"""Machines with closed places: /tmp without programs or space, homes that are read-only or missing.

Each surrounding is real: mounts and users of a user namespace.
"""

from __future__ import annotations

import json
import os
import stat
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from tests.conftest import WARM_TOOLS
from tests.local_index import Index, wheels_of_an_environment

from dx_app_wizard.user_dirs import cache_dir
from dx_local.engine.environments.tool_client import native_client

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.conftest import MakeApp

    from dx_local.engine.environments.python_environments import WorkerEnvironment

BIN = Path(sys.executable).parent
STRANGER = 54321  # a user of whom the machine has no entry
SLOW = "longer than necessary"
COMMAND_CANNOT_BE_STARTED = 126  # by the shell

SHOWS_TOOLS = """
main() {
    printf '#!/bin/sh\\necho started' > "/tmp/$DX_JOB_ID"
    chmod +x "/tmp/$DX_JOB_ID"
    dx-jobutil-add-output started "$("/tmp/$DX_JOB_ID")"
    dx-jobutil-add-output dx "$(command -v dx)"
    dx-jobutil-add-output user "$(dx whoami)"
}
"""
# What is in the folders stays visible.
NOWHERE_PROGRAMS = (
    "for folder in /tmp /var/tmp; do"
    ' mount --rbind "$folder" "$folder" && mount -o remount,bind,noexec "$folder" || exit; done'
)


@pytest.fixture(autouse=True, scope="module")
def needs_mounts() -> None:
    if subprocess.run(["unshare", "-rm", "true"], capture_output=True, check=False).returncode:
        pytest.skip("user namespaces are not allowed here")


@pytest.fixture
def app(make_app: MakeApp, worker_environment: WorkerEnvironment) -> Path:
    """An app that shows its `dx`, and whether a program in /tmp can be started; its environment exists."""
    outputs = [{"name": name, "class": "string"} for name in ("started", "dx", "user")]
    return make_app(SHOWS_TOOLS, interpreter="bash", outputSpec=outputs)


def with_mounts(script: str, command: list[object], **variables: str) -> subprocess.CompletedProcess[str]:
    """Run a command as root of a user namespace, after the mounts that a script makes."""
    done = _run(["unshare", "-rm", "sh", "-ec", f'{script}\nexec "$@"', "sh", *command], variables)
    if done.returncode == COMMAND_CANNOT_BE_STARTED:
        pytest.skip("this checkout is in one of the folders")
    return done


def as_stranger(command: list[object], **variables: str) -> subprocess.CompletedProcess[str]:
    """Run a command as a user without an entry, who has the files of this one, but none of root's rights."""
    maps = (f"--map-user={STRANGER}", f"--map-group={STRANGER}")
    done = _run(["unshare", *maps, *command], variables)
    if "unrecognized option" in done.stderr:
        pytest.skip("this unshare cannot map users")
    return done


def _run(command: list[object], variables: dict[str, str]) -> subprocess.CompletedProcess[str]:
    inherited = {name: value for name, value in os.environ.items() if name not in ("CI", "GITHUB_ACTIONS")}
    return subprocess.run(
        [str(word) for word in command],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        env={name: value for name, value in {**inherited, **variables}.items() if value},
        check=False,
    )


def run_command(app: Path, *options: str) -> list[object]:
    return [BIN / "dx-local", "run", app, "--json", "--progress", "plain", *options]


@WARM_TOOLS
@pytest.mark.parametrize(
    ("mounts", "has_own_tmpdir", "note"),
    [
        ('mount -t tmpfs -o noexec none "$T"', True, "programs cannot be started in {T} (mounted noexec)"),
        ('mount -t tmpfs -o size=64k none "$T"', True, "only 64 KiB are free in {T}"),
        (NOWHERE_PROGRAMS, False, "programs cannot be started in /tmp (mounted noexec)"),
    ],
    ids=["noexec", "full", "noexec everywhere"],
)
def test_tools_are_warm_without_a_usable_folder_for_temporary_files(
    app: Path, temporary: Path, mounts: str, has_own_tmpdir: bool, note: str
) -> None:
    if not has_own_tmpdir and len(str(cache_dir("dx-local"))) > 45:
        pytest.skip("the path of the cache is too long for sockets")
    variables = {"T": str(temporary), "TMPDIR": str(temporary) if has_own_tmpdir else ""}
    done = with_mounts(mounts, run_command(app), **variables)
    assert done.returncode == 0, done
    output = json.loads(done.stdout)["output"]
    assert "/tools-" in output["dx"]
    assert output["user"]
    if output["dx"].startswith("/.dx-local"):  # without a sandbox, /tmp is this machine's
        assert output["started"] == "started"
    assert done.stderr.count(note.format(T=temporary)) == 1
    assert SLOW not in done.stderr


@WARM_TOOLS
def test_cold_tools_are_reported_once_with_the_reason(app: Path, tmp_path: Path) -> None:
    cache = tmp_path / ("long" * 20)
    cache.mkdir()
    (cache / "dx-local").symlink_to(cache_dir("dx-local"))
    variables = {"XDG_CACHE_HOME": str(cache), "TMPDIR": ""}
    done = with_mounts(NOWHERE_PROGRAMS, run_command(app, "--isolation", "none"), **variables)
    assert done.returncode == 0, done
    assert "/tools-" not in json.loads(done.stdout)["output"]["dx"]
    reason = "programs cannot be started in /tmp (mounted noexec)"
    assert done.stderr.count(f"{SLOW}: {reason}") == 1
    examined = with_mounts(NOWHERE_PROGRAMS, [BIN / "dx-local", "doctor", "--json"], **variables)
    assert json.loads(examined.stdout)["tools"] == f"cold: {reason}"


@pytest.fixture
def own_cache(tmp_path: Path) -> Path:
    """A cache with the environments of this user, in which nothing is compiled yet."""
    environments = tmp_path / "cache" / "dx-local" / "environments"
    environments.mkdir(parents=True)
    for path in (cache_dir("dx-local") / "environments").iterdir():
        if path.is_dir():
            (environments / path.name).symlink_to(path)
    return tmp_path / "cache"


@pytest.mark.slow
def test_a_missing_compiler_is_reported_once(app: Path, tmp_path: Path, own_cache: Path) -> None:
    programs = tmp_path / "programs"
    programs.mkdir()
    for name in ("cc", "gcc", "clang"):
        (programs / name).symlink_to("/bin/false")
    variables = {"PATH": f"{programs}:{os.environ['PATH']}", "XDG_CACHE_HOME": str(own_cache)}
    runs = [_run(run_command(app, "--isolation", "none"), variables) for _ in range(2)]
    assert all("/tools-" in json.loads(done.stdout)["output"]["dx"] for done in runs)
    assert ["no C compiler" in done.stderr for done in runs] == [True, False]
    examined = _run([BIN / "dx-local", "doctor", "--json"], variables)
    assert json.loads(examined.stdout)["tools"].startswith("warm, but no C compiler")


@pytest.mark.slow
def test_a_library_that_cannot_be_loaded_is_reported_once(app: Path, own_cache: Path) -> None:
    client = native_client(cache_dir("dx-local") / "environments")
    if client is None:
        pytest.skip("there is no compiler here")
    environments = own_cache / "dx-local" / "environments"
    (environments / client.name).symlink_to(client)
    (environments / f"{client.name}.so").write_text("no library")
    runs = [_run(run_command(app), {"XDG_CACHE_HOME": str(own_cache)}) for _ in range(2)]
    assert [done.stderr.count("could not be compiled or loaded") for done in runs] == [1, 0]


@pytest.mark.parametrize("is_compiled", [True, False])
def test_modules_that_python_cannot_keep_compiled_are_noticed(tmp_path: Path, is_compiled: bool) -> None:
    show = "from dx_local.engine.executors.zygote_start import slow_tools; print(slow_tools.not_compiled())"
    variables = {"PYTHONPYCACHEPREFIX": str(tmp_path), "PYTHONDONTWRITEBYTECODE": "" if is_compiled else "1"}
    printed = _run([sys.executable, "-c", show], variables).stdout
    assert printed.startswith("None" if is_compiled else "its modules are not compiled, and PYTHONDONT")


@pytest.fixture
def temporary() -> Iterator[Path]:
    """A folder for temporary files; its path is short enough for sockets."""
    with tempfile.TemporaryDirectory(prefix="t-", dir="/tmp") as folder:
        yield Path(folder)


@pytest.fixture
def closed(tmp_path: Path) -> Iterator[Path]:
    """A home in which nothing can be written."""
    folder = tmp_path / "closed"
    folder.mkdir()
    folder.chmod(stat.S_IRUSR | stat.S_IXUSR)
    yield folder
    folder.chmod(stat.S_IRWXU)


@pytest.fixture
def home(request: pytest.FixtureRequest, closed: Path) -> dict[str, str]:
    """The variables of a user whose home is of no use."""
    home = "" if request.param == "unset" else str(closed)
    cache = str(closed) if request.param == "read-only, cache too" else ""
    return {"HOME": home, "XDG_CACHE_HOME": cache, "XDG_STATE_HOME": "", "XDG_CONFIG_HOME": ""}


HOMES = pytest.mark.parametrize(
    "home",
    [
        "read-only",
        pytest.param("unset", marks=pytest.mark.slow),
        pytest.param("read-only, cache too", marks=pytest.mark.slow),
    ],
    indirect=True,
)


@WARM_TOOLS
@HOMES
def test_a_run_needs_no_home(app: Path, temporary: Path, home: dict[str, str]) -> None:
    # As after the first run, which creates the environments.
    private = temporary / f"dx-app-wizard-{STRANGER}"
    private.mkdir(mode=0o700)
    (private / "dx-local").mkdir()
    (private / "dx-local" / "environments").symlink_to(cache_dir("dx-local") / "environments")
    done = as_stranger(run_command(app), TMPDIR=str(temporary), **home)
    assert json.loads(done.stdout)["output"]["user"], done
    assert "/tools-" in json.loads(done.stdout)["output"]["dx"]
    assert (private / "dx-local" / "last-environments.json").exists()


@HOMES
def test_a_new_environment_is_in_a_private_folder(temporary: Path, home: dict[str, str]) -> None:
    with Index(wheels=wheels_of_an_environment()) as index:
        index_variables = {"UV_DEFAULT_INDEX": f"{index.url}/simple", "UV_CACHE_DIR": ""}
        done = as_stranger([sys.executable, "-c", BUILD], TMPDIR=str(temporary), **index_variables, **home)
    private = temporary / f"dx-app-wizard-{STRANGER}"
    message, python = done.stdout.splitlines()
    assert Path(python).is_relative_to(private)
    assert f"in {private}/dx-local, because " in message
    assert (private.stat().st_mode & 0o777) == 0o700


BUILD = """
from dx_local.engine.environments.python_environments import *
print(prepare_environment(EnvironmentRequest(), announce=print).python)
"""


@HOMES
def test_other_commands_need_no_home_either(tmp_path: Path, temporary: Path, home: dict[str, str]) -> None:
    app = tmp_path / "app"
    new = ("--language", "bash", "--template", "basic", "--input", "reads:file", "--no-input")
    variables = {**home, "TMPDIR": str(temporary)}
    written = as_stranger([BIN / "dx-app-wizard", "app", *new, "--output-dir", tmp_path], **variables)
    assert written.returncode == 0, written.stderr
    assert as_stranger([BIN / "dx-local", "lint", app], **variables).returncode == 0
    assert as_stranger([BIN / "dx-local", "asset", "ls"], **variables).returncode == 0
    served = as_stranger([BIN / "dx-local", "serve"], **variables)
    assert served.returncode in (2, 4)
    assert "XDG_STATE_HOME" in served.stderr


@WARM_TOOLS
def test_a_filled_cache_may_be_read_only(app: Path, tmp_path: Path, temporary: Path) -> None:
    cache = tmp_path / "cache" / "dx-local"
    cache.mkdir(parents=True)
    (cache / "environments").symlink_to(cache_dir("dx-local") / "environments")
    for folder in (cache, cache.parent):
        folder.chmod(0o555)
    variables = {"XDG_CACHE_HOME": str(cache.parent), "TMPDIR": str(temporary)}
    try:
        done = as_stranger(run_command(app), **variables)
    finally:
        for folder in (cache.parent, cache):
            folder.chmod(0o755)
    assert json.loads(done.stdout)["state"] == "done", done
    assert "worker environment" not in done.stderr


def test_a_cache_without_programs_is_named(app: Path, tmp_path: Path) -> None:
    cache = tmp_path / "cache"
    cache.mkdir()
    mounts = f'{NOWHERE_PROGRAMS}\nmount -t tmpfs -o noexec none "$XDG_CACHE_HOME"'
    done = with_mounts(mounts, run_command(app), XDG_CACHE_HOME=str(cache), TMPDIR="")
    assert done.returncode == 6, done
    message = json.loads(done.stdout)["failure"]["message"]
    assert f"programs cannot be started in {cache} (mounted noexec)" in message
    assert "Set XDG_CACHE_HOME" in message


@pytest.mark.parametrize("start", ["$CLIENTS/dx", "cd $CLIENTS && ./dx", "PATH=$CLIENTS:$PATH; dx"])
def test_the_compiled_client_needs_no_proc(
    tmp_path: Path, worker_environment: WorkerEnvironment, start: str
) -> None:
    if worker_environment.tool_client is None:
        pytest.skip("there is no compiler here")
    (tmp_path / ".plain").mkdir()
    os.link(_copied(worker_environment.tool_client, tmp_path / ".client"), tmp_path / "dx")
    (tmp_path / "program").write_text('#!/bin/sh\necho "started with $1"\n')
    (tmp_path / "program").chmod(0o755)
    (tmp_path / ".plain" / "dx").symlink_to(tmp_path / "program")
    script = f"mount -t tmpfs none /proc; {start} word; exit"
    variables = {"CLIENTS": str(tmp_path), "LC_ALL": "C.UTF-8", "DX_JOB_ID": "job-x"}
    assert with_mounts(script, [], **variables).stdout == "started with word\n"


def _copied(file: Path, copy: Path) -> Path:
    copy.write_bytes(file.read_bytes())
    copy.chmod(0o755)
    return copy


def test_a_umask_that_takes_rights_from_the_owner_is_no_obstacle(tmp_path: Path) -> None:
    new = "app --language bash --template basic --input reads:file --no-input --output-dir"
    script = f'umask 277; "$0" {new} "$1"'
    done = as_stranger(["sh", "-c", script, BIN / "dx-app-wizard", tmp_path])
    assert done.returncode == 0, done.stderr
