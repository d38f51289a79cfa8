"""The kinds of index that programs look for beside a file, and the commands that make them.

Sources: the manual pages of samtools 1.16, tabix 1.16 and bwa 0.7.17 in Debian 12.
"""

from __future__ import annotations

from dataclasses import dataclass

INDEX_KINDS = ("bai", "csi", "crai", "tbi", "fai", "gzi", "dict", "bwa")
"""Kinds of index whose files are recognised beside an input."""

_BWA = (".amb", ".ann", ".bwt", ".pac", ".sa")
_MAKERS = {
    "bai": ("samtools", "index", "-b"),
    "csi": ("bcftools", "index", "-c", "-f"),
    "crai": ("samtools", "index"),
    "tbi": ("tabix", "-f"),
    "fai": ("samtools", "faidx"),
    "bwa": ("bwa", "index"),
}


@dataclass(frozen=True)
class IndexInput:
    """An optional input for the index of the file input `of`.

    `kind` is the ending of the index, or `bwa` for five files; `of_array` is true if the input is an array.
    """

    name: str
    kind: str
    of: str
    of_array: bool = False

    @property
    def is_set(self) -> bool:
        """True if the index of one file consists of several files."""
        return self.kind == "bwa"

    @property
    def is_array(self) -> bool:
        """True if the input is an array of files."""
        return self.is_set or self.of_array

    @property
    def patterns(self) -> tuple[str, ...]:
        """The patterns of the names of its files."""
        return tuple(f"*{ending}" for ending in (_BWA if self.is_set else (f".{self.kind}",)))

    @property
    def maker(self) -> tuple[str, ...]:
        """The command that makes the index, without the file; empty if none is known."""
        return _MAKERS.get(self.kind, ())

    def declaration(self) -> dict[str, object]:
        """Return the input as in dxapp.json."""
        made = f"; made by {self.maker[0]} if absent" if self.maker else ""
        return {
            "name": self.name,
            "class": "array:file" if self.is_array else "file",
            "optional": True,
            "patterns": list(self.patterns),
            "help": f"Index of {self.of}{made}",
        }


def index_inputs(name: str, kinds: tuple[str, ...], *, of_array: bool = False) -> tuple[IndexInput, ...]:
    """Return the inputs for the indexes of the file input called name.

    A single one is called NAME_index; if there are several kinds, each is NAME_KIND.
    """
    if len(kinds) == 1:
        return (IndexInput(f"{name}_index", kinds[0], name, of_array),)
    return tuple(IndexInput(f"{name}_{kind}", kind, name, of_array) for kind in kinds)


def names_beside(file_name: str, kind: str) -> tuple[tuple[str, ...], ...]:
    """Return the alternative sets of file names of an index of this kind beside a file."""
    stem = file_name.rpartition(".")[0] or file_name
    if kind == "bwa":
        return (tuple(f"{file_name}{ending}" for ending in _BWA),)
    if kind == "dict":
        return ((f"{stem}.dict",), (f"{file_name}.dict",))
    return ((f"{file_name}.{kind}",), (f"{stem}.{kind}",)) if kind == "bai" else ((f"{file_name}.{kind}",),)
