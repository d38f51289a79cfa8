"""Show the progress of a run: a live tree on a terminal, one line per event everywhere else."""

from __future__ import annotations

import asyncio
import os
import re
import sys
import time
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import click

from dx_app_wizard.console.text import plain
from dx_local.engine.runs.failure_report import job_label, job_name
from dx_local.engine.session import Observer
from dx_local.platform.core.states import FINAL, State
from dx_local.platform.lifecycle import restarts

if TYPE_CHECKING:
    from rich.live import Live
    from rich.tree import Tree

    from dx_local.engine.executors.protocol import LogLine
    from dx_local.platform.core.context import Platform
    from dx_local.platform.core.schema import JobRow
    from dx_local.platform.core.states import Transition

_SHOWN_STATES = frozenset({State.RUNNING, State.RESTARTABLE, *FINAL})
_REFRESH_SECONDS = 0.1
_TICK_SECONDS = 1.0
_SHOWN_SIBLINGS = 4
_OPENING = re.compile(r"Invoking \S+ with \{")
_STYLES = {
    "done": "green",
    "restartable": "yellow",
    "failed": "bold red",
    "running": "cyan",
    "terminated": "yellow",
}


def choose_observer(progress: str, *, quiet: bool) -> Observer:
    """Return the observer that shows progress on stderr: as nothing, plain lines, or a live tree."""
    if quiet:
        return Observer()
    dumb = os.environ.get("TERM") == "dumb" or os.environ.get("CI")
    if progress == "tty" or (progress == "auto" and sys.stderr.isatty() and not dumb):
        return LiveTree()
    return PlainLines()


class _JobLabels(Observer):
    """Base of observers that show the jobs of a run by their labels."""

    def __init__(self) -> None:
        self._began = time.monotonic()
        self._labels: dict[str, str] = {}
        self._platform: Platform | None = None

    def on_open(self, platform: Platform) -> None:
        self._platform = platform

    def _label(self, job_id: str) -> str:
        """Return the label of a job: its short name, numbered among its siblings."""
        if job_id not in self._labels and self._platform is not None:
            job = self._platform.store.get("job", job_id)
            self._labels[job_id] = job_label(self._platform.store, job) if job else job_id
        return self._labels.get(job_id, job_id)

    def _labelled(self, line: LogLine) -> str | None:
        """Return a line of a job with the job's label, or None for the line with which dxpy begins every job.

        That line repeats the whole input, which can be long, and adds nothing to the state; the job's log has
        it.
        """
        if line.source == "STDOUT" and _OPENING.match(line.message):
            return None
        return f"{self._label(line.job_id)} | {line.message}"

    def _forget(self, job_id: str) -> None:
        self._labels.pop(job_id, None)


class Messages(Observer):
    """Prints messages for the user and nothing else."""

    def announce(self, message: str) -> None:
        """Print the message."""
        click.echo(plain(message), err=True)


class JobStates(Messages):
    """Prints one line, with the job ID, for each transition of a job to an interesting state."""

    def __init__(self) -> None:
        self._platform: Platform | None = None

    def on_open(self, platform: Platform) -> None:
        """Keep the platform."""
        self._platform = platform

    def on_transition(self, transition: Transition) -> None:
        """Print the job's name, ID and new state."""
        if self._platform is None or transition.after not in _SHOWN_STATES:
            return
        if job := self._platform.store.get("job", transition.job):
            details = _details(self._platform, job, transition)
            self.announce(f"{job['name']} ({transition.job}) {transition.after.value}{details}")


class PlainLines(_JobLabels):
    """Prints one prefixed line per transition and per log line, without control codes."""

    def announce(self, message: str) -> None:
        """Print the message."""
        self._print(message)

    def on_transition(self, transition: Transition) -> None:
        """Print a line for an interesting state."""
        if transition.after not in _SHOWN_STATES:
            return
        seconds = time.monotonic() - self._began
        job = self._platform.store.get("job", transition.job) if self._platform else None
        details = _details(self._platform, job, transition) if self._platform and job else ""
        self._print(f"{seconds:7.2f}s {self._label(transition.job)} {transition.after.value}{details}")
        if transition.after in FINAL:
            self._forget(transition.job)

    def on_log(self, line: LogLine) -> None:
        """Print a log line with the job's label."""
        if text := self._labelled(line):
            self._print(text)

    def _print(self, text: str) -> None:
        click.echo(plain(text), err=True)


@dataclass
class _Group:
    """Jobs of the same name that one parent started."""

    name: str
    jobs: dict[str, State] = field(default_factory=dict)


class LiveTree(_JobLabels):
    """Draws a tree of the run's jobs and updates it in place; log lines scroll above it."""

    def __init__(self) -> None:
        super().__init__()
        self._groups: dict[str | None, dict[str, _Group]] = {}
        self._tries: dict[str, int] = {}
        self._live: Live | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._unfinished = 0

    def announce(self, message: str) -> None:
        """Print the message above the tree."""
        self._console_line(message)

    def on_transition(self, transition: Transition) -> None:
        """Add a job's new state to the tree."""
        assert self._platform is not None
        job = self._platform.store.get("job", transition.job)
        if job is None:
            return
        groups = self._groups.setdefault(job["parent"], {})
        name = job_name(self._platform.store, job)
        group = groups.setdefault(name, _Group(name))
        self._unfinished += (transition.job not in group.jobs) - (transition.after in FINAL)
        group.jobs[transition.job] = transition.after
        self._tries[transition.job] = job["try_number"]
        if self._unfinished == 0:
            self._draw()
            self._close()
        else:
            self._schedule_draw(_REFRESH_SECONDS)

    def on_log(self, line: LogLine) -> None:
        """Print a log line above the tree."""
        if text := self._labelled(line):
            self._console_line(text)

    def _console_line(self, text: str) -> None:
        if self._live is None:
            click.echo(plain(text), err=True)
        else:
            self._live.console.print(plain(text), markup=False, highlight=False, soft_wrap=True)

    def _schedule_draw(self, seconds: float) -> None:
        if self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(seconds, self._draw)

    def _draw(self) -> None:
        from rich.console import Console
        from rich.live import Live

        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._live is None:
            self._live = Live(console=Console(stderr=True), auto_refresh=False)
            self._live.start()
        self._live.update(self._tree(), refresh=True)
        if self._unfinished:
            self._schedule_draw(_TICK_SECONDS)

    def on_close(self) -> None:
        """Stop updating the tree."""
        self._close()

    def _close(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._live is not None:
            self._live.stop()
            self._live = None

    def _tree(self) -> Tree:
        from rich.tree import Tree

        seconds = time.monotonic() - self._began
        root = Tree(f"run [dim]{seconds:.0f} s[/dim]", guide_style="dim")
        self._add_branches(root, None)
        return root

    def _add_branches(self, tree: Tree, parent: str | None) -> None:
        for group in self._groups.get(parent, {}).values():
            if len(group.jobs) > _SHOWN_SIBLINGS:
                tree.add(_count_text(group))
                continue
            for number, (job_id, state) in enumerate(group.jobs.items(), 1):
                label = group.name if number == 1 else f"{group.name}[{number}]"
                tried = self._tries[job_id]
                which = f" [dim](try {tried})[/dim]" if tried else ""
                branch = tree.add(f"{_escape(label)} {_state_text(state.value)}{which}")
                self._add_branches(branch, job_id)


def _details(platform: Platform, job: JobRow, transition: Transition) -> str:
    """Return details of a transition in parentheses: the reason, or the number of the try."""
    number = job["try_number"]
    if transition.after is State.RESTARTABLE and job["failure_reason"] is None:
        # The row is already that of the next try when the transition of the last one is published.
        job = restarts.row_of_try(platform.store, job, number - 1)
    if transition.after in (State.FAILED, State.RESTARTABLE):
        return f" ({job['failure_reason']})"
    if transition.after is State.DONE and job["reused_from"]:
        return f" (output reused from {job['reused_from']})"
    if transition.after is not State.RUNNING:
        return ""
    if number:
        return f" (try {number})"
    return f" (not reused: {job['not_reused']})" if job["not_reused"] else ""


def _count_text(group: _Group) -> str:
    counts = Counter(state.value for state in group.jobs.values())
    parts = [f"{count} {_state_text(state)}" for state, count in counts.items()]
    return f"{_escape(group.name)} x {len(group.jobs)}: {', '.join(parts)}"


def _state_text(state: str) -> str:
    style = _STYLES.get(state, "dim")
    return f"[{style}]{state}[/{style}]"


def _escape(text: str) -> str:
    from rich.markup import escape

    return escape(plain(text))
