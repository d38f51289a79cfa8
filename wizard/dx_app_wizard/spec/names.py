"""Which names apps and their parameters may have, and why others break.

Each function returns None for a good name, else what is wrong with it, fit to follow the name in a message.
"""

from __future__ import annotations

import keyword
import re

_APP_NAME = re.compile(r"[a-zA-Z0-9._-]+")
_PARAMETER_NAME = re.compile(r"[a-zA-Z_][0-9a-zA-Z_]*")
_LONGEST = 200

_BASH_READ_ONLY = frozenset({"BASHOPTS", "BASH_VERSINFO", "EUID", "PPID", "SHELLOPTS", "UID"})
_BASH_SPECIAL = frozenset(
    """
    BASH BASHPID BASH_ALIASES BASH_ARGC BASH_ARGV BASH_ARGV0 BASH_CMDS BASH_COMMAND BASH_COMPAT BASH_ENV
    BASH_EXECUTION_STRING BASH_LINENO BASH_LOADABLES_PATH BASH_REMATCH BASH_SOURCE BASH_SUBSHELL BASH_VERSION
    BASH_XTRACEFD CDPATH CHILD_MAX COLUMNS COMP_CWORD COMP_KEY COMP_LINE COMP_POINT COMP_TYPE COMP_WORDBREAKS
    COMP_WORDS COPROC DIRSTACK EMACS ENV EPOCHREALTIME EPOCHSECONDS EXECIGNORE FCEDIT FIGNORE FUNCNAME
    FUNCNEST GLOBIGNORE GLOBSORT GROUPS HISTCMD HISTCONTROL HISTFILE HISTFILESIZE HISTIGNORE HISTSIZE
    HISTTIMEFORMAT HOSTFILE HOSTTYPE IFS IGNOREEOF INPUTRC INSIDE_EMACS LINENO LINES MACHTYPE MAILCHECK
    MAILPATH MAPFILE OPTARG OPTERR OPTIND OSTYPE PIPESTATUS POSIXLY_CORRECT PROMPT_COMMAND PROMPT_DIRTRIM
    PS0 PS1 PS2 PS3 PS4 RANDOM READLINE_ARGUMENT READLINE_LINE READLINE_MARK READLINE_POINT REPLY SECONDS
    SHELL SHLVL SRANDOM TIMEFORMAT TMOUT _
    """.split()  # noqa: SIM905 - a list of words reads best without quotes
)
_ENVIRONMENT = frozenset(
    """
    DISPLAY EDITOR HOME HOSTNAME LANG LANGUAGE LD_LIBRARY_PATH LD_PRELOAD LOGNAME MAIL OLDPWD PAGER PATH
    PERL5LIB PWD PYTHONHOME PYTHONPATH PYTHONSTARTUP TEMP TERM TMP TMPDIR TZ USER
    """.split()  # noqa: SIM905 - as above
)


def app_name_problem(name: str) -> str | None:
    """Check an app's name, which is also its folder's.

    The platform's characters (`app/new`: `^[a-zA-Z0-9._-]+$`), and a first one that makes neither a hidden
    folder, nor `.` or `..`, nor an option of a command.
    """
    if not _APP_NAME.fullmatch(name):
        return "must be made of letters, digits, '.', '_' and '-' only, such as count-reads"
    if name[0] in ".-":
        return "must begin with a letter, a digit or '_', such as count-reads"
    if len(name) > _LONGEST:
        return f"must have at most {_LONGEST} characters"
    return None


def applet_name_problem(name: str) -> str | None:
    """Check an applet's name, which may be any line of text, as that of any data object."""
    if not name.strip():
        return "must not be empty"
    return None if name.isprintable() else "must be one line without control characters"


def parameter_name_problem(name: str, language: str | None = None) -> str | None:
    """Check an input's or output's name; for an input, with the language that gets it as a variable.

    Source of the pattern:
    https://documentation.dnanexus.com/developer/api/running-analyses/io-and-run-specifications
    """
    if not _PARAMETER_NAME.fullmatch(name):
        return "must match ^[a-zA-Z_][0-9a-zA-Z_]*$, such as sorted_bam"
    if language == "python":
        return _python_problem(name)
    if language == "bash":
        return _bash_problem(name)
    return None


def _python_problem(name: str) -> str | None:
    if keyword.iskeyword(name) or name == "__debug__":
        return "is a word of the Python language, so no parameter of main() can have it"
    if name == "dxpy":
        return "would hide the dxpy module from the app's main()"
    return None


def _bash_problem(name: str) -> str | None:
    if name in _BASH_READ_ONLY:
        return "is a read-only variable of bash"
    if name in _BASH_SPECIAL:
        return "is a variable with a meaning of its own in bash"
    if name in _ENVIRONMENT or name.startswith(("DX_", "LC_")):
        return "is a variable of the job's environment, which would keep its old value"
    return None
