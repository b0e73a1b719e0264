"""B1b, trim: what is read further on is cut to a limit; the whole stays in the state."""

from __future__ import annotations

import json
import unicodedata
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel

from graphflow.graph.cutting import MARK, cut
from graphflow.graph.prompts import Template
from graphflow.models import ScriptedModel
from graphflow.testing.virtual import run_virtual
from tests.patterns.asked import prompt
from tests.patterns.ready import TEXTS, ready

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda one: st.lists(one) | st.dictionaries(st.text(), one),
    max_leaves=30,
)
CONTAINERS = st.lists(JSON, min_size=1) | st.dictionaries(st.text(), JSON, min_size=1)
WRITTEN = st.tuples(CONTAINERS, st.sampled_from([None, 2]), st.booleans()).map(
    lambda given: json.dumps(given[0], indent=given[1], ensure_ascii=given[2])
)


@given(st.text() | WRITTEN, st.integers(1, 200))
def test_it_is_never_longer_than_the_limit_and_cutting_twice_changes_nothing_more(text: str, limit: int) -> None:
    short = cut(text, limit)
    assert len(short) <= limit
    assert cut(short, limit) == short


@given(st.text() | WRITTEN, st.integers(0, 50))
def test_a_mark_stands_only_where_something_was_cut(text: str, more: int) -> None:
    assert cut(text, max(1, len(text) + more)) == text


@given(WRITTEN, st.integers(2, 200))
def test_json_stays_json(text: str, limit: int) -> None:
    """And what is left of it are parts of what was there."""
    before, after = json.loads(text), json.loads(cut(text, limit))
    assert type(before) is type(after)
    assert is_part(after, before)


def is_part(after: Any, before: Any) -> bool:
    """Whether one is the other with elements left out at the end, texts cut, and marks."""
    if isinstance(after, str) and isinstance(before, str):
        return after == before or after.endswith(MARK) or is_json(before)
    if isinstance(after, list) and isinstance(before, list):
        kept = after[:-1] if len(after) > len(before) or (after and after[-1] == MARK) else after
        return len(kept) <= len(before) and all(map(is_part, kept, before))
    if isinstance(after, dict) and isinstance(before, dict):
        return all(name == MARK or (name in before and is_part(value, before[name])) for name, value in after.items())
    return bool(after == before)


def is_json(text: str) -> bool:
    return text.strip()[:1] in ("{", "[")


@given(
    st.lists(st.sampled_from(["e\u0301", "👩‍👩‍👧", "🇩🇪", "각", "\r\n", "x", "👍🏽", "\U0001f600"]), max_size=12),
    st.integers(1, 30),
)
def test_no_sign_is_split(signs: list[str], limit: int) -> None:  # fmt: skip
    """A letter with its accent, a family, a flag: what is shown as one is kept or left out as one."""
    kept = cut("".join(signs), limit).removesuffix(MARK)
    starts = ["".join(signs[:count]).rstrip() for count in range(len(signs) + 1)]
    assert kept in starts or kept == "".join(signs)


@given(st.text(st.characters(categories=["Cs", "Ll", "So"])), st.integers(1, 20))
def test_no_half_of_a_character_is_made(text: str, limit: int) -> None:
    """Half a character that was there stays; none is added."""
    halves = [one for one in cut(text, limit) if unicodedata.category(one) == "Cs"]
    assert len(halves) <= sum(unicodedata.category(one) == "Cs" for one in text)


def test_short_members_stay_whole_and_long_ones_share_the_rest() -> None:
    found = json.loads(cut(json.dumps({"subject": "owls", "facts": ["hear " * 50], "score": 7}), 80))
    assert (found["subject"], found["score"]) == ("owls", 7)
    assert found["facts"][0].endswith(MARK)


def test_json_with_half_a_character_can_still_be_sent() -> None:
    short = cut('["' + r"\ud83d" + "x" * 90 + '"]', 30)
    assert short.encode().startswith(rb'["\ud83dx')
    assert json.loads(short)[0].endswith(MARK)


def test_a_mark_says_that_elements_are_gone_besides_the_one_that_was_cut() -> None:
    assert cut(json.dumps(["a" * 50, "b"]), 20) == '["aaaaaaaaaaa…","…"]'
    assert cut(json.dumps(["a" * 50]), 20) == '["aaaaaaaaaaaaaaa…"]'


def test_what_only_looks_like_json_is_cut_like_any_text() -> None:
    """NaN is no JSON: to write it anew would not make it so."""
    assert cut('[NaN, "' + "x" * 50 + '"]', 12) == '[NaN, "xxxx' + MARK


def test_numbers_are_left_out_and_never_cut() -> None:
    assert cut("[1234567, 89, 1.50, 12345678901234567890]", 20) == '[1234567,89,"…"]'


def test_what_is_nested_beyond_all_measure_is_cut_like_any_text() -> None:
    text = "[" * 100_000
    assert cut(text + "]" * 100_000, 10) == "[[[[[[[[[" + MARK


class Finding(BaseModel):
    subject: str
    facts: list[str]


@given(st.lists(st.builds(Finding, subject=st.text(), facts=st.lists(st.text())), max_size=5), st.integers(1, 300))
def test_a_list_in_a_prompt_keeps_its_first_elements_whole(findings: list[Finding], limit: int) -> None:
    whole = Template("{findings}").render({"findings": findings})
    short = Template(f"{{findings:{limit}}}").render({"findings": findings})
    assert len(short) <= limit
    if len(whole) <= limit:
        assert short == whole
    elif limit > 40:
        *first, last = [line for line in short.split("\n") if line != MARK] or [""]
        assert whole.split("\n")[: len(first)] == first
        if last.startswith("- "):
            json.loads(last[2:])
            assert MARK in short


def test_the_ready_graph_sends_what_fits_and_keeps_the_whole() -> None:
    """The raw text is cut for the first prompt, the findings for the second; the originals stay in the state."""
    trim = ready("trim")
    findings = [{"subject": f"subject {n}", "facts": ["x" * 300]} for n in range(4)]
    text = "y" * 10_000
    with ScriptedModel([findings, "summary"]) as model:
        run = run_virtual(trim.graph.run(trim.Notes(topic="t", text=text), model=model))
    first, second = map(prompt, model.requests)
    assert first == "Topic: t\n\nText:\n" + "y" * 2_999 + MARK
    shown = second.partition("Findings:\n")[2]
    assert len(shown) <= 700
    assert shown.startswith('- {"subject":"subject 0"')
    assert shown.endswith("\n" + MARK)
    assert run.state.text == text
    assert [finding.facts for finding in run.state.findings] == [["x" * 300]] * 4


def test_offline_the_ready_graph_sums_up_from_the_findings() -> None:
    trim = ready("trim")
    run = run_virtual(trim.graph.run(trim.Notes(topic="grid storage", text=TEXTS[0])))
    assert len(run.state.findings) >= 3
    assert run.state.summary
    assert MARK not in run.state.summary


@pytest.mark.parametrize("limit", [2, 3, 4, 5, 10])
def test_very_little_room_is_enough_for_json(limit: int) -> None:
    for value in ({"a": "bcdefgh", "i": 12345678}, ["abcdefghi", 1], {"": ""}, [[[[[1, 2, 3]]]]], [None, True, False]):
        text = json.dumps(value, indent=4)
        assert type(json.loads(cut(text, limit))) is type(value)
