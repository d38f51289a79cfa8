"""Who asks, and which platform answers: the two things that every function of the platform is given."""

from __future__ import annotations

import secrets
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from dx_local.platform.core.store import Row, Store

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from pathlib import Path

    from dx_local.platform.core.local_bytes import Part
    from dx_local.platform.core.states import Transition

JSON = dict[str, Any]

DEFAULT_REGION = "aws:us-east-1"
DEFAULT_USER = "user-local"

STORE_NAME = "platform.sqlite"
"""The store in the folder of a platform."""

_OF_A_CALLER = (
    "id, name, state, executable, parent, origin, root, project, folder, workspace, region, priority,"
    " requested, analysis, stage, try_number"
)


@dataclass(frozen=True)
class Caller:
    """Whom a token stands for: a user, and the job that speaks for that user, if one does."""

    user: str
    job: str | None = None


ANYBODY = Caller("")
"""Whoever calls without a token."""


@dataclass
class Platform:
    """One local platform: its store, its folder (file bytes lie under `files/`), its clock and region.

    `base_url` is where its server listens, once one does; `secret` signs the URLs of transfers, which end
    with that server. `reuses` says whether jobs take what earlier ones have computed. `identity_key` signs
    the identity tokens of jobs; the first of them makes it. `hashed` holds the parts of large local files
    from when they were read to when they are stored, and `linked` those that symbolic links in `files/` lead
    to. `use_reserve` calls what must be written even on a full disk, and returns what that returns.
    `subscribers` are told of every change of a job's state, `log_subscribers` which job's log has grown, and
    `token_subscribers` that a user has destroyed a token.
    """

    store: Store
    folder: Path
    clock: Callable[[], int] = field(default=lambda: time.time_ns() // 1_000_000)
    region: str = DEFAULT_REGION
    base_url: str = ""
    use_reserve: Callable[[Callable[[], Any]], Any] = lambda write: write()
    secret: bytes = field(default_factory=lambda: secrets.token_bytes(32), repr=False)
    reuses: bool = False
    hashed: dict[str, list[Part]] = field(default_factory=dict)
    linked: list[Path] = field(default_factory=list)
    identity_key: Any = field(default=None, repr=False)
    subscribers: list[Callable[[Transition], None]] = field(default_factory=list)
    log_subscribers: list[Callable[[str], None]] = field(default_factory=list)
    token_subscribers: list[Callable[[], None]] = field(default_factory=list)

    @classmethod
    def open(cls, folder: Path, *, region: str = DEFAULT_REGION, is_kept: bool = True) -> Platform:
        """Open the platform that lies in folder, or make a new one there with one user.

        One that is not kept may be lost in a power cut.
        """
        (folder / "files").mkdir(parents=True, exist_ok=True)
        platform = cls(store=Store(folder / STORE_NAME, is_kept=is_kept), folder=folder, region=region)
        try:
            if platform.store.get("user", DEFAULT_USER) is None:
                platform.store.insert(
                    "user", id=DEFAULT_USER, first="Local", last="User", email="local@localhost"
                )
        except BaseException:
            platform.store.close()
            raise
        return platform

    def publish(self, transitions: Iterable[Transition]) -> None:
        """Tell every subscriber of these changes of state once they are committed."""
        for transition in transitions:
            for subscriber in self.subscribers:
                self.store.after_commit(lambda tell=subscriber, news=transition: tell(news))  # type: ignore[misc]


@dataclass(frozen=True)
class Context:
    """One request: the platform it is made to, its caller, and the headers, whose names are in lower case."""

    platform: Platform
    caller: Caller
    headers: Mapping[str, str] = field(default_factory=dict)

    @property
    def store(self) -> Store:
        """The platform's store."""
        return self.platform.store

    def now(self) -> int:
        """Return the platform's time in ms since the epoch."""
        return self.platform.clock()

    def calling_job(self) -> Row | None:
        """Return the row of the job that makes this request, or None for a user's own request.

        Its input and output are left out: they can be large, and this is asked for at every call.
        """
        job = self.caller.job
        return self.store.one(f"SELECT {_OF_A_CALLER} FROM job WHERE id = ?", job) if job else None
