"""`dx-local lint`: say what is wrong with an app before it runs, and mend what is certain."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from dx_app_wizard.console.text import plain
from dx_app_wizard.spec.jsonfile import dumps
from dx_local.cli.boundary import Outcome, boundary
from dx_local.cli.policy import policy_of
from dx_local.errors import UsageError

if TYPE_CHECKING:
    from dx_app_wizard.spec.findings import Finding
    from dx_app_wizard.spec.policy import Policy

_EXIT_FINDINGS = 3


@dataclass(frozen=True)
class _Options:
    """What the command line says."""

    app: Path
    format: str
    ignored: frozenset[str]
    fix: bool

    @cached_property
    def policy(self) -> Policy:
        """What the policy files say of the app's folder."""
        return policy_of(self.app)


@click.command("lint", context_settings={"help_option_names": ["-h", "--help"]})
@click.argument("app", type=click.Path(path_type=Path), default=".")
@click.option(
    "--format",
    type=click.Choice(["text", "json", "github", "sarif"]),
    default="text",
    show_default=True,
    help="How findings are printed.",
)
@click.option("--json", "as_json", is_flag=True, help="The same as --format json.")
@click.option("--ignore", multiple=True, metavar="RULE", help="Be silent about a rule; repeatable.")
@click.option("--fix", is_flag=True, help="Mend dxapp.json where it is certain how.")
def command(app: Path, as_json: bool, ignore: tuple[str, ...], **options: Any) -> None:
    """Check the app in folder APP (default: here): dxapp.json, source, and the one against the other.

    Findings are printed on stdout. The exit code is 3 when there are errors,
    and 0 otherwise. ShellCheck is asked as well, where it is installed.
    In a source, `# dx-local: ignore[RULE]` silences a rule: after code for that
    line, on a line of its own for the whole app. Policy files (.dx-app-wizard.toml
    at APP or above it, and your own) ignore more, and add rules.

    \b
    Examples:
      dx-local lint my-app
      dx-local lint my-app --fix
      dx-local lint my-app --ignore app-category --format github
    """  # noqa: D301 - click wants a real backspace
    if as_json:
        options["format"] = "json"
    chosen = _Options(app=app, ignored=frozenset(ignore), **options)
    boundary(lambda: _lint(chosen), as_json=chosen.format == "json")


def _lint(options: _Options) -> Outcome:
    if not options.app.is_dir():
        hint = "Give the folder that holds dxapp.json."
        raise UsageError(f"there is no folder {str(options.app)!r}", hint)
    findings = _findings(options)
    mended = _mend(options, findings) if options.fix else []
    if mended:
        findings = _findings(options)
    _print(options, findings, mended)
    errors = sum(finding.level == "error" for finding in findings)
    data = {
        "findings": [finding.to_json() for finding in findings],
        "errors": errors,
        "warnings": len(findings) - errors,
        "fixed": [finding.to_json() for finding in mended],
    }
    return Outcome(_EXIT_FINDINGS if errors else 0, data)


def _findings(options: _Options) -> list[Finding]:
    from dx_app_wizard.spec.lint import FILE_RULE, lint_app
    from dx_app_wizard.spec.shellcheck import shellcheck

    findings = lint_app(options.app, options.policy)
    if not any(finding.rule == FILE_RULE for finding in findings):
        findings += shellcheck(options.app)
    judged = options.policy.judged(findings)
    return [finding for finding in judged if finding.rule not in options.ignored]


def _mend(options: _Options, findings: list[Finding]) -> list[Finding]:
    from dx_app_wizard.spec.fixes import apply_fixes

    if not any(finding.fix for finding in findings):
        return []
    try:
        return apply_fixes(options.app / "dxapp.json", findings)
    except OSError as error:
        raise UsageError(f"dxapp.json cannot be written: {error}") from None


def _print(options: _Options, findings: list[Finding], mended: list[Finding]) -> None:
    from dx_app_wizard.spec import reports

    folder = options.app.as_posix()
    if options.format == "sarif":
        click.echo(dumps(reports.sarif(findings, folder)), nl=False)
    elif options.format == "github":
        for finding in findings:
            click.echo(reports.github(finding, folder))
    elif options.format == "text":
        for finding in findings:
            click.echo(plain(str(finding)))
        for finding in mended:
            click.echo(plain(f"fixed: {finding.path}: {finding.message} [{finding.rule}]"), err=True)
        click.echo(_summary(findings), err=True)


def _summary(findings: list[Finding]) -> str:
    errors = sum(finding.level == "error" for finding in findings)
    if not findings:
        return "no findings"
    fixable = sum(finding.fix is not None for finding in findings)
    more = f"; --fix mends {fixable}" if fixable else ""
    return f"{_counted(errors, 'error')}, {_counted(len(findings) - errors, 'warning')}{more}"


def _counted(number: int, noun: str) -> str:
    return f"{number} {noun}{'s' if number != 1 else ''}"
