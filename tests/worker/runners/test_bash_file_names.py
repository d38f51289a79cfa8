"""Files with unusual names in bash jobs: downloaded, named by variables, uploaded."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from dx_local.platform.data import files

if TYPE_CHECKING:
    from pathlib import Path

    from tests.conftest import RunningPlatform

SPECIAL = "'\"\\$`!*?[]{}()<>|&;#~=%^ \t\n\r-\x7f\x1b\xa0é\u2028𝄞na0.,:"
NAMES = st.text(SPECIAL, min_size=1, max_size=30).filter(lambda name: name.strip("."))

COPY = r"""
main() {
    dx-download-all-inputs > /dev/null
    printf '%s\0' "${files_name[@]}" > names
    cat "${files_path[@]}" > contents
    dx upload --brief "${files_path[@]}" > copies
}
"""


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("files")


@settings(max_examples=2, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(NAMES, min_size=1, max_size=6))
@example([" ", "a b", "-", "--help", "-rf", "*", "?", "[a]", "$(exit 9)", "`exit 9`", "${HOME}", "~"])
@example(
    [
        "'",
        '"',
        "\\",
        "a\nb",
        "\n",
        "\t",
        "é𝄞",
        "%s%n",
        "a;exit 9",
        "a&b",
        "#a",
        "a.tar.gz",
        ".hidden",
        "x" * 200,
    ]
)
def test_files_keep_their_names(running: RunningPlatform, place: Path, names: list[str]) -> None:
    def store(context: Any) -> list[dict[str, str]]:
        links = []
        for index, name in enumerate(names):
            (place / str(index)).write_text(f"content of {index}")
            where = {"project": running.project, "folder": "/", "name": name}
            links.append({"$dnanexus_link": files.link_local(context, place / str(index), **where)})
        return links

    job = running.run(COPY, "bash", {"files": running.inside(store)})
    (home,) = (running.folder / "platform" / "jobs").glob(f"*{job}/home")
    assert (home / "names").read_bytes().decode().split("\0") == [*names, ""]
    assert (home / "contents").read_text() == "".join(f"content of {index}" for index in range(len(names)))
    copies = (home / "copies").read_text().split()
    assert [running.post(f"/{copy}/describe")["name"] for copy in copies] == names
