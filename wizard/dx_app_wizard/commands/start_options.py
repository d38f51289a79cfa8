"""The options that name something to start an app from."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from dx_app_wizard.errors import CommandLineError

if TYPE_CHECKING:
    from pathlib import Path


@dataclass(frozen=True)
class StartOptions:
    """The options that name something to start from.

    `words` are the words after `--`, `template` is that of --from-command. `trial` is None if neither --trial
    nor --no-trial was passed.
    """

    words: tuple[str, ...] = ()
    template: str | None = None
    script: Path | None = None
    run_script: bool = True
    wdl: str | None = None
    app: Path | None = None
    trial: bool | None = None
    samples: tuple[str, ...] = ()

    @property
    def imports(self) -> bool:
        """True if they name something to import, which another app is not."""
        return bool(self.given) and self.app is None

    @property
    def given(self) -> list[str]:
        """The flags that name something to start from, at most one of which may be used."""
        flags = {
            "a command after --": bool(self.words),
            "--from-command": self.template is not None,
            "--from-script": self.script is not None,
            "--from-wdl": self.wdl is not None,
            "--from-app": self.app is not None,
        }
        return [flag for flag, is_given in flags.items() if is_given]

    def check(self) -> None:
        """Raise CommandLineError for a second start, and for options that nothing to start from can use."""
        if len(self.given) > 1:
            raise CommandLineError(f"{self.given[0]} cannot be combined with {self.given[1]}.")
        if not self.run_script and self.script is None:
            raise CommandLineError("--no-run is for --from-script.")
        if self._of_trials and not self.given:
            message = f"{self._of_trials[0]} is for apps that are made of something"
            raise CommandLineError(
                f"{message}: a command after --, --from-command, --from-script or --from-wdl."
            )

    def check_update(self) -> None:
        """Raise CommandLineError for options that cannot change an app; only a template can."""
        others = [flag for flag in self.given if flag != "--from-command"] + self._of_trials
        if others:
            message = f"{others[0]} cannot be combined with --update"
            raise CommandLineError(f"{message}. Only --from-command changes the command of an app.")

    @property
    def _of_trials(self) -> list[str]:
        """The flags that only a command, a script or a task can use."""
        trial = {None: [], True: ["--trial"], False: ["--no-trial"]}[self.trial]
        return [*(["--sample"] if self.samples else []), *trial]
