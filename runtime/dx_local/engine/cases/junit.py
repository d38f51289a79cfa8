"""Write the outcomes of test cases as a JUnit file, which CI services show."""

from __future__ import annotations

from typing import TYPE_CHECKING
from xml.etree import ElementTree as ET

from dx_app_wizard.console.text import plain
from dx_app_wizard.files import atomic_write
from dx_local.engine.cases.case_files import FOLDER

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from dx_local.engine.cases.case_run import CaseOutcome


def write_junit(path: Path, suite: str, outcomes: Sequence[CaseOutcome]) -> None:
    """Write a JUnit file; folders above it are created. Raises OSError."""
    failed = [outcome for outcome in outcomes if not outcome.has_passed]
    seconds = sum(outcome.seconds for outcome in outcomes)
    counts = {"tests": str(len(outcomes)), "failures": str(len(failed)), "errors": "0"}
    top = ET.Element("testsuites")
    element = ET.SubElement(top, "testsuite", {"name": suite, **counts, "time": f"{seconds:.3f}"})
    for outcome in outcomes:
        _add(element, outcome)
    ET.indent(top)
    path.parent.mkdir(parents=True, exist_ok=True)
    atomic_write(path, ET.tostring(top, encoding="unicode", xml_declaration=True) + "\n", mode=0o644)


def _add(suite: ET.Element, outcome: CaseOutcome) -> None:
    case = outcome.case
    element = ET.SubElement(
        suite,
        "testcase",
        {
            "classname": ".".join(FOLDER.parts),
            "name": case.name,
            "file": (FOLDER / case.path.name).as_posix(),
            "time": f"{outcome.seconds:.3f}",
        },
    )
    if not outcome.has_passed:
        lines = outcome.lines()
        failure = ET.SubElement(element, "failure", {"message": plain(lines[0])})
        failure.text = plain("\n".join([*lines, outcome.explanation() or ""]))
