"""The scripts that connect bash, zsh and fish to the completion of click.

Unlike those of click, they quote values such as `process[57]`, put no space behind NAME=, and complete files
behind the = of an input. A script calls the program with the words so far, and reads a line for each
candidate: its type, its value and its help, separated by tabs.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from click.shell_completion import (
    BashComplete,
    FishComplete,
    ShellComplete,
    ZshComplete,
    add_completion_class,
)

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem

_BASH = """\
%(complete_func)s() {
    local word=${COMP_WORDS[COMP_CWORD]} at=$COMP_CWORD kind value help
    local -a words=("${COMP_WORDS[@]:0:COMP_CWORD + 1}")
    COMPREPLY=()
    # To bash, = is a word. The value of an input is a file, that of an option is completed by the program.
    [[ $word == = || ${words[at - 1]} != = ]] || at=$((at - 1))
    if [[ ${words[at]} == = ]]; then
        if [[ ${words[at - 1]} != --* ]]; then
            compopt -o default
            return
        fi
        words=("${words[@]:0:at}" "${word#=}")
    fi
    while IFS=$'\\t' read -r kind value help; do
        case $kind in
            file) compopt -o default ;;
            dir) compopt -o dirnames ;;
            plain)
                # Within quotation marks, every character is taken as it is.
                [[ $word == [\\"\\']* ]] || printf -v value %%q "$value"
                COMPREPLY+=("$value")
                ;;
        esac
    done < <(
        IFS=$'\\n'
        COMP_WORDS="${words[*]}" COMP_CWORD=$((${#words[@]} - 1)) %(complete_var)s=bash_complete "$1"
    )
    if [[ ${#COMPREPLY[@]} == 1 && ${COMPREPLY[0]} == *= ]]; then
        compopt -o nospace
    fi
}
complete -o nosort -F %(complete_func)s %(prog_name)s
"""

_ZSH = """\
%(complete_func)s() {
    local line kind value help
    local -a found values shown names
    if [[ $words[CURRENT] == -i*=* || ( $words[CURRENT-1] == (-i|--input) && $words[CURRENT] == *=* ) ]]; then
        compset -P '*='
        _files
        return
    fi
    found=("${(@f)$(
        COMP_WORDS="${words[*]}" COMP_CWORD=$((CURRENT - 1)) %(complete_var)s=zsh_complete %(prog_name)s
    )}")
    [[ $words[CURRENT] == --*=* ]] && compset -P '*='
    for line in $found; do
        IFS=$'\\t' read -r kind value help <<< "$line"
        case $kind in
            file) _files ;;
            dir) _files -/ ;;
            plain)
                if [[ $value == *= ]]; then
                    names+=("$value")
                else
                    values+=("$value")
                    shown+=("$value${help:+  -- $help}")
                fi
                ;;
        esac
    done
    (( ! $#names )) || compadd -S '' -a names
    (( ! $#values )) || compadd -V found -d shown -a values
}
compdef %(complete_func)s %(prog_name)s
"""

_FISH = """\
function %(complete_func)s
    set -l word (commandline -ct)
    set -l former (commandline -opc)[-1]
    if string match -qr -- '^-i\\\\w+=' $word; or begin
            contains -- $former -i --input; and string match -qr -- '^\\\\w+=' $word
        end
        set -l parts (string split -m 1 -- = $word)
        for path in (__fish_complete_path $parts[2])
            echo "$parts[1]=$path"
        end
        return
    end
    for line in (COMP_WORDS=(commandline -cp) COMP_CWORD=$word %(complete_var)s=fish_complete %(prog_name)s)
        set -l parts (string split \\t -- $line)
        switch $parts[1]
            case file
                __fish_complete_path $word
            case dir
                __fish_complete_directories $word
            case plain
                string join \\t -- $parts[2..]
        end
    end
end
complete --no-files --command %(prog_name)s --arguments "(%(complete_func)s)"
"""


class _Lines(ShellComplete):
    def format_completion(self, item: CompletionItem) -> str:
        """Return the line of a candidate."""
        words = (item.help or "").split()
        return "\t".join([item.type, item.value, " ".join(words)]).rstrip("\t")


class Bash(_Lines, BashComplete):
    """Completion for bash 4.4 and newer."""

    source_template = _BASH

    def source(self) -> str:
        """Return the script, without the test of the version, for which click starts bash."""
        return ShellComplete.source(self)


class Zsh(_Lines, ZshComplete):
    """Completion for zsh."""

    source_template = _ZSH


class Fish(_Lines, FishComplete):
    """Completion for fish."""

    source_template = _FISH


SHELLS = {"bash": Bash, "zsh": Zsh, "fish": Fish}


def use() -> None:
    """Let click use these scripts and their format."""
    for name, shell in SHELLS.items():
        add_completion_class(shell, name)
