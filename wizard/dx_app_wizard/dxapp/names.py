"""Rules for the names of apps, parameters and source files.

Each function returns None for a valid name, or else a predicate that follows the name in a message.
"""

from __future__ import annotations

import keyword
import re
import unicodedata
from pathlib import PurePosixPath

_APP_NAME = re.compile(r"[a-zA-Z0-9._-]+")
_PARAMETER_NAME = re.compile(r"[a-zA-Z_][0-9a-zA-Z_]*")
_LONGEST = 200
_LONGEST_FILE_NAME = 255
"""In bytes, on Linux."""

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
    PERL5LIB PWD TEMP TERM TMP TMPDIR TZ USER
    """.split()  # noqa: SIM905 - as above
)

_OF_PYTHON = re.compile(
    r"PYTHON[A-Z0-9]+|PYTHON_(COLORS|CPU_COUNT|GIL|HISTORY|JIT|BASIC_REPL|PRESITE|FROZEN_MODULES)"
)
_PROXY = re.compile(r"(http|https|ftp|rsync|all|no)_proxy", re.IGNORECASE)
_OF_PROGRAMS = {
    name: program
    for program, names in {
        "the dynamic loader": """
            GCONV_PATH GLIBC_TUNABLES HOSTALIASES LD_AUDIT LD_BIND_NOT LD_BIND_NOW LD_DEBUG LD_DEBUG_OUTPUT
            LD_DYNAMIC_WEAK LD_HWCAP_MASK LD_ORIGIN_PATH LD_PREFER_MAP_32BIT_EXEC LD_PROFILE LD_PROFILE_OUTPUT
            LD_SHOW_AUXV LD_TRACE_LOADED_OBJECTS LD_USE_LOAD_BIAS LD_VERBOSE LD_WARN LOCALDOMAIN LOCPATH
            MALLOC_CHECK_ MALLOC_PERTURB_ MALLOC_TRACE NLSPATH RES_OPTIONS TZDIR""",
        "dx": "_ARC_DEBUG _ARGCOMPLETE _DX_DEBUG _DX_DUMP_BILLED_PROJECT _DX_INJECT_ERROR",
        "curl, dx and every TLS client": """
            CURL_CA_BUNDLE CURL_HOME NETRC OPENSSL_CONF OPENSSL_ENGINES OPENSSL_MODULES REQUESTS_CA_BUNDLE
            SSLKEYLOGFILE SSL_CERT_DIR SSL_CERT_FILE WGETRC""",
        "tar": "TAPE TAR_OPTIONS TAR_READER_OPTIONS TAR_WRITER_OPTIONS",
        "gzip": "GZIP",
        "bzip2": "BZIP BZIP2",
        "xz": "XZ_DEFAULTS XZ_OPT",
        "zip and unzip": "UNZIP UNZIPOPT ZIP ZIPINFO ZIPINFOOPT ZIPOPT",
        "pigz": "PIGZ",
        "grep": "GREP_OPTIONS",
        "awk": "AWKLIBPATH AWKPATH",
        "ls, df, du and sort": """
            BLOCKSIZE BLOCK_SIZE DF_BLOCK_SIZE DU_BLOCK_SIZE LS_BLOCK_SIZE QUOTING_STYLE TABSIZE
            TIME_STYLE _POSIX2_VERSION""",
        "make": "GNUMAKEFLAGS MAKEFILES MAKEFLAGS MAKELEVEL MFLAGS",
        "git": """
            GIT_ASKPASS GIT_CONFIG GIT_CONFIG_COUNT GIT_CONFIG_GLOBAL GIT_CONFIG_PARAMETERS GIT_CONFIG_SYSTEM
            GIT_DIR GIT_EXEC_PATH GIT_INDEX_FILE GIT_OBJECT_DIRECTORY GIT_SSH GIT_SSH_COMMAND GIT_TEMPLATE_DIR
            GIT_TRACE GIT_WORK_TREE""",
        "perl": "PERL5DB PERL5OPT PERLIO PERLLIB PERL_HASH_SEED PERL_PERTURB_KEYS PERL_UNICODE",
        "java": "CLASSPATH JAVA_HOME JAVA_TOOL_OPTIONS JDK_JAVA_OPTIONS _JAVA_OPTIONS",
        "R": "R_ENVIRON R_ENVIRON_USER R_HOME R_LIBS R_LIBS_SITE R_LIBS_USER R_PROFILE R_PROFILE_USER",
        "ruby": "GEM_HOME GEM_PATH RUBYLIB RUBYOPT",
        "node": "NODE_EXTRA_CA_CERTS NODE_OPTIONS NODE_PATH",
        "pip": """
            PIP_CERT PIP_CONFIG_FILE PIP_CONSTRAINT PIP_EXTRA_INDEX_URL PIP_FIND_LINKS PIP_INDEX_URL
            PIP_NO_INDEX PIP_PREFIX PIP_PROXY PIP_REQUIREMENT PIP_TARGET PIP_USER""",
        "apt and dpkg": "APT_CONFIG DPKG_ADMINDIR DPKG_ROOT",
        "docker": """
            DOCKER_API_VERSION DOCKER_CERT_PATH DOCKER_CONFIG DOCKER_CONTEXT DOCKER_HOST DOCKER_TLS_VERIFY""",
    }.items()
    for name in names.split()
}
"""Variables that configure programs of a worker, so that an input of the same name would break them."""


def app_name_problem(name: str) -> str | None:
    """Check an app's name, which is also the name of its folder.

    The platform allows `^[a-zA-Z0-9._-]+$` (`app/new`). A leading `.` or `-` is rejected as well: the folder
    would be hidden, `.` or `..`, or look like an option to commands.
    """
    if not _APP_NAME.fullmatch(name):
        return "must be made of letters, digits, '.', '_' and '-' only, such as count-reads"
    if name[0] in ".-":
        return "must begin with a letter, a digit or '_', such as count-reads"
    if len(name) > _LONGEST:
        return f"must have at most {_LONGEST} characters"
    return None


def applet_name_problem(name: str) -> str | None:
    """Check an applet's name, which may be any line of text, like that of any data object."""
    if not name.strip():
        return "must not be empty"
    return None if name.isprintable() else "must be one line without control characters"


def source_path_problem(name: str) -> str | None:
    """Check the path of an app's source file, which must be inside the app's folder."""
    path = PurePosixPath(name)
    if not path.parts:
        return "names no file"
    if path.is_absolute() or ".." in path.parts:
        return "is outside the app's folder"
    if "\\" in name:
        return "has a backslash; folders end in /"
    if any(unicodedata.category(char) in ("Cc", "Cs") for char in name):
        return "has a control character or an unpaired surrogate"
    if any(len(part.encode()) > _LONGEST_FILE_NAME for part in path.parts):
        return f"has a name of more than {_LONGEST_FILE_NAME} bytes"
    return None


def parameter_name_problem(name: str, language: str | None = None) -> str | None:
    """Check the name of an input or output; for an input, also as a variable in the language of the app.

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
        return "is a Python keyword, so main() cannot have a parameter of this name"
    if name == "dxpy":
        return "would hide the dxpy module from the app's main()"
    return None


def _bash_problem(name: str) -> str | None:
    if name in _BASH_READ_ONLY:
        return "is a read-only variable of bash"
    if name in _BASH_SPECIAL:
        return "is a special variable of bash"
    if name in _ENVIRONMENT or name.startswith(("DX_", "LC_")):
        return "is a variable of the job's environment, which would keep its old value"
    if program := _configured_program(name):
        return f"is a variable that configures {program}"
    return None


def _configured_program(name: str) -> str | None:
    """Return the programs that a variable configures, None if there are none."""
    if _OF_PYTHON.fullmatch(name):
        return "Python"
    return "dx and every HTTP client" if _PROXY.fullmatch(name) else _OF_PROGRAMS.get(name)
