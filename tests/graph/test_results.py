"""How a node's result becomes an update: what is declared, and what is only known when it runs (S3.1, S3.5)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any, Literal, NoReturn, TypedDict

import pytest
from pydantic import BaseModel

from graphflow.core.plan import Writes
from graphflow.core.reducers import append, extend
from graphflow.errors import DeclarationError
from graphflow.graph.context import Context, Handoff
from graphflow.graph.declaration import Declaration
from graphflow.graph.expressions import fields


class Found(BaseModel):
    facts: str
    score: int


class Scores(TypedDict, total=False):
    score: int


class Desk(BaseModel):
    facts: Annotated[list[str], append] = []
    many: Annotated[list[str], extend] = []
    score: int = 0
    ratio: float = 0.0
    reply: str | None = None
    draft: str = ""
    kind: Literal["a", "b"] = "a"
    found: Found | None = None
    table: dict[str, int] = {}


desk = fields(Desk)


def writes(returns: Any, given: object = None, updates: object = None, takes_context: bool = False) -> Writes:
    """The Writes of a node whose function is annotated so."""

    def work(state: Desk) -> Any: ...

    def work_with_context(state: Desk, ctx: Context) -> Any: ...

    function: Callable[..., Any] = work_with_context if takes_context else work
    function.__annotations__["return"] = returns
    graph = Declaration("desk", Desk)
    graph.node(function, name="it", writes=given, updates=updates)
    return graph.plan().node("it").writes


@pytest.mark.parametrize(
    ("returns", "declared"),
    [
        (None, set()),
        (NoReturn, set()),
        (Found, {"facts", "score"}),
        (Scores, {"score"}),
        (Found | None, {"facts", "score"}),
        (Found | Scores, {"facts", "score"}),
        (dict[str, object], None),
        (dict, None),
        (Any, None),
        (object, None),
        (Handoff, None),
        (Found | Handoff, None),
        (dict[str, object] | None, None),
        ("NotKnownHere", None),
    ],
)
def test_the_return_annotation_says_which_fields_change(returns: Any, declared: set[str] | None) -> None:
    found = writes(returns)
    assert found.kind == "fields"
    assert found.declared == declared


def test_without_annotation_nothing_is_known() -> None:
    def work(state):  # type: ignore[no-untyped-def]
        return {}

    graph = Declaration("desk", Desk)
    graph.node(work)
    assert graph.plan().node("work").writes.declared is None


def test_a_context_may_change_more_than_the_result_shows() -> None:
    """S3.7: what ctx.update changes is not in the annotation, unless updates= says it."""
    assert writes(None, takes_context=True).declared is None
    assert writes(Found, takes_context=True).declared is None
    assert writes(None, takes_context=True, updates=()).declared == set()
    assert writes(Found, takes_context=True, updates=desk.many).declared == {"facts", "score", "many"}
    assert writes(str, desk.draft, takes_context=True).declared == {"draft"}
    assert writes(str, desk.draft, updates=(desk.many, "score"), takes_context=True).declared == {
        "draft",
        "many",
        "score",
    }


def test_one_field() -> None:
    assert writes(str, desk.draft) == Writes("value", ("draft",), declared=frozenset({"draft"}))
    assert writes(str, "draft") == writes(str, desk.draft)


def test_a_tuple_of_fields() -> None:
    expected = Writes("tuple", ("score", "facts"), declared=frozenset({"score", "facts"}))
    assert writes(tuple[int, str], (desk.score, desk.facts)) == expected
    assert writes(Any, (desk.score, "facts")) == expected


def test_no_field() -> None:
    assert writes(Any, ()) == Writes(declared=frozenset())


def test_a_mapping() -> None:
    found = writes(Found, {"draft": "facts", "score": len})
    assert found.kind == "mapped"
    assert found.fields == ("draft", "score")
    assert found.sources == (("draft", "facts"), ("score", len))
    assert found.declared == {"draft", "score"}


def test_a_mapping_may_take_what_only_the_result_knows() -> None:
    class Plain:
        anything = 1

    assert writes(Plain, {"score": "anything"}).sources == (("score", "anything"),)


FITS: list[tuple[Any, str]] = [
    (str, "draft"),
    (str, "reply"),
    (None, "reply"),
    (str | None, "reply"),
    (str, "facts"),
    (list[str], "many"),
    (tuple[str, ...], "many"),
    (set[str], "many"),
    (int, "ratio"),
    (bool, "score"),
    (str, "score"),  # pydantic reads a number from a text
    (str, "kind"),
    (Any, "score"),
    (Found, "found"),
    (dict[str, object], "found"),
    (Scores, "found"),
    (dict[str, int], "table"),
    (str | int, "draft"),
]
UNFIT: list[tuple[Any, str]] = [
    (int, "draft"),
    (list[str], "draft"),
    (None, "draft"),
    (None, "score"),
    (list[str], "facts"),
    (str, "many"),
    (list[int], "score"),
    (str, "found"),
    (Found, "draft"),
    (list[str], "table"),
    (int, "reply"),
]


@pytest.mark.parametrize(("returns", "field"), FITS)
def test_what_may_fit_is_left_to_the_run(returns: Any, field: str) -> None:
    assert writes(returns, field).fields == (field,)


@pytest.mark.parametrize(("returns", "field"), UNFIT)
def test_what_can_never_fit_is_refused(returns: Any, field: str) -> None:
    with pytest.raises(DeclarationError, match=f"which '{field}' does not take") as caught:
        writes(returns, field)
    assert caught.value.code == "GF131"


def test_parts_of_a_tuple_are_looked_at_too() -> None:
    with pytest.raises(DeclarationError, match="returns str, which 'many' does not take"):
        writes(tuple[int, str], (desk.score, desk.many))


def test_reads_and_what_an_update_may_hold() -> None:
    """S3.5: reads are a field or a tuple of them; without any a node may read all."""
    graph = Declaration("desk", Desk)

    def work(state: Desk) -> None: ...

    graph.node(work, name="all")
    graph.node(work, name="one", reads=desk.score)
    graph.node(work, name="two", reads=(desk.score, "draft"))
    graph.node(work, name="none", reads=())
    reads = [node.reads for node in graph.plan().nodes[1:]]
    assert reads == [None, {"score"}, {"score", "draft"}, set()]
