"""What a careless or hostile user gives a graph, and what is said: the whole message, with ``here`` for places."""

from __future__ import annotations

import asyncio
import gc
import math
import re
import warnings
from collections.abc import Callable, Iterator
from typing import Annotated, Any

import pytest
from pydantic import BaseModel, ConfigDict, Field, JsonValue, computed_field, field_validator, model_validator

from graphflow import END, START, Agent, Context, Graph, Handoff, Limits, RunFailed, append, extend, fields
from graphflow.core.journal import decode
from graphflow.core.reading import state_of
from graphflow.core.replay import replay
from graphflow.errors import GraphflowError
from graphflow.runtime.driver import BlockingNodeWarning
from graphflow.runtime.run import Run
from graphflow.testing.virtual import run_virtual
from tests.graph.snapshots import shown

_ADDRESS = re.compile(r"0x[0-9a-f]+|Task-\d+")


class State(BaseModel):
    model_config = ConfigDict(ser_json_bytes="base64", val_json_bytes="base64")

    n: int = 0
    word: str = ""
    items: list[str] = []
    anything: Any = None
    data: JsonValue = None
    ratio: float = 0.0
    raw: bytes = b""
    log: Annotated[list[str], append] = []


state = fields(State)


def says(expected: str) -> Callable[[Callable[[], object]], Callable[[], None]]:
    """Make a mistake a test: it is refused with exactly this message, and nothing is left behind that warns."""

    def to_test(mistake: Callable[[], object]) -> Callable[[], None]:
        def test() -> None:
            with warnings.catch_warnings():
                warnings.simplefilter("error")
                with pytest.raises(GraphflowError) as caught:
                    mistake()
                gc.collect()
            assert _ADDRESS.sub("0x", shown(caught.value)) == expected.strip("\n")
            if isinstance(caught.value, RunFailed):
                assert_untouched(caught.value.run)

        test.__name__, test.__doc__, test.__module__ = mistake.__name__, mistake.__doc__, mistake.__module__
        return test

    return to_test


def assert_untouched(run: Run[Any]) -> None:
    """S3.3: a failed node left nothing, in the state or in the journal."""
    assert run.state.model_dump() == run.at(1).state.model_dump()


def run_node(work: Any, kind: type[BaseModel] = State, start: Any = None, **options: Any) -> Run[Any]:
    """A graph of one node."""
    graph = Graph("one", kind, limits=Limits(value_bytes=10_000))
    graph.chain(START, graph.node(work, name="a", **options), END)
    return run_virtual(graph.run(kind() if start is None else start, run_id="r"))


def gives(update: object, **options: Any) -> Run[Any]:
    """A node that returns ``update``."""

    def work(view: State) -> Any:
        return update

    return run_node(work, **options)


async def fetch(number: int = 0) -> int:
    return number


# -- updates ----------------------------------------------------------------------------------------------------------


@says("""
[GF220] Run r of graph 'one' failed at a:1: The update has a field 'wrod', which State does not have
  where  here   graph.chain(START, graph.node(work, name="a", **options), END)
  why    Only fields of the state can change; nothing of the update was kept. (S3.3)
         the last steps were START:1 -> a
  fix    Did you mean 'word'?
""")
def test_an_unknown_field() -> None:
    gives({"wrod": "x"})


@says("""
[GF220] Run r of graph 'one' failed at a:1: The update gives 'n' a value that does not validate: 'many'
  where  here   graph.chain(START, graph.node(work, name="a", **options), END)
  why    Input should be a valid integer, unable to parse string as an integer (the value of n: int). (S3.3)
         the last steps were START:1 -> a
  fix    Return a value of type int for n.
""")
def test_a_value_of_the_wrong_type() -> None:
    gives({"n": "many"})


@says("""
[GF220] Run r of graph 'one' failed at a:1: The update has a field 'twice', which Twice does not have
  where  here   graph.chain(START, graph.node(work, name="a", **options), END)
  why    Only fields of the state can change; nothing of the update was kept. (S3.3)
         the last steps were START:1 -> a
  fix    Known are: n.
""")
def test_a_field_that_is_computed() -> None:
    class Twice(BaseModel):
        n: int = 0

        @computed_field
        @property
        def twice(self) -> int:
            return 2 * self.n

    run_node(lambda view: {"twice": 4}, Twice)


@says("""
[GF211] The state for graph 'one' is no valid State
  why    wrod: there is no such field. Did you mean 'word'?
         n: Input should be a valid integer, unable to parse string as an integer (is 'many') (S1.1)
  fix    Its fields are: n, word, items, anything, data, ratio, raw, log.
""")
def test_an_input_with_unknown_and_wrong_fields() -> None:
    run_node(lambda view: None, start={"wrod": "x", "n": "many"})


@says("""
[GF117] Agent 'writer' reads 'wrod', which State does not have
  where  here   graph.node(Agent("writer", "Write.", prompt="About {wrod}"), writes=state.word)
  why    Its prompt names it, and the fields are n, word, items, anything, data, ratio, raw, log. (S3.5)
  fix    Did you mean 'word'?
""")
def test_a_field_that_a_prompt_names() -> None:
    graph = Graph("prompt", State)
    graph.node(Agent("writer", "Write.", prompt="About {wrod}"), writes=state.word)


@says("""
[GF220] Run r of graph 'desk' failed at router:1: Node 'router' handed off to 'biling', to which it has no handoff edge
  where  here   @graph.node
  why    Declared are billing. (S9.2)
         the last steps were START:1 -> router
  fix    Did you mean 'billing'?
""")
def test_a_handoff_to_an_unknown_target() -> None:
    graph = Graph("desk", State)

    @graph.node
    def router(view: State) -> Handoff:
        return Handoff("biling")

    billing = graph.node(lambda view: None, name="billing")
    graph.edge(START, router)
    graph.handoff(router, billing, "Invoices")
    graph.edge(billing, END)
    run_virtual(graph.run(State(), run_id="r"))


@says("""
[GF220] Run r of graph 'one' failed at a:1: Node 'a' returned its view of the state
  where  here   graph.chain(START, graph.node(work, name="a", **options), END)
  why    A node returns an update, the fields that change. A whole state would overwrite what others wrote. (S3.6)
         the last steps were START:1 -> a
  fix    Return a dict such as {"field": value}, or declare writes= and return the value.
""")
def test_the_view_returned() -> None:
    run_node(lambda view: view)


@says("""
[GF220] Run r of graph 'one' failed at a:1: Node 'a' returned a whole state
  where  here   graph.chain(START, graph.node(work, name="a", **options), END)
  why    A node returns an update, the fields that change. A whole state would overwrite what others wrote. (S3.6)
         the last steps were START:1 -> a
  fix    Return a dict such as {"field": value}, or declare writes= and return the value.
""")
def test_a_whole_state_returned() -> None:
    gives(State(n=3))


@says("""
[GF220] Run r of graph 'one' failed at a:1: A node tried to set 'n' on its view of the state
  where  here   graph.chain(START, graph.node(work, name="a", **options), END)
  why    A view cannot change the state: a node returns the fields that change. (S3.6)
         the last steps were START:1 -> a
  fix    Return {"n": ...}, or declare writes= and return the value.
""")
def test_an_attribute_set_on_the_view() -> None:
    def work(view: State) -> None:
        view.n = 3

    run_node(work)


@says("""
[GF220] Run r of graph 'one' failed at a:1: Node 'a' returned <coroutine object fetch at 0x>, which must be awaited
  where  here   graph.chain(START, graph.node(work, name="a", **options), END)
  why    An update is plain data. An await is missing in the node. (S3.1)
         the last steps were START:1 -> a
  fix    Await it in the node: `value = await ...`, or `await asyncio.gather(*several)`, in an `async def`.
""")
def test_a_forgotten_await() -> None:
    def work(view: State) -> Any:
        return fetch()

    run_node(work)


@says("""
[GF220] Run r of graph 'one' failed at a:1: Node 'a' returned <coroutine object fetch at 0x>, which must be awaited
  where  here   graph.chain(START, graph.node(work, name="a", **options), END)
  why    An update is plain data. An await is missing in the node. (S3.1)
         the last steps were START:1 -> a
  fix    Await it in the node: `value = await ...`, or `await asyncio.gather(*several)`, in an `async def`.
""")
def test_a_forgotten_await_of_a_value() -> None:
    async def work(view: State) -> Any:
        return fetch()

    run_node(work, writes=state.n)


@says("""
[GF220] Run r of graph 'one' failed at a:1: Node 'a' gives 'items' [<coroutine object fetch at 0x>, <coroutine object fetch at 0x>], which must be awaited
  where  here   graph.chain(START, graph.node(work, name="a", **options), END)
  why    An update is plain data. An await is missing in the node. (S3.1)
         the last steps were START:1 -> a
  fix    Await it in the node: `value = await ...`, or `await asyncio.gather(*several)`, in an `async def`.
""")
def test_forgotten_awaits_in_a_list() -> None:
    gives({"items": [fetch(1), fetch(2)], "word": "x"})


@says("""
[GF220] Run r of graph 'one' failed at a:1: Node 'a' gives 'anything' {'deep': [<coroutine object fetch at 0x>]}, which must be awaited
  where  here   graph.chain(START, graph.node(work, name="a", **options), END)
  why    An update is plain data. An await is missing in the node. (S3.1)
         the last steps were START:1 -> a
  fix    Await it in the node: `value = await ...`, or `await asyncio.gather(*several)`, in an `async def`.
""")
def test_a_forgotten_await_in_a_field_that_takes_anything() -> None:
    gives({"anything": {"deep": [fetch()]}})


def test_a_task_that_nobody_awaits() -> None:
    """S14.2: it is cancelled: nothing is left running."""
    tasks: list[asyncio.Task[int]] = []

    async def work(view: State) -> Any:
        tasks.append(asyncio.get_running_loop().create_task(fetch()))
        return {"word": tasks[0]}

    with pytest.raises(RunFailed, match=r"Node 'a' gives 'word' <Task .*, which must be awaited"):
        run_node(work)
    assert tasks[0].cancelled()


@says("""
[GF220] Run r of graph 'one' failed at a:1: Node 'a' gives 'word' <coroutine object fetch at 0x>, which must be awaited
  where  here   graph.chain(START, graph.node(work, name="a", **options), END)
  why    An update is plain data. An await is missing in the node. (S3.1)
         the last steps were START:1 -> a
  fix    Await it in the node: `value = await ...`, or `await asyncio.gather(*several)`, in an `async def`.
""")
def test_a_forgotten_await_in_ctx_update() -> None:
    async def work(view: State, ctx: Context[Any]) -> None:
        ctx.update(word=fetch())

    run_node(work)


@says("""
[GF220] Run r of graph 'one' failed at a:1: Node 'a' returned <generator object test_a_generator_ret...k.<locals>.<genexpr> at 0x>, which is no update
  where  here   graph.chain(START, graph.node(work, name="a", **options), END)
  why    A node returns the fields that change, as a dict, TypedDict or model, or None. (S3.1)
         the last steps were START:1 -> a
  fix    Declare which field it is: graph.node(..., writes=state.field).
""")
def test_a_generator_returned() -> None:
    def work(view: State) -> Any:
        return (word for word in ("a", "b"))

    run_node(work)


@says("""
[GF115] Node 'a' is a generator function
  where  here   graph.chain(START, graph.node(work, name="a", **options), END)
  why    A node is called once and returns one update; what it yields would go nowhere. (S3.1)
  fix    Return the update. To show text as it comes, use ctx.emit(text).
""")
def test_a_generator_function() -> None:
    def work(view: State) -> Iterator[str]:
        yield "a"

    run_node(work)


# -- values -----------------------------------------------------------------------------------------------------------


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
[GF220] Run r of graph 'joined' failed at a:1: The merge of the branches does not validate
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
         the last steps were START:1 -> a;  a:1 -> (stays)
  fix    Annotate what over= returns with what it does return.
""")
def test_items_that_json_cannot_hold() -> None:
    mapped(lambda view: [fetch])


@says("""
[GF220] Run r of graph 'mapped' failed at a:1: The items of a -> b could not be read from numbers
  where  here   graph.map(a, b, over=over, join=j)
  why    The item 'one' is none of numbers: Input should be a valid integer, unable to parse string as an integer. (S6.1)
         the last steps were START:1 -> a;  a:1 -> (stays)
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
         the last steps were START:1 -> a;  a:1 -> (stays)
  fix    Annotate what over= returns with what it does return.
""")
def test_items_that_the_journal_would_give_back_as_others() -> None:
    mapped(lambda view: [(1, 2)])


@says("""
[GF220] Run r of graph 'mapped' failed at a:1: The items of a -> b could not be read from a function
  where  here   graph.map(a, b, over=over, join=j)
  why    It raised TypeError: it gave 'abc', which is no list. (S6.1)
         the last steps were START:1 -> a;  a:1 -> (stays)
  fix    Give over= a list field, or a function of the state that returns a list.
""")
def test_a_text_instead_of_items() -> None:
    mapped(lambda view: view.word + "abc")


@says("""
[GF220] Run r of graph 'mapped' failed at a:1: The items of a -> b could not be read from a function
  where  here   graph.map(a, b, over=over, join=j)
  why    It raised TypeError: 'NoneType' object is not iterable. (S6.1)
         the last steps were START:1 -> a;  a:1 -> (stays)
  fix    Give over= a list field, or a function of the state that returns a list.
""")
def test_no_list_at_all() -> None:
    mapped(lambda view: None)


@says("""
[GF220] Run r of graph 'mapped' failed at a:1: The items of a -> b could not be read from a function
  where  here   graph.map(a, b, over=over, join=j)
  why    It raised ZeroDivisionError: integer division or modulo by zero. (S6.1)
         the last steps were START:1 -> a;  a:1 -> (stays)
  fix    Give over= a list field, or a function of the state that returns a list.
""")
def test_items_that_raise() -> None:
    mapped(lambda view: [1 // view.n])


@pytest.mark.parametrize("count", [0, 10_000])
def test_none_and_ten_thousand_items(count: int) -> None:
    """S6.1: N = 0 goes straight on."""
    run = mapped(lambda view: range(count))
    assert (run.status, run.state.log) == ("done", [repr(item) for item in range(count)])


# -- what nodes raise -------------------------------------------------------------------------------------------------


class Stop(BaseException):
    """As a test framework raises it."""


@says("""
[GF220] Run r of graph 'guarded' failed at a:1: The condition [is_short] on a -> END failed
  where  here   graph.edge(a, END, when=is_short)
  why    it raised ZeroDivisionError: integer division or modulo by zero; it saw anything=None, data=None, items=[], log=[], n=0, ratio=0.0, raw=b'', word=''. A condition must answer for every state. (S5.4)
         the last steps were START:1 -> a;  a:1 -> (stays)
  fix    Compare with None first, or use an expression over fields(State): there a comparison with None is false.
""")
def test_a_guard_that_raises() -> None:
    graph = Graph("guarded", State)
    a = graph.node(lambda view: {"word": ""}, name="a")

    def is_short(view: State) -> bool:
        return len(view.word) // len(view.word) > 0

    graph.edge(START, a)
    graph.edge(a, END, when=is_short)
    graph.edge(a, END)
    run_virtual(graph.run(State(), run_id="r"))


def raises(error: BaseException, mode: str) -> Graph[State]:
    graph = Graph("raises", State)

    def work(view: State) -> None:
        raise error

    async def waits(view: State) -> None:
        raise error

    a = graph.node(waits if mode == "async" else work, name="a", **({"blocking": True} if mode == "blocking" else {}))
    graph.chain(START, a, END)
    return graph


MODES = ["sync", "async", "blocking"]


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("error", [StopAsyncIteration(), RecursionError("deep"), MemoryError()], ids=repr)
def test_odd_errors_are_failures_of_the_node(error: Exception, mode: str) -> None:
    """S8.1."""
    with pytest.raises(RunFailed) as caught:
        run_virtual(raises(error, mode).run(State()))
    assert type(caught.value.run.error) is type(error)


@pytest.mark.parametrize("mode", MODES)
def test_stop_iteration_neither_hangs_nor_hides(mode: str) -> None:
    """S8.1: Python cannot let one out of a coroutine or a thread's future; a ``next()`` in a node is common."""
    with pytest.raises(RunFailed) as caught:
        asyncio.run(asyncio.wait_for(raises(StopIteration(), mode).run(State()), 5))
    assert caught.value.what.endswith("Node 'a' raised StopIteration")
    assert isinstance(caught.value.run.error.__cause__, StopIteration)


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("error", [SystemExit(3), Stop("now"), GeneratorExit(), KeyboardInterrupt()], ids=repr)
def test_what_is_no_error_stops_the_driver_and_goes_through(
    error: BaseException, mode: str, caplog: pytest.LogCaptureFixture
) -> None:
    """S8.4, S14.2: never retried, caught or counted; the run stays as it is; asyncio has nothing to complain of."""
    graph = raises(error, mode)
    with pytest.raises(type(error)) as caught:
        graph.run_sync(State())
    assert caught.value is error
    gc.collect()
    assert caplog.records == []
    if isinstance(error, KeyboardInterrupt | SystemExit):
        run: Run[Any] = error.run  # type: ignore[union-attr]
        assert (run.status, run.frontier) == ("running", ("a:1",))


def test_a_sync_node_that_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("graphflow.runtime.driver.BLOCKED_S", -1.0)
    with pytest.warns(BlockingNodeWarning, match="Node 'a' is a plain function and held the event loop"):
        gives(None)


# -- surroundings -----------------------------------------------------------------------------------------------------


@says("""
[GF220] Run r of graph 'one' failed at a:1: There is no key for openai/gpt-4o
  where  here   graph.chain(START, graph.node(work, name="a", **options), END)
  why    It is a remote model.
         the last steps were START:1 -> a
  fix    Set OPENAI_API_KEY, or leave the model out to work offline.
""")
def test_a_remote_model_without_a_key() -> None:
    with pytest.MonkeyPatch.context() as patched:
        patched.delenv("OPENAI_API_KEY", raising=False)
        run_node(Agent("writer", "Write.", prompt="{word}", model="gpt-4o"), writes=state.word)


def test_a_failed_update_leaves_nothing_even_beside_a_good_one() -> None:
    """S3.2, S3.3: a step is atomic."""
    with pytest.raises(RunFailed) as caught:
        gives({"word": "good", "log": "good", "n": "bad"})
    run = caught.value.run
    assert (run.state.word, run.state.log) == ("", [])
    assert state_of(replay(run.plans, map(decode, run.raw_journal))) == run.state
