from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from dx_local.platform.core.errors import InvalidInput
from dx_local.platform.requests import idempotency

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.conftest import Clock, ServedPlatform

    from dx_local.platform.core.context import JSON, Context

HOUR = 60 * 60 * 1000


class Counter:
    """A call whose answer differs at each execution."""

    def __init__(self) -> None:
        self.calls = 0

    def __call__(self) -> JSON:
        self.calls += 1
        return {"id": f"record-{self.calls}"}


def replay(context: Context, call: Callable[[], JSON], request: JSON, route: str = "record/new") -> str:
    answer: str = idempotency.replay(context, route, request, call)["id"]
    return answer


def test_without_a_nonce_every_call_counts(context: Context) -> None:
    call = Counter()
    assert [replay(context, call, {}), replay(context, call, {})] == ["record-1", "record-2"]


def test_the_same_nonce_and_request_have_the_same_answer(context: Context) -> None:
    call = Counter()
    requests: list[JSON] = [{"nonce": "n", "a": 1, "b": [2]}, {"b": [2], "nonce": "n", "a": 1}]
    assert [replay(context, call, request) for request in requests] == ["record-1", "record-1"]


def test_the_same_nonce_with_another_request_is_an_error(context: Context) -> None:
    call = Counter()
    replay(context, call, {"nonce": "n", "a": 1})
    with pytest.raises(InvalidInput, match="nonce"):
        replay(context, call, {"nonce": "n", "a": 2})


def test_a_nonce_counts_for_one_route(context: Context) -> None:
    call = Counter()
    replay(context, call, {"nonce": "n"})
    assert replay(context, call, {"nonce": "n"}, "file/new") == "record-2"


def test_a_nonce_counts_for_one_caller(context: Context, job_context: Context) -> None:
    call = Counter()
    replay(context, call, {"nonce": "n"})
    assert replay(job_context, call, {"nonce": "n"}) == "record-2"


def test_after_an_hour_a_nonce_is_forgotten(context: Context, clock: Clock) -> None:
    call = Counter()
    replay(context, call, {"nonce": "n"})
    clock.advance(HOUR - 1)
    assert replay(context, call, {"nonce": "n"}) == "record-1"
    clock.advance(1)
    assert replay(context, call, {"nonce": "n", "a": 1}) == "record-2"


@pytest.mark.parametrize("nonce", ["n" * 129, "ü" * 65, 7, ["n"]])
def test_a_nonce_that_is_none_is_invalid(context: Context, nonce: object) -> None:
    with pytest.raises(InvalidInput, match="nonce"):
        replay(context, Counter(), {"nonce": nonce})


def test_a_repeated_run_or_subjob_starts_one_job(served: ServedPlatform) -> None:
    parent = served.job()
    applet = served.post(f"/{parent}/describe")["executable"]
    token = served.token_of(parent)
    for path, request in (
        (f"/{applet}/run", {"project": served.project, "input": {}, "nonce": "n"}),
        ("/job/new", {"function": "part", "input": {}, "nonce": "n"}),
    ):
        first, second = (served.post(path, request, token=token)["id"] for _ in range(2))
        assert first == second
    assert served.inside(lambda context: context.store.value("SELECT COUNT(*) FROM job")) == 3
