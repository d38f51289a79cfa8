"""IDs mapped to local data, as users write them."""

from __future__ import annotations

from pathlib import Path

import pytest

from dx_local.engine.mapped_objects.mapping import parse_mapping
from dx_local.errors import UsageError

FILE, APPLET, RECORD = (f"{kind}-{'B' * 24}" for kind in ("file", "applet", "record"))
PROJECT = f"project-{'b' * 24}"


@pytest.fixture(autouse=True)
def local_data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("a=b.txt").touch()
    Path("folder").mkdir()


@pytest.mark.parametrize(
    ("text", "key", "path"),
    [
        (f"{FILE}=a=b.txt", FILE, "a=b.txt"),
        (f"{PROJECT}:{FILE}=a=b.txt", f"{PROJECT}:{FILE}", "a=b.txt"),
        (f"{RECORD}=a=b.txt", RECORD, "a=b.txt"),
        (f"{PROJECT}=folder", PROJECT, "folder"),
    ],
)
def test_an_id_is_mapped_to_a_path(text: str, key: str, path: str) -> None:
    mapped = parse_mapping(text)
    assert (mapped.key, mapped.path) == (key, Path(path))


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("reads.txt", "maps no object"),
        (f"{FILE}=", "maps no object"),
        ("file-short=a=b.txt", "'file-short' is not an ID that can be mapped"),
        (f"job-{'B' * 24}=folder", "is not an ID that can be mapped"),
        (f"{PROJECT}:{PROJECT}=folder", "is not an ID that can be mapped"),
        (f"{FILE}=none", "there is no 'none'"),
        (f"{FILE}=folder", "'folder' is not a file"),
        (f"{PROJECT}=a=b.txt", "'a=b.txt' is not a folder"),
        (f"{APPLET}=folder", "'folder' is not the folder of an app"),
    ],
)
def test_other_texts_are_errors_that_name_the_option(text: str, problem: str) -> None:
    with pytest.raises(UsageError) as error:
        parse_mapping(text)
    assert problem in error.value.message
    assert text in error.value.message
    assert error.value.hint
