"""Prompts name fields of the state in braces (S3.5, S6.1); what passes a limit is cut (B1b)."""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass
from datetime import date
from enum import Enum
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, SecretStr

from graphflow.core.view import view_of
from graphflow.errors import PromptInvalid, ReadUndeclared
from graphflow.graph.cutting import MARK, cut
from graphflow.graph.prompts import Slot, Template


class Review(BaseModel):
    score: int = 3
    remark: str = "tight"


class Essay(BaseModel):
    topic: str = "owls"
    draft: str = ""
    comments: list[str] = []
    review: Review | None = None


def test_a_prompt_declares_what_it_reads() -> None:
    """S3.5: the fields it names, and nothing else."""
    prompt = Template("{topic} {review.score} {draft:20} {item.name} {{no}}")
    assert prompt.names == {"topic", "review", "draft"}
    assert prompt.uses_item
    assert prompt.slots[1] == Slot(("review", "score"))
    assert prompt.slots[2] == Slot(("draft",), 20)
    assert not Template("{topic}").uses_item


def test_a_view_shows_only_what_was_declared() -> None:
    """S3.5: a field that was not declared raises, and is never empty text."""
    view = view_of(Essay, Essay().__dict__, frozenset({"topic"}))
    assert Template("On {topic}.").render(view) == "On owls."
    with pytest.raises(ReadUndeclared):
        Template("{draft}").render(view)


class Colour(Enum):
    RED = "red"


@dataclass
class Point:
    x: int = 1


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("plain {braces} stay", "plain {braces} stay"),
        (None, ""),
        (7, "7"),
        (0.5, "0.5"),
        (True, "true"),
        (float("nan"), "NaN"),
        (Colour.RED, "red"),
        (date(2026, 1, 2), "2026-01-02"),
        (["a\nb", "c"], "- a\n  b\n- c"),
        ([], ""),
        ((1, None), "- 1\n- "),
        ({"b", "a"}, "- a\n- b"),
        ({"k": "v", "n": [1]}, "- k: v\n- n: [1]"),
        (Review(), '{"score":3,"remark":"tight"}'),
        ([Review(score=1)], '- {"score":1,"remark":"tight"}'),
        (SecretStr("hunter2"), "**********"),
    ],
)
def test_how_values_are_written(value: Any, text: str) -> None:
    assert Template("{it}").render({"it": value}) == text


def test_a_list_begins_on_a_line_of_its_own() -> None:
    assert Template("So far: {comments}").render({"comments": ["a"]}) == "So far:\n- a"
    assert Template("So far:\n{comments}!").render({"comments": ["a"]}) == "So far:\n- a!"
    assert Template("So far: {comments}.").render({"comments": []}) == "So far: ."


def test_a_path_leads_into_models_dicts_and_dataclasses_and_stops_at_none() -> None:
    state = {"review": Review(), "nothing": None, "table": {"k": {"x": 1}}, "point": Point()}
    text = Template("{review.score}{nothing.score.deep}{table.k.x}{point.x}").render(state)
    assert text == "311"


def test_the_item_is_that_of_the_innermost_map() -> None:
    """S6.1: inner maps hide outer ones."""
    assert Template("{item}").render({}, ["outer", "inner"]) == "inner"
    assert Template("{item.score}").render({}, [Review(score=9)]) == "9"
    with pytest.raises(PromptInvalid, match="no item"):
        Template("{item}").render({"item": "a field of that name is no item"})


@pytest.mark.parametrize(
    "text",
    [
        "{",
        "}",
        "{}",
        "a } b",
        "{a!r}",
        "{a:>10}",
        "{a.}",
        "{.a}",
        "{a b}",
        "{0}",
        '{"a": 1}',
        "{a:0}",
        "{a:-1}",
        "{a[0]}",
    ],
)
def test_what_cannot_be_read_is_refused_where_it_stands(text: str) -> None:
    with pytest.raises(PromptInvalid) as caught:
        Template(text)
    assert caught.value.where[0].file == __file__
    assert caught.value.fix


@pytest.mark.parametrize(
    "text", ["{x.__class__}", "{x.__init__.__globals__}", "{_private}", "{x.upper}", "{n.real}", "{review.model_dump}"]
)
def test_attributes_are_never_reached(text: str) -> None:
    with pytest.raises(PromptInvalid):
        Template(text).render({"x": "text", "_private": 1, "n": 7, "review": Review()})


def test_a_misspelt_name_is_told_the_nearest() -> None:
    with pytest.raises(PromptInvalid, match="Did you mean 'topic'"):
        Template("{topik}").render(Essay())
    with pytest.raises(PromptInvalid, match="Did you mean 'score'"):
        Template("{review.scor}").render(Essay(review=Review()))


def test_what_has_no_text_is_refused() -> None:
    with pytest.raises(PromptInvalid, match="cannot show"):
        Template("{it}").render({"it": object()})


@given(st.text())
def test_any_text_is_read_or_refused(text: str) -> None:
    try:
        prompt = Template(text)
    except PromptInvalid:
        return
    assert not prompt.slots or "{" in text


@given(st.text())
def test_doubled_braces_give_back_the_text(text: str) -> None:
    assert Template(text.replace("{", "{{").replace("}", "}}")).render({}) == text


@given(st.text(), st.text())
def test_values_are_never_read_as_templates(before: str, value: str) -> None:
    escaped = before.replace("{", "{{").replace("}", "}}")
    assert Template(escaped + "{it}").render({"it": value}) == before + value


@given(st.text(alphabet="a b\u0301\u200d\U0001f469\U0001f1e6\U0001f1e7\r\n{}"), st.integers(1, 12))
def test_cutting(text: str, limit: int) -> None:
    """B1b: never longer than the limit; twice changes nothing more; a mark only where something was cut."""
    short = cut(text, limit)
    assert len(short) <= limit
    assert cut(short, limit) == short
    assert (short == text) == (len(text) <= limit)
    if short != text:
        assert short.endswith(MARK)
        assert text.startswith(short.removesuffix(MARK))


@pytest.mark.parametrize(
    "sign",
    [
        "e\u0301",
        "\U0001f469\u200d\U0001f4bb",
        "\U0001f1e9\U0001f1ea",
        "\U0001f44d\U0001f3fd",
        "\u1112\u1161\u11ab",
        "\r\n",
    ],
)
def test_a_sign_is_never_parted(sign: str) -> None:
    for limit in range(2, 4 + len(sign)):
        short = cut("ab" + sign + "cdefgh", limit).removesuffix(MARK)
        assert sign in short or not any(part in short for part in sign if part.strip())


def test_a_run_of_marks_is_no_sign_and_is_cut() -> None:
    marks = "z" + "\u0301" * 500
    assert unicodedata.category("\u0301") == "Mn"
    assert len(cut(marks, 100)) == 100


def test_a_limit_in_a_prompt_is_in_characters() -> None:
    assert Template("{draft:6}").render({"draft": "Owls hunt at night"}) == "Owls" + MARK
    assert len(Template("{comments:9}").render({"comments": ["long"] * 9})) <= 9
    with pytest.raises(ValueError, match="at least 1"):
        cut("x", 0)
