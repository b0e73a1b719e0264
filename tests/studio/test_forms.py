"""Forms for any type, of its JSON schema alone; and what is wrong with what was typed, by field, in words."""

from __future__ import annotations

from datetime import date
from enum import Enum
from typing import Annotated, Any, Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st

pytest.importorskip("starlette")

from pydantic import BaseModel, Field, SecretStr, TypeAdapter

from graphflow import Graph, append, local
from graphflow.core.plan import Plan
from graphflow.graph.restored import plan_of
from graphflow.graph.stored import data_of
from graphflow.studio.forms import change_form, form_of, start_form, typed, wrong_answer, wrong_changes, wrong_fields


class Colour(Enum):
    RED = "red"
    BLUE = "blue"


class Inner(BaseModel):
    a: int


class Key(BaseModel):
    text: SecretStr


class State(BaseModel):
    topic: str = Field(description="What it is about")
    stars: int = Field(default=3, ge=1, le=5)
    share: float | None = None
    is_good: bool = False
    colour: Colour = Colour.RED
    mood: Literal["calm", "wild"] = "calm"
    tags: Annotated[list[str], append] = []
    counts: dict[str, int] = {}
    inner: Inner | None = None
    day: date = date(2026, 1, 2)
    key: SecretStr = SecretStr("hunter22")
    keys: Key | None = None
    item: Annotated[int, local] = 0


KINDS = {
    "topic": "text",
    "stars": "integer",
    "share": "number",
    "is_good": "bool",
    "colour": "choice",
    "mood": "choice",
    "tags": "list",
    "counts": "json",
    "inner": "json",
    "day": "text",
    "key": "text",
    "keys": "json",
}
FIELD = {"name", "title", "kind", "required", "default", "choices", "help"}


@pytest.fixture(scope="module")
def plan() -> Plan:
    return Graph("g", State).plan()


def by_name(form: dict[str, Any]) -> dict[str, dict[str, Any]]:
    assert all(set(field) == FIELD for field in form["fields"])
    return {field["name"]: field for field in form["fields"]}


def test_a_field_for_each_of_a_state(plan: Plan) -> None:
    """Those of branches are not typed; of a secret nothing is told."""
    form = start_form(plan)
    fields = by_name(form)
    assert {name: field["kind"] for name, field in fields.items()} == KINDS
    assert [name for name, field in fields.items() if field["required"]] == ["topic"]
    assert fields["colour"]["choices"] == ["red", "blue"]
    assert (fields["stars"]["default"], fields["day"]["default"], fields["topic"]["help"]) == (
        3,
        "2026-01-02",
        "What it is about",
    )
    assert "hunter" not in repr(form)
    assert all("Left empty it stays" in fields[name]["help"] for name in ("key", "keys"))
    assert not form["one"]


def test_a_state_that_is_known_from_its_store_alone(plan: Plan) -> None:
    """The graph's file may be gone: kinds are the same."""
    fields = by_name(change_form(plan))
    assert {name: fields[name]["kind"] for name in KINDS} == KINDS
    assert not any(field["required"] for field in fields.values())
    assert set(by_name(change_form(plan_of(data_of(plan))))) == set(fields)


@pytest.mark.parametrize(
    ("annotation", "kind", "choices"),
    [
        (bool, "bool", None),
        (int, "integer", None),
        (float, "number", None),
        (str, "long", None),
        (Literal["yes", "later"], "choice", ["yes", "later"]),
        (Colour, "choice", ["red", "blue"]),
        (Colour | None, "choice", ["red", "blue"]),
        (list[str], "list", None),
        (list[int], "list", None),
        (list[Inner], "json", None),
        (list[Colour], "json", None),
        (tuple[int, str], "json", None),
        (dict[str, int], "json", None),
        (int | str, "json", None),
        (Any, "json", None),
    ],
)
def test_one_value(annotation: Any, kind: str, choices: list[str] | None) -> None:
    form = form_of(TypeAdapter(annotation).json_schema())
    [field] = form["fields"]
    assert (form["one"], field["name"], field["kind"], field["choices"]) == (True, "value", kind, choices)


def test_what_says_nothing_is_typed_as_json() -> None:
    assert [field["kind"] for field in form_of({})["fields"]] == ["json"]


WORDS = st.sampled_from(
    ["type", "properties", "items", "anyOf", "allOf", "enum", "const", "$ref", "$defs", "required", "a", "title"]
) | st.text(max_size=3)  # fmt: skip
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(WORDS, inner, max_size=4),
    max_leaves=15,
)
VALUES = JSON | st.sampled_from(["object", "array", "string", "#/$defs/a"])


@given(st.dictionaries(WORDS, VALUES, max_size=6))
def test_any_schema_makes_a_form(schema: dict[str, Any]) -> None:
    """Odd, cyclic and damaged ones too: a page is shown all the same."""
    assert by_name(form_of(schema))


def test_a_type_that_holds_itself() -> None:
    schema = {"$ref": "#/$defs/a", "$defs": {"a": {"$ref": "#/$defs/b"}, "b": {"$ref": "#/$defs/a"}}}
    assert form_of(schema)["fields"][0]["kind"] == "json"


class Verdict(BaseModel):
    verdict: Literal["send", "change"]
    stars: int = Field(default=3, ge=1)


@pytest.mark.parametrize(
    ("annotation", "value", "names"),
    [
        (bool, True, []),
        (bool, "perhaps", ["value"]),
        (list[int], [1, "x"], ["value.1"]),
        (Verdict, {"verdict": "send"}, []),
        (Verdict, {"verdict": "x", "stars": 0}, ["verdict", "stars"]),
        (Verdict, {}, ["verdict"]),
        (Verdict, "send", ["value"]),
        (dict[str, int], {"a": "x"}, ["value.a"]),
    ],
)
def test_what_is_wrong_stands_at_the_field_of_the_form(annotation: Any, value: Any, names: list[str]) -> None:
    wrong = wrong_answer(annotation, value)
    assert list(wrong) == names
    assert all(wrong.values())


def test_changes_of_single_fields(plan: Plan) -> None:
    """S15.3: with what the state says of them, and the nearest name for a misspelt one."""
    wrong = wrong_changes(plan, {"stars": 9, "tags": ["a", 1], "inner": {"a": "x"}, "topik": "x", "day": "2026-02-03"})
    assert set(wrong) == {"stars", "tags.1", "inner.a", "topik"}
    assert "'topic'" in wrong["topik"]
    assert wrong_changes(plan, {"stars": 5, "key": "new", "inner": None}) == {}


def test_an_empty_secret_stays_as_it_is(plan: Plan) -> None:
    """S3.8: and what is wrong with one does not repeat it."""
    assert typed(plan, {"key": "", "keys": None, "topic": "", "stars": 0}) == {"topic": "", "stars": 0}
    assert typed(plan, {"key": "swordfish"}) == {"key": "swordfish"}
    wrong = wrong_changes(plan, {"key": {"deep": "swordfish"}, "keys": {"text": ["swordfish"]}})
    assert set(wrong) == {"key", "keys.text"}
    assert "swordfish" not in repr(wrong)


def test_what_a_field_keeps_to_is_said() -> None:
    schema = {
        "type": "object",
        "properties": {
            "stars": {"type": "integer", "minimum": 1, "maximum": 5, "description": "How good it is"},
            "name": {"type": "string", "minLength": 3},
            "tags": {"anyOf": [{"type": "array", "items": {"type": "string"}, "maxItems": 2}, {"type": "null"}]},
            "part": {"type": "number", "exclusiveMinimum": 0},
            "free": {"type": "string"},
        },
    }
    assert {field["name"]: field["help"] for field in form_of(schema)["fields"]} == {
        "stars": "How good it is (1 to 5)",
        "name": "At least 3 characters",
        "tags": "At most 2 elements",
        "part": "More than 0",
        "free": "",
    }


@pytest.mark.parametrize(
    ("annotation", "value", "words"),
    [
        (int, "many", "This has to be a whole number."),
        (float, "much", "This has to be a number."),
        (bool, "perhaps", "This has to be yes or no."),
        (str, 3, "This has to be a text."),
        (Literal["yes", "no"], "perhaps", "This has to be 'yes' or 'no'"),
    ],
)
def test_what_is_wrong_is_said_in_plain_words(annotation: Any, value: Any, words: str) -> None:
    assert wrong_fields(annotation, value) == {"": words}
