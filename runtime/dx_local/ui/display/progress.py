"""Choose how progress is shown: not at all, as lines, for GitHub Actions, or as a live view on a terminal."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

import click

from dx_app_wizard.console.text import plain
from dx_local.engine.session import Observer
from dx_local.ui.display.github_lines import GitHubLines
from dx_local.ui.display.held_lines import HeldLines
from dx_local.ui.display.live_view import LiveView
from dx_local.ui.display.plain_lines import PlainLines
from dx_local.ui.outcomes import SHOWN_STATES, details, outcome_of

if TYPE_CHECKING:
    from dx_local.platform.core.context import Platform
    from dx_local.platform.core.states import Transition
    from dx_local.ui.display.run_observer import DisplayOptions


def choose_observer(progress: str, options: DisplayOptions, *, quiet: bool) -> Observer:
    """Return the observer that shows the progress of a run on stderr.

    `progress` is `tty` for a live view, `plain` for lines, or `auto`.
    """
    if quiet:
        return Observer()
    dumb = os.environ.get("TERM") == "dumb" or os.environ.get("CI")
    if progress == "tty" or (progress == "auto" and sys.stderr.isatty() and not dumb):
        return LiveView(options)
    return GitHubLines(options) if os.environ.get("GITHUB_ACTIONS") == "true" else PlainLines(options)


class Messages(Observer):
    """Prints messages for the user and nothing else."""

    def __init__(self) -> None:
        self._held = HeldLines()

    def announce(self, message: str) -> None:
        """Print the message, unless messages are held back."""
        if self._held.is_holding:
            self._held.add(plain(message))
        else:
            click.echo(plain(message), err=True)

    def hold(self) -> None:
        """Hold messages back from now on."""
        self._held.hold()

    def release(self) -> None:
        """Print the messages that were held back, and others as they come."""
        for text in self._held.release():
            click.echo(text, err=True)


class JobStates(Messages):
    """Prints one line, with the job ID, for each transition of a job to an interesting state."""

    def __init__(self) -> None:
        super().__init__()
        self._platform: Platform | None = None

    def on_open(self, platform: Platform) -> None:
        """Keep the platform."""
        self._platform = platform

    def on_transition(self, transition: Transition) -> None:
        """Print the job's name, ID and new state."""
        if self._platform is None or transition.after not in SHOWN_STATES:
            return
        store = self._platform.store
        if outcome := outcome_of(store, transition.job):
            state = f"{transition.after.value}{details(store, outcome, transition.after)}"
            self.announce(f"{outcome['name']} ({transition.job}) {state}")
