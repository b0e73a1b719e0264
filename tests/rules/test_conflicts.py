"""Writes that meet: at joins, on a blackboard, and what validators alter."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from pydantic import BaseModel, model_validator

from graphflow import (
    END,
    START,
    Context,
    Graph,
    Replace,
    fields,
)
from graphflow.core.copying import copy
from graphflow.core.machine import Machine
from graphflow.core.reading import state_of
from graphflow.errors import AnswerInvalid, WriteConflict
from graphflow.graph.answers import Answer
from graphflow.testing.virtual import run_virtual
from tests.nesting import State, failed, node, state
from tests.recovery import assert_recovers


def forked(*updates: dict[str, Any], **options: Any) -> Graph[State]:
    """A branch for each update, a second apart; they meet at j, whose conflict is caught by e."""
    graph = Graph("forked", State)
    a, j, e = node(graph, "a"), node(graph, "j"), node(graph, "e")
    graph.edge(START, a)
    graph.fork(a, [node(graph, f"b{n}", each, n) for n, each in enumerate(updates)], join=j, **options)
    graph.edge(j, END)
    graph.edge(j, e, on_error=WriteConflict)
    graph.edge(e, END)
    return graph


@pytest.mark.parametrize("options", [{}, {"state": "shared"}])
@pytest.mark.parametrize(
    ("one", "other", "conflicts"),
    [
        ({"log": "x"}, {"log": "y"}, False),
        ({"log": "x"}, {"log": Replace(["y"])}, True),
        ({"log": Replace(["x"])}, {"log": "y"}, True),
        ({"log": Replace(["x"])}, {"log": Replace(["x"])}, True),
        ({"n": 1}, {"n": 1}, True),
        ({"marks": {"k": 1}}, {"marks": {"k": 2}}, True),
        ({"marks": {"k": 1}}, {"marks": {"l": 2}}, False),
        ({"note": 1}, {"note": 2}, False),
    ],
)
def test_what_conflicts(one: dict[str, Any], other: dict[str, Any], conflicts: bool, options: dict[str, Any]) -> None:
    """S6.5, S6.10, S7.1, S7.3: the same for isolated branches and for a blackboard; and after a resume anywhere."""
    run = assert_recovers(forked(one, other, **options), State())
    assert (run.path[-1] == "e:1") == conflicts


def test_a_replacement_conflicts_with_another_branchs_element_though_the_branch_wrote_both() -> None:
    """S6.5, S7.3: branch 1 appends, then replaces; branch 0 appended."""
    graph = Graph("both", State)
    a, b, c, d, j = (
        node(graph, "a"),
        node(graph, "b"),
        node(graph, "c"),
        node(graph, "d", {"log": Replace([])}),
        node(graph, "j"),
    )
    graph.edge(START, a)
    graph.fork(a, [b, c], join=j)
    graph.chain(c, d, j)
    graph.edge(j, END)
    assert isinstance(failed(graph).error, WriteConflict)


class Counted(BaseModel):
    one: str = ""
    two: str = ""
    length: int = 0

    @model_validator(mode="after")
    def count(self) -> Counted:
        self.length = len(self.one + self.two)
        return self


def test_what_a_validator_alters_is_no_write_of_the_branch() -> None:
    """S6.4, S6.5: both branches' validators altered ``length``; the merge is validated, and has the right one."""
    graph: Graph[Counted] = Graph("counted", Counted)

    @graph.node
    def a(view: Counted) -> None: ...

    @graph.node(writes=fields(Counted).one)
    def b(view: Counted) -> str:
        return "abc"

    @graph.node(writes=fields(Counted).two)
    def c(view: Counted) -> str:
        return "de"

    @graph.node
    def j(view: Counted, ctx: Context[Any]) -> None:
        assert [branch.state.length for branch in ctx.branches] == [3, 2]

    graph.edge(START, a)
    graph.fork(a, [b, c], join=j)
    graph.edge(j, END)
    run = assert_recovers(graph, Counted())
    assert run.state.length == 5


def test_a_blackboard_keeps_local_fields_apart() -> None:
    """S6.5, S6.10: writes are seen by the siblings at once, but a local counter is the branch's own."""
    graph = Graph("board", State)
    seen: list[int] = []

    @graph.node(writes=state.note)
    async def loop(view: State) -> int:
        await asyncio.sleep(1)
        return view.note + 1

    @graph.node
    def say(view: State) -> dict[str, object]:
        seen.append(view.note)
        return {"log": f"{view.note} after {len(view.log)}"}

    a, j = node(graph, "a"), node(graph, "j")
    graph.edge(START, a)
    graph.map(a, loop, over=state.items, join=j, state="shared")
    graph.edge(loop, loop, when=state.note < 3, at_most=9)
    graph.edge(loop, say)
    graph.edge(say, j)
    graph.edge(j, END)
    run = run_virtual(graph.run(State()))
    assert (seen, run.state.note) == ([3, 3, 3, 3], 0)
    assert run.state.log == ["a", "3 after 1", "3 after 2", "3 after 3", "3 after 4", "j"]


def test_a_blackboard_finds_conflicts_of_sub_graphs_nested_joins_and_answers() -> None:
    """S6.10: however a branch comes to write."""
    inner = Graph("inner", State)
    inner.chain(START, node(inner, "x", {"n": 1}), END)
    for kind in ("sub", "nested", "ask"):
        graph = Graph("board", State)
        a, b, k = node(graph, "a"), node(graph, "b", {"n": 2}, 1), node(graph, "k")
        if kind == "sub":
            other = graph.node(inner, name="other")
        elif kind == "ask":
            other = graph.ask("other", "?", answer=int, writes=state.n)
        else:
            other = node(graph, "other", seconds=2)
            y, j = node(graph, "y", {"n": 3}), node(graph, "j")
            graph.fork(other, [y], join=j)
            graph.edge(j, k)
        graph.edge(START, a)
        graph.fork(a, [other, b], join=k, state="shared")
        graph.edge(k, END)
        if kind == "ask":
            run = run_virtual(graph.run(State()))
            with pytest.raises(AnswerInvalid, match="Two branches wrote n"):
                _ = graph.resume(run, answers=[Answer("other", 3)])
        else:
            assert isinstance(failed(graph).error, WriteConflict), kind


def test_a_copy_of_a_blackboard_is_independent() -> None:
    """S15.1: explorers branch at every event."""
    graph = forked({"log": "x"}, {"log": "y"}, state="shared")
    machine = Machine(graph.plan())
    machine.start(State())
    for _ in range(2):
        scope = machine.take()
        assert scope is not None
        made = copy(machine)
        machine.finish(scope, scope.turn, {"log": "z"})
    assert (state_of(machine).log, state_of(made).log) == (["z", "z"], ["z"])
