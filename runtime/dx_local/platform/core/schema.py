"""The tables of the store, and what of them is JSON.

Triggers keep up what searches find by: `placement.modified`, `label`, `link` and `project.bytes`.
"""

from __future__ import annotations

import re
import zlib

# `project` holds projects and containers; `object` the data objects; `placement` says in which projects an
# object lies, with the metadata that is per project (name, folder, tags, properties).
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
    owner TEXT,                       -- containers: the job or analysis whose workspace it is, or the app
    parent TEXT,                      -- containers: the project that the execution runs in, if it is for one
    fields TEXT NOT NULL,             -- summary, description, flags, tags, properties: as described
    permissions TEXT NOT NULL,        -- {user: level}
    bytes INTEGER NOT NULL DEFAULT 0  -- the sizes of its files, kept up by triggers
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
    fields TEXT NOT NULL              -- what the class adds: media and size of a file, specs of an applet
);
CREATE INDEX object_closing ON object (state) WHERE state = 'closing';

-- `modified` is that of the object, kept up by a trigger, so that searches find in its order.
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

-- Which objects link to which in their details: `object.links` the other way round, kept up by triggers.
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

-- Tags and properties the other way round, for searches; kept up by triggers as well.
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

-- One row for each version of an app; what all versions of a name share is in app_name. The version is an
-- alias like any other, so that nothing else can take it.
CREATE TABLE app (
    sequence INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, name TEXT NOT NULL, version TEXT NOT NULL,
    user TEXT NOT NULL, created INTEGER NOT NULL, modified INTEGER NOT NULL,
    published INTEGER,                -- when it was published; null before
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

-- An analysis is a row of `job` too: an execution that runs no program, whose children are its stages' jobs.
-- What can be large comes late: a row is read only as far as the last column that is asked for.
CREATE TABLE job (
    sequence INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, name TEXT NOT NULL, state TEXT NOT NULL,
    function TEXT NOT NULL, executable TEXT NOT NULL, executable_name TEXT NOT NULL,
    parent TEXT, origin TEXT NOT NULL, root TEXT NOT NULL,
    user TEXT NOT NULL, project TEXT NOT NULL, folder TEXT NOT NULL, workspace TEXT NOT NULL,
    region TEXT NOT NULL, priority TEXT NOT NULL,
    created INTEGER NOT NULL, modified INTEGER NOT NULL, started INTEGER, stopped INTEGER,
    transitions TEXT NOT NULL,        -- [{newState, setAt}]
    requested TEXT NOT NULL,          -- what else the run request said, echoed in describe
    analysis TEXT, stage TEXT,        -- jobs below a stage of an analysis: which ones
    try_number INTEGER NOT NULL DEFAULT 0, try_created INTEGER,
    parent_try INTEGER,               -- the try of the parent that made this one
    superseded INTEGER NOT NULL DEFAULT 0, -- whether that, or one above it, is no longer the last try
    run_input TEXT NOT NULL, original_input TEXT NOT NULL, input TEXT, output TEXT,
    output_spec TEXT,                 -- what the output must keep to; null where nothing is declared
    depends_on TEXT NOT NULL, tags TEXT NOT NULL, properties TEXT NOT NULL, details TEXT NOT NULL,
    system_requirements TEXT NOT NULL, instance_type TEXT NOT NULL,
    timeout INTEGER,                  -- ms that the job may be running
    failure_reason TEXT, failure_message TEXT, failure_from TEXT,
    failure_counts TEXT NOT NULL DEFAULT '{}', -- {reason: how often}, of all tries
    reuse_key TEXT,                   -- of master jobs: what those have in common that do the same
    reused_from TEXT,                 -- the job whose output this one has taken instead of running
    not_reused TEXT,                  -- why it has taken none, where that was wanted
    usage TEXT                        -- what it used of its worker, once it has ended: see job_usage.py
);
CREATE INDEX job_by_reuse_key ON job (reuse_key);
CREATE INDEX job_by_parent ON job (parent);
CREATE INDEX job_by_origin ON job (origin);
CREATE INDEX job_by_root ON job (root);
CREATE INDEX job_by_state ON job (state);
CREATE INDEX job_unfinished ON job (parent) WHERE state NOT IN ('done', 'failed', 'terminated');

-- The tries of a job before its last one: the columns of `job` that were different then.
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

-- How many rows share the first columns of an index, as ANALYZE would find in a project of 100,000 files.
-- With nothing known SQLite takes ten, and reads whole projects.
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

# Tables that differ in anything but words and spaces are of another version.
_TABLES = " ".join(re.sub(r"--.*", "", SCHEMA).split())
SCHEMA_VERSION = zlib.crc32(_TABLES.encode()) & 0x7FFF_FFFF
"""Tells which tables a database has; SQLite keeps it as a positive 32-bit number."""

LARGE_COLUMNS = frozenset({"input", "original_input", "output", "run_input"})
"""The JSON columns whose values may be in files beside the database: no query may look into them."""

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
"""The columns that hold JSON; in a Row they are Python values."""
