"""The context of a request: the platform and the caller."""

from __future__ import annotations

import secrets
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from dx_local.platform.core.ids import new_id
from dx_local.platform.core.schema import CallingJob
from dx_local.platform.core.store import Journal, Store

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from pathlib import Path

    from dx_local.platform.core.local_bytes import Part
    from dx_local.platform.core.states import Transition

JSON = dict[str, Any]

DEFAULT_REGION = "aws:us-east-1"
DEFAULT_USER = "user-local"

STORE_NAME = "platform.sqlite"
"""The file of the store, in the folder of the platform."""

_CALLING_JOB = f"SELECT {', '.join(CallingJob.__annotations__)} FROM job WHERE id = ?"


@dataclass(frozen=True)
class Caller:
    """The owner of a token: a user, or a job that acts on behalf of the user."""

    user: str
    job: str | None = None


ANONYMOUS = Caller("")
"""The caller of a request without a token."""


@dataclass
class Platform:
    """A local platform: its store, clock, region and folder (file bytes are under `files/`)."""

    store: Store
    folder: Path
    clock: Callable[[], int] = field(default=lambda: time.time_ns() // 1_000_000)
    region: str = DEFAULT_REGION
    base_url: str = ""
    """The address of the platform's server, once it listens."""
    hosts: set[str] = field(default_factory=set)
    """`HOST:PORT` of the other addresses at which clients reach the server."""
    use_reserve: Callable[[Callable[[], Any]], Any] = lambda write: write()
    """Calls a function that must be able to write even if the disk is full, and returns its result."""
    secret: bytes = field(default_factory=lambda: secrets.token_bytes(32), repr=False)
    """Signs the URLs of transfers, which are valid as long as the server runs."""
    journal: Journal = Journal()  # noqa: RUF009  (it cannot be changed)
    """The journal of the store, and of other databases in the folder."""
    reuses: bool = False
    """True if jobs may reuse the outputs of earlier jobs."""
    hashed_parts: dict[str, list[Part]] = field(default_factory=dict)
    """The parts of large local files, between reading and storing them."""
    resources: dict[str, str] = field(default_factory=dict)
    """The containers with the resources of apps that run from their folders, by the ID of the applet."""
    link_targets: list[Path] = field(default_factory=list)
    """The targets of the symbolic links in `files/`."""
    identity_key: Any = field(default=None, repr=False)
    """Signs the identity tokens of jobs; made for the first one."""
    subscribers: list[Callable[[Transition], None]] = field(default_factory=list)
    """Called with every change of a job's state."""
    log_subscribers: list[Callable[[str], None]] = field(default_factory=list)
    """Called with the ID of a job whose log has grown."""
    closed_subscribers: list[Callable[[str], None]] = field(default_factory=list)
    """Called with the ID of a data object that was closed: its bytes do not change any more."""
    token_subscribers: list[Callable[[], None]] = field(default_factory=list)
    """Called when a user has destroyed a token."""

    @classmethod
    def open(
        cls,
        folder: Path,
        *,
        region: str = DEFAULT_REGION,
        is_persistent: bool = True,
        journal: Journal = Journal(),  # noqa: B008  (it cannot be changed)
    ) -> Platform:
        """Open the platform in a folder, or create one there with one user.

        A power cut may destroy a platform that is not persistent.
        """
        (folder / "files").mkdir(parents=True, exist_ok=True)
        for left in () if journal.has_locks else (folder / "gtables").glob("*.lock"):
            left.rmdir()  # the lock of a killed process on a table; see Journal.connect
        store = Store(folder / STORE_NAME, is_persistent=is_persistent, journal=journal)
        platform = cls(store=store, folder=folder, region=region, journal=journal)
        try:
            # Earlier versions stored them, and jobs ended with the process that had started them.
            platform.store.execute("DELETE FROM token WHERE job IS NOT NULL")
            if platform.store.get("user", DEFAULT_USER) is None:
                platform.store.insert(
                    "user", id=DEFAULT_USER, first="Local", last="User", email="local@localhost"
                )
        except BaseException:
            platform.store.close()
            raise
        return platform

    def publish(self, transitions: Iterable[Transition]) -> None:
        """Pass these changes of state to all subscribers once they are committed."""
        for transition in transitions:
            for subscriber in self.subscribers:
                self.store.after_commit(lambda notify=subscriber, change=transition: notify(change))  # type: ignore[misc]

    def publish_closed(self, object_id: str) -> None:
        """Pass the ID of a closed data object to all subscribers once that is committed."""
        for subscriber in self.closed_subscribers:
            self.store.after_commit(lambda notify=subscriber: notify(object_id))  # type: ignore[misc]


@dataclass(frozen=True)
class Context:
    """One request: its platform, its caller, and its headers by lower-case name."""

    platform: Platform
    caller: Caller
    headers: Mapping[str, str] = field(default_factory=dict)
    chosen_id: str | None = None
    """ID for the next data object or project: that of the one in the cloud which it replaces."""

    @property
    def store(self) -> Store:
        """The platform's store."""
        return self.platform.store

    @property
    def base_url(self) -> str:
        """The address of the platform's server by which the caller reaches it."""
        host = self.headers.get("host", "") if self.platform.hosts else ""
        return f"http://{host}" if host in self.platform.hosts else self.platform.base_url

    def new_id(self, class_name: str) -> str:
        """Return the ID of a new data object or project."""
        return self.chosen_id or new_id(class_name)

    def now(self) -> int:
        """Return the platform's time in ms since the epoch."""
        return self.platform.clock()

    def calling_job(self) -> CallingJob | None:
        """Return the row of the job that makes this request, or None if a user makes it.

        The row lacks the job's input and output: they can be large, and almost every request needs the row.
        """
        job = self.caller.job
        return self.store.one(CallingJob, _CALLING_JOB, job) if job else None
