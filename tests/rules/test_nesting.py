"""Forks in forks, in sub-graphs, on a blackboard: who may run, what an error stops, what conflicts."""

from __future__ import annotations

import asyncio
from typing import Annotated, Any

import pytest
from pydantic import BaseModel, model_validator

from graphflow import (
    END,
    START,
    Budget,
    Context,
    Graph,
    JoinFailed,
    NoWayOut,
    Replace,
    Retry,
    RunFailed,
    append,
    extend,
    fields,
    local,
    merge,
    quorum,
)
from graphflow.core.copying import copy
from graphflow.core.machine import Machine
from graphflow.core.reading import state_of
from graphflow.errors import AnswerInvalid, NodeTimeout, UpdateInvalid, WriteConflict
from graphflow.graph.answers import Answer
from graphflow.graph.handles import Handle
from graphflow.runtime.run import Run
from graphflow.testing.virtual import run_virtual
from tests.recovery import assert_recovers, drive, later


class State(BaseModel):
    n: int = 0
    word: str = ""
    items: list[str] = ["p", "q", "r", "s"]
    log: Annotated[list[str], append] = []
    more: Annotated[list[str], extend] = []
    marks: Annotated[dict[str, int], merge] = {}
    note: Annotated[int, local] = 0
    approved: Annotated[bool, local] = False


state = fields(State)


class Broken(Exception):
    """As the test asks."""


class Crowd:
    """How many were at work at once, at most."""

    def __init__(self) -> None:
        self.now = self.most = 0

    async def work(self, seconds: float = 1) -> None:
        self.now += 1
        self.most = max(self.most, self.now)
        await asyncio.sleep(seconds)
        self.now -= 1


def node(graph: Graph[State], name: str, result: Any = None, seconds: float = 0, **options: Any) -> Handle:
    """A node that returns, or raises, ``result`` after some seconds, and notes its name."""

    async def work(view: State, ctx: Context[Any]) -> dict[str, object]:
        await asyncio.sleep(seconds)
        if isinstance(result, Exception):
            raise result
        return {"log": name} if result is None else dict(result)

    return graph.node(work, name=name, **options)


def failed(graph: Graph[State]) -> Run[Any]:
    with pytest.raises(RunFailed) as caught:
        run_virtual(graph.run(State()))
    run: Run[Any] = caught.value.run
    return run


def kinds(run: Run[Any]) -> list[str]:
    return [entry["kind"] for entry in run.journal]


# -- what an error stops -----------------------------------------------------------------------------------------------


def test_nothing_starts_after_the_run_has_failed() -> None:
    """S8.3, S14.3: the siblings stay where they are; the resumed run goes on with them."""
    graph = Graph("over", State)
    broken = [True]

    @graph.node
    def b(view: State) -> None:
        if broken:
            raise Broken

    a, c, j = node(graph, "a"), node(graph, "c"), node(graph, "j")
    graph.edge(START, a)
    graph.fork(a, [b, c], join=j)
    graph.edge(j, END)
    run = failed(graph)
    assert kinds(run)[-2:] == ["failed", "ended"]
    assert run.frontier == ("a:1[0]/b:1", "a:1[1]/c:1")
    broken.clear()
    assert later(graph, run).state.log == ["a", "c", "j"]


def collected(*inner: Handle, graph: Graph[State], outer: list[Handle], j: Handle) -> Graph[State]:
    """a forks to o (which forks to ``inner``, meeting at j) and to ``outer``; all meet at k, which collects."""
    a, o, k = node(graph, "a"), node(graph, "o"), node(graph, "k")
    graph.edge(START, a)
    graph.fork(a, [o, *outer], join=k, failures="collect")
    graph.fork(o, list(inner), join=j, at_once=2)
    graph.edge(j, k)
    graph.edge(k, END)
    return graph


@pytest.mark.parametrize("how", ["ready", "unbegun", "sleeping", "running", "waiting"])
def test_nothing_goes_on_in_a_branch_that_was_collected(how: str) -> None:
    """S6.7, S8.3: failures="stop" in a fork inside "collect": whatever its siblings were at, they are over."""
    graph = Graph("collected", State)
    ran: list[str] = []

    async def beside(view: State, ctx: Context[Any]) -> None:
        ran.append(f"begun {ctx.attempt}")
        if how == "sleeping":
            raise Broken
        await asyncio.sleep(5)
        ran.append("done")

    bad = node(graph, "bad", Broken("bad"), 0 if how == "ready" else 2)
    if how == "waiting":
        sibling: Handle = graph.ask("asks", "?", answer=bool, writes=state.approved)
    else:
        sibling = graph.node(beside, name="sibling", retry=Retry(attempts=2, first_s=5, jitter=0))
    inner = [bad, sibling] if how in ("ready", "waiting") else [sibling, bad]
    if how == "unbegun":
        inner = [bad, *(node(graph, f"more{number}", seconds=5) for number in range(2)), sibling]
    slow = node(graph, "slow", seconds=60)
    run = run_virtual(collected(*inner, graph=graph, outer=[slow], j=node(graph, "j")).run(State()))
    assert run.status == "done"
    assert run.state.log == ["a", "slow", "k"]
    assert not {"done", "begun 2"} & set(ran)
    assert run.questions == ()


def test_a_lost_need_deep_inside_is_tried_again_by_a_resume() -> None:
    """S14.3: the outer join failed because a collected branch had lost its own need; both get new attempts."""
    graph = Graph("lost", State)
    broken = [True]

    @graph.node
    def x(view: State) -> dict[str, object]:
        if broken:
            raise Broken
        return {"log": "x"}

    a, o, y, j, k = (node(graph, name) for name in ("a", "o", "y", "j", "k"))
    graph.edge(START, a)
    graph.fork(a, [o], join=k, need=quorum(1))
    graph.fork(o, [x, y], join=j, need=quorum(2))
    graph.edge(j, k)
    graph.edge(k, END)
    run = failed(graph)
    assert isinstance(run.error, JoinFailed)
    broken.clear()
    again = later(graph, run)
    assert (again.status, again.state.log) == ("done", ["a", "o", "x", "y", "j", "k"])


def test_a_need_out_of_reach_fails_before_anything_begins() -> None:
    """S6.6: fewer branches than the quorum asks for; nothing is paid for."""
    graph = Graph("few", State)
    ran: list[str] = []

    @graph.node
    def b(view: State, item: str) -> None:
        ran.append(item)

    a, j, e = node(graph, "a", {"items": ["p"]}), node(graph, "j"), node(graph, "e")
    graph.edge(START, a)
    graph.map(a, b, over=state.items, join=j, need=quorum(2))
    graph.edge(j, END)
    graph.edge(j, e, on_error=JoinFailed)
    graph.edge(e, END)
    run = run_virtual(graph.run(State()))
    assert (run.path, ran) == (("a:1", "e:1"), [])


def test_a_branch_that_fails_over_to_the_join_is_done_without_an_error() -> None:
    """S6.7, S8.2: ``branch.error`` is what a branch failed with; this one did not."""
    graph = Graph("over", State)
    seen: list[tuple[str, object]] = []
    a, b = node(graph, "a"), node(graph, "b", Broken())

    @graph.node
    def j(view: State, ctx: Context[Any]) -> None:
        seen.extend((branch.status, branch.error) for branch in ctx.branches)

    graph.edge(START, a)
    graph.fork(a, [b], join=j)
    graph.edge(b, j)
    graph.edge(b, j, on_error=Broken)
    graph.edge(j, END)
    run_virtual(graph.run(State()))
    assert seen == [("done", None)]


def test_a_sub_graph_that_ran_out_of_time_gets_new_time_from_a_resume() -> None:
    """S12.1, S14.3: else it could never be resumed."""
    inner = Graph("inner", State)
    slow = node(inner, "slow", seconds=40)
    inner.chain(START, slow, END)
    graph = Graph("timed", State)
    sub = graph.node(inner, name="sub", timeout_s=30)
    graph.chain(START, sub, END)
    run = failed(graph)
    assert isinstance(run.error, NodeTimeout)
    assert later(graph, run).status == "failed"
    assert [entry["t"] - run.journal[0]["t"] for entry in run.journal if entry["kind"] == "failed"] == [30]


def test_adding_the_missing_edge_in_a_sub_graph() -> None:
    """S16: the entry that is open goes on under the changed inner graph, and runs nothing again."""

    def make(*, is_mended: bool) -> Graph[State]:
        inner = Graph("inner", State)
        x, y = node(inner, "x", {"n": 5, "log": "x"}), node(inner, "y")
        inner.edge(START, x)
        inner.edge(x, END, when=fields(State).n > 7)
        if is_mended:
            inner.edge(x, y)
        else:
            inner.edge(x, y, when=fields(State).n > 6)
        inner.edge(y, END)
        graph = Graph("outer", State)
        a, sub = node(graph, "a"), graph.node(inner, name="sub")
        graph.chain(START, a, sub, END)
        return graph

    run = failed(make(is_mended=False))
    assert isinstance(run.error, NoWayOut)
    again = later(make(is_mended=True), run)
    assert (again.status, again.state.log) == ("done", ["a", "x", "y"])


# -- who may run at once -----------------------------------------------------------------------------------------------


def asking(at_once: int, *, in_sub_graph: bool) -> tuple[Graph[State], Crowd]:
    crowd = Crowd()
    graph = Graph("asking", State)
    inner = Graph("inner", State) if in_sub_graph else graph
    ok = inner.ask("ok", "?", answer=bool, writes=state.approved)

    @inner.node
    async def act(view: State) -> dict[str, object]:
        await crowd.work()
        return {"log": "acted"}

    a, j = node(graph, "a"), node(graph, "j")
    graph.edge(START, a)
    if in_sub_graph:
        inner.chain(START, ok, act, END)
        graph.map(a, graph.node(inner, name="sub"), over=state.items, join=j, at_once=at_once)
    else:
        graph.map(a, ok, over=state.items, join=j, at_once=at_once)
        graph.edge(ok, act)
        graph.edge(act, j)
    graph.edge(j, END)
    return graph, crowd


@pytest.mark.parametrize("in_sub_graph", [False, True])
def test_waiting_branches_hold_no_slot_and_answered_ones_need_one(in_sub_graph: bool) -> None:
    """S6.9: all four ask although one may run; then all are answered at once, and one runs at a time."""
    graph, crowd = asking(1, in_sub_graph=in_sub_graph)
    run = run_virtual(graph.run(State()))
    assert len(run.questions) == 4
    again = later(graph, run, answers=[Answer(question.id, True) for question in run.questions])
    assert (again.status, again.state.log) == ("done", ["a", *["acted"] * 4, "j"])
    assert crowd.most == 1


def test_a_branch_whose_nested_fork_sleeps_holds_no_slot() -> None:
    """S6.9: every cursor in it is between two attempts; the others go on meanwhile, and it waits for its slot."""
    graph = Graph("sleepers", State)
    crowd = Crowd()

    async def work(view: State, ctx: Context[Any]) -> None:
        await crowd.work()
        if ctx.attempt == 1:
            raise Broken

    retry = Retry(attempts=2, first_s=10, jitter=0)
    x, y = graph.node(work, name="x", retry=retry), graph.node(work, name="y", retry=retry)
    a, o, j, k = (node(graph, name) for name in "aojk")
    graph.edge(START, a)
    graph.map(a, o, over=state.items, join=k, at_once=1)
    graph.fork(o, [x, y], join=j)
    graph.edge(j, k)
    graph.edge(k, END)
    run = run_virtual(graph.run(State()))
    assert (run.status, crowd.most) == ("done", 2)
    assert run.seconds == pytest.approx(15), "while one sleeps the next runs: 1 s each, and from 11 s on again"


def test_a_place_in_line_is_not_lost_with_a_cancelled_branch() -> None:
    """S6.9: the next one in line had been called, and was cancelled by its join before it began."""
    graph = Graph("line", State)
    crowd = Crowd()

    @graph.node(at_once=1)
    async def x(view: State) -> None:
        await crowd.work()

    a, o, y, z, j, k = (node(graph, name) for name in "aoyzjk")
    graph.edge(START, a)
    graph.map(a, o, over=state.items, join=k)
    graph.fork(o, [y, z], join=j, need="first")
    graph.chain(y, x, j)
    graph.edge(z, x)
    graph.edge(j, k)
    graph.edge(k, END)
    run = run_virtual(graph.run(State()))
    assert (run.status, crowd.most) == ("done", 1)


def test_at_once_on_a_graph_as_a_node() -> None:
    """S6.9, S12.1: it bounds the visits of the whole, from entry to end, through retries and cancellation."""
    inner = Graph("inner", State)
    crowd = Crowd()

    @inner.node
    async def x(view: State, item: str, ctx: Context[Any]) -> None:
        await crowd.work()
        if item == "p" and "~" not in ctx.cursor:
            raise Broken

    inner.chain(START, x, END)
    graph = Graph("outer", State)
    sub = graph.node(inner, name="sub", at_once=2, retry=Retry(attempts=2, first_s=0.1, jitter=0))
    a, j = node(graph, "a"), node(graph, "j")
    graph.edge(START, a)
    graph.map(a, sub, over=state.items, join=j)
    graph.edge(j, END)
    run = assert_recovers(graph, State())
    assert (run.status, crowd.most) == ("done", 2)


# -- conflicts, validators, the blackboard ----------------------------------------------------------------------------


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
                graph.resume(run, answers=[Answer("other", 3)])
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


# -- questions, timers, reruns, budgets -------------------------------------------------------------------------------


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
            graph.resume(some, answers=[Answer(target, True)])


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
        checked.rerun(waiting, at=waiting.seq, state={"amount": 99})


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
