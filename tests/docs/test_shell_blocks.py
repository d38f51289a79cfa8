"""The shell blocks of the documentation work as they are printed."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest
from tests.docs.shell_blocks import PAGES, ROOT, SHELLS, Block, PageError, blocks, run

if TYPE_CHECKING:
    from pathlib import Path

COMPARED = "docs/tutorials/look-around-with-dx.md"  # run by tests/e2e/test_tour.py, output included
SLOW = {
    "README.md",
    "docs/explanation/how-it-works.md",
    "docs/explanation/isolation.md",
    "docs/how-to/apps-that-use-docker.md",
    "docs/how-to/assets.md",
    "docs/how-to/data-on-the-platform.md",
    "docs/how-to/declare-dependencies.md",
    "docs/how-to/earlier-runs.md",
    "docs/how-to/from-a-command.md",
    "docs/how-to/from-a-script.md",
    "docs/how-to/macos.md",
    "docs/how-to/read-a-report.md",
    "docs/how-to/resume-a-run.md",
    "docs/how-to/run-on-a-cluster.md",
    "docs/how-to/run-on-large-files.md",
    "docs/how-to/scatter.md",
    "docs/how-to/see-what-a-job-uses.md",
    "docs/how-to/several-commands.md",
    "docs/how-to/test-an-app.md",
    "docs/how-to/test-in-ci.md",
    "docs/how-to/use-dx-locally.md",
    "docs/reference/surroundings.md",
    "docs/tutorials/first-app.md",
    "docs/tutorials/from-a-command.md",
}
NAMES = [page.relative_to(ROOT).as_posix() for page in PAGES]
BLOCKS = {name: blocks((ROOT / name).read_text(encoding="utf-8")) for name in NAMES}


@pytest.mark.parametrize(
    "name",
    [
        pytest.param(name, marks=(pytest.mark.slow, pytest.mark.timeout(300)) if name in SLOW else ())
        for name in NAMES
        if name != COMPARED and any(block.script for block in BLOCKS[name])
    ],
)
def test_every_block_of_a_page_works(name: str, tmp_path: Path) -> None:
    run((ROOT / name).read_text(encoding="utf-8"), tmp_path)


def test_at_most_one_block_in_ten_is_left_out() -> None:
    shown = [block for found in BLOCKS.values() for block in found if not block.is_hidden]
    left_out = [block for block in shown if block.reason is not None]
    assert all(block.reason for block in left_out)
    assert len(left_out) * 10 <= len(shown)


@pytest.mark.parametrize("name", NAMES)
def test_every_block_has_a_language(name: str) -> None:
    """A shell block without one would not be run."""
    fences = re.findall(r"^ *```(.*)$", (ROOT / name).read_text(encoding="utf-8"), re.MULTILINE)
    assert set(fences[::2]) <= {*SHELLS, "json", "mermaid", "python", "text", "toml", "yaml"}
    assert set(fences[1::2]) <= {""}


PAGE = """\
<!-- setup:
touch given
-->

```bash
ls
```

<!-- not run: needs root -->

```console
$ sudo ls
```

Text.

1. An item.

    ```console
    $ echo one \\
    >     two
    one two
    ```

```text
no shell
```
"""


def test_blocks_are_found_with_their_comments() -> None:
    setup, ls, sudo, echo = blocks(PAGE)
    assert setup == Block(1, "\ntouch given", is_hidden=True)
    assert ls == Block(5, "ls\n", "setup:\ntouch given")
    assert (sudo.commands, sudo.reason) == ("sudo ls", "needs root")
    assert (echo.line, echo.commands, echo.comment) == (19, "echo one \\\n    two", "")


def test_a_page_is_one_script(tmp_path: Path) -> None:
    run("```sh\nname=value\ncd ~\n```\n\n```sh\n[ $name = value ]\ntouch here\n```\n", tmp_path)
    assert (tmp_path / "home" / "here").exists()


def test_a_page_stops_at_the_first_command_that_fails(tmp_path: Path) -> None:
    with pytest.raises(PageError, match=r"(?s)exit code 3.*\+ line 5\nthe end$"):
        run("```sh\ntrue\n```\n\n```sh\necho the end\n(exit 3)\ntouch ~/here\n```\n", tmp_path)
    assert not (tmp_path / "home" / "here").exists()


def test_a_block_that_is_left_out_does_not_run(tmp_path: Path) -> None:
    run("<!-- not run: fails -->\n```sh\nfalse\n```\n", tmp_path)


def test_a_block_is_saved_as_a_file(tmp_path: Path) -> None:
    page = '<!-- saved as: name.yaml -->\n\n```yaml\nname: "$HOME"\n```\n\n```sh\n{}\n```\n'
    run(page.format("""[ "$(cat name.yaml)" = 'name: "$HOME"' ]"""), tmp_path)


def test_an_exit_code_is_required(tmp_path: Path) -> None:
    page = "<!-- exit code: 3 -->\n\n```sh\n(exit {})\n```\n"
    run(page.format(3), tmp_path)
    (tmp_path / "again").mkdir()
    with pytest.raises(PageError):
        run(page.format(0), tmp_path / "again")


def test_the_page_does_not_wait_for_a_block_in_the_background(tmp_path: Path) -> None:
    run("<!-- in the background -->\n```sh\nsleep 600\n```\n", tmp_path)
