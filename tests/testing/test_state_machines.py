"""``as_state_machine``: the runs of a graph under rules and invariants of one's own."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import invariant, rule, run_state_machine_as_test
from pydantic import BaseModel

from graphflow import END, START, Agent, Graph, fields
from graphflow.errors import InputInvalid
from graphflow.testing import as_state_machine
from graphflow.testing.playing.play import Move

SETTINGS = settings(max_examples=40, stateful_step_count=12, database=None, deadline=None, derandomize=True)


class Desk(BaseModel):
    kind: str = ""
    tokens: int = 0
    sent: bool = False


desk = fields(Desk)


def helpdesk() -> Graph[Desk]:
    graph = Graph("desk", Desk)
    sort = graph.node(Agent("sort", "Sort it.", prompt="{kind}", output=int), writes=desk.tokens)
    other = graph.point("other")
    approve = graph.ask("approve", "Send it?", answer=bool, writes=desk.sent)
    graph.edge(START, sort)
    graph.edge(sort, other, when=desk.tokens == 4_711)
    graph.edge(sort, approve)
    graph.handoff(sort, other, "Another way")
    graph.edge(other, approve)
    graph.edge(approve, sort, after_s=60, at_most=2)
    graph.edge(approve, END)
    return graph


def test_runs_are_played_and_all_ways_are_taken() -> None:
    taken: set[str] = set()

    class Machine(as_state_machine(helpdesk())):  # type: ignore[misc]
        def teardown(self) -> None:
            taken.update(move.kind for move in self.play.moves)
            taken.add(self.play.status)
            taken.update("rare" for move in self.play.moves if move.value == 4_711)

    run_state_machine_as_test(Machine, settings=SETTINGS)
    assert {"reply", "handoff", "answer", "fire", "done", "rare"} <= taken


def test_an_invariant_that_breaks_is_shown_with_the_moves() -> None:
    class Machine(as_state_machine(helpdesk(), start=Desk())):  # type: ignore[misc]
        @invariant()
        def never_sent(self) -> None:
            assert not self.play.state.sent

    with pytest.raises(AssertionError) as caught:
        run_state_machine_as_test(Machine, settings=SETTINGS)
    notes = "\n".join(caught.value.__notes__)
    assert "approve is answered" in notes
    assert notes.count("state.move(") == 2, "the shortest run: sort says something, approve is answered"


def test_rules_of_ones_own_come_between_the_moves() -> None:
    """A crash, say: the run goes on from its journal (S15.2)."""
    crashed: list[bool] = []

    class Machine(as_state_machine(helpdesk(), start=st.builds(Desk, kind=st.just("refund")))):  # type: ignore[misc]
        @rule()
        def crash(self) -> None:
            if self.play.status == "running":
                before = self.play.values
                self.play.make(Move("crash"))
                assert self.play.values == before
                crashed.append(True)

        @invariant()
        def kept(self) -> None:
            assert self.play.state.kind == "refund"

    run_state_machine_as_test(Machine, settings=SETTINGS)
    assert crashed


def test_a_start_that_is_none_is_refused_at_the_line() -> None:
    with pytest.raises(InputInvalid):
        as_state_machine(helpdesk(), start={"tokns": 3})


def test_functions_are_called_for_real() -> None:
    called: list[Any] = []
    graph = Graph("count", Desk)

    @graph.node(writes=desk.tokens)
    def count(state: Desk) -> int:
        called.append(state.tokens)
        return state.tokens + 1

    graph.chain(START, count, END)
    run_state_machine_as_test(as_state_machine(graph), settings=SETTINGS)
    assert called
