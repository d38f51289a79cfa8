"""From flags, files and whoever is asked to the folder of an app."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dx_app_wizard.answers_file import STANDARD_INPUT, read_answers
from dx_app_wizard.compose import compose
from dx_app_wizard.dialogue import Dialogue
from dx_app_wizard.errors import FindingsError, Place, SpecFileError
from dx_app_wizard.render import render_app
from dx_app_wizard.saved import SavedInterview, forget_saved
from dx_app_wizard.sources import Given, Source
from dx_app_wizard.spec import jsonfile
from dx_app_wizard.spec.model import AppSpec


@dataclass(frozen=True)
class Options:
    """What the flags say beyond the answers."""

    json_file: Path | None
    answers_file: Path | None
    output_dir: Path
    as_json: bool
    no_input: bool = False
    defaults: bool = False
    resume: bool = False


@dataclass(frozen=True)
class Generated:
    """An app that was written: its name, its folder, and the files in it, relative to it."""

    name: str
    folder: Path
    files: tuple[Path, ...]

    def to_json(self) -> dict[str, Any]:
        """Return what `--json` prints of it."""
        files = [path.as_posix() for path in self.files]
        return {"app": {"name": self.name, "path": str(self.folder), "files": files}}


def generate(options: Options, flags: dict[str, Any]) -> Generated:
    """Write the app that flags, files and whoever is asked describe."""
    dialogue = _dialogue(options, flags)
    answers = dialogue.answers(may_ask=_may_ask(options))
    plan = compose(answers, dialogue.base)
    folder = dialogue.output_dir / answers.name
    files = render_app(plan, folder)
    if dialogue.asked:
        # Only now: as long as the app is not written, its answers are kept.
        forget_saved()
    return Generated(answers.name, folder, tuple(files))


def _dialogue(options: Options, flags: dict[str, Any]) -> Dialogue:
    """Return what flags and files say, and with --resume also what was said before, where they do not."""
    names = {
        "json_file": options.json_file,
        "answers": options.answers_file,
        "output_dir": options.output_dir,
    }
    paths = {name: str(path.absolute()) for name, path in names.items() if path and path != Path()}
    saved = SavedInterview(flags, paths)
    if options.resume:
        former = SavedInterview.load()
        saved = SavedInterview({**former.flags, **flags}, {**former.paths, **paths}, former.lines)
    elsewhere = {name: Path(os.path.relpath(path)) for name, path in saved.paths.items()}
    base = _load_spec(elsewhere["json_file"]) if "json_file" in elsewhere else None
    sources = [Source(saved.flags)]
    if "answers" in elsewhere:
        sources.append(read_answers(elsewhere["answers"]))
    return Dialogue(
        given=Given(tuple(sources), base or Source({})),
        base=AppSpec(dict(base.answers)) if base else None,
        output_dir=elsewhere.get("output_dir", Path()),
        only_required=options.defaults,
        saved=saved,
    )


def _may_ask(options: Options) -> bool:
    """Return whether stdin may hold answers to questions: it does not where it holds the answers file."""
    return not (options.no_input or options.as_json or options.answers_file == STANDARD_INPUT or _in_ci())


def _in_ci() -> bool:
    return os.environ.get("CI", "").lower() not in ("", "0", "false")


def _load_spec(path: Path) -> Source:
    """Read the dxapp.json to start from; raise FindingsError if more is wrong than things being absent."""
    from dx_app_wizard.spec.lint import lint_file

    document = jsonfile.read(path)
    if not isinstance(document.value, dict):
        raise SpecFileError(path, "must hold a JSON object", 1, 1)
    errors = [finding for finding in lint_file(path, absent=False) if finding.level == "error"]
    if errors:
        raise FindingsError(path, errors)
    return Source(document.value, Place(str(path)), positions=document.positions)
