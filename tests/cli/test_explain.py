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
