from __future__ import annotations

import os
import signal

import pytest

from dx_app_wizard.interview.interruption import StoppedError, interruptible


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_a_signal_is_raised_and_named_and_handled_as_before_afterwards(number: signal.Signals) -> None:
    before = signal.getsignal(number)
    with pytest.raises(StoppedError), interruptible() as interruption:
        os.kill(os.getpid(), number)
    assert (interruption.arrived, interruption.signal_number) == (True, number)
    assert signal.getsignal(number) is before


def test_a_hangup_that_nohup_ignores_stays_ignored() -> None:
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with interruptible() as interruption:
            os.kill(os.getpid(), signal.SIGHUP)
        assert not interruption.arrived
        assert signal.getsignal(signal.SIGHUP) is signal.SIG_IGN
    finally:
        signal.signal(signal.SIGHUP, before)
