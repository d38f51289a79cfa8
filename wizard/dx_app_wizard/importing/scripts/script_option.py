"""An option or argument of a script, whichever library declares it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

FILE_WORDS = re.compile(
    r"\b(?:files?|path|fastq|fasta|bam|sam|cram|vcf|bcf|bed|gtf|gff|csv|tsv|table|reference|reads)\b",
    re.IGNORECASE,
)
OUTPUT_WORDS = re.compile(r"\b(?:output|out|outfile|write|written|save[ds]?|result)\b", re.IGNORECASE)
_OUTPUT_NAMES = re.compile(
    r"o|out(?:put)?(?:[_-]?(?:file|path|name|table|bam|vcf|csv|tsv|prefix|dir))?|outfile"
)
_FILE_NAMES = re.compile(
    r"(?:in|input)(?:[_-]?file)?|ref(?:erence)?|genome|reads?|fastq|fasta|bam|vcf|bed|gtf|gff|csv|tsv|table"
    r"|.*[_-](?:file|path)"
)
_KIND_WORDS = {
    "table": ".tsv", "tsv": ".tsv", "csv": ".csv", "bam": ".bam", "vcf": ".vcf", "bed": ".bed",
    "json": ".json", "fasta": ".fasta", "fastq": ".fastq", "png": ".png", "pdf": ".pdf", "html": ".html",
}  # fmt: skip


@dataclass(frozen=True)
class ScriptOption:
    """An option of a script: `flag` is empty for a positional argument.

    `kind` is int, float, string, boolean, file or output; `is_certain` is false if only names and help
    suggest a file or output. `takes_many` means several values after one flag. The `flag` of a boolean sets
    the option.
    """

    name: str
    flag: str = ""
    kind: str = "string"
    is_certain: bool = True
    required: bool = False
    takes_many: bool = False
    repeats_flag: bool = False
    default: Any = None
    choices: tuple[Any, ...] = ()
    help: str = ""

    @property
    def evidence(self) -> str:
        """The reason for the kind, for people."""
        if self.is_certain:
            return f"is declared as {self.kind}"
        return f"is {'an' if self.kind == 'output' else 'a'} {self.kind} by its name or help"


def guessed_kind(name: str, help_text: str) -> str:
    """Return the kind of an option without a type: `output`, `file` or `string`."""
    if _OUTPUT_NAMES.fullmatch(name.lower()):
        return "output"
    first = help_text.split(".", maxsplit=1)[0]
    if FILE_WORDS.search(first) and OUTPUT_WORDS.search(first):
        return "output"
    if _FILE_NAMES.fullmatch(name.lower()) or FILE_WORDS.search(first):
        return "file"
    return "string"


def ending_by_words(option: ScriptOption) -> str:
    """Return the ending of an output's files that its default, name or help suggests; empty if none does."""
    if isinstance(option.default, str) and (found := re.search(r"\.\w{1,8}(?:\.gz)?$", option.default)):
        return found.group()
    for word in re.findall(r"[a-z]+", f"{option.name} {option.help}".lower()):
        if word in _KIND_WORDS:
            return _KIND_WORDS[word]
    return ""
