from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from dx_app_wizard import user_dirs
from dx_app_wizard.errors import NoCacheError, NoHomeError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

ALONE = 65534  # an ordinary user, for a test that root runs

FOLDERS = [
    pytest.param(user_dirs.cache_dir, "XDG_CACHE_HOME", ".cache", id="cache"),
    pytest.param(user_dirs.state_dir, "XDG_STATE_HOME", ".local/state", id="state"),
    pytest.param(user_dirs.config_dir, "XDG_CONFIG_HOME", ".config", id="config"),
]


@pytest.mark.parametrize(("folder", "variable", "_in_home"), FOLDERS)
def test_an_absolute_path_in_the_variable_takes_precedence(
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    folder: Callable[[str], Path],
    variable: str,
    _in_home: str,
) -> None:
    monkeypatch.setenv(variable, str(tmp_path / "chosen"))
    assert folder("program") == tmp_path / "chosen" / "program"


@pytest.mark.parametrize("value", ["", "relative"])
@pytest.mark.parametrize(("folder", "variable", "in_home"), FOLDERS)
def test_other_values_are_ignored(
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    folder: Callable[[str], Path],
    variable: str,
    in_home: str,
    value: str,
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv(variable, value)
    assert folder("program") == tmp_path / in_home / "program"


@pytest.mark.parametrize(("folder", "variable", "_in_home"), FOLDERS[1:])
def test_the_error_of_a_user_without_a_home_names_the_variable(
    monkeypatch: pytest.MonkeyPatch, folder: Callable[[str], Path], variable: str, _in_home: str
) -> None:
    have_no_home(monkeypatch)
    monkeypatch.delenv(variable, raising=False)
    with pytest.raises(NoHomeError) as caught:
        folder("program")
    assert caught.value.hint == f"Set HOME, or {variable}, to a folder."


def have_no_home(monkeypatch: pytest.MonkeyPatch) -> None:
    """Be a user of whom the machine has no entry."""

    def unknown(number: int) -> None:
        raise KeyError(number)

    monkeypatch.setattr("pwd.getpwuid", unknown)
    monkeypatch.delenv("HOME", raising=False)


@pytest.fixture
def visible() -> Iterator[Path]:
    """A folder that other users can enter, unlike those of pytest."""
    with tempfile.TemporaryDirectory(prefix="dx-test-") as folder:
        Path(folder).chmod(0o755)
        yield Path(folder)


@pytest.fixture
def temporary(visible: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The only folder for temporary files."""
    folder = visible / "temporary"
    folder.mkdir()
    folder.chmod(0o777)
    monkeypatch.setattr(user_dirs, "temporary_places", lambda: iter([folder]))
    return folder


def test_a_user_without_a_home_has_a_private_cache(monkeypatch: pytest.MonkeyPatch, temporary: Path) -> None:
    have_no_home(monkeypatch)
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    private = user_dirs.cache_dir("program").parent
    assert private.parent == temporary
    assert (private.stat().st_uid, private.stat().st_mode & 0o777) == (os.geteuid(), 0o700)
    assert user_dirs.cache_problem("program") == "this user has no home folder"
    assert user_dirs.cache_dir("program").parent == private


def test_a_cache_that_cannot_be_written_is_only_read(
    monkeypatch: pytest.MonkeyPatch, visible: Path, temporary: Path
) -> None:
    own = visible / "cache"
    (own / "program" / "old").mkdir(parents=True)
    for folder in (own, own / "program"):
        folder.chmod(0o555)
    monkeypatch.setenv("XDG_CACHE_HOME", str(own))
    user = os.geteuid()
    os.seteuid(user or ALONE)  # root may write everywhere
    try:
        assert user_dirs.cached("program", "old") == own / "program" / "old"
        assert user_dirs.cached("program", "new").is_relative_to(temporary)
        assert user_dirs.cache_problem("program") == f"{own}/program cannot be written"
    finally:
        os.seteuid(user)


@pytest.mark.parametrize("obstacle", ["file", "link", "open folder", "another user's"])
def test_a_private_folder_that_may_be_somebody_elses_is_refused(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, temporary: Path, obstacle: str
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file" / "cache"))
    (tmp_path / "file").touch()
    private = user_dirs.cache_dir("program").parent
    private.rmdir()
    match obstacle:
        case "file":
            private.touch()
        case "link":
            (temporary / "elsewhere").mkdir(mode=0o700)
            private.symlink_to(temporary / "elsewhere")
        case "open folder":
            private.mkdir()
            private.chmod(0o755)
        case _:
            if os.geteuid():
                pytest.skip("only root can give a folder away")
            private.mkdir(mode=0o700)
            os.chown(private, ALONE, ALONE)
    with pytest.raises(NoCacheError) as caught:
        user_dirs.cache_dir("program")
    assert f"{tmp_path}/file is not a folder" in caught.value.message
    assert "XDG_CACHE_HOME" in (caught.value.hint or "")
    assert user_dirs.find_cache_dir("program") is None


def test_a_folder_without_programs_is_no_cache(tmp_path: Path) -> None:
    folder = tmp_path / "cache"
    folder.mkdir()
    script = (
        'mount -t tmpfs -o noexec,mode=777 none "$1" && exec "$2" -c "import sys\n'
        "from pathlib import Path\nfrom dx_app_wizard.user_dirs import why_unusable\n"
        'print(why_unusable(Path(sys.argv[1], *sys.argv[2:])))" "$1" program'
    )
    command = ["unshare", "-rm", "sh", "-c", script, "sh", str(folder), sys.executable]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        pytest.skip(f"nothing can be mounted here: {done.stderr}")
    assert done.stdout == f"programs cannot be started in {folder} (mounted noexec)\n"
