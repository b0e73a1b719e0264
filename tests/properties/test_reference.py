"""Laws over random graphs: the machine does what the rules say, whoever finishes first, replayed, copied or driven."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterator
from dataclasses import fields as fields_of
from dataclasses import is_dataclass, replace
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, assume, given, settings
from hypothesis import strategies as st

from graphflow.core import reading
from graphflow.core.copying import copy
from graphflow.core.journal import decode
from graphflow.core.machine import Machine
from graphflow.core.plan import Guard, Plan, Retry
from graphflow.core.replay import replay
from graphflow.core.scopes import ENDED
from graphflow.errors import RunFailed
from graphflow.flow import Graph
from graphflow.graph.answers import Answer
from graphflow.graph.check import check
from graphflow.graph.ends import END, START
from graphflow.testing.virtual import run_virtual
from tests.execution import WAITING, Call, Order, Outcome, Update
from tests.on_machine import Driven, on_machine, outcome_of, steps_of
from tests.random_graphs import Broken, Move, Scenario, Style, World, scenarios
from tests.reference import interpret

SMALL = Style(blocks=4)
CONFLUENT = Style(blocks=4, is_confluent=True)
QUICK = tuple(phase for phase in Phase if phase is not Phase.explain)  # it takes minutes here, and says little
LAWS = settings(
    deadline=None,
    max_examples=60,
    phases=QUICK,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
SEEDS = st.integers(0, 1000)


def shuffled(seed: int) -> Order:
    """An order that depends on nothing but the calls that are running."""

    def order(calls: list[Call]) -> Call:
        return min(calls, key=lambda call: (zlib.crc32(f"{seed} {call.cursor} {call.attempt}".encode()), call.cursor))

    return order


def shown(update: Update | None) -> str:
    """An update as text that is the same for equal ones."""
    if update is None:
        return "an error"
    return repr(
        [(name, sorted(change) if isinstance(change, set) else change) for name, change in sorted(update.items())]
    )


def assert_equal(run: Outcome, expected: Outcome) -> None:
    """Two runs are equal: same status, state, and set of steps (S15.4)."""
    assert (run.status, type(run.error)) == (expected.status, type(expected.error))
    assert run.state == expected.state
    assert sorted(run.questions) == sorted(expected.questions)
    steps, others = ({(s.cursor, shown(s.update), s.edge) for s in each.steps} for each in (run, expected))
    assert (steps - others, others - steps) == (set(), set())
    assert len(run.steps) == len(expected.steps)


@LAWS
@given(scenarios())
def test_random_graphs_are_valid(scenario: Scenario) -> None:
    """S1.2: ``check`` finds no error in what the other laws run."""
    assert [str(finding) for finding in check(scenario.plan) if finding.severity == "error"] == []


@LAWS
@given(scenarios(), SEEDS)
def test_the_machine_does_what_the_rules_say(scenario: Scenario, seed: int) -> None:
    """S2 to S12: status, state, steps, failure and open questions are those of the reference, in any order."""
    plan, order = scenario.plan, shuffled(seed)
    expected = interpret(plan, scenario.start, scenario.answers, order)
    assert_equal(on_machine(plan, scenario.start, scenario.answers, order), expected)


@LAWS
@given(scenarios(), SEEDS, st.sets(st.integers(0, 20)))
def test_unanswered_questions_leave_the_run_waiting(scenario: Scenario, seed: int, silent: set[int]) -> None:
    """S10.1, S10.2: everything else goes on; what is open is the same."""

    def answers(call: Call) -> Any:
        is_silent = call.node.kind == "ask" and zlib.crc32(call.cursor.encode()) % 21 in silent
        return WAITING if is_silent else scenario.answers(call)

    plan, order = scenario.plan, shuffled(seed)
    expected = interpret(plan, scenario.start, answers, order)
    assert_equal(on_machine(plan, scenario.start, answers, order), expected)


@LAWS
@given(scenarios(style=CONFLUENT), SEEDS, SEEDS)
def test_the_order_of_completion_does_not_matter(scenario: Scenario, one: int, other: int) -> None:
    """S15.4, S6.4: two runs with the same answers are equal, and so are their paths, ordered by scope."""
    first, second = begun(scenario.plan, scenario), begun(scenario.plan, scenario)
    walked(first, shuffled(one))
    walked(second, shuffled(other))
    assert_equal(outcome_of(first), outcome_of(second))
    assert reading.path(map(decode, first.journal)) == reading.path(map(decode, second.journal))


def every_run(driven: Driven) -> Iterator[Outcome]:
    """The outcome of every order in which calls can finish from here."""
    calls = driven.calls()
    if not calls:
        yield outcome_of(driven)
    for call in calls:
        other = duplicate(driven)
        scope = other.machine.find(call.cursor)
        assert scope is not None
        other.finish(call, scope)
        yield from every_run(other)


def duplicate(driven: Driven) -> Driven:
    """An independent copy of a machine and of what is being done for it."""
    made = Driven(copy(driven.machine), driven.answers)
    made.journal, made.plans = list(driven.journal), list(driven.plans)
    made.scopes = {scope: None for scope in driven.scopes if scope.status in ENDED}
    made.scopes |= dict.fromkeys(made.machine.scopes())
    for scope, call in driven.running.items():
        found = made.machine.find(scope.path)
        assert found is not None
        made.running[found] = call
    return made


@settings(LAWS, max_examples=30)
@given(scenarios(style=Style(blocks=3, is_confluent=True, is_fork=True, has_questions=False)))
def test_every_completion_order_gives_an_equal_run(scenario: Scenario) -> None:
    """S15.4: exhaustively, for forks small enough."""
    plan = scenario.plan
    expected = interpret(plan, scenario.start, scenario.answers, shuffled(0))
    for count, outcome in enumerate(every_run(begun(plan, scenario))):
        assume(count < 500)
        assert_equal(outcome, expected)


def test_every_completion_order_of_four_branches_gives_an_equal_run() -> None:
    """S15.4: exhaustively, with a retry, a loop, a choice and a collected failure inside; and S6.4, S8.1, S4.5."""
    graph: Graph[World] = Graph("four", World)
    scenario = Scenario(graph, {"a": 3})
    moves = {"start": "look", "tries": "flaky", "loop": "count", "again": "look", "plain": "collect", "bad": "broken"}
    scenario.scripts = {name: (Move(move, 2),) for name, move in moves.items()} | {"join": (Move("branches", 1),)}
    scenario.scripts["tries"] = (Move("flaky", 1), Move("look", 1))
    node = {name: graph.node(scenario.perform, name=name) for name in scenario.scripts if name != "tries"}
    tries = graph.node(scenario.perform, name="tries", retry=Retry(attempts=2))
    graph.edge(START, node["start"])
    branches = [tries, node["loop"], node["plain"], node["bad"]]
    graph.fork(node["start"], branches, join=node["join"], failures="collect")
    graph.edge(node["loop"], node["again"])
    graph.edge(node["again"], node["loop"], at_most=1)
    graph.edge(node["again"], node["join"])
    graph.edge(node["join"], END)
    expected = interpret(scenario.plan, scenario.start, scenario.answers, shuffled(0))
    outcomes = list(every_run(begun(scenario.plan, scenario)))
    assert len(outcomes) == 840  # 8 calls in 4 branches: 8! / (2! 4!)
    for outcome in outcomes:
        assert_equal(outcome, expected)


def begun(plan: Plan, scenario: Scenario) -> Driven:
    driven = Driven(Machine(plan), scenario.answers)
    driven.machine.start(scenario.start)
    driven.drain()
    return driven


def standing(machine: Machine) -> dict[str, Any]:
    """Where a run stands: all that replay promises (S15.2)."""
    return {
        "state": dict(reading.state_of(machine)),
        "frontier": reading.frontier(machine),
        "status": machine.status,
        "seq": machine.seq,
    }


def walked(driven: Driven, order: Order) -> list[dict[str, Any]]:
    """Drive to the end; where the run stood after each commit, by seq."""
    seen = [standing(driven.machine)]
    while calls := driven.calls():
        chosen = order(list(calls))
        driven.finish(chosen, calls[chosen])
        seen.append(standing(driven.machine))
    return seen


def without_code(value: Any, memo: dict[int, Any]) -> Any:
    """A plan in which everything a user wrote raises if it is called."""

    def forbidden(*args: Any, **kwargs: Any) -> Any:
        raise AssertionError("A replay runs no user code.")

    if id(value) not in memo:
        if isinstance(value, tuple):
            memo[id(value)] = tuple(without_code(each, memo) for each in value)
        elif isinstance(value, Guard):
            memo[id(value)] = replace(value, test=forbidden)
        elif is_dataclass(value) and not isinstance(value, type) and type(value).__module__ == Plan.__module__:
            changes = {
                each.name: without_code(getattr(value, each.name), memo) for each in fields_of(value) if each.init
            }
            for name in ("call", "items", "question"):
                if changes.get(name) is not None:
                    changes[name] = forbidden
            if "inward" in changes:  # a sub-graph
                inner = value.plan
                changes["plan"] = lambda: without_code(inner(), memo)
            memo[id(value)] = replace(value, **changes)
        else:
            memo[id(value)] = value
    return memo[id(value)]


@LAWS
@given(scenarios(), SEEDS)
def test_a_replay_stands_where_the_run_stood(scenario: Scenario, seed: int) -> None:
    """S15.2: state, path and frontier at any seq are a fold of the journal, which calls no node and no guard."""
    plan = scenario.plan
    driven = begun(plan, scenario)
    seen = walked(driven, shuffled(seed))
    entries = [decode(text) for text in driven.journal]
    silent = without_code(plan, {})
    for stood in seen:
        assert standing(replay(silent, entries, until=stood["seq"])) == stood


@LAWS
@given(scenarios(style=SMALL), SEEDS)
def test_the_frontier_is_where_the_run_stands(scenario: Scenario, seed: int) -> None:
    """S2.1, S2.2, S2.4: all live cursors, one in each scope; whatever is ready runs; at the end none is left (S6.8)."""
    order = shuffled(seed)
    driven = begun(scenario.plan, scenario)
    while calls := driven.calls():
        cursors = reading.frontier(driven.machine)
        assert sorted(cursors) == sorted(call.cursor for call in calls)
        assert len({cursor.rpartition("/")[0] for cursor in cursors}) == len(cursors)
        chosen = order(list(calls))
        driven.finish(chosen, calls[chosen])
    assert driven.machine.status == "failed" or not reading.frontier(driven.machine)


def test_an_error_that_left_a_sub_graph_can_be_read() -> None:
    """S8.3, S14.1: the run's steps and failures show the edge taken outside it."""
    inner: Graph[World] = Graph("inner", World)
    graph: Graph[World] = Graph("outer", World)
    scenario = Scenario(graph, {})
    scenario.scripts = {"x": (Move("broken", 1),), "saved": (Move("flaky", 1),)}
    inner.chain(START, inner.node(scenario.perform, name="x"), END)
    sub, saved = graph.node(inner, name="sub"), graph.node(scenario.perform, name="saved")
    graph.edge(START, sub)
    graph.edge(sub, END)
    graph.edge(sub, saved, on_error=Broken)
    graph.edge(saved, END)
    with pytest.raises(RunFailed) as failed:
        run_virtual(graph.run({}))
    run = failed.value.run
    assert [step.to for step in run.steps if step.cursor == "sub:1/x:1"] == [("saved",)]
    assert [failure.cursor for failure in run.failures] == ["sub:1/x:1", "saved:1"]


def plans_by_node(plan: Plan) -> dict[str, Plan]:
    """Node id -> the plan it is in; names are unique across the graphs of a scenario."""
    found = {node.id: plan for node in plan.nodes}
    for node in plan.nodes:
        if node.graph is not None:
            found = plans_by_node(node.graph.plan()) | found
    return found


@LAWS
@given(scenarios(style=SMALL), SEEDS)
def test_the_journal_reads_as_steps(scenario: Scenario, seed: int) -> None:
    """S8.3, S15.2: an error that climbed shows the edge that was taken where it was caught."""
    plan = scenario.plan
    driven = begun(plan, scenario)
    walked(driven, shuffled(seed))
    entries = [decode(text) for text in driven.journal]
    by_seq, plans = {entry["seq"]: entry for entry in entries}, plans_by_node(plan)
    for step in reading.steps(plan, entries):
        if step.kind == "failed" and step.edge is not None:
            inner = plans[by_seq[step.seq]["level"].rpartition("/")[2].rpartition(":")[0]]
            assert step.to == tuple(inner.nodes[target].name for target in inner.edges[step.edge].targets)


@settings(LAWS, max_examples=50)
@given(scenarios(style=Style(blocks=4, tells_errors_apart=False)), SEEDS)
def test_a_run_resumed_at_any_entry_ends_as_if_nothing_had_happened(scenario: Scenario, seed: int) -> None:
    """S14.2, S15.1: what is owed follows from the journal alone."""
    plan, order = scenario.plan, shuffled(seed)
    driven = begun(plan, scenario)
    walked(driven, order)
    expected = outcome_of(driven)
    assume(expected.status == "done")
    entries = [decode(text) for text in driven.journal]
    for entry in entries[:-1]:
        again = Driven(replay(plan, entries, until=entry["seq"]), scenario.answers)
        again.resume()
        walked(again, order)
        assert (again.machine.status, dict(reading.state_of(again.machine))) == ("done", expected.state)


@LAWS
@given(scenarios(style=SMALL), SEEDS, st.integers(0, 12))
def test_a_copy_is_independent(scenario: Scenario, seed: int, steps: int) -> None:
    """S15.1: what happens to one machine is not seen by its copy, and both come to the same end."""
    order = shuffled(seed)
    driven = begun(scenario.plan, scenario)
    while steps and (calls := driven.calls()):
        steps -= 1
        chosen = order(list(calls))
        driven.finish(chosen, calls[chosen])
    other = duplicate(driven)
    stood = standing(other.machine)
    assert standing(driven.machine) == stood
    walked(driven, order)
    assert standing(other.machine) == stood
    walked(other, order)
    assert standing(other.machine) == standing(driven.machine)
    assert other.journal == driven.journal


@LAWS
@given(scenarios(style=SMALL), SEEDS)
def test_a_late_or_duplicate_result_changes_nothing(scenario: Scenario, seed: int) -> None:
    """S15.5: the machine says so, and stands where it stood."""
    order = shuffled(seed)
    driven = begun(scenario.plan, scenario)
    machine = driven.machine
    late: list[tuple[Any, int]] = []
    while calls := driven.calls():
        chosen = order(list(calls))
        late += [(scope, scope.turn) for scope in driven.running]
        driven.finish(chosen, calls[chosen])
        stood = standing(machine)
        for scope, turn in late:
            if scope.turn != turn or scope.status != "running":
                assert not machine.finish(scope, turn, {"log": "late"})
                assert not machine.fail(scope, turn, ValueError("late"))
        assert standing(machine) == stood
        assert not machine.entries


def driven_by_asyncio(scenario: Scenario, seed: int) -> Outcome:
    """Run the graph itself on a virtual clock, every call taking its own time, and answer what it asks."""
    scenario.pace = lambda call: zlib.crc32(f"{seed} {call.cursor} {call.attempt}".encode()) / 2**30
    graph, work = scenario.graph, scenario.graph.run(scenario.start)
    while True:
        try:
            run = run_virtual(work)
        except RunFailed as failure:
            run = failure.run
        if run.status != "waiting":
            break
        amounts = {question.id: scenario.scripts[question.node][0].amount for question in run.questions}
        work = graph.resume(run, answers=[Answer(*answer) for answer in amounts.items()])
    journal = [(text, run.plan) for text in run.raw_journal]
    return Outcome(run.status, dict(run.state), steps_of(journal), run.error, [])


@LAWS
@given(scenarios(style=CONFLUENT), SEEDS)
def test_the_driver_does_what_the_rules_say(scenario: Scenario, seed: int) -> None:
    """S2.4, S14.1, S15.4: real asyncio, on a virtual clock, with every call taking its own time."""
    expected = interpret(scenario.plan, scenario.start, scenario.answers, shuffled(seed))
    assert_equal(driven_by_asyncio(scenario, seed), expected)


class Timed:
    """An order in which every call takes as many seconds as ``pace`` says, from the moment it started."""

    def __init__(self, pace: Callable[[Call], float]) -> None:
        self.pace = pace
        self.now = 0.0
        self.due: dict[Call, float] = {}

    def __call__(self, calls: list[Call]) -> Call:
        for call in calls:
            if call not in self.due:
                self.due[call] = self.now + self.pace(call)
        chosen = min(calls, key=lambda call: self.due[call])
        self.now = self.due[chosen]
        return chosen


@LAWS
@given(scenarios(style=Style(has_questions=False, has_retries=False)), SEEDS)
def test_the_driver_does_what_the_rules_say_where_time_decides(scenario: Scenario, seed: int) -> None:
    """S6.6, S6.7, S15.4: joins fire, and forks are stopped, at the same moment as in the reference."""
    run = driven_by_asyncio(scenario, seed)
    expected = interpret(scenario.plan, scenario.start, scenario.answers, Timed(scenario.pace))
    assert (run.status, run.state, type(run.error)) == (expected.status, expected.state, type(expected.error))
    steps, others = ({(s.cursor, shown(s.update), s.edge) for s in each.steps} for each in (run, expected))
    assert others <= steps  # the run's journal also holds the steps of cancelled branches
