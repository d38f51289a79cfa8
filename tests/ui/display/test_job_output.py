"""Lines of jobs that tell nothing about them, and are not shown."""

from __future__ import annotations

import pytest

from dx_local.engine.executors.log_sources.line_splitter import LineSplitter
from dx_local.ui.display.job_output import Noise


@pytest.mark.parametrize("value", ["x" * 300_000, "ü" * 150_000, "x"])
def test_the_line_with_which_dxpy_begins_is_noise_at_any_length(value: str) -> None:
    printed = f"Invoking gather with {{'results': '{value}'}}\nfirst\nInvoke\n"
    noise = Noise()
    lines = [line.decode() for line in LineSplitter().feed(printed.encode())]
    assert [line for line in lines if not noise.has("job-a", line)] == ["first", "Invoke"]


def test_an_overlong_line_of_a_job_is_shown() -> None:
    noise = Noise()
    noise.has("job-a", "Invoking main with {}")
    lines = [line.decode() for line in LineSplitter().feed(b"x" * 300_000 + b"\n")]
    assert not any(noise.has("job-a", line) for line in lines)
