"""One run, a move at a time: the same as any other way of running it, branched, crashed and cancelled anywhere."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable
from typing import Annotated, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import BaseModel

from graphflow import END, START, Agent, Budget, Context, Graph, Retry, append, best_effort, fields
from graphflow.core.plan import Plan
from graphflow.errors import AnswerInvalid
from graphflow.errors.testing import MoveInvalid, OutsideReached
from graphflow.graph.context import Handoff
from graphflow.testing import replay
from graphflow.testing.playing.play import Move, Option, Play
from graphflow.testing.playing.still import StillLoop, Unreachable
from tests.execution import WAITING, Call
from tests.random_graphs import Scenario, Style, scenarios
from tests.reference import interpret


class News(BaseModel):
    facts: Annotated[list[str], append] = []
    score: int = 0
    rounds: int = 0
    ok: bool = False


news = fields(News)


def next_move(play: Play, option: Option) -> Move:
    """The one thing this option comes to: a function is called, a question is answered by the scenario, a timer fires."""
    if option.kind == "node":
        return play.perform(option)
    assert option.timer is not None
    return Move("fire", option.cursor, option.node.name, option.timer)


def played(scenario: Scenario, choose: Callable[[list[Option]], Option], *, crashes: int = 0) -> Play:
    """Play a scenario to its rest, crashing before the n-th move."""
    play = Play(scenario.plan, scenario.start)
    made = 0
    while True:
        options = [
            option for option in play.open() if option.kind != "question" or answer(scenario, option) is not WAITING
        ]
        if not options:
            return play
        made += 1
        if made == crashes:
            play.make(Move("crash"))
            continue
        option = choose(options)
        if option.kind == "question":
            play.make(Move("answer", option.cursor, option.node.name, answer(scenario, option)))
        else:
            play.make(next_move(play, option))


def answer(scenario: Scenario, option: Option) -> Any:
    call = Call(option.cursor, option.node, 1, dict(option.scope.read()), option.scope.items)
    reply = scenario.answers(call)
    return reply if reply is WAITING else next(iter(reply.values()))


def outcome(play: Play) -> tuple[str, dict[str, Any]]:
    return play.status, play.state.model_dump()


@given(scenario=scenarios(Style(is_confluent=True)), seed=st.integers(0, 2**16))
@settings(max_examples=25, deadline=None)
def test_a_play_is_the_run_that_the_semantics_mean(scenario: Scenario, seed: int) -> None:
    """S15.4: whichever option is taken, status and state are those of the reference."""
    said = interpret(scenario.plan, scenario.start, scenario.answers, lambda calls: calls[0])
    play = played(scenario, random.Random(seed).choice)
    values = {name: said.state[name] for name in play.values}
    assert (play.status, dict(play.values)) == (said.status, values)


@given(scenario=scenarios(Style(is_confluent=True)), crashes=st.integers(1, 12))
@settings(max_examples=25, deadline=None)
def test_a_crash_anywhere_changes_nothing(scenario: Scenario, crashes: int) -> None:
    """S15.2: what the journal says is all there is, and enough."""
    assert outcome(played(scenario, lambda options: options[0], crashes=crashes)) == outcome(
        played(scenario, lambda options: options[0])
    )


@given(scenario=scenarios(Style()), seed=st.integers(0, 2**16), after=st.integers(0, 8))
@settings(max_examples=25, deadline=None)
def test_copies_are_independent(scenario: Scenario, seed: int, after: int) -> None:
    """A copy goes on as the original does with the same moves, and neither sees the other's."""
    whole = played(scenario, random.Random(seed).choice)
    play = Play(scenario.plan, scenario.start)
    for move in whole.moves[:after]:
        play.make(move)
    before = (play.status, repr(play.values), play.frontier, len(play.texts))
    other = play.copy()
    for move in whole.moves[after:]:
        other.make(move)
    assert (play.status, repr(play.values), play.frontier, len(play.texts)) == before
    assert outcome(other) == outcome(whole)
    assert other.journal == whole.journal


def small(declare: Callable[[Graph[News]], None]) -> Plan:
    graph = Graph("small", News)
    declare(graph)
    return graph.plan()


def asking() -> Plan:
    def declare(graph: Graph[News]) -> None:
        ask = graph.ask("ok?", "Is it?", answer=bool, writes=news.ok)
        late = graph.node(lambda state: {"rounds": 1}, name="late")
        graph.edge(START, ask)
        graph.edge(ask, late, after_s=60)
        graph.chain(ask, END)
        graph.edge(late, END)

    return small(declare)


def test_a_question_and_its_timer_are_both_open() -> None:
    """S10.2, S10.3: the run waits; an answer or the timer, whichever is made first."""
    play = Play(asking(), News())
    assert play.status == "waiting"
    assert [option.kind for option in play.open()] == ["question", "timer"]
    with pytest.raises(AnswerInvalid):
        play.make(Move("answer", "ok%3F:1", "ok?", "perhaps"))
    other = play.copy()
    play.make(Move("answer", "ok%3F:1", "ok?", True))
    assert (play.status, play.values["ok"]) == ("done", True)
    option = other.open()[1]
    other.make(Move("fire", option.cursor, option.node.name, option.timer))
    assert [option.node.name for option in other.open()] == ["late"]


def test_a_move_where_nothing_is_open_says_what_is() -> None:
    play = Play(asking(), News())
    with pytest.raises(MoveInvalid, match="question ok%3F:1") as caught:
        play.make(Move("reply", "late:1", "late", {}))
    assert caught.value.code == "GF608"


def test_awaiting_takes_no_time_and_the_outside_is_refused() -> None:
    async def patient(state: News) -> dict[str, object]:
        async with asyncio.timeout(5000):
            await asyncio.sleep(3600)
        return {"score": await asyncio.to_thread(lambda: 7)}

    async def networked(state: News) -> dict[str, object]:
        try:
            await asyncio.open_connection("example.org", 443)
        except BaseException:
            return {"score": 1}
        return {}

    def declare(graph: Graph[News]) -> None:
        graph.chain(START, graph.node(patient), graph.node(networked), END)

    play = Play(small(declare), News())
    play.make(play.perform(play.open()[0]))
    assert play.values["score"] == 7
    with pytest.raises(OutsideReached, match=r"networked.*example.org:443") as caught:
        play.perform(play.open()[0])
    assert "says(" in caught.value.fix


def test_what_was_recorded_is_not_done_again() -> None:
    """S11.1: ``ctx.once`` is kept for the visit, over attempts and crashes."""
    done: list[int] = []

    async def pay(state: News, ctx: Context) -> dict[str, object]:
        async def transfer() -> int:
            done.append(1)
            return 5

        amount = await ctx.once("transfer", transfer)
        if ctx.attempt == 1:
            raise ConnectionError("lost")
        return {"score": amount}

    def declare(graph: Graph[News]) -> None:
        graph.chain(START, graph.node(pay, retry=Retry(attempts=2, on=ConnectionError)), END)

    play = Play(small(declare), News())
    play.make(play.perform(play.open()[0]))
    assert [option.timer and option.timer[0] for option in play.open()] == ["retry"]
    play.make(Move("crash"))
    option = play.open()[0]
    play.make(Move("fire", option.cursor, option.node.name, option.timer))
    play.make(play.perform(play.open()[0]))
    assert (play.status, play.values["score"], done) == ("done", 5, [1])


def test_a_timeout_and_a_best_effort_are_timers() -> None:
    """S6.6, S8.1: a node that may take long may time out, a join may be due."""

    def declare(graph: Graph[News]) -> None:
        a = graph.node(Agent("a", "x", prompt="{score}", retry=None), writes=news.facts, timeout_s=5)
        b = graph.node(Agent("b", "x", prompt="{score}", retry=None), writes=news.facts)
        join = graph.point("join")
        plan = graph.point("plan")
        graph.edge(START, plan)
        graph.fork(plan, [a, b], join=join, need=best_effort(at_least=1, within_s=60))
        graph.edge(join, END)

    play = Play(small(declare), News())
    kinds = [(option.kind, option.timer[0] if option.timer else None) for option in play.open()]
    assert kinds == [("timer", "fork"), ("node", None), ("timer", "timeout"), ("node", None)]
    timeout = play.open()[2]
    play.make(Move("fire", timeout.cursor, "a", timeout.timer))
    play.make(Move("reply", "plan:1[1]/b:1", "b", "fact"))
    assert (play.status, play.values["facts"]) == ("done", ["fact"])


def test_a_handoff_a_cancel_and_a_budget() -> None:
    """S9.1, S13.2, S14.2."""

    def route(state: News) -> Handoff:
        return Handoff("second", {"score": 3})

    def declare(graph: Graph[News]) -> None:
        first, second = graph.node(route), graph.node(lambda state: None, name="second")
        graph.edge(START, first)
        graph.handoff(first, second, "the way")
        graph.edge(second, END)

    plan = small(declare)
    play = Play(plan, News())
    move = play.perform(play.open()[0])
    assert move.kind == "handoff"
    play.make(move)
    assert play.frontier == ("second:1",)
    play.copy().make(Move("cancel"))
    assert play.status == "running"
    play.make(Move("cancel"))
    assert (play.status, play.open()) == ("cancelled", [])
    small_budget = Play(plan, News(), budget=Budget(steps=1))
    small_budget.make(move)
    assert small_budget.status == "exhausted"


def test_under_a_shared_state_a_node_sees_what_was_there_when_it_began() -> None:
    """S6.10: siblings' commits are seen from the next step on."""

    def declare(graph: Graph[News]) -> None:
        one = graph.node(lambda state: {"facts": f"one saw {len(state.facts)}"}, name="one")
        two = graph.node(lambda state: {"facts": f"two saw {len(state.facts)}"}, name="two")
        plan, join = graph.point("plan"), graph.point("join")
        graph.edge(START, plan)
        graph.fork(plan, [one, two], join=join, state="shared")
        graph.edge(join, END)

    play = Play(small(declare), News())
    while options := play.open():
        play.make(play.perform(options[0]))
    assert play.values["facts"] == ["one saw 0", "two saw 0"]


def test_a_loop_without_a_world_leaves_nothing_running() -> None:
    """What a node forgot to await ends with it; threads are calls; processes are outside."""
    loop, ended = StillLoop(), []

    async def forgetful() -> str:
        async def wait() -> None:
            try:
                await asyncio.get_running_loop().create_future()
            finally:
                ended.append("cancelled")

        forgotten = asyncio.create_task(wait())
        await asyncio.sleep(0)
        return f"done while {'pending' if not forgotten.done() else 'over'}"

    async def spawning() -> None:
        await asyncio.create_subprocess_exec("ls")

    async def stuck() -> None:
        await asyncio.get_running_loop().create_future()

    assert loop.run(forgetful()) == "done while pending"
    assert ended == ["cancelled"]
    for work, words in ((spawning, "a subprocess"), (stuck, "nobody here will do")):
        with pytest.raises(Unreachable, match=words):
            loop.run(work())
    assert loop.run(asyncio.sleep(5, "still usable")) == "still usable"
    assert loop.time() == 5


def test_a_replay_where_a_loop_runs_awaits_its_nodes_on_one_beside_it() -> None:
    """In a notebook every cell is called by a running loop."""
    graph = Graph("slow", News)

    @graph.node(writes=news.score)
    async def count(state: News) -> int:
        await asyncio.sleep(3600)
        return 7

    graph.chain(START, count, END)

    async def cell() -> int:
        return replay(graph, start=News(), steps=[("count",)]).state.score

    assert asyncio.run(cell()) == replay(graph, start=News(), steps=[("count",)]).state.score == 7
