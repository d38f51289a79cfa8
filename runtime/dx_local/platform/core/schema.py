"""The tables of the store, the types of their rows, and the columns that hold JSON.

Triggers maintain the columns and tables that searches use: `placement.modified`, `label`, `link` and
`project.bytes`.
"""

# ruff: noqa: I002 - as strings, the annotations of the row types would cost milliseconds at every start

import re
import zlib
from typing import Any, TypedDict

# `project` holds projects and containers, and `object` the data objects. A `placement` is the copy of an
# object in one project, with the metadata of that copy (name, folder, tags, properties).
SCHEMA = """
CREATE TABLE user (
    id TEXT PRIMARY KEY, first TEXT NOT NULL, last TEXT NOT NULL, email TEXT NOT NULL, ssh_key TEXT
) WITHOUT ROWID;

CREATE TABLE token (
    token TEXT PRIMARY KEY, user TEXT NOT NULL, job TEXT
) WITHOUT ROWID;

CREATE TABLE project (
    id TEXT PRIMARY KEY, class TEXT NOT NULL, name TEXT, region TEXT NOT NULL,
    created INTEGER NOT NULL, modified INTEGER NOT NULL, created_by TEXT NOT NULL,
    owner TEXT,                       -- of a container: the job or analysis whose workspace it is, or the app
    parent TEXT,                      -- of a container: the project in which the execution runs, if any
    fields TEXT NOT NULL,             -- summary, description, flags, tags, properties: as described
    permissions TEXT NOT NULL,        -- {user: level}
    bytes INTEGER NOT NULL DEFAULT 0  -- the total size of its files, maintained by triggers
) WITHOUT ROWID;

CREATE INDEX container_by_owner ON project (owner, parent);

CREATE TABLE folder (
    project TEXT NOT NULL, path TEXT NOT NULL, parent TEXT, PRIMARY KEY (project, path)
) WITHOUT ROWID;
CREATE INDEX folder_by_parent ON folder (project, parent, path);

CREATE TABLE object (
    sequence INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, class TEXT NOT NULL, state TEXT NOT NULL,
    hidden INTEGER NOT NULL, types TEXT NOT NULL, details TEXT NOT NULL, links TEXT NOT NULL,
    created INTEGER NOT NULL, modified INTEGER NOT NULL,
    created_by TEXT NOT NULL,         -- {user, job?, executable?}
    fields TEXT NOT NULL              -- depends on the class: media and size of a file, specs of an applet
);
CREATE INDEX object_closing ON object (state) WHERE state = 'closing';

-- A trigger copies `modified` from the object, so that an index can order searches by it.
CREATE TABLE placement (
    project TEXT NOT NULL, object TEXT NOT NULL, sequence INTEGER NOT NULL, class TEXT NOT NULL,
    modified INTEGER NOT NULL,
    name TEXT NOT NULL, folder TEXT NOT NULL, tags TEXT NOT NULL, properties TEXT NOT NULL,
    archival TEXT NOT NULL DEFAULT 'live',
    live_at INTEGER,                  -- when an unarchiving copy is live again
    PRIMARY KEY (project, object)
) WITHOUT ROWID;
CREATE INDEX placement_archived ON placement (project) WHERE archival = 'archived';
CREATE INDEX placement_by_object ON placement (object);
CREATE INDEX placement_by_folder ON placement (project, folder, name);
CREATE INDEX placement_by_name ON placement (project, name);
CREATE INDEX placement_by_ending ON placement (project, backwards(name));
CREATE INDEX placement_by_time ON placement (project, modified, sequence);
CREATE INDEX placement_by_class ON placement (project, class, modified, sequence);
CREATE TRIGGER object_modified AFTER UPDATE OF modified ON object WHEN NEW.modified != OLD.modified BEGIN
    UPDATE placement SET modified = NEW.modified WHERE object = NEW.id;
END;

CREATE TRIGGER file_placed AFTER INSERT ON placement WHEN NEW.class = 'file' BEGIN
    UPDATE project SET bytes = bytes + (
        SELECT ifnull(json_extract(fields, '$.size'), 0) FROM object WHERE id = NEW.object
    ) WHERE id = NEW.project;
END;
CREATE TRIGGER file_removed AFTER DELETE ON placement WHEN OLD.class = 'file' BEGIN
    UPDATE project SET bytes = bytes - (
        SELECT ifnull(json_extract(fields, '$.size'), 0) FROM object WHERE id = OLD.object
    ) WHERE id = OLD.project;
END;
CREATE TRIGGER file_sized AFTER UPDATE OF fields ON object WHEN NEW.class = 'file' BEGIN
    UPDATE project SET bytes = bytes
        + ifnull(json_extract(NEW.fields, '$.size'), 0) - ifnull(json_extract(OLD.fields, '$.size'), 0)
    WHERE id IN (SELECT project FROM placement WHERE object = NEW.id);
END;

-- The links in the details of objects: an inverted index of `object.links`, maintained by triggers.
CREATE TABLE link (
    source TEXT NOT NULL, target TEXT NOT NULL, PRIMARY KEY (source, target)
) WITHOUT ROWID;
CREATE INDEX link_by_target ON link (target);
CREATE TRIGGER object_made AFTER INSERT ON object WHEN NEW.links != '[]' BEGIN
    INSERT INTO link SELECT NEW.id, value FROM json_each(NEW.links);
END;
CREATE TRIGGER object_linked AFTER UPDATE OF links ON object WHEN NEW.links != OLD.links BEGIN
    DELETE FROM link WHERE source = NEW.id;
    INSERT INTO link SELECT NEW.id, value FROM json_each(NEW.links);
END;

-- An inverted index of tags and properties for searches, maintained by triggers.
CREATE TABLE label (
    project TEXT NOT NULL, kind TEXT NOT NULL, key TEXT NOT NULL, value TEXT NOT NULL, object TEXT NOT NULL,
    PRIMARY KEY (project, kind, key, value, object)
) WITHOUT ROWID;
CREATE INDEX label_by_object ON label (object, project);
CREATE TRIGGER placement_made AFTER INSERT ON placement BEGIN
    INSERT OR IGNORE INTO label SELECT NEW.project, 'tag', value, '', NEW.object FROM json_each(NEW.tags);
    INSERT INTO label SELECT NEW.project, 'property', key, value, NEW.object FROM json_each(NEW.properties);
END;
CREATE TRIGGER placement_labelled AFTER UPDATE OF tags, properties ON placement BEGIN
    DELETE FROM label WHERE object = NEW.object AND project = NEW.project;
    INSERT OR IGNORE INTO label SELECT NEW.project, 'tag', value, '', NEW.object FROM json_each(NEW.tags);
    INSERT INTO label SELECT NEW.project, 'property', key, value, NEW.object FROM json_each(NEW.properties);
END;
CREATE TRIGGER placement_removed AFTER DELETE ON placement BEGIN
    DELETE FROM label WHERE object = OLD.object AND project = OLD.project;
END;

CREATE TABLE part (
    file TEXT NOT NULL, position INTEGER NOT NULL, size INTEGER NOT NULL, md5 TEXT, state TEXT NOT NULL,
    PRIMARY KEY (file, position)
) WITHOUT ROWID;

-- One row for each version of an app; app_name has the data that all versions of a name share. The version
-- number is an alias too, so that it is never used as another alias.
CREATE TABLE app (
    sequence INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, name TEXT NOT NULL, version TEXT NOT NULL,
    user TEXT NOT NULL, created INTEGER NOT NULL, modified INTEGER NOT NULL,
    published INTEGER,                -- the time of publication, or null
    deleted INTEGER NOT NULL,
    fields TEXT NOT NULL              -- texts, access, regionalOptions {region: {applet, resources}}, …
);
CREATE TABLE app_alias (
    name TEXT NOT NULL, alias TEXT NOT NULL, app TEXT NOT NULL, PRIMARY KEY (name, alias)
) WITHOUT ROWID;
CREATE TABLE app_name (
    id TEXT PRIMARY KEY,              -- the name
    developers TEXT NOT NULL, authorized_users TEXT NOT NULL,
    installed_by TEXT NOT NULL        -- the users who installed it
) WITHOUT ROWID;

-- An analysis is also a row of `job`: an execution without a program, whose children are its stages' jobs.
-- Columns that can be large come late, because SQLite reads a row only up to the last requested column.
CREATE TABLE job (
    sequence INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, name TEXT NOT NULL, state TEXT NOT NULL,
    function TEXT NOT NULL, executable TEXT NOT NULL, executable_name TEXT NOT NULL,
    parent TEXT, origin TEXT NOT NULL, root TEXT NOT NULL,
    user TEXT NOT NULL, project TEXT NOT NULL, folder TEXT NOT NULL, workspace TEXT NOT NULL,
    region TEXT NOT NULL, priority TEXT NOT NULL,
    created INTEGER NOT NULL, modified INTEGER NOT NULL, started INTEGER, stopped INTEGER,
    transitions TEXT NOT NULL,        -- [{newState, setAt}]
    requested TEXT NOT NULL,          -- further settings of the run request: RequestedSettings
    analysis TEXT, stage TEXT,        -- of jobs below a stage: the analysis and its stage
    try_number INTEGER NOT NULL DEFAULT 0, try_created INTEGER,
    parent_try INTEGER,               -- the try of the parent that started this one
    superseded INTEGER NOT NULL DEFAULT 0, -- 1 if that try, or one of an ancestor, is no longer the last
    run_input TEXT NOT NULL, original_input TEXT NOT NULL, input TEXT, output TEXT,
    output_spec TEXT,                 -- the declared outputs; null if nothing is declared
    depends_on TEXT NOT NULL, tags TEXT NOT NULL, properties TEXT NOT NULL, details TEXT NOT NULL,
    system_requirements TEXT NOT NULL, instance_type TEXT NOT NULL,
    timeout INTEGER,                  -- the time for which the job may run, in ms
    failure_reason TEXT, failure_message TEXT, failure_from TEXT,
    failure_counts TEXT NOT NULL DEFAULT '{}', -- {reason: count}, over all tries
    reuse_key TEXT,                   -- of a master job: digest of its code, entry point and input
    reused_from TEXT,                 -- the job whose output this one reused instead of running
    not_reused TEXT,                  -- the reason why no output was reused, if reuse was requested
    usage TEXT,                       -- the resources that it used, once it has ended: see job_usage.py
    node TEXT                         -- the node on which it began to run, unless that is this machine
);
CREATE INDEX job_by_reuse_key ON job (reuse_key);
CREATE INDEX job_by_parent ON job (parent);
CREATE INDEX job_by_origin ON job (origin);
CREATE INDEX job_by_root ON job (root);
CREATE INDEX job_by_state ON job (state);
CREATE INDEX job_unfinished ON job (parent) WHERE state NOT IN ('done', 'failed', 'terminated');

-- The earlier tries of jobs: the columns of `job` that belong to a try.
CREATE TABLE past_try (
    job TEXT NOT NULL, number INTEGER NOT NULL, row TEXT NOT NULL, PRIMARY KEY (job, number)
) WITHOUT ROWID;

CREATE TABLE wait (
    job TEXT NOT NULL, waits_for TEXT NOT NULL, PRIMARY KEY (job, waits_for)
) WITHOUT ROWID;
CREATE INDEX wait_by_cause ON wait (waits_for);

CREATE TABLE nonce (
    nonce TEXT NOT NULL, route TEXT NOT NULL, request TEXT NOT NULL, response TEXT NOT NULL,
    created INTEGER NOT NULL, PRIMARY KEY (nonce, route)
) WITHOUT ROWID;

-- The statistics that ANALYZE would find in a project of 100,000 files: how many rows share the first
-- columns of each index. Without them SQLite assumes ten rows, and reads whole projects.
ANALYZE sqlite_master;
INSERT INTO sqlite_stat1 (tbl, idx, stat) VALUES
    ('placement', 'placement', '100000 50000 1'),
    ('placement', 'placement_by_object', '100000 2'),
    ('placement', 'placement_by_folder', '100000 50000 100 1'),
    ('placement', 'placement_by_name', '100000 50000 2'),
    ('placement', 'placement_by_ending', '100000 50000 2'),
    ('placement', 'placement_by_time', '100000 50000 10 1'),
    ('placement', 'placement_by_class', '100000 50000 20000 10 1'),
    ('object', 'sqlite_autoindex_object_1', '100000 1'),
    ('object', 'object_closing', '10 10'),
    ('folder', 'folder', '1000 500 1'),
    ('folder', 'folder_by_parent', '1000 500 10 1'),
    ('label', 'label', '300000 150000 75000 1000 100 1'),
    ('label', 'label_by_object', '300000 6 3'),
    ('link', 'link', '10000 2 1'),
    ('link', 'link_by_target', '10000 2');
ANALYZE sqlite_master;
"""

# Any difference but comments and white space makes a new version.
_TABLES = " ".join(re.sub(r"--.*", "", SCHEMA).split())
SCHEMA_VERSION = zlib.crc32(_TABLES.encode()) & 0x7FFF_FFFF
"""Identifies the tables of a database; SQLite stores it as a positive 32-bit number."""

LARGE_COLUMNS = frozenset({"input", "original_input", "output", "run_input"})
"""The JSON columns whose values may be in files beside the database: SQL cannot read them."""

JSON_COLUMNS = frozenset(
    {
        "authorized_users",
        "created_by",
        "depends_on",
        "details",
        "developers",
        "failure_counts",
        "failure_from",
        "fields",
        "input",
        "installed_by",
        "links",
        "original_input",
        "output",
        "output_spec",
        "permissions",
        "properties",
        "requested",
        "response",
        "row",
        "run_input",
        "system_requirements",
        "tags",
        "transitions",
        "types",
        "usage",
    }
)
"""The columns that hold JSON in the database, and Python values in rows."""


_Class = TypedDict("_Class", {"class": str})


class UserRow(TypedDict):
    """A user of the platform."""

    id: str
    first: str
    last: str
    email: str
    ssh_key: str | None


class TokenRow(TypedDict):
    """An API token, stored as its digest; `job` is set if it belongs to a job."""

    token: str
    user: str
    job: str | None


class ProjectIdentity(_Class):
    """The columns of a project or container that determine its kind."""

    id: str
    owner: str | None
    parent: str | None


class ProjectRow(ProjectIdentity):
    """A project, or a container of an execution or an app."""

    name: str | None
    region: str
    created: int
    modified: int
    created_by: dict[str, Any]
    fields: dict[str, Any]
    permissions: dict[str, str]
    bytes: int


class ObjectRow(_Class):
    """A data object; its name, folder, tags and properties are in its placements."""

    sequence: int
    id: str
    state: str
    hidden: int
    types: list[str]
    details: Any
    links: list[str]
    created: int
    modified: int
    created_by: dict[str, Any]
    fields: dict[str, Any]


class PlacementMetadata(TypedDict):
    """The metadata that each copy of a data object has of its own."""

    project: str
    name: str
    folder: str
    tags: list[str]
    properties: dict[str, str]
    archival: str
    live_at: int | None


class PlacementRow(_Class, PlacementMetadata):
    """A copy of a data object in one project or container."""

    object: str
    sequence: int
    modified: int


class ObjectCopy(ObjectRow, PlacementMetadata):
    """A data object together with the metadata of one copy."""


class FileCopy(PlacementRow):
    """A copy of a file, with the state and size (None while it is open) of the file."""

    state: str
    size: int | None


class PartRow(TypedDict):
    """A part of a file that is being uploaded; `position` counts from 1."""

    file: str
    position: int
    size: int
    md5: str | None
    state: str


class AppRow(TypedDict):
    """One version of an app."""

    sequence: int
    id: str
    name: str
    version: str
    user: str
    created: int
    modified: int
    published: int | None
    deleted: int
    fields: dict[str, Any]


class AppNameRow(TypedDict):
    """The members that all versions of an app share; `id` is the name."""

    id: str
    developers: list[str]
    authorized_users: list[str]
    installed_by: list[str]


class RequestedSettings(TypedDict, total=False):
    """The column `job.requested`: the part of a run request that has no column of its own.

    Jobs and analyses each have some of these keys. Earlier versions may have stored fewer.
    """

    access: dict[str, Any]
    echo: dict[str, Any]
    executionPolicy: dict[str, Any] | None
    headJobOnDemand: bool
    inheritedSystemRequirements: dict[str, Any]
    initializes: dict[str, Any]
    inputSpec: list[dict[str, Any]] | None
    mergedSystemRequirementsByExecutable: dict[str, Any]
    mergedTimeoutPolicyByExecutable: dict[str, Any]
    optionalInputs: list[str]
    preserveJobOutputs: dict[str, str] | None
    repeats: dict[str, str]
    resumes: str
    restartableEntryPoints: str | None
    reuses: bool
    stageSystemRequirements: dict[str, Any]
    systemRequirements: dict[str, Any]
    systemRequirementsByExecutable: dict[str, Any]
    timeoutPolicy: dict[str, Any]
    treeTurnaroundTimeThreshold: int | None
    workflow: dict[str, Any]
    workflowInput: dict[str, Any]


class JobState(TypedDict):
    """The state of an execution, and the number of its last try."""

    id: str
    state: str
    try_number: int


class JobStatus(TypedDict):
    """The columns of `job` that a change of state needs: none that can be large."""

    id: str
    state: str
    parent: str | None
    stopped: int | None
    transitions: list[dict[str, Any]]


class JobTry(TypedDict):
    """The columns of `job` that name the folder of one try."""

    id: str
    function: str
    try_number: int


class JobWorker(TypedDict):
    """The columns of `job` that describe its worker."""

    function: str
    instance_type: str
    region: str


class JobWorkspace(TypedDict):
    """The columns of `job` that show whether a job shares the workspace of its parent."""

    id: str
    parent: str | None
    workspace: str


class JobIdentity(JobWorkspace):
    """The columns of `job` that determine its label; none of them ever changes."""

    parent_try: int | None
    function: str
    executable_name: str


class FoundTry(TypedDict):
    """One try of an execution, as searches find it."""

    id: str
    number: int


class CallingJob(TypedDict):
    """The columns of `job` that are read of the caller at every request: none that can be large."""

    id: str
    name: str
    state: str
    executable: str
    parent: str | None
    origin: str
    root: str
    project: str
    folder: str
    workspace: str
    region: str
    priority: str
    requested: RequestedSettings
    analysis: str | None
    stage: str | None
    try_number: int


class JobRow(CallingJob):
    """A job, or an analysis, in its last try."""

    sequence: int
    function: str
    executable_name: str
    user: str
    created: int
    modified: int
    started: int | None
    stopped: int | None
    transitions: list[dict[str, Any]]
    try_created: int | None
    parent_try: int | None
    superseded: int
    run_input: dict[str, Any]
    original_input: dict[str, Any]
    input: dict[str, Any] | None
    output: dict[str, Any] | None
    output_spec: list[dict[str, Any]] | None
    depends_on: list[str]
    tags: list[str]
    properties: dict[str, str]
    details: dict[str, Any]
    system_requirements: dict[str, Any]
    instance_type: str
    timeout: int | None
    failure_reason: str | None
    failure_message: str | None
    failure_from: dict[str, Any] | None
    failure_counts: dict[str, int]
    reuse_key: str | None
    reused_from: str | None
    not_reused: str | None
    usage: dict[str, Any] | None
    node: str | None


class NonceRow(TypedDict):
    """A response that is kept for repetitions of its request."""

    nonce: str
    route: str
    request: str
    response: dict[str, Any]
    created: int
