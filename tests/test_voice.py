"""The language of docstrings, `--help`, error messages, templates and documentation: plain English.

`python -m tests.test_voice [FOLDER]...` prints every violation, one per line as file:line.
"""

from __future__ import annotations

import ast
import re
import sys
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parent.parent
CODE = sorted(path for base in ("wizard", "runtime") for path in (ROOT / base).rglob("*.py"))
HELP = sorted((ROOT / "tests" / "cli" / "help").glob("*.txt"))
TEMPLATES = sorted(path for path in (ROOT / "templates" / "app").rglob("*") if path.is_file())
PAGES = [
    *(ROOT / name for name in ("README.md", "CONTRIBUTING.md", "CHANGELOG.md", "SECURITY.md")),
    *sorted((ROOT / "docs").rglob("*.md")),
]

TEXTS = [*CODE, *HELP, *TEMPLATES, *PAGES]

PROGRAM = (
    r"(?:(?:the|a|an|this|its|each|every|that) )?(?:\w+ )?"
    r"(?:app|applet|bash|client|command|dx|dxpy|executor|interpreter|job|kernel|linter|machine|platform|policy"
    r"|process|program|rule|runtime|sandbox|script|SDK|server|shell|system|template|test|tool|wizard|worker"
    r"|zygote)s?"
)
OPENING = re.compile(r"(?:What|Who|Where|How|Whether|When|Which|Why)\b")
PATTERNS = {
    "old or vague word": re.compile(
        r"\b(?:whoever|anew|lest|thereof|of it|beneath|mend(?:s|ed|ing)?|heed(?:s|ed|ing)?|stands?(?! for\b)"
        r"|lies?|lay|in vain|of old|besides|it is said|what there is|nobody is to|what \w+(?: \w+)? comes? to"
        r"|a world of (?:its|their) own|takes? note|bury|buries|buried)\b",
        re.IGNORECASE,
    ),
    "`where` for a condition": re.compile(
        rf"\bwhere {PROGRAM} (?:allows?|can|cannot|could|do|does|has|have|is|are|lets?|needs?|supports?)\b",
        re.IGNORECASE,
    ),
    "a program prints, reports, returns or rejects": re.compile(
        rf"\b{PROGRAM} (?:says?|said|tells?|told|gives?|gave|hears?|heard|asks? of|knows?|knew)\b",
        re.IGNORECASE,
    ),
}

EXCEPTIONS: dict[tuple[str, str], str] = {}
"""(file, text that matches): the reason why it stays."""


class Text(NamedTuple):
    """A piece of text, the line it begins at, and whether it is the beginning of a docstring."""

    file: str
    line: int
    text: str
    opens: bool = False


def docstrings(path: Path, tree: ast.Module) -> Iterator[Text]:
    """Yield the docstrings of a file, those below attributes among them."""
    for node in ast.walk(tree):
        body = getattr(node, "body", None)
        if not isinstance(body, list) or isinstance(node, ast.If | ast.For | ast.While | ast.With | ast.Try):
            continue
        for statement in body:
            if isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant):
                text = statement.value.value
                if isinstance(text, str):
                    yield Text(str(path.relative_to(ROOT)), statement.lineno, text, opens=True)


@cache
def error_classes() -> set[str]:
    """Return the names of our classes that derive from an exception."""
    bases = {
        node.name: {base.id if isinstance(base, ast.Name) else "" for base in node.bases}
        for path in CODE
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.ClassDef)
    }
    errors = {"Exception", "ClickException", "UsageError"}
    errors |= {base for names in bases.values() for base in names if base.endswith(("Error", "Exception"))}
    while more := {name for name, names in bases.items() if names & errors} - errors:
        errors |= more
    return errors


def messages(path: Path, tree: ast.Module) -> Iterator[Text]:
    """Yield the string literals given to our error classes, and those written inside these classes."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            name = getattr(node.func, "id", getattr(node.func, "attr", ""))
            parts: list[ast.AST] = [*node.args, *node.keywords] if name in error_classes() else []
        elif isinstance(node, ast.ClassDef) and node.name in error_classes():
            parts = [statement for statement in node.body if not isinstance(statement, ast.Expr)]
        else:
            continue
        for part in parts:
            for inner in ast.walk(part):
                if isinstance(inner, ast.Constant) and isinstance(inner.value, str):
                    yield Text(str(path.relative_to(ROOT)), inner.lineno, inner.value)


def prose(path: Path) -> Iterator[Text]:
    """Yield the paragraphs of a page, without its code."""
    in_code, paragraph, start = False, [""], 1
    for number, line in enumerate([*path.read_text(encoding="utf-8").splitlines(), ""], 1):
        if line.lstrip().startswith(("```", "~~~")):
            in_code = not in_code
        elif not in_code and line.strip():
            if not paragraph:
                start = number
            paragraph.append(re.sub(r"`[^`]*`", "`", line))
            continue
        if paragraph:
            yield Text(str(path.relative_to(ROOT)), start, " ".join(paragraph))
        paragraph = []


def texts_of(path: Path) -> Iterator[Text]:
    if path.suffix == ".py":
        tree = ast.parse(path.read_text(encoding="utf-8"))
        yield from docstrings(path, tree)
        yield from messages(path, tree)
    elif path.suffix == ".md":
        yield from prose(path)
    else:
        yield Text(str(path.relative_to(ROOT)), 1, path.read_text(encoding="utf-8"))


def violations(path: Path) -> list[str]:
    """Return every violation in a file as `file:line: rule: text`, except those that have a reason."""
    found = []
    for text in texts_of(path):
        if text.opens and (match := OPENING.match(text.text.lstrip())):
            found.append(f"{text.file}:{text.line}: begins with {match[0]}: {text.text.splitlines()[0]}")
        for rule, pattern in PATTERNS.items():
            for match in pattern.finditer(re.sub(r"``?[^`]*``?", "`", re.sub(r"\s+", " ", text.text))):
                if (text.file, match[0]) not in EXCEPTIONS:
                    around = match.string[max(0, match.start() - 30) : match.end() + 30]
                    found.append(f"{text.file}:{text.line}: {rule}: {match[0]!r} in …{around}…")
    return list(dict.fromkeys(found))


@pytest.mark.parametrize("path", TEXTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_texts_read_as_plain_english(path: Path) -> None:
    assert violations(path) == []


def test_exceptions_are_few_and_have_reasons() -> None:
    assert len(EXCEPTIONS) <= 20
    assert all(EXCEPTIONS.values())


@pytest.mark.parametrize(
    "text",
    [
        "Return the app rendered anew.",
        "Where the kernel allows it, a job is isolated.",
        "The server says why.",
        "Which file stands in its folder.",
    ],
)
def test_old_english_is_found(text: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys.modules[__name__], "ROOT", tmp_path)
    (tmp_path / "module.py").write_text(f'"""{text}"""\n', encoding="utf-8")
    assert violations(tmp_path / "module.py")


if __name__ == "__main__":
    folders = [Path(name).resolve() for name in sys.argv[1:]] or [ROOT]
    for each in TEXTS:
        if any(each.is_relative_to(folder) for folder in folders):
            print(*violations(each), sep="\n", end="\n" if violations(each) else "")
