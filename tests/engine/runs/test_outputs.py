"""Save outputs: names that the disk does not support, and outputs that cannot be written."""

from __future__ import annotations

import asyncio
import os
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dx_local.engine.runs.outputs import _shortened
from dx_local.engine.runs.preparation import RunRequest
from dx_local.engine.runs.run import run_once
from dx_local.engine.session import Observer
from dx_local.errors import DxLocalError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    MakeApp = Callable[..., Path]

LONG = "s" * 300
CODE = f"""
import dxpy

@dxpy.entry_point('main')
def main():
    def made(name):
        return dxpy.dxlink(dxpy.upload_string(name[-5:], name=name, wait_on_close=True))
    return {{
        'long': made({LONG!r} + '.fastq.gz'),
        'twins': [made({LONG!r} + 'a.txt'), made({LONG!r} + 'b.txt')],
        'wide': made('é' * 200),
        'short': made('short.txt'),
    }}

dxpy.run()
"""
OUTPUTS = {"long": "file", "twins": "array:file", "wide": "file", "short": "file"}


@pytest.fixture
def app(make_app: MakeApp) -> Path:
    return make_app(CODE, outputs=OUTPUTS)


class Announced(Observer):
    """Keeps what is announced."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def announce(self, message: str) -> None:
        self.lines.append(message)


def test_names_that_are_too_long_are_shortened_before_their_ending(app: Path, tmp_path: Path) -> None:
    observer = Announced()
    result = asyncio.run(run_once(RunRequest(app, folder=tmp_path / "run"), observer))
    output = result.output
    assert output["long"].name == "s" * 245 + "~.fastq.gz"
    assert [path.read_text() for path in output["twins"]] == ["a.txt", "b.txt"]
    assert output["wide"].name == "é" * 127 + "~"
    assert output["short"].name == "short.txt"
    assert len([line for line in observer.lines if "too long for this disk" in line]) == 4
    assert f"shortened to {output['long']}" in "".join(observer.lines)


def test_an_output_that_cannot_be_written_costs_neither_the_others_nor_the_run(
    app: Path, tmp_path: Path
) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "twins").write_text("in the way")
    request = RunRequest(app, folder=tmp_path / "run", out=tmp_path / "out")
    with pytest.raises(DxLocalError, match="cannot write output 'twins': ") as raised:
        asyncio.run(run_once(request))
    assert "bytes are kept in" in (raised.value.hint or "")
    assert (tmp_path / "out" / "short" / "short.txt").read_text() == "t.txt"
    assert (tmp_path / "run" / "platform.sqlite").exists()


@given(
    st.text(st.characters(codec="utf-8"), min_size=1, max_size=400)
    | st.text("aé.x", min_size=200, max_size=300)
)
def test_a_shortened_name_fits_and_keeps_its_beginning(name: str) -> None:
    short = _shortened(name, 255)
    assert len(os.fsencode(short)) <= 255
    assert short == name or name.startswith(short.rpartition("~")[0])
