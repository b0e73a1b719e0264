"""What can go wrong in a walk: every kind of fault happens, and none of them finds a hole in the machine."""

from __future__ import annotations

from collections import Counter
from typing import Annotated, Any

import pytest
from hypothesis import HealthCheck, given, settings
from pydantic import BaseModel

from graphflow import END, START, Agent, Budget, Context, Graph, Limits, Retry, append, contains, fields
from graphflow.core import joins
from graphflow.core.journal import Entry
from graphflow.core.machine import Machine
from graphflow.core.plan import Plan
from graphflow.core.replay import replay
from graphflow.errors import JoinFailed, NodeTimeout
from graphflow.errors.testing import FaultInvalid, PropertyFailed
from graphflow.testing import faults, never, verify, walks
from graphflow.testing.faults import Faults
from graphflow.testing.playing.play import Move, Play
from graphflow.testing.walking.laws import LAWS
from graphflow.testing.walking.unused import PROVED
from tests.random_graphs import Scenario, Style, scenarios

OURS = frozenset(
    (
        "joins fire once",
        "order does not matter",
        "replay equals run",
        "survives JSON",
        "nothing counts twice",
        "budgets are kept",
        "cancel leaves nothing",
    )
)
"""The laws that only a bug of ours breaks on graphs whose nodes look at nothing but their view."""


class News(BaseModel):
    facts: Annotated[list[str], append] = []
    draft: str = ""
    paid: int = 0
    sorry: bool = False


news = fields(News)
PAID: Counter[str] = Counter()


def newsroom() -> Graph[News]:
    """A fork with a failing join, a retry, an error edge, a timeout, a recorded effect, and a handoff."""
    graph: Graph[News] = Graph("newsroom", News)
    plan, gather = graph.point("plan"), graph.point("gather")
    web = graph.node(
        Agent("web", "Find.", prompt="{draft}", retry=Retry(attempts=2, on=ConnectionError)),
        writes=news.facts,
        timeout_s=5,
    )
    docs = graph.node(Agent("docs", "Find.", prompt="{draft}", retry=None), writes=news.facts)

    async def pay(state: News, ctx: Context) -> dict[str, int]:
        async def transfer() -> int:
            PAID[ctx.idempotency_key] += 1
            return 5

        return {"paid": state.paid + await ctx.once("transfer", transfer)}

    payment = graph.node(pay)
    route = graph.node(Agent("route", "Choose.", prompt="{draft}", retry=None), writes=news.draft)
    sorry = graph.node(lambda state: {"sorry": True}, name="apologise")
    graph.edge(START, plan)
    graph.fork(plan, [web, docs], join=gather)
    graph.edge(gather, sorry, on_error=JoinFailed)
    graph.edge(gather, sorry, on_error=NodeTimeout)
    graph.edge(gather, payment)
    graph.edge(payment, route)
    graph.handoff(route, sorry, "if unsure")
    graph.edge(route, END)
    graph.edge(sorry, END)
    return graph


def seen(given: Faults) -> Counter[str]:
    """How runs end under some faults, and what failed in them."""
    found: Counter[str] = Counter()

    @walks(newsroom(), faults=given, runs=150)
    def look(run: Any) -> None:
        found[run.status] += 1
        for failure in run.failures:
            found[failure.error["type"]] += 1
        for entry in run.journal:
            found[entry["kind"]] += 1

    look()
    return found


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (faults.raising(KeyError), "KeyError"),
        (faults.raising(ValueError("odd")), "ValueError"),
        (faults.declared(), "ConnectionError"),
        (faults.model(), "RateLimited"),
        (faults.model(), "Refused"),
        (faults.timeout(), "NodeTimeout"),
        (faults.handoff(), "HandoffInvalid"),
        (faults.invalid(), "UpdateInvalid"),
        (faults.crash(), "resumed"),
        (faults.cancel(), "cancelled"),
    ],
)
def test_every_kind_of_fault_happens(given: Faults, expected: str) -> None:
    assert seen(given)[expected]
    assert not seen(faults.none)[expected]


def test_everything_at_once_finds_nothing_in_a_sound_graph() -> None:
    graph = newsroom()
    verify(graph, faults=faults.all(at_most=3), runs=300)


def test_a_crash_after_the_effect_does_not_pay_twice() -> None:
    """S11.1: what was recorded is not done again, wherever the process died."""
    PAID.clear()

    struck = 0

    @walks(newsroom(), faults=faults.crash(at_most=2), runs=200)
    def paid(run: Any) -> None:
        nonlocal struck
        kinds = [entry["kind"] for entry in run.journal]
        assert kinds.count("effect") <= 1
        assert run.state.paid in (0, 5)
        struck += "effect" in kinds and "resumed" in kinds[kinds.index("effect") : kinds.index("effect") + 2]

    paid()
    assert struck


def test_a_fault_that_matters_is_found_and_no_other_is_told() -> None:
    found = None
    with pytest.raises(PropertyFailed) as caught:
        verify(newsroom(), faults=faults.all(), properties=[never(news.sorry & (news.paid == 0))])
    found = str(caught.value)
    assert found.count("(injected)") + found.count("the process dies") <= 1
    assert "apologise" in found


def test_nothing_goes_wrong_unless_asked_for() -> None:
    assert not faults.none
    assert not faults.all(at_most=0)
    verify(newsroom(), faults=faults.none, properties=[never(news.sorry & (news.paid == 0))], runs=100)


def test_faults_that_cannot_be() -> None:
    for wrong in (lambda: faults.raising(), lambda: faults.raising(3), lambda: faults.all(at_most=-1)):  # type: ignore[arg-type]
        with pytest.raises(FaultInvalid) as caught:
            wrong()
        assert caught.value.code == "GF607"
    with pytest.raises(FaultInvalid, match="is no fault"):
        faults.crash() + "crash"  # type: ignore[operator]


def test_an_error_class_of_any_making_can_be_raised() -> None:
    class Odd(Exception):
        def __init__(self, *, code: int) -> None:
            super().__init__(f"code {code}")

    assert seen(faults.raising(Odd))["Odd"]


@given(scenario=scenarios(Style()))
@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
def test_no_fault_finds_a_hole_in_the_machine(scenario: Scenario) -> None:
    """S6.8, S13.2, S14.2, S15.2, S15.4, S15.5: on random graphs the laws that are ours hold, whatever goes wrong."""
    theirs = {*PROVED.values(), *(law.name for law in LAWS)} - OURS
    verify(scenario.graph, without=theirs, start=scenario.start, faults=faults.all(at_most=3), runs=12)


# -- bugs of ours, put in on purpose -----------------------------------------------------------------------------------


def law_broken(**options: Any) -> str:
    with pytest.raises(PropertyFailed) as caught:
        verify(newsroom(), **options)
    return caught.value.name


def test_a_run_over_its_budget_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("graphflow.core.spending.may_step", lambda machine, scope: True)
    assert law_broken(budget=Budget(steps=2)) == "budgets are kept"


def test_a_cancel_that_does_nothing_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("graphflow.core.machine.Machine.cancel", lambda machine, path=None: True)
    assert law_broken(faults=faults.cancel()) == "cancel leaves nothing"


def test_a_result_that_counts_twice_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    def late(play: Play, move: Move, cut: object) -> None:
        play.machine.note({"kind": "effect", "at": move.cursor}, None)

    monkeypatch.setattr(Play, "_deliver_again", late)
    assert law_broken(faults=faults.duplicate()) == "nothing counts twice"


def test_a_journal_that_does_not_say_all_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    def forgetful(plan: Plan, entries: list[Entry]) -> Machine:
        return replay(plan, [entry for entry in entries if entry["kind"] != "ended"][:-1])

    monkeypatch.setattr("graphflow.testing.walking.scrutiny.replay", forgetful)
    assert law_broken() == "replay equals run"


def test_a_join_that_fires_twice_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    fire = joins.fire

    def twice(machine: Machine, fork: Any) -> None:
        fire(machine, fork)
        entry = next(
            entry for entry, _ in reversed(machine.entries) if isinstance(entry, dict) and entry["kind"] == "joined"
        )
        machine.note(dict(entry), None)

    monkeypatch.setattr(joins, "fire", twice)
    assert law_broken(without="replay equals run") == "joins fire once"


# -- what nodes and people do ------------------------------------------------------------------------------------------


class Bank:
    def __init__(self) -> None:
        self.transfers: list[int] = []
        self.looked = 0
        self.rate: float | None = None

    async def transfer(self, amount: int) -> int:
        self.transfers.append(amount)
        return amount


def paying(pay: Any) -> Graph[News]:
    graph: Graph[News] = Graph("paying", News)
    graph.chain(START, graph.node(pay, name="pay"), END)
    return graph


def test_an_effect_that_is_repeated_after_a_crash_is_found() -> None:
    """S11.1: what a node does to ctx.deps by itself; seen only where a crash may strike."""

    async def pay(state: News, ctx: Context[Bank]) -> dict[str, int]:
        return {"paid": await ctx.deps.transfer(5)}

    with pytest.raises(PropertyFailed) as caught:
        verify(paying(pay), faults=faults.crash(), deps=Bank)
    assert caught.value.name == "effects happen once"
    assert "changed Bank.transfers both times" in str(caught.value)
    verify(paying(pay), deps=Bank)
    verify(paying(pay), deps=Bank, faults=faults.crash(), without="effects happen once")


def test_an_effect_that_is_recorded_is_not_repeated() -> None:
    async def pay(state: News, ctx: Context[Bank]) -> dict[str, int]:
        return {"paid": await ctx.once("transfer", lambda: ctx.deps.transfer(5))}

    verify(paying(pay), faults=faults.crash(), deps=Bank)


def test_what_is_remembered_once_is_no_effect() -> None:
    """Deps that keep what they looked up change at the first call only."""

    def pay(state: News, ctx: Context[Bank]) -> dict[str, int]:
        if ctx.deps.rate is None:
            ctx.deps.rate = 1.5
        return {"paid": int(4 * ctx.deps.rate)}

    verify(paying(pay), faults=faults.crash(), deps=Bank)


def asking(after_s: float | None) -> Graph[News]:
    graph: Graph[News] = Graph("asking", News)
    ok = graph.ask("ok", "Is it?", answer=bool, writes=news.sorry)
    graph.chain(START, ok, END)
    if after_s is not None:
        graph.edge(ok, END, after_s=after_s)
    return graph


def test_a_question_that_nobody_answers_needs_a_timer() -> None:
    """S10.3: only where silence is asked for; many a run may wait."""
    verify(asking(None))
    verify(asking(None), faults=faults.all())
    verify(asking(60), faults=faults.silence())
    with pytest.raises(PropertyFailed, match="is never answered") as caught:
        verify(asking(None), faults=faults.silence())
    assert caught.value.name == "nobody waits for ever"
    assert caught.value.replay.endswith("steps=[('ok', faults.SILENCE)])")


def test_a_run_that_uses_up_the_steps_of_its_graph_is_found() -> None:
    """S4.5, S17: the limit is the last resort; a budget that was given is meant."""
    graph: Graph[News] = Graph("looping", News, limits=Limits(steps=6))
    count = graph.node(lambda state: {"paid": state.paid + 1}, name="count")
    graph.edge(START, count)
    graph.edge(count, count, when=news.paid < 9, at_most=20)
    graph.edge(count, END)
    with pytest.raises(PropertyFailed, match="took all 6 steps") as caught:
        verify(graph)
    assert caught.value.name == "steps suffice"
    verify(graph, budget=Budget(steps=4))


def test_a_timer_that_is_told_twice_counts_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """S15.5"""
    graph: Graph[News] = Graph("small", News)
    retry = Retry(attempts=3, on=ConnectionError)
    graph.chain(START, graph.node(Agent("web", "Find.", prompt="{draft}", retry=retry), writes=news.draft), END)
    given = faults.declared() + faults.duplicate()
    verify(graph, faults=given)
    fire = Machine.fire

    def twice(machine: Machine, scope: Any, timer: Any) -> bool:
        if not fire(machine, scope, timer):
            machine.note({"kind": "woke", "at": scope.path}, scope)
        return True

    monkeypatch.setattr(Machine, "fire", twice)
    with pytest.raises(PropertyFailed) as caught:
        verify(graph, faults=given)
    assert caught.value.name == "nothing counts twice"
    assert "what happened last is delivered again" in str(caught.value)


def test_a_retry_too_many_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """S8.1"""
    monkeypatch.setattr("graphflow.core.failures.may_retry", lambda retry, error, attempt: attempt <= retry.attempts)
    with pytest.raises(PropertyFailed, match="'web' was tried 3 times, and may be 2") as caught:
        verify(newsroom(), faults=faults.declared())
    assert caught.value.name == "budgets are kept"


# -- late results ------------------------------------------------------------------------------------------------------


def cut_off(kind: str) -> Play:
    """A node whose time is over, or whose branch was cancelled, while it is at work."""
    play = Play(newsroom().plan(), News())
    web = next(option for option in play.open() if option.node.name == "web" and option.kind == "node")
    if kind == "timeout":
        timer = next(option for option in play.open() if option.kind == "timer")
        play.make(Move("fire", timer.cursor, "web", timer.timer))
    else:
        play.make(Move("cancel", web.cursor.rpartition("/")[0]))
    return play


@pytest.mark.parametrize("kind", ["timeout", "cancel"])
def test_a_result_that_comes_too_late_changes_nothing(kind: str) -> None:
    """S15.5"""
    play = cut_off(kind)
    assert play.is_late_open
    before = list(play.texts)
    play.make(Move("again", play.moves[-1].cursor, "web"))
    assert play.texts == before
    assert not play.is_late_open


def test_late_results_are_tried_and_bear_no_harm() -> None:
    assert Counter(kind for kind, _ in faults.all().kinds)["late"] == 1
    verify(newsroom(), faults=faults.timeout(at_most=3) + faults.cancel(at_most=3) + faults.late(at_most=3), runs=200)


def test_a_late_result_that_counts_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """S15.5: a machine that takes what comes for a node that was timed out."""
    finish = Machine.finish

    def believes(machine: Machine, scope: Any, turn: int, *given: Any) -> None:
        if scope.turn != turn:
            machine.note({"kind": "effect", "at": scope.path}, None)
        finish(machine, scope, turn, *given)

    monkeypatch.setattr(Machine, "finish", believes)
    with pytest.raises(PropertyFailed) as caught:
        verify(newsroom(), faults=faults.timeout() + faults.late())
    assert caught.value.name == "nothing counts twice"
    assert "what was cut off returns after all" in str(caught.value)
    assert caught.value.replay


# -- odd answers -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("given", "part"), [(faults.refusal(), "I'm sorry"), (faults.truncated(), "owls hear mi")])
def test_an_odd_answer_is_valid_and_counts(given: Faults, part: str) -> None:
    """A refusal in words, an answer that breaks off: nothing but the next node can tell it from any other."""
    verify(newsroom(), faults=given)
    said = {"route": "fine", "web": "a fact", "docs": "another"}
    verify(newsroom(), agents=said, properties=[never(contains(news.draft, part))])
    with pytest.raises(PropertyFailed, match="route  says .*" + part):
        verify(newsroom(), agents=said, properties=[never(contains(news.draft, part))], faults=given)


def test_faults_read_as_they_are_written() -> None:
    """The line that plays a seed again says them."""
    for text in (
        "faults.none",
        "faults.crash()",
        "faults.crash() + faults.cancel()",
        "faults.cancel(at_most=4)",
        "faults.raising(KeyError, ValueError('odd'), at_most=1) + faults.slow(at_most=1)",
    ):
        assert repr(eval(text, {"faults": faults})) == text
    whole = repr(faults.all(at_most=3))
    assert eval(whole, {"faults": faults}).at_most == 3
    assert [name for name, _ in eval(whole, {"faults": faults}).kinds] == [name for name, _ in faults.all().kinds]
