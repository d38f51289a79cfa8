"""Copy an app under a new name: its files, without IDs, developers, local runs and version control.

If the record of the app's origin is there, the copy is rendered from it under the new name, and the changes
that were made to the original since are merged into that; so the copy can be updated as well.
"""

from __future__ import annotations

import os
import re
import tempfile
from dataclasses import replace
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any

from dx_app_wizard.answers.answers import gather
from dx_app_wizard.answers.questions import readable
from dx_app_wizard.answers.sources import AnswerSources, Source
from dx_app_wizard.commands.create import CreatedApp
from dx_app_wizard.dxapp import json_document
from dx_app_wizard.dxapp.json_edit import rewritten
from dx_app_wizard.dxapp.model import FILE_NAME, AppSpec
from dx_app_wizard.errors import AnswersError, CommandLineError, Problem, SpecFileError
from dx_app_wizard.policy.load import load_policy
from dx_app_wizard.rendering.changes import ChangeSet, FileContent, OnConflict, Verdict, change_set
from dx_app_wizard.rendering.draft import Basis, draft_app
from dx_app_wizard.rendering.merge import Labels, merge
from dx_app_wizard.rendering.provenance import (
    BUILT_IN,
    RECORD_PATH,
    Record,
    base_of,
    read_record,
    with_record,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from dx_app_wizard.commands.create import Options
    from dx_app_wizard.commands.start_options import StartOptions

_LEFT_OUT = (
    *("test-job-workspaces", ".git", ".hg", ".svn", "__pycache__", ".mypy_cache", ".pytest_cache"),
    *(".ruff_cache", ".tox", ".nox"),
)
_PRIVATE = re.compile(
    r"\.env(?:rc|\.(?!example|sample|template).+)?|\.netrc|\.pypirc|\.npmrc|\.ssh|\.aws|\.dnanexus_config"
    r"|id_(?:rsa|dsa|ecdsa|ed25519)|.*\.pem|\.?venv|node_modules"
)
"""Names of files and folders with keys and passwords, or with the packages of this machine."""

_LARGEST = 1 << 30
"""Bytes that an app may have to be copied, as its files are held in memory."""

_NOT_COPIED = ("developers", "authorizedUsers", "id", "billTo")
"""Keys of dxapp.json that belong to the original: who may change and use it, and who pays."""

_SUFFIXES = (".py", ".sh")


def copy_app(source: Path, options: Options, flags: Mapping[str, Any]) -> CreatedApp:
    """Write a copy of the app in source, with the name, title and version in flags.

    Raises AnswersError without a valid name, SpecFileError for an unreadable dxapp.json, and ConflictError.
    """
    name = _name(flags)
    spec = json_document.read(source / FILE_NAME).value
    if not isinstance(spec, dict):
        raise SpecFileError(source / FILE_NAME, "must contain a JSON object", 1, 1)
    title = flags.get("title") or readable(name)
    new = {"name": name, "title": title, "version": flags.get("version")}
    files, left_out = _files(source)
    record = read_record(source)
    renamed = _renamed_source(spec, name)
    if renamed:
        old_path, new_path = renamed
        files = {new_path if path == old_path else path: content for path, content in files.items()}
    files[PurePosixPath(FILE_NAME)] = _copied_spec(files[PurePosixPath(FILE_NAME)], spec, new, renamed)
    folder = options.output_dir / name
    if folder.resolve().is_relative_to(source.resolve()):
        message = f"--from-app {source}: the copy {folder} would be inside the app"
        raise CommandLineError(f"{message}. Run this in another folder, or pass --output-dir.")
    copied: Record | None = None
    notes: tuple[str, ...] = ()
    if record and record.origin.template.source == BUILT_IN:
        copied, files, notes = _merged(record, files, folder, new, renamed)
    changes = change_set(folder, files, OnConflict(options.on_conflict or "abort"))
    if copied and not changes.conflicts:
        changes = with_record(changes, copied, None)
    if left_out:
        listed = ", ".join(left_out)
        notes = (*notes, f"left out, as they are private, of this machine, or links out of the app: {listed}")
    created = CreatedApp(name, changes, changes.is_new, options.dry_run, notes=notes)
    if not options.dry_run:
        changes.apply()
    return created


def _name(flags: Mapping[str, Any]) -> str:
    from dx_app_wizard.answers.readers import AnswerError, read_name

    if flags.get("name") is None:
        raise AnswersError((Problem("name", "NAME", "missing: the name of the copy", code="missing-answer"),))
    try:
        return read_name(flags["name"])
    except AnswerError as error:
        raise AnswersError((Problem("name", "NAME", error.message),)) from None


def check_flags(flags: Mapping[str, Any], start: StartOptions) -> None:
    """Raise CommandLineError for answers that a copy takes from the original, and for another start."""
    others = [flag for flag in start.given if flag != "--from-app"]
    others += ["--sample"] if start.samples else []
    others += ["--trial" if start.trial else "--no-trial"] if start.trial is not None else []
    if others:
        raise CommandLineError(f"--from-app cannot be combined with {others[0]}.")
    others = [
        key for key, value in flags.items() if value is not None and key not in ("name", "title", "version")
    ]
    if others:
        message = f"--from-app takes only NAME, --title and --version; got {', '.join(others)}."
        raise CommandLineError(message)


def _files(source: Path) -> tuple[dict[PurePosixPath, FileContent], list[str]]:
    """Return the files of an app, and the paths that are private, of this machine, or links out of the app.

    Raises CommandLineError if the files are too large together.
    """
    found: dict[PurePosixPath, FileContent] = {}
    left_out: list[str] = []
    root = source.resolve()
    size = 0
    for folder, names, file_names in os.walk(source):
        names[:] = sorted(name for name in names if name not in _LEFT_OUT)
        for name in [*names, *sorted(file_names)]:
            path = Path(folder) / name
            relative = PurePosixPath(path.relative_to(source).as_posix())
            is_link_out = path.is_symlink() and (path.is_dir() or not path.resolve().is_relative_to(root))
            if _PRIVATE.fullmatch(name) or is_link_out:
                left_out.append(relative.as_posix())
            elif relative != RECORD_PATH and path.is_file():
                status = path.stat()
                size += status.st_size
                if size > _LARGEST:
                    message = f"--from-app {source}: its files have more than 1 GiB, up to {relative}."
                    raise CommandLineError(message)
                found[relative] = FileContent(path.read_bytes(), executable=bool(status.st_mode & 0o100))
        names[:] = [name for name in names if not _PRIVATE.fullmatch(name)]
    return found, left_out


def _renamed_source(spec: Mapping[str, Any], name: str) -> tuple[PurePosixPath, PurePosixPath] | None:
    """Return the old and new path of a source file that has the name of the app, None if it has another."""
    run_spec = spec.get("runSpec")
    file = run_spec.get("file") if isinstance(run_spec, dict) else None
    path = PurePosixPath(file) if isinstance(file, str) and file else None
    if path is None or path.stem != spec.get("name") or path.suffix not in _SUFFIXES:
        return None
    return path, path.with_name(f"{name}{path.suffix}")


def _copied_spec(
    content: FileContent,
    spec: Mapping[str, Any],
    new: Mapping[str, Any],
    renamed: tuple[PurePosixPath, PurePosixPath] | None,
) -> FileContent:
    """Return dxapp.json with the new name, in the layout of the original."""
    kept = {key: value for key, value in spec.items() if key not in _NOT_COPIED}
    kept |= {key: value for key, value in new.items() if value is not None}
    if renamed:
        kept["runSpec"] = {**kept["runSpec"], "file": renamed[1].as_posix()}
    return FileContent(rewritten(content.data.decode(), kept).encode())


def _merged(
    record: Record,
    files: dict[PurePosixPath, FileContent],
    folder: Path,
    new: Mapping[str, Any],
    renamed: tuple[PurePosixPath, PurePosixPath] | None,
) -> tuple[Record, dict[PurePosixPath, FileContent], tuple[str, ...]]:
    """Return the record of the copy and its files, rendered under the new name, with the user's changes."""
    origin = record.origin
    answers = {**origin.answers, **{key: value for key, value in new.items() if value is not None}}
    if answers.get("summary") == origin.answers.get("title"):
        # The summary was the title by default.
        answers["summary"] = answers["title"]
    policy = load_policy(folder.parent if folder.parent.is_dir() else Path())
    text = origin.json_file
    spec = AppSpec(json_document.parse(text, folder / FILE_NAME).value, text) if text is not None else None
    if spec is not None and text is not None:
        raw = {
            **spec.raw,
            **{key: value for key, value in new.items() if value is not None and key in spec.raw},
        }
        spec = AppSpec(raw, rewritten(text, raw))
    basis = Basis(spec, Source(spec.raw if spec else {}), policy)
    draft = draft_app(gather(AnswerSources((Source(answers),), basis.source)), folder, basis)
    rendered = draft.render()
    base = {
        renamed[1] if renamed and path == renamed[0] else path: text for path, text in record.base.items()
    }
    with tempfile.TemporaryDirectory(prefix="dx-app-wizard-copy-") as scratch:
        place = Path(scratch) / "app"
        change_set(place, files, OnConflict.ABORT).apply()
        labels = Labels("the original", "as generated", "the copy")
        merged = ChangeSet(place, tuple(merge(place, replace(record, base=base), rendered, labels)))
        merged.apply()
        result, _ = _files(place)
    conflicted = [
        change.path.as_posix() for change in merged.changes if change.verdict is Verdict.MERGE_CONFLICT
    ]
    notes = tuple(f"{path} has conflict markers, as both names occur in changed lines" for path in conflicted)
    copied = {path: base_of(rendered[path]) for path in rendered if path in result}
    # These are the user's own, also if they are absent.
    copied |= {path: None for path, text in base.items() if text is None}
    return Record(draft.origin, copied), result, notes
