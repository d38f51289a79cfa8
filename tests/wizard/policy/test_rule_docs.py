"""The reference page of the lint rules is up to date, and every rule is documented."""

from __future__ import annotations

from pathlib import Path

from dx_app_wizard.policy.rule_docs import documentation, main

PAGE = Path(__file__).parents[3] / "docs" / "reference" / "lint-rules.md"


def test_the_page_is_up_to_date() -> None:
    assert PAGE.read_text(encoding="utf-8") == documentation(), (
        "run: python -m dx_app_wizard.policy.rule_docs docs/reference/lint-rules.md"
    )


def test_every_rule_is_documented() -> None:
    assert "*error.* \n" not in documentation()
    assert "*warning.* \n" not in documentation()


def test_the_command_writes_the_page(tmp_path: Path) -> None:
    main([str(tmp_path / "rules.md")])
    assert (tmp_path / "rules.md").read_text(encoding="utf-8") == documentation()
