"""``graphflow explain``: what a code means, at length."""

from __future__ import annotations

import pytest

from graphflow.errors import CODES
from tests.cli.commands import Command


@pytest.mark.parametrize("typed", ["GF204", "gf204", "204", "[GF204]"])
def test_a_code_is_explained(graphflow: Command, typed: str) -> None:
    said = graphflow("explain", typed)
    assert said.code == 0
    assert said.out.startswith("GF204  No way out\n\nA node finished, but none of its edges was enabled")
    assert " ".join(said.out.split()).endswith(" ".join(CODES["GF204"].text.split()))


def test_without_a_code_all_are_listed(graphflow: Command) -> None:
    assert [line.split()[0] for line in graphflow("explain").out.splitlines()] == sorted(CODES)
    assert [one["code"] for one in graphflow("explain", "--json").json["codes"]] == sorted(CODES)


def test_an_unknown_code_names_the_nearest(graphflow: Command) -> None:
    said = graphflow("explain", "GF2044")
    assert (said.code, said.out) == (5, "")
    assert said.err == (
        "[GF526] There is no error code 'GF2044'\n"
        "  why    Codes are GF and three digits, as in [GF204].\n"
        "  fix    Did you mean GF204? graphflow explain lists all.\n"
    )


@pytest.mark.parametrize("code", sorted(code for code in CODES if code.startswith("GF5")))
def test_codes_of_the_command_line_say_more_than_their_title(code: str) -> None:
    assert len(CODES[code].text) > 30


def test_a_rule_of_the_semantics_is_explained_too(graphflow: Command) -> None:
    done = graphflow("explain", "(S7.3)")
    assert (done.code, done.out.split("  ")[0]) == (0, "S7.3")
    assert "overrides the reducer for one update" in done.out
    assert graphflow("explain", "S99").code == 5


def test_every_rule_that_a_message_cites_is_there() -> None:
    """No error sends its reader to a rule that does not exist."""
    import re
    from pathlib import Path

    import graphflow
    from graphflow.cli.rules import rules

    sources = "".join(path.read_text(encoding="utf-8") for path in Path(graphflow.__file__).parent.rglob("*.py"))
    cited = set(re.findall(r"\bS\d{1,2}\.\d{1,2}\b", sources))
    assert cited
    assert cited <= set(rules())


def test_the_help_says_what_numbers_of_rules_are(graphflow: Command) -> None:
    assert "(S3.1)" in graphflow("explain", "--help").out
