"""Values that cannot be stored, reducers and validators that misbehave, items that are none."""

from __future__ import annotations

import math
from typing import Annotated, Any

import pytest
from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from graphflow import END, START, Graph, Limits, extend, fields
from graphflow.runtime.run import Run
from graphflow.testing.virtual import run_virtual
from tests.mistakes import State, fetch, gives, run_node, says


@says("""
[GF220] Run r of graph 'one' failed at a:1: The update gives 'word' a value of 12,002 bytes
  where  here   graph.chain(START, graph.node(work, name="a", **options), END)
  why    One value may have 10,000 bytes at most. (S17)
         the last steps were START:1 -> a
  fix    Store large data outside and keep its address in the state, or raise it: limits=Limits(value_bytes=...).
""")
def test_a_huge_text() -> None:
    """S17: bytes are meant, not characters."""
    gives({"word": "ü" * 6_000})


@says("""
[GF220] Run r of graph 'one' failed at a:1: The update gives 'items' a value of 10,301 bytes
  where  here   graph.chain(START, graph.node(work, name="a", **options), END)
  why    One value may have 10,000 bytes at most. (S17)
         the last steps were START:1 -> a
  fix    Store large data outside and keep its address in the state, or raise it: limits=Limits(value_bytes=...).
""")
def test_a_huge_list() -> None:
    gives({"items": ["x" * 100] * 100})


@says("""
[GF220] Run r of graph 'one' failed at a:1: The update gives 'anything' a value that JSON cannot hold: [[[[[[[...]]]]]]]
  where  here   graph.chain(START, graph.node(work, name="a", **options), END)
  why    Maximum serialization depth exceeded. The state must survive a round trip through JSON. (S1.1)
         the last steps were START:1 -> a
  fix    Keep plain data in the state: texts, numbers, lists, dicts and models.
""")
def test_a_value_nested_too_deep() -> None:
    deep: list[Any] = []
    for _ in range(10_000):
        deep = [deep]
    gives({"anything": deep})


@says("""
[GF220] Run r of graph 'one' failed at a:1: The update gives 'data' a value that does not validate: [[[[[[[...]]]]]]]
  where  here   graph.chain(START, graph.node(work, name="a", **options), END)
  why    list.0.list.0.list.0.list.0.li ... list.0.list.0.list.0: Recursion error - maximum validation depth exceeded (the value of data: JsonValue). (S3.3)
         the last steps were START:1 -> a
  fix    Return a value of type JsonValue for data.
""")
def test_json_nested_too_deep() -> None:
    deep: list[Any] = []
    for _ in range(10_000):
        deep = [deep]
    gives({"data": deep})


@says("""
[GF220] Run r of graph 'one' failed at a:1: The update gives 'anything' a value that JSON cannot hold: [[[[[[[...]]]]]]]
  where  here   graph.chain(START, graph.node(work, name="a", **options), END)
  why    Circular reference detected (id repeated). The state must survive a round trip through JSON. (S1.1)
         the last steps were START:1 -> a
  fix    Keep plain data in the state: texts, numbers, lists, dicts and models.
""")
def test_a_value_that_holds_itself() -> None:
    ring: list[Any] = []
    ring.append(ring)
    gives({"anything": ring})


@says("""
[GF220] Run r of graph 'one' failed at a:1: The update gives 'anything' a value that JSON cannot hold: <function fetch at 0x>
  where  here   graph.chain(START, graph.node(work, name="a", **options), END)
  why    Unable to serialize unknown type: <class 'function'>. The state must survive a round trip through JSON. (S1.1)
         the last steps were START:1 -> a
  fix    Keep plain data in the state: texts, numbers, lists, dicts and models.
""")
def test_an_object_that_json_cannot_hold() -> None:
    gives({"anything": fetch})


@says("""
[GF220] Run r of graph 'one' failed at a:1: The update gives 'anything' a value that does not come back from JSON as it was: {1, 2}
  where  here   graph.chain(START, graph.node(work, name="a", **options), END)
  why    It comes back as [1, 2]. The state must survive a round trip through JSON. (S1.1)
         the last steps were START:1 -> a
  fix    Annotate anything with the type of its values, or keep texts, numbers, lists and dicts in it.
""")
def test_a_value_that_json_gives_back_as_another() -> None:
    gives({"anything": {1, 2}})


@says("""
[GF220] Run r of graph 'one' failed at a:1: The update gives 'anything' a value that does not come back from JSON as it was: Note(text='')
  where  here   graph.chain(START, graph.node(work, name="a", **options), END)
  why    It comes back as {'text': ''}. The state must survive a round trip through JSON. (S1.1)
         the last steps were START:1 -> a
  fix    Annotate anything with the type of its values, or keep texts, numbers, lists and dicts in it.
""")
def test_a_model_in_a_field_that_takes_anything() -> None:
    class Note(BaseModel):
        text: str = ""

    gives({"anything": Note()})


@says("""
[GF220] Run r of graph 'one' failed at a:1: The update gives 'anything' a value that does not come back from JSON as it was: inf
  where  here   graph.chain(START, graph.node(work, name="a", **options), END)
  why    It comes back as None. The state must survive a round trip through JSON. (S1.1)
         the last steps were START:1 -> a
  fix    Annotate anything with the type of its values, or keep texts, numbers, lists and dicts in it.
""")
def test_an_infinity_in_a_field_that_takes_anything() -> None:
    gives({"anything": math.inf})


@pytest.mark.parametrize(
    "update",
    [
        {"ratio": math.nan},
        {"ratio": -math.inf, "data": {"a": [math.nan]}},
        {"word": "\ud800", "data": ["\udfff"], "anything": {"k": "\ud800"}},
        {"raw": b"\xff\xfe"},
        {"word": "\x00\u202e\U0001f600"},
        {"n": 10**30},
    ],
)
def test_odd_values_survive_the_journal(update: dict[str, Any]) -> None:
    """S1.1: what is accepted comes back exactly."""
    run = gives(update)
    assert repr(run.at(run.seq).state) == repr(run.state)


# -- reducers and validators ------------------------------------------------------------------------------------------


def divided(old: int, new: int) -> int:
    return old // (new - new)


def of_wrong_type(old: int, new: int) -> Any:
    return "many"


def altering(old: list[str], new: list[str]) -> list[str]:
    old.extend(new)
    new.clear()
    return old


class Folded(BaseModel):
    quotient: Annotated[int, divided] = 1
    wrong: Annotated[int, of_wrong_type] = 0
    altered: Annotated[list[str], altering] = ["first"]
    items: list[str] = ["p", "q"]
    word: str = ""


@says("""
[GF220] Run r of graph 'one' failed at a:1: The reducer divided of 'quotient' raised ZeroDivisionError: integer division or modulo by zero
  where  here   graph.chain(START, graph.node(work, name="a", **options), END)
         here   return old // (new - new)
  why    It was given 1 and 7. A reducer must fold whatever its types allow. (S7.1)
         the last steps were START:1 -> a
  fix    Mend the reducer; nothing of the update was kept.
""")
def test_a_reducer_that_raises() -> None:
    run_node(lambda view: {"quotient": 7}, Folded)


@says("""
[GF220] Run r of graph 'one' failed at a:1: The reducer of_wrong_type of 'wrong' gave a value that does not validate: 'many'
  where  here   graph.chain(START, graph.node(work, name="a", **options), END)
  why    Input should be a valid integer, unable to parse string as an integer (wrong: int). (S7.2)
         the last steps were START:1 -> a
  fix    Mend the reducer, or leave out of the update what it cannot fold.
""")
def test_a_reducer_that_gives_the_wrong_type() -> None:
    run_node(lambda view: {"wrong": 7}, Folded)


@says("""
[GF220] Run r of graph 'joined' failed at the join 'j' of a:1: The merge of the branches at join 'j' does not validate
  where  here   graph.map(a, b, over=fields(Most).items, join=j)
         here   raise ValueError("there is one already")
  why    The reducer most of 'n' raised ValueError: there is one already: It was given 1 and 2. A reducer must fold whatever its types allow. (S7.1) (S6.4)
         the last steps were START:1 -> a;  a:1 -> b;  a:1[0]/b:1 -> j;  a:1[1]/b:1 -> j
  fix    Let the branches write less, or widen the field.
""")
def test_a_reducer_that_raises_at_a_join() -> None:
    """S8.3: it is the join that failed, on its node's error edges."""

    def most(old: int, new: int) -> int:
        if old:
            raise ValueError("there is one already")
        return new

    class Most(BaseModel):
        items: list[int] = [1, 2]
        n: Annotated[int, most] = 0

    graph = Graph("joined", Most)

    @graph.node(writes=fields(Most).n)
    def b(view: Most, item: int) -> int:
        return item

    a, j = graph.node(lambda view: None, name="a"), graph.node(lambda view: None, name="j")
    graph.edge(START, a)
    graph.map(a, b, over=fields(Most).items, join=j)
    graph.edge(j, END)
    run_virtual(graph.run(Most(), run_id="r"))


def test_a_reducer_that_alters_what_it_is_given() -> None:
    """S6.3, S7.1: neither siblings, nor the parent, nor the journal notice."""
    graph = Graph("altered", Folded)
    seen: dict[str, list[str]] = {}

    @graph.node
    def b(view: Folded, item: str) -> dict[str, object]:
        return {"altered": [item]}

    @graph.node
    def c(view: Folded, item: str) -> None:
        seen[item] = view.altered

    a, j = graph.node(lambda view: None, name="a"), graph.node(lambda view: None, name="j")
    graph.edge(START, a)
    graph.map(a, b, over=fields(Folded).items, join=j)
    graph.chain(b, c, j)
    graph.edge(j, END)
    run = run_virtual(graph.run(Folded()))
    assert seen == {"p": ["first", "p"], "q": ["first", "q"]}
    assert run.state.altered == run.at(run.seq).state.altered == ["first", "p", "q"]
    assert run.at(1).state.altered == ["first"]


@says("""
[GF220] Run r of graph 'one' failed at a:1: ZeroDivisionError: integer division or modulo by zero
  where  here   graph.chain(START, graph.node(work, name="a", **options), END)
         here   _ = 1 // self.n
  why    the last steps were START:1 -> a
  fix    Mend the cause, then go on from there: graph.resume(error.run).
""")
def test_a_validator_that_raises_what_it_should_not() -> None:
    class Divided(BaseModel):
        n: int = 1

        @model_validator(mode="after")
        def divide(self) -> Divided:
            _ = 1 // self.n
            return self

    run_node(lambda view: {"n": 0}, Divided)


class Odd(BaseModel):
    """Models people have."""

    model_config = ConfigDict(frozen=True)

    name: str = Field("", alias="Name")
    tags: list[str] = []
    total: int = 0

    @field_validator("tags", mode="before")
    @classmethod
    def split(cls, given: Any) -> Any:
        return given.split(",") if isinstance(given, str) else given

    @field_validator("name")
    @classmethod
    def strip(cls, given: str) -> str:
        return given.strip()

    @model_validator(mode="after")
    def count(self) -> Odd:
        self.__dict__["total"] = len(self.tags)
        return self


class Nested(BaseModel):
    inner: Odd = Odd(Name="")
    several: Annotated[list[Odd], extend] = []


@pytest.mark.parametrize("inner", [{"Name": " x ", "tags": "a,b"}, {"name": " x ", "tags": ["a", "b"]}])
def test_validators_aliases_and_frozen_models(inner: dict[str, Any]) -> None:
    """S3.2: constraints and validators included, whether a field is given by alias or name; nothing is dropped."""
    run = run_node(lambda view: {"inner": inner, "several": [inner]}, Nested)
    assert (run.state.inner.name, run.state.inner.tags, run.state.inner.total) == ("x", ["a", "b"], 2)
    assert run.at(run.seq).state == run.state
    assert run_node(lambda view: None, Nested, {"inner": inner}).state.inner == run.state.inner
    own = run_node(lambda view: {"name": " x ", "tags": "a,b"}, Odd)
    assert own.state == own.at(own.seq).state == run.state.inner


@says("""
[GF112] The field 'inner' of Holder holds a Secretive, whose '_hidden' would be lost
  where  here   Graph("hidden", Holder)
  why    It is a private attribute, and the state must survive a round trip. (S1.1)
  fix    Make it an ordinary field of Secretive, or leave it out.
""")
def test_a_nested_private_attribute() -> None:
    class Secretive(BaseModel):
        x: int = 0
        _hidden: int = 0

    class Holder(BaseModel):
        inner: Secretive = Secretive()

    Graph("hidden", Holder)


# -- maps -------------------------------------------------------------------------------------------------------------


def mapped(over: Any) -> Run[Any]:
    graph = Graph("mapped", State, limits=Limits(steps=20_000))

    @graph.node
    def b(view: State, item: Any) -> dict[str, object]:
        return {"log": repr(item)}

    a, j = graph.node(lambda view: None, name="a"), graph.node(lambda view: None, name="j")
    graph.edge(START, a)
    graph.map(a, b, over=over, join=j)
    graph.edge(j, END)
    return run_virtual(graph.run(State(), run_id="r"))


@says("""
[GF220] Run r of graph 'mapped' failed at a:1: The items of a -> b could not be read from a function
  where  here   graph.map(a, b, over=over, join=j)
  why    The item <function fetch at 0x> is none of a function: Unable to serialize unknown type: <class 'function'>. (S6.1)
         the last steps were START:1 -> a
  fix    Annotate what over= returns with what it does return.
""")
def test_items_that_json_cannot_hold() -> None:
    mapped(lambda view: [fetch])


@says("""
[GF220] Run r of graph 'mapped' failed at a:1: The items of a -> b could not be read from numbers
  where  here   graph.map(a, b, over=over, join=j)
  why    The item 'one' is none of numbers: Input should be a valid integer, unable to parse string as an integer. (S6.1)
         the last steps were START:1 -> a
  fix    Annotate what over= returns with what it does return.
""")
def test_items_of_the_wrong_type() -> None:
    def numbers(view: State) -> list[int]:
        return ["one"]  # type: ignore[list-item]

    mapped(numbers)


@says("""
[GF220] Run r of graph 'mapped' failed at a:1: The items of a -> b could not be read from a function
  where  here   graph.map(a, b, over=over, join=j)
  why    The item (1, 2) would come back from the journal as [1, 2]. (S6.1)
         the last steps were START:1 -> a
  fix    Annotate what over= returns with what it does return.
""")
def test_items_that_the_journal_would_give_back_as_others() -> None:
    mapped(lambda view: [(1, 2)])


@says("""
[GF220] Run r of graph 'mapped' failed at a:1: The items of a -> b could not be read from a function
  where  here   graph.map(a, b, over=over, join=j)
  why    It raised TypeError: it gave 'abc', which is no list. (S6.1)
         the last steps were START:1 -> a
  fix    Give over= a list field, or a function of the state that returns a list.
""")
def test_a_text_instead_of_items() -> None:
    mapped(lambda view: view.word + "abc")


@says("""
[GF220] Run r of graph 'mapped' failed at a:1: The items of a -> b could not be read from a function
  where  here   graph.map(a, b, over=over, join=j)
  why    It raised TypeError: 'NoneType' object is not iterable. (S6.1)
         the last steps were START:1 -> a
  fix    Give over= a list field, or a function of the state that returns a list.
""")
def test_no_list_at_all() -> None:
    mapped(lambda view: None)


@says("""
[GF220] Run r of graph 'mapped' failed at a:1: The items of a -> b could not be read from a function
  where  here   graph.map(a, b, over=over, join=j)
         here   mapped(lambda view: [1 // view.n])
  why    It raised ZeroDivisionError: integer division or modulo by zero. (S6.1)
         the last steps were START:1 -> a
  fix    Give over= a list field, or a function of the state that returns a list.
""")
def test_items_that_raise() -> None:
    mapped(lambda view: [1 // view.n])


@pytest.mark.parametrize("count", [0, 10_000])
def test_none_and_ten_thousand_items(count: int) -> None:
    """S6.1: N = 0 goes straight on."""
    run = mapped(lambda view: range(count))
    assert (run.status, run.state.log) == ("done", [repr(item) for item in range(count)])
