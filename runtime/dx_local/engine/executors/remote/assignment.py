"""A job as the submitting machine describes it to a node, and the result: data that JSON can hold.

No path of the submitting machine is in them. A node has what it needs by HTTP: see `api.node_routes`.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

JSON = dict[str, Any]

LogLineData = tuple[str, str, str, int]
"""Source, level, text and time (ms since the epoch) of a log line."""

LONGEST_INLINE_BYTES = 1 << 20
"""An output longer than this goes by HTTP rather than through the engine."""


@dataclass(frozen=True)
class LayerReference:
    """A folder to overlay on `/`: the digest of its content, and its bytes."""

    digest: str
    size: int


@dataclass(frozen=True)
class EnvironmentOrder:
    """The worker environment that a job requires, for a node to make."""

    release: str
    """The release of Ubuntu, which determines the Python."""
    python: str | None
    """The version of Python if the user has chosen one."""
    packages: Sequence[str]
    """Requirements for pip."""


@dataclass(frozen=True)
class Assignment:
    """One try of a job. Each is submitted to the engine once."""

    job: str
    try_number: int
    function: str
    interpreter: str
    home: Mapping[str, str]
    """The texts of the files in the job's home by name: code, input, descriptions."""
    variables: Mapping[str, str]
    """The DX_* variables of a job that reaches only the API, by a network of its own.

    For other jobs, the node replaces those that name the server.
    """
    environment: EnvironmentOrder
    layers: Sequence[LayerReference]
    """The topmost first."""
    settings: Mapping[str, Any]
    """Options of `JobSettings` by name, for the node."""
    loopback_port: int
    """Port of the API in a network of the job's own, in which `variables` name the host 127.0.0.1."""
    control: str
    """URL of the routes for this try, at the address by which nodes reach the submitting machine."""
    token: str
    """The right to use these routes."""
    certificate: str | None = None
    """The certificate of the submitting machine in PEM format, if connections to it are encrypted."""
    cores: int = 1
    memory: int | None = None
    """Bytes of memory that the job's slot has; None if that is not limited."""
    memory_limit: int | None = None
    """Bytes of memory that the job may use; None for no limit."""
    has_network: bool = True
    git_depends: Sequence[Mapping[str, Any]] = ()
    """Repositories to clone, as in `Launch`; `mirror` is the digest of a folder that is sent like a layer."""
    shows_changes: bool = False
    """True if the job can read its changes to the sandbox."""
    is_killed: bool = False
    """True if its process is to be killed as it starts, which is a fault that the user injects."""

    def as_json(self) -> JSON:
        """Return the assignment as a dictionary for `from_json`."""
        return asdict(self)

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Assignment:
        """Return the assignment that `as_json` has turned into `data`."""
        environment = EnvironmentOrder(**data["environment"])
        layers = tuple(LayerReference(**layer) for layer in data["layers"])
        return cls(**{**data, "environment": environment, "layers": layers})


@dataclass(frozen=True)
class AssignmentResult:
    """The end of a try on its node."""

    node: str
    exit_code: int | None
    """Negative for a signal; None if it is unknown, or if the job was killed because the node was cut off."""
    output: JSON | None = None
    """None if the job failed, or if the output was sent by HTTP."""
    reason: str | None = None
    """`failureReason` of a job that failed."""
    message: str | None = None
    usage: Mapping[str, Any] | None = None
    """The fields of `JobUsage`."""
    killed_for_memory: int = 0
    remark: str | None = None
    disk_is_full: bool = False
    memory_ran_out: bool = False
    """True if the kernel of the node killed processes a moment ago because memory ran out."""
    lines_before: int = 0
    """Number of log lines that were sent by HTTP."""
    lines: Sequence[LogLineData] = field(default_factory=tuple)
    """The log lines after them."""
    notes: Sequence[str] = field(default_factory=tuple)
    """Messages for the user about this node."""

    def as_json(self) -> JSON:
        """Return the result as a dictionary for `from_json`."""
        return asdict(self)

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> AssignmentResult:
        """Return the result that `as_json` has turned into `data`."""
        return cls(**data)
