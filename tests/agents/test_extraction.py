"""B2: extraction is total: a value or a typed error for every string, and the real shapes that models write are read."""

from __future__ import annotations

from typing import Any, Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel

from graphflow.agents.extraction import json_values
from graphflow.agents.json_types import JsonType, ReadingFailed

PLAN = {"steps": ["a", "b"]}


class Plan(BaseModel):
    steps: list[str]


@pytest.mark.parametrize(
    "text",
    [
        '{"steps": ["a", "b"]}',
        '  \n{"steps": ["a", "b"]}\n',
        '\ufeff{"steps": ["a", "b"]}',
        '```json\n{"steps": ["a", "b"]}\n```',
        '```\n{"steps": ["a", "b"]}\n```',
        '~~~json\n{"steps": ["a", "b"]}\n~~~',
        'Here is the plan:\n```json\n{"steps": ["a", "b"]}\n```\nTell me if it suits you.',
        'The plan is {"steps": ["a", "b"]}, as asked {for}.',
        '```json\n{"steps": ["a", "b"]}',
        '{"steps": ["a", "b",],}',
        "{'steps': ['a', 'b']}",
        '"{\\"steps\\": [\\"a\\", \\"b\\"]}"',
        '<think>Maybe {"steps": ["x"]}?</think>{"steps": ["a", "b"]}',
        'First try: {"steps": ["x"]}. Better: {"steps": ["a", "b"]}',
        '[1, 2] are the numbers, {"steps": ["a", "b"]} is the plan',
        'json\n{"steps": ["a", "b"]}',
        'It is\n```json\n{"steps": ["a", "b"]}\n```\nand not {"steps": ["x"]}.',
        '{"steps": ["a", "b"]} <think>or rather {"steps": ["x"]}</think>',
        'Perhaps {"steps": ["x"]}?\n</think>\n{"steps": ["a", "b"]}',
        '```json\n{"steps": ["x"]}\n```\nBetter:\n```json\n{"steps": ["a", "b"]}\n```',
        '```json\n"{\\"steps\\": [\\"a\\", \\"b\\"]}"\n```',
        '{\\n  \\"steps\\": [\\"a\\", \\"b\\"]\\n}',
        "{“steps”: [“a”, “b”]}",
        "The plan: {'steps': ['a', “b”,]}.",
        '{steps: ["a", "b"]}',
        '{\n  // two of them\n  "steps": ["a", /* then */ "b"]  # that is all\n}',
        '\u200b{\u00a0"steps":\u00a0["a", "b"]}\u200b',
        '<answer>{"steps": ["a", "b"]}</answer>',
        'plan = {"steps": ["a", "b"]};',
        '[{"steps": ["a", "b"]}]',
        '{"plan": {"steps": ["a", "b"]}}',
        '{"value": {"steps": ["a", "b"]}}',
    ],
)
def test_the_shapes_that_models_write(text: str) -> None:
    assert JsonType(Plan).read_text(text) == Plan(steps=["a", "b"])


@pytest.mark.parametrize(
    "text",
    [
        "",
        " \n",
        "\ufeff",
        "No.",
        "{}",
        '{"steps": "a"}',
        '{"other": 1}',
        "null",
        '{"steps": ["a", "b"',
        '```json\n{"steps": ["a", "b"',
        '{"steps": ["a", "b',
        '{"steps": ["a", "b"], "more": tru',
        '{"plan": {"steps": ["a"]}, "more": [',  # cut off: what is whole in it is not the answer
        'Here: [{"steps": ["a"]}, {"steps": ["b"',
        '```json\n[{"steps": ["a"]}, {"steps": ["b"',
        '{"steps": ["a" "b"]}',  # a missing comma is no matter of taste
        '{"steps": ["x" "y"], "plan": {"steps": ["a"]}}',
        '{"steps": ["a", ...]}',
        '<think>Maybe {"steps": ["x"]}?</think>',
        '<think>Maybe {"steps": ["x"]}?',
        'Maybe {"steps": ["x"]}?</think> I do not know.',
    ],
)
def test_what_is_no_plan_is_said_to_be_none(text: str) -> None:
    """B1a: an empty or malformed answer never passes, and the reason is told."""
    with pytest.raises(ReadingFailed) as caught:
        JsonType(Plan).read_text(text)
    assert caught.value.told


TYPES: tuple[Any, ...] = (Plan, list[int], int, bool, Literal["a", "b"], dict[str, float], Plan | None, list[Plan], str)


class Review(BaseModel):
    score: int = 0
    notes: str = ""


def test_a_wrapping_is_seen_where_the_type_would_do_without_it() -> None:
    """All fields have defaults: taken as it stands, the answer would be lost without a word."""
    assert JsonType(Review).read_text('{"review": {"score": 9}}') == Review(score=9)
    assert JsonType(Review).read_text('{"score": 9}') == Review(score=9)
    assert JsonType(Review).read_text("{}") == Review()
    assert JsonType(list[int]).read_text('{"numbers": [1, 2]}') == [1, 2]
    assert JsonType(dict[str, list[int]]).read_text('{"numbers": [1, 2]}') == {"numbers": [1, 2]}


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("{'a': True, 'b': False, 'c': None}", {"a": True, "b": False, "c": None}),
        ('{"a": True, "b": null,}', {"a": True, "b": None}),
        ('{"a": "{x} [y] }{ \\" ```", "b": {"c": [1]}}', {"a": '{x} [y] }{ " ```', "b": {"c": [1]}}),
        ("{'a': \"it's\", 'b': 'say \\'no\\''}", {"a": "it's", "b": "say 'no'"}),
        ('{"a": "C:\\dir \\d+", "b": "\\u00e9\\ud83e\\udd89",}', {"a": "C:\\dir \\d+", "b": "é🦉"}),
        ('{"a": "// no comment", "b": "# nor this",}', {"a": "// no comment", "b": "# nor this"}),
        ('{"a": -1.5e3, "b": 0,}', {"a": -1500.0, "b": 0}),
        ('{"a": "<think>kept</think>"}', {"a": "<think>kept</think>"}),
        ('{"a": "line\nbreak"}', {"a": "line\nbreak"}),
        ("[1, 2,]", [1, 2]),
    ],
)
def test_what_is_nearly_json(text: str, value: Any) -> None:
    assert json_values(text) == [value]
    assert json_values(f"So: {text} - all right?")[0] == value


@given(st.text(), st.sampled_from(TYPES))
def test_any_text_gives_a_value_or_a_reason(text: str, kind: Any) -> None:
    try:
        JsonType(kind).read_text(text)
    except ReadingFailed as failed:
        reason = failed
    else:
        return
    assert str(reason)


@given(st.text(alphabet="{}[]\",:\\`~1aeE.-+ \n'ud8/*#“”"), st.sampled_from(TYPES))
def test_any_near_json_gives_a_value_or_a_reason(text: str, kind: Any) -> None:
    try:
        JsonType(kind).read_text(text)
    except ReadingFailed as failed:
        reason = failed
    else:
        return
    assert str(reason)


@pytest.mark.parametrize(
    "text",
    [
        "[" * 100_000,
        "{" * 100_000,
        '{"a":' * 50_000,
        '"\\ud800"',
        "1" * 10_000,
        "[(" * 5_000,
        "-" * 50_000,
        "<think>" * 20_000,
        "x" + "\n" * 100_000 + "x",
        "</think>" * 20_000,
        "```json\n{\n" * 10_000,
        '{"a": /*' * 20_000,
        "{/*" * 30_000,
        "{'" * 30_000,
        '{"' + "\\" * 50_001,
        '["' + "\\ud800" * 10_000,
        "{" + " " * 100_000,
        '{"a" "b"} ' * 20_000,
        "[" + "1" * 90_000 + ",]",
    ],
)
def test_hostile_texts_are_read_in_good_time(text: str) -> None:
    for kind in TYPES[:-1]:
        with pytest.raises(ReadingFailed):
            JsonType(kind).read_text(text)


JSON: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


@given(
    st.dictionaries(st.text(), JSON, min_size=1),
    st.sampled_from(["{}", "```json\n{}\n```", "So: ```{}``` there", "{}"]),
)
def test_what_was_written_is_what_is_read(value: dict[str, Any], around: str) -> None:
    import json

    assert json_values(around.replace("{}", json.dumps(value)))[0] == value


def test_other_types_than_objects_are_wrapped_for_the_model_and_read_either_way() -> None:
    numbers = JsonType(list[int])
    assert numbers.is_wrapped
    assert numbers.schema["required"] == ["value"]
    assert numbers.read_text('{"value": [1]}') == numbers.read_text("[1]") == [1]
    assert JsonType(int).read_text("7") == 7
    assert JsonType(Literal["yes", "no"]).read_text("yes") == "yes"
    assert not JsonType(Plan).is_wrapped


def test_the_reason_shows_the_model_what_it_gave_and_keeps_it_out_of_the_error() -> None:
    with pytest.raises(ReadingFailed) as caught:
        JsonType(Plan).read_text('{"steps": "canary"}')
    assert "canary" in caught.value.told
    assert "canary" not in str(caught.value)
    assert "steps" in str(caught.value)
