"""Faults as users write them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dx_local.engine.faults import Fault, FaultKind, parse_fault
from dx_local.errors import UsageError


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("fail:process", Fault(FaultKind.FAIL, "process")),
        ("kill:process[57]", Fault(FaultKind.KILL, "process", 57)),
        ("spot:process[1]:2", Fault(FaultKind.SPOT, "process", 1, 2)),
        ("oom:my-app.v2:3", Fault(FaultKind.OOM, "my-app.v2", None, 3)),
        ("slow-io:main=10MB/s", Fault(FaultKind.SLOW_IO, "main", None, 1, 10_000_000)),
        ("slow-io:process[2]:2=64KiB", Fault(FaultKind.SLOW_IO, "process", 2, 2, 65_536)),
    ],
)
def test_a_fault_names_its_kind_its_jobs_and_the_start(text: str, fault: Fault) -> None:
    assert parse_fault(text) == fault


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("fail", "is not a fault"),
        ("fail:", "is not a fault"),
        ("fail:process[0]", "is not a fault"),
        ("fail:process[x]", "is not a fault"),
        ("fail:process[1]:0", "is not a fault"),
        ("fail:a:b", "is not a fault"),
        ("explode:process", "has an unknown kind of fault"),
        ("fail:process=1MB/s", "has a rate"),
        ("slow-io:process", "has no rate"),
        ("slow-io:process=fast", "has no rate"),
        ("slow-io:process=0", "has no rate"),
    ],
)
def test_anything_else_is_rejected_with_a_hint(text: str, problem: str) -> None:
    with pytest.raises(UsageError, match=problem) as raised:
        parse_fault(text)
    assert raised.value.hint


FAULTS = st.builds(
    Fault,
    st.sampled_from([kind for kind in FaultKind if kind is not FaultKind.SLOW_IO]),
    st.from_regex(r"[A-Za-z_][\w.-]*", fullmatch=True),
    st.none() | st.integers(1, 10**6),
    st.integers(1, 10**6),
)


@given(FAULTS)
def test_the_text_of_a_fault_is_that_fault(fault: Fault) -> None:
    assert parse_fault(str(fault)) == fault
