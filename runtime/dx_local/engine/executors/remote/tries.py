"""One try of a job on a node, as the submitting machine sees it: orders to the node, and its reports."""

from __future__ import annotations

import asyncio
import hashlib
import secrets
from itertools import groupby
from typing import TYPE_CHECKING

from dx_local.engine.environments.job_environments import JobEnvironmentError
from dx_local.engine.executors.protocol import LogLine
from dx_local.engine.executors.remote.node_sources import NodeSources
from dx_local.platform.execution.job_logs import LogWriter

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from dx_local.engine.executors.protocol import Callbacks, JobDescription
    from dx_local.engine.executors.remote.assignment import JSON, LogLineData

_HOLD_SECONDS = 4.0
"""Longest delay of an answer to a node; well below the time after which it kills a job without an answer."""

GO = "go"
KILL = "kill"


class RemoteTry:
    """A try from its submission to its end, in one asyncio loop; a `NodeTry` of `api.node_routes`."""

    def __init__(
        self,
        job: JobDescription,
        layers: Mapping[str, Path],
        callbacks: Callbacks,
        accept_port: Callable[[int], None],
    ) -> None:
        self.job = job
        self.number = job.try_number
        self.token = secrets.token_hex(16)
        self.node: str | None = None
        self.output: JSON | None = None
        """The output, if it was too long for the engine."""
        self.is_killed = False
        self._home: str | None = None
        self._layers = layers
        self._wheels: dict[str, Path] = {}
        self._callbacks = callbacks
        self._accept_port = accept_port
        self._changed = asyncio.Event()
        self._is_over = False
        self._log: LogWriter | None = None
        self._line_count = 0
        self._sources = NodeSources(job)

    @property
    def has_begun(self) -> bool:
        """True if a node may have started the job."""
        return self.node is not None

    def begin(self, node: str, home: str, port: int | None) -> str:
        """Return GO if the job may start on a node, where its home is at `home`.

        `port` is that of the node's loopback interface at which the job reaches the API, if there is one.
        """
        if self.is_killed or self._is_over or (self.has_begun and home != self._home):
            return KILL
        if self.has_begun:  # and the answer was lost
            return GO
        self.node, self._home = node, home
        if port is not None:
            self._accept_port(port)
        self._sources.add_home(home)
        self._callbacks.on_node(self.job.job_id, node)
        return GO

    async def order(self) -> str:
        """Return KILL as soon as the job is to end, or GO after some seconds."""
        if not self._changed.is_set():
            timer = asyncio.get_running_loop().call_later(_HOLD_SECONDS, self._changed.set)
            await self._changed.wait()
            timer.cancel()
            if not (self.is_killed or self._is_over):
                self._changed.clear()
        return KILL if self.is_killed or self._is_over else GO

    def add_lines(self, before: int, lines: Sequence[LogLineData]) -> None:
        """Add log lines after `before` earlier ones; a repeated request may contain some again."""
        if self._is_over:
            return
        new = [
            LogLine(self.job.job_id, source, level, self._sources.renamed(text), timestamp)
            for source, level, text, timestamp in lines[max(self._line_count - before, 0) :]
        ]
        self._line_count += len(new)
        if new and self._log is None:
            self._log = LogWriter(self.job.folder.log)
        for (level, timestamp), group in groupby(new, lambda line: (line.level, line.timestamp_ms)):
            texts = [line.message.encode("utf-8", "replace") for line in group]
            assert self._log is not None
            self._log.write(texts, level, timestamp)
        for line in new:
            self._callbacks.on_log(line)

    def add_notes(self, notes: Sequence[str]) -> None:
        """Show messages about the node to the user."""
        for note in notes:
            self._callbacks.announce(f"Node {self.node}: {note}")

    async def wheels(self, python: str) -> list[tuple[str, str]] | None:
        """Return the names and digests of wheels for the job's environment; None if there are none."""
        try:
            paths = await self.job.environment.wheels(python)
        except (JobEnvironmentError, OSError) as error:
            self.add_notes([f"it reaches no package index, and this machine has no packages for it: {error}"])
            return None
        self._wheels = {await asyncio.to_thread(_digest_of, path): path for path in paths}
        return [(path.name, digest) for digest, path in self._wheels.items()]

    def wheel(self, digest: str) -> Path | None:
        """Return a wheel that `wheels` has named."""
        return self._wheels.get(digest)

    def layer(self, digest: str) -> Path | None:
        """Return the folder of a layer that the job requires."""
        return self._layers.get(digest)

    def renamed(self, text: str | None) -> str | None:
        """Return a text from the node with the author's own file in place of the job's copy."""
        return text and self._sources.renamed(text)

    def kill(self) -> None:
        """Have the node kill the job."""
        self.is_killed = True
        self._changed.set()

    def end(self) -> None:
        """Take no further report of the node, and have it kill what is left."""
        self._is_over = True
        self._changed.set()
        if self._log:
            self._log.close()
            self._log = None


def _digest_of(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()
