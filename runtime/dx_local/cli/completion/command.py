"""`dx-local completion`: print the script with which a shell completes commands."""

from __future__ import annotations

import click

from dx_local.cli.boundary import CommandResult, boundary

_PROGRAMS = ("dx-local", "dx-run-app-locally")


@click.command("completion", context_settings={"help_option_names": ["-h", "--help"]})
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
def command(shell: str) -> None:
    """Print a script with which SHELL completes the commands of dx-local. Installs nothing.

    Flags and verbs are completed, and values from the app in the current folder:
    names of inputs after -i, entry points, test cases, kept runs and their jobs.

    \b
    Examples:
      eval "$(dx-local completion bash)"        in ~/.bashrc
      eval "$(dx-local completion zsh)"         in ~/.zshrc, after compinit
      dx-local completion fish | source         in ~/.config/fish/config.fish
    """  # noqa: D301 - click wants a real backspace
    boundary(lambda: _print(shell), as_json=False)


def _print(shell: str) -> CommandResult:
    from dx_local.cli.completion.shells import SHELLS

    for program in _PROGRAMS:
        variable = f"_{program.replace('-', '_').upper()}_COMPLETE"
        click.echo(SHELLS[shell](click.Command(program), {}, program, variable).source())
    return CommandResult(0, is_printed=True)
