"""Answers, timers, edits, budgets and cancels that come at an odd moment."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import BaseModel, model_validator

from graphflow import (
    END,
    START,
    Budget,
    Graph,
    fields,
)
from graphflow.errors import AnswerInvalid, UpdateInvalid
from graphflow.graph.answers import Answer
from graphflow.runtime.run import Run
from graphflow.testing.virtual import run_virtual
from tests.nesting import Broken, State, kinds, node, state
from tests.recovery import assert_recovers, drive, later


def test_an_answer_ahead_of_its_question_is_told_from_one_that_comes_too_late() -> None:
    """S10.1: by id, in a map in a sub-graph: kept, late, unknown."""
    inner = Graph("inner", State)
    a, ok, j = node(inner, "a"), inner.ask("ok", "?", answer=bool, writes=state.approved), node(inner, "j")
    inner.edge(START, a)
    inner.map(a, ok, over=state.items, join=j, at_once=1)
    inner.edge(j, END)
    graph = Graph("outer", State)
    first, sub = graph.ask("first", "?", answer=bool, writes=state.approved), graph.node(inner, name="sub")
    graph.chain(START, first, sub, END)
    graph_run = run_virtual(graph.run(State()))

    def answered(*ids: str, run: Run[Any] = graph_run) -> Run[Any]:
        return later(graph, run, answers=[Answer(target, True) for target in ids])

    done = answered(*(f"sub:1/a:1[{n}]/ok:1" for n in range(4)), "first")
    assert done.status == "done"
    some = answered("sub:1/a:1[2]/ok:1", "first")
    assert [question.id for question in some.questions] == [f"sub:1/a:1[{n}]/ok:1" for n in (0, 1, 3)]
    for target, said in {
        "sub:1/a:1[2]/ok:1": "no longer open",
        "first:1": "no longer open",
        "sub:1/a:1[9]/ok:1": "Nothing asks",
        "sub:1/b:1[0]/ok:1": "Nothing asks",
        "nowhere": "Nothing asks",
        "sub:1/a:1[1]": "Nothing asks",
    }.items():
        with pytest.raises(AnswerInvalid, match=said):
            _ = graph.resume(some, answers=[Answer(target, True)])


class Checked(BaseModel):
    limit: int = 10
    amount: int = 0

    @model_validator(mode="after")
    def fits(self) -> Checked:
        if self.amount > self.limit:
            raise ValueError("more than the limit")
        return self


def test_an_early_answer_that_the_state_no_longer_takes_is_dropped_and_the_question_asked() -> None:
    """S10.1: an invalid answer changes nothing; the run neither breaks nor fails over it."""
    graph: Graph[Checked] = Graph("early", Checked)
    checked = fields(Checked)
    first = graph.ask("first", "?", answer=int, writes=checked.limit)
    amount = graph.ask("amount", "?", answer=int, writes=checked.amount)
    graph.chain(START, first, amount, END)

    def respond(run: Run[Any]) -> list[Answer]:
        if run.questions[0].node == "first":
            early = () if "early" in kinds(run) else (Answer("amount", 8),)
            return [*early, Answer("first", 5)]
        return [Answer("amount", 4)]

    run = assert_recovers(graph, Checked(), respond)
    assert (run.status, run.state.amount) == ("done", 4)
    assert kinds(run).count("refused") == 1


def test_the_time_of_a_branch_counts_from_its_beginning_whoever_crashes() -> None:
    """S10.3: due times are absolute: 60 s after the branch began, though the driver died after 50."""
    graph = Graph("timed", State)
    a, slow, late, j = node(graph, "a"), node(graph, "slow", seconds=500), node(graph, "late"), node(graph, "j")
    other = node(graph, "other", seconds=50)
    graph.edge(START, a)
    graph.fork(a, [slow, other], join=j)
    graph.edge(slow, j)
    graph.edge(slow, late, after_s=60)
    graph.chain(other, j, END)
    graph.edge(late, j)
    run, _ = drive(graph, State())
    started = run.journal[0]["t"]
    stopped = next(entry["seq"] for entry in run.journal if entry.get("at") == "a:1[1]/other:1")
    for each in (run, later(graph, run.at(stopped))):
        fired = next(entry["t"] for entry in each.journal if entry["kind"] == "timer")
        assert fired - started == pytest.approx(60, abs=0.01)


def test_editing_the_state_of_a_rerun_leaves_open_branches_alone_and_is_validated() -> None:
    """S15.3, S6.3: a branch sees the state as it was at the fork; validators hold for an edit too."""
    graph = Graph("edited", State)
    seen: list[str] = []

    @graph.node
    async def b(view: State) -> None:
        seen.append(view.word)

    a, j = node(graph, "a"), node(graph, "j")
    graph.edge(START, a)
    graph.fork(a, [b], join=j)
    graph.edge(j, END)
    run = run_virtual(graph.run(State(word="old")))
    at = next(entry["seq"] for entry in run.journal if entry.get("at") == "a:1")
    again = run_virtual(graph.rerun(run, at=at, state={"word": "new"}))
    assert (seen, again.state.word) == (["old", "old"], "new")
    assert again.at(again.seq).state == again.state

    checked: Graph[Checked] = Graph("checked", Checked)
    ask = checked.ask("ask", "?", answer=int, writes=fields(Checked).amount)
    checked.chain(START, ask, END)
    waiting = run_virtual(checked.run(Checked()))
    with pytest.raises(UpdateInvalid, match="no valid Checked"):
        _ = checked.rerun(waiting, at=waiting.seq, state={"amount": 99})


def test_a_budget_that_ends_while_branches_run() -> None:
    """S13.2: what runs finishes, nothing new starts, the frontier is kept; a larger budget goes on, without repeating."""
    graph = Graph("poor", State)
    a, b, c, d, j = (node(graph, name, seconds=1) for name in "abcdj")
    graph.edge(START, a)
    graph.fork(a, [b, d], join=j)
    graph.edge(b, c)
    graph.edge(c, j)
    graph.edge(d, j)
    graph.edge(j, END)
    run = run_virtual(graph.run(State(), budget=Budget(steps=3)))
    assert (run.status, run.frontier) == ("exhausted", ("a:1[0]/c:1",))
    again = later(graph, run, budget=Budget(steps=9))
    assert (again.status, again.state.log, again.usage.steps) == ("done", ["a", "b", "c", "d", "j"], 5)


def test_wrapping_up_closes_forks_as_best_effort_would() -> None:
    """S13.2: what done branches wrote is kept, of nested forks too only what is done; one cursor goes to the wrap-up."""
    graph = Graph("wrapped", State)
    a, o, x, y, j, d, k = (node(graph, name, seconds=1) for name in "aoxyjdk")
    wrap = node(graph, "wrap")
    graph.edge(START, a)
    graph.fork(a, [o, d], join=k)
    graph.fork(o, [x, y], join=j)
    graph.edge(j, k)
    graph.edge(k, END)
    graph.edge(wrap, END)
    graph.on_budget(wrap)
    run = run_virtual(graph.run(State(), budget=Budget(steps=4)))
    assert (run.status, run.state.log, run.path[-1]) == ("done", ["a", "d", "wrap"], "wrap:1")
    assert run.at(run.seq).state == run.state


def test_a_cancel_that_comes_too_late_changes_nothing() -> None:
    """S15.5: of a run or a branch, when the run has failed."""
    graph = Graph("late", State)
    a, b, c, j = node(graph, "a"), node(graph, "b", Broken()), node(graph, "c"), node(graph, "j")
    graph.edge(START, a)
    graph.fork(a, [b, c], join=j)
    graph.edge(j, END)

    async def main() -> None:
        live = graph.start(State())
        async with live:
            pass
        seq = live.run.seq
        assert not live.cancel("a:1[1]")
        assert not live.cancel()
        assert (live.run.status, live.run.seq) == ("failed", seq)

    run_virtual(main())
