"""Set the number of examples that Hypothesis tries: `make test` runs a part of those of `make test-all`."""

from __future__ import annotations

from hypothesis import HealthCheck, settings

_OF_THE_WHOLE = 100  # the number of Hypothesis itself
_OF_THE_QUICK = 30


def load_profile(*, is_whole: bool) -> None:
    """Choose how many examples there are from now on."""
    # How long an example takes says something of the machine and its other work, not of the code.
    settings.register_profile(
        "suite",
        deadline=None,
        suppress_health_check=[HealthCheck.too_slow],
        max_examples=_OF_THE_WHOLE if is_whole else _OF_THE_QUICK,
    )
    settings.load_profile("suite")


def share_of(number: int) -> int:
    """Return how many of the examples of a test there are; `number` in the whole suite."""
    return max(1, number * settings().max_examples // _OF_THE_WHOLE)
