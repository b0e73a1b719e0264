"""Every numbered rule of the semantics is held by at least one test, which cites it (as in ``S6.3``)."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path

import pytest

TESTS = Path(__file__).parent.parent

PARTS = {1: 4, 2: 4, 3: 8, 4: 7, 5: 4, 6: 10, 7: 3, 8: 4, 9: 3, 10: 4, 11: 3, 12: 2, 13: 2, 14: 3, 15: 5}
"""Section -> how many numbered rules it has."""

RULES = [f"S{section}.{number}" for section, count in PARTS.items() for number in range(1, count + 1)] + [
    "S16",
    "S17",
    "S18",
]

EXCLUDED: dict[str, str] = {}

UNKNOWN = {"S99", "S99.9"}
"""What ``explain`` is asked for in its own tests, because there is no such rule."""


@cache
def cited() -> frozenset[str]:
    """Every rule that a test module under tests/ names, but for this file, which only lists them."""
    texts = (path.read_text("utf-8") for path in TESTS.rglob("test_*.py") if path != Path(__file__))
    return frozenset(rule for text in texts for rule in re.findall(r"\bS\d{1,2}(?:\.\d{1,2})?\b", text))


@pytest.mark.parametrize("rule", [rule for rule in RULES if rule not in EXCLUDED])
def test_a_test_cites_the_rule(rule: str) -> None:
    assert rule in cited(), f"No file under tests/ cites {rule}: write the test that fails when the rule is broken."


def test_tests_cite_only_rules_that_exist() -> None:
    sections = {f"S{section}" for section in PARTS}
    unknown = {rule for rule in cited() if rule not in {*RULES, *EXCLUDED, *sections, *UNKNOWN}}
    assert not unknown, f"There are no such rules: {sorted(unknown)}"
