"""`dx-local lint`: report mistakes in apps before they run, and fix some of them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from dx_app_wizard.console.text import plain
from dx_app_wizard.dxapp.json_document import dumps
from dx_app_wizard.policy.load import load_policy
from dx_local.cli.boundary import CommandResult, boundary
from dx_local.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from dx_app_wizard.lint.findings import Finding
    from dx_app_wizard.policy.model import Policy
    from dx_local.platform.core.context import JSON

_EXIT_FINDINGS = 3
_ROUNDS = 10


@dataclass(frozen=True)
class _Options:
    """The options of the command line."""

    format: str
    ignored: frozenset[str]
    fix: bool
    shellcheck: str


@dataclass(frozen=True)
class _Linted:
    """An app, its findings, and those that were fixed."""

    app: Path
    findings: tuple[Finding, ...]
    fixed: tuple[Finding, ...] = ()

    @property
    def errors(self) -> int:
        """The number of errors."""
        return sum(finding.level == "error" for finding in self.findings)

    @property
    def warnings(self) -> int:
        """The number of warnings."""
        return len(self.findings) - self.errors

    def listed(self, findings: Iterable[Finding]) -> list[JSON]:
        """Return findings as JSON objects that name their app."""
        return [{"app": self.app.as_posix(), **finding.to_json()} for finding in findings]


@click.command("lint", context_settings={"help_option_names": ["-h", "--help"]})
@click.argument("apps", metavar="[APP]...", type=click.Path(path_type=Path), nargs=-1)
@click.option(
    "--format",
    type=click.Choice(["text", "json", "github", "sarif"]),
    default="text",
    show_default=True,
    help="Format of the findings.",
)
@click.option("--json", "as_json", is_flag=True, help="The same as --format json.")
@click.option("--ignore", multiple=True, metavar="RULE", help="Rule to ignore; repeatable.")
@click.option("--fix", is_flag=True, help="Apply all safe fixes.")
@click.option(
    "--shellcheck",
    type=click.Choice(["error", "warning", "info", "style"]),
    default="warning",
    show_default=True,
    help="Minimum severity of ShellCheck findings to report.",
)
def command(apps: tuple[Path, ...], as_json: bool, ignore: tuple[str, ...], **options: Any) -> None:
    """Check the apps in these folders (default: here): dxapp.json, source code, and that they agree.

    Findings are printed on stdout. The exit code is 2 if any folder is missing,
    3 if any app has errors, and 0 otherwise. ShellCheck is run as well if it is installed.
    In source code, `# dx-local: ignore[RULE]` ignores a rule: after code for that
    line, on a line of its own for the whole app. Policy files (.dx-app-wizard.toml
    in APP or above, and your own) can ignore and add rules.

    \b
    Examples:
      dx-local lint my-app
      dx-local lint apps/* --fix
      dx-local lint my-app --ignore app-category --format github
    """  # noqa: D301 - click wants a real backspace
    if as_json:
        options["format"] = "json"
    chosen = _Options(ignored=frozenset(ignore), **options)
    folders = tuple(dict.fromkeys(apps or (Path(),)))
    boundary(lambda: _lint(folders, chosen), as_json=chosen.format == "json")


def _lint(apps: tuple[Path, ...], options: _Options) -> CommandResult:
    missing = [str(app) for app in apps if not app.is_dir()]
    absent = UsageError(
        f"no such folder: {', '.join(map(repr, missing))}", "Pass the folder that holds dxapp.json."
    )
    if len(missing) == len(apps):
        raise absent
    linted = [_lint_one(app, options) for app in apps if str(app) not in missing]
    _print(linted, options)
    errors = sum(one.errors for one in linted)
    data = {
        "findings": [found for one in linted for found in one.listed(one.findings)],
        "errors": errors,
        "warnings": sum(one.warnings for one in linted),
        "fixed": [found for one in linted for found in one.listed(one.fixed)],
        "apps": [
            {"app": one.app.as_posix(), "errors": one.errors, "warnings": one.warnings} for one in linted
        ],
    }
    if missing:
        details = {"code": absent.code, "message": absent.message, "hint": absent.hint}
        return CommandResult(absent.exit_code, data, error=details)
    return CommandResult(_EXIT_FINDINGS if errors else 0, data)


def _lint_one(app: Path, options: _Options) -> _Linted:
    policy = load_policy(app)
    findings = _findings(app, options, policy)
    fixed: list[Finding] = []
    # One fix may enable another: once the name of a key is corrected, its value may have a fix as well.
    for _ in range(_ROUNDS if options.fix else 0):
        applied = _fix(app, findings)
        if not applied:
            break
        fixed += applied
        findings = _findings(app, options, policy)
    return _Linted(app, tuple(findings), tuple(fixed))


def _findings(app: Path, options: _Options, policy: Policy) -> list[Finding]:
    from dx_app_wizard.lint.shellcheck import shellcheck
    from dx_app_wizard.policy.lint import apply_policy, lint_app

    findings = lint_app(app, policy)
    if not any(_is_unreadable(finding) for finding in findings):
        findings += shellcheck(app, options.shellcheck)
    return [finding for finding in apply_policy(findings, policy) if finding.rule not in options.ignored]


def _is_unreadable(finding: Finding) -> bool:
    from dx_app_wizard.lint.linter import FILE_RULE

    return finding.rule == FILE_RULE and finding.fix is None


def _fix(app: Path, findings: list[Finding]) -> list[Finding]:
    from dx_app_wizard.lint.fixes import apply_fixes

    if not any(finding.fix for finding in findings):
        return []
    try:
        return apply_fixes(app / "dxapp.json", findings)
    except OSError as error:
        raise UsageError(f"{error.filename or app} cannot be written: {error.strerror}") from None


def _print(linted: list[_Linted], options: _Options) -> None:
    from dx_app_wizard.lint import reports

    if options.format == "sarif":
        located = [reports.located(finding, one.app) for one in linted for finding in one.findings]
        click.echo(dumps(reports.sarif(located)), nl=False)
    elif options.format == "github":
        for one in linted:
            for finding in one.findings:
                click.echo(reports.github(reports.located(finding, one.app)))
    elif options.format == "text":
        for one in linted:
            shown = [reports.located(finding, one.app) if linted[1:] else finding for finding in one.findings]
            for finding in shown:
                click.echo(plain(str(finding)))
            for finding in one.fixed:
                place = one.app / (finding.file or "") if linted[1:] else finding.path or finding.file
                click.echo(plain(f"fixed: {place}: {finding.message} [{finding.rule}]"), err=True)
        click.echo(_summary(linted, options), err=True)


def _summary(linted: list[_Linted], options: _Options) -> str:
    findings = [finding for one in linted for finding in one.findings]
    of_apps = f" in {len(linted)} apps" if linted[1:] else ""
    if not findings:
        return f"no findings{of_apps}"
    errors = sum(one.errors for one in linted)
    fixable = sum(finding.fix is not None for finding in findings)
    more = f"; --fix fixes {fixable}" if fixable else ""
    if options.fix:
        more = "; --fix cannot fix them, see their hints"
    counted = f"{_counted(errors, 'error')}, {_counted(len(findings) - errors, 'warning')}"
    return f"{counted}{of_apps}{more}"


def _counted(number: int, noun: str) -> str:
    return f"{number} {noun}{'s' if number != 1 else ''}"
