"""What a careless or hostile user returns, raises, or gives: the whole message, with ``here`` for places."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import Iterator
from typing import Any

import pytest
from pydantic import BaseModel, computed_field

from graphflow import END, START, Agent, Context, Graph, Handoff, RunFailed
from graphflow.core.journal import decode
from graphflow.core.reading import state_of
from graphflow.core.replay import replay
from graphflow.runtime.calling import BlockingNodeWarning
from graphflow.runtime.run import Run
from graphflow.testing.virtual import run_virtual
from tests.mistakes import State, fetch, gives, run_node, says, state


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

        @computed_field  # type: ignore[prop-decorator]
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
[GF220] Run r of graph 'desk' failed at choose:1: Node 'choose' has no handoff to choose: none was enabled, and it has no other way on
  where  here   choose = graph.node(lambda view: None, name="choose")
  why    -> left: It needs n > 5 (is n=0)
         -> right: Its limit is used up
         A node with handoff edges only must choose one of them. (S9.3)
         the last steps were START:1 -> choose
  fix    Give it an edge for then: graph.edge(choose, ...), or on_error=HandoffInvalid.
""")
def test_a_node_whose_handoffs_are_all_disabled() -> None:
    graph = Graph("desk", State)
    choose = graph.node(lambda view: None, name="choose")
    left, right = graph.point("left"), graph.point("right")
    graph.edge(START, choose)
    graph.handoff(choose, left, "Left", when=state.n > 5)
    graph.handoff(choose, right, "Right", at_most=0)
    graph.chain(left, END)
    graph.chain(right, END)
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
         here   view.n = 3
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


# -- what nodes raise -------------------------------------------------------------------------------------------------


class Stop(BaseException):
    """As a test framework raises it."""


@says("""
[GF220] Run r of graph 'guarded' failed at a:1: The condition [is_short] on a -> END failed
  where  here   graph.edge(a, END, when=is_short)
         here   return len(view.word) // len(view.word) > 0
  why    it raised ZeroDivisionError: integer division or modulo by zero; it saw anything=None, data=None, items=[], log=[], n=0, ratio=0.0, raw=b'', word=''. A condition must answer for every state. (S5.4)
         the last steps were START:1 -> a
  fix    Let it answer there too: ask first whether it can, or use an expression over fields(State).
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

    a = graph.node(waits, name="a") if mode == "async" else graph.node(work, name="a", blocking=mode == "blocking")
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
    monkeypatch.setattr("graphflow.runtime.calling.BLOCKED_S", -1.0)
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
