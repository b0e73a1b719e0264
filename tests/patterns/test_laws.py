"""The general laws, for every pattern: each builder and each graph of ``graphs/``, against a hostile model.

The model says anything a model may say, and fails in every way it may fail (``hostile``); answers take their time, in
an order that the case chooses. GRAPHFLOW_LAWS=50 plays each case 50 times instead of a few.
"""

from __future__ import annotations

import dataclasses
import os
import random
import re
from collections import Counter
from typing import Any

import pytest

from graphflow import Budget
from graphflow.core import reading
from graphflow.core.journal import Entry, revive_items
from graphflow.core.plan import Edge
from graphflow.core.remembered import remember
from graphflow.core.replay import locate
from graphflow.core.scopes import Scope
from graphflow.core.usage import Usage
from graphflow.errors import (
    BudgetExhausted,
    GraphflowError,
)
from graphflow.models import Price, ScriptedModel, tool_call
from graphflow.runtime.events import NodeStarted
from graphflow.runtime.run import Run
from graphflow.testing.virtual import run_virtual
from tests.patterns.cases import BUILDERS, CASES, MADE, READY, TIMED, Case
from tests.patterns.hostile import ERRORS, Hostile
from tests.patterns.playing import (
    CHOSEN,
    DEPTH,
    EVERY,
    FEW,
    SEEDS,
    UNTIMED,
    Played,
    Takings,
    after_updates,
    cut_and_resume,
    looking_at_views,
    play,
    played,
    readable,
    rested,
    steps_before,
    stop_and_resume,
    vandalise,
)


@pytest.fixture(autouse=True)
def _no_keys(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [
        name for name in os.environ if name.endswith(("_API_KEY", "_BASE_URL")) or name.startswith("GRAPHFLOW_M")
    ]:
        monkeypatch.delenv(name)


def test_every_builder_and_every_graph_has_a_case() -> None:
    assert {builder for builder, *_ in MADE.values()} == set(BUILDERS)
    assert {f"graphs/{name}" for name in READY} <= set(CASES)
    assert len(READY) > 15


def test_the_hostile_model_says_and_raises_everything() -> None:
    """Else the laws would say little: over the cases nearly every class of error is met, and both good and bad answers."""
    seen = Counter(
        type(call.error) for case in CASES.values() for seed in SEEDS for call in played(case, seed).model.calls
    )
    assert len(set(ERRORS) & set(seen)) > len(ERRORS) - 4
    assert seen[type(None)] > sum(seen.values()) / 2
    ends = Counter(played(case, seed).run.status for case in CASES.values() for seed in SEEDS)
    assert min(ends["done"], ends["failed"]) > len(CASES)


# -- G1 ----------------------------------------------------------------------------------------------------------------


@EVERY
def test_G1_every_transition_is_a_declared_edge_that_was_enabled_on_the_state_it_saw(case: Case) -> None:
    """Replayed entry by entry, each choice is made again from the state before it, by counting and asking anew (S4.2)."""
    for seed in SEEDS:
        run, takings = played(case, seed).run, Takings()
        for machine, entry in steps_before(run.plan, run.journal):
            if entry["kind"] in CHOSEN:
                scope = locate(machine, entry["at"])
                _assert_chosen(scope, entry, takings)
            elif entry["kind"] == "timer":
                scope = locate(machine, entry["at"])
                edge = scope.plan.edge(entry["edge"])
                assert edge in scope.node.timer_edges
                assert takings.is_enabled(scope, edge, scope.read())
                assert edge.after_s is not None
                assert entry["t"] >= scope.since + edge.after_s
                takings.take(scope, edge)
            elif entry["kind"] == "failed" and "edge" in entry:
                scope = locate(machine, entry["level"])
                _assert_caught(scope, entry, takings)
            elif entry["kind"] == "joined":
                scope = locate(machine, entry["at"])
                assert scope.open is not None
                assert scope.open.edge is scope.plan.edge(entry["edge"])


def _assert_chosen(scope: Scope, entry: Entry, takings: Takings) -> None:
    values = after_updates(scope, entry)
    enabled = [edge for edge in scope.node.exits if takings.is_enabled(scope, edge, values)]
    if "edge" not in entry:
        assert enabled == []
        return
    edge: Edge = scope.plan.edge(entry["edge"])
    assert edge.source == scope.node.index
    if edge.kind == "handoff":
        assert takings.is_enabled(scope, edge, values)
    else:
        assert enabled[0] is edge
    if edge.kind == "map":
        assert edge.over is not None
        assert revive_items(edge, entry["items"]) == list(edge.over.items(values, scope.items))
    elif edge.kind == "fork":
        holding = [n for n, guard in enumerate(edge.branch_guards) if guard is None or guard.test(values, scope.items)]
        assert entry.get("starts", list(range(len(edge.targets)))) == (holding or list(range(len(edge.targets))))
    takings.take(scope, edge)


def _assert_caught(scope: Scope, entry: Entry, takings: Takings) -> None:
    edge, error = scope.plan.edge(entry["edge"]), remember(entry["error"])
    candidates = [
        one
        for one in scope.plan.nodes[edge.source].error_edges
        if isinstance(error, one.errors) and takings.is_enabled(scope, one, scope.read())
    ]
    assert candidates[0] is edge
    takings.take(scope, edge)


@pytest.mark.parametrize("name", ["team functions", "supervisor with an unknown worker", "stages that are not there"])
def test_G1_a_target_that_is_not_declared_is_a_typed_error(name: str) -> None:
    run = played(CASES[name], 0).run
    (failure,) = run.failures[:1]
    assert failure.error["type"] in ("HandoffInvalid", "UpdateInvalid", "InputInvalid")
    assert "nobody" in failure.error["what"] or "fly" in failure.error["what"]


def test_G1_a_model_that_invents_a_target_is_told_so_and_goes_nowhere() -> None:
    model = ScriptedModel([tool_call("hand_off_to_admin")] * 4)
    run = run_virtual(rested(CASES["team"].graph.run(CASES["team"].start(), model=model)))
    assert (run.status, run.path) == ("failed", ())
    assert "There is no tool called 'hand_off_to_admin'" in model.requests[1].messages[-1].text


# -- G2 ----------------------------------------------------------------------------------------------------------------


@UNTIMED
def test_G2_same_graph_input_and_answers_give_the_same_path_and_state_for_any_completion_order(case: Case) -> None:
    """S15.4: byte for byte, watched or not; where time decides by declaration it may."""
    for seed in SEEDS:
        first = play(case, Hostile(seed, pace=0))
        again = play(case, Hostile(seed, pace=seed + 1))
        unwatched = play(case, Hostile(seed, pace=seed + 2), is_watched=False)
        assert again.outcome == first.outcome, seed
        assert unwatched.outcome == first.outcome, seed


# -- G3 ----------------------------------------------------------------------------------------------------------------


@EVERY
def test_G3_stopped_after_any_commit_and_resumed_it_ends_the_same_and_asks_no_finished_node_again(case: Case) -> None:
    """S11.1, S14.2: the journal in memory stands for a store; a commit is a step or a recorded call."""
    for seed in FEW:
        whole = play(case, Hostile(seed, pace=seed))
        commits = len(whole.run.journal)
        draw = random.Random(f"{case.name} {seed}")
        places = range(1, commits) if DEPTH else draw.sample(range(1, commits), min(4, commits - 1))
        for place in places:
            with looking_at_views(lambda scope, view: None):
                found = stop_and_resume(case, Hostile(seed, pace=seed), place)
            if found is None:
                continue
            resumed, journal, calls = found
            if case.name not in TIMED:  # a resume begins the time of an attempt anew
                assert resumed.outcome == whole.outcome, (seed, place)
            _assert_nothing_again(resumed, journal, calls)
            if case.name not in TIMED and not resumed.model.has_twins and resumed.run.status == "done":
                asked = Counter(call.key for call in resumed.model.calls if call.is_done)
                assert asked == Counter(call.key for call in whole.model.calls if call.is_done), (seed, place)


@UNTIMED
def test_G3_cut_off_after_any_entry_it_ends_the_same_in_another_process(case: Case) -> None:
    """S15.2: whichever entry was the last one written; what a finished node asked is not asked again."""
    for seed in FEW:
        whole = play(case, Hostile(seed, pace=seed))
        last = next(entry["seq"] for entry in whole.run.journal if entry["kind"] == "ended")
        draw = random.Random(f"{case.name} {seed} cut")
        for seq in range(1, last) if DEPTH else draw.sample(range(1, last), min(3, last - 1)):
            with looking_at_views(lambda scope, view: None):
                resumed = cut_and_resume(whole, seq, Hostile(seed, pace=seed))
            assert resumed.outcome == whole.outcome, (seed, seq, whole.run.journal[seq - 1])
            _assert_nothing_again(resumed, list(whole.run.journal[:seq]), 0)


def _assert_nothing_again(resumed: Played, journal: list[Entry], calls: int) -> None:
    finished = {entry["at"] for entry in journal if entry["kind"] in CHOSEN}
    assert not finished & {call.cursor for call in resumed.model.calls[calls:]}


# -- G4 ----------------------------------------------------------------------------------------------------------------


@EVERY
def test_G4_it_ends_within_its_limits_with_one_explicit_status(case: Case) -> None:
    """S14.1, S17: whatever is said, on a clock that is bounded; and a typed error says why, if it failed."""
    for seed in SEEDS:
        one = played(case, seed)
        run, model = one.run, one.model
        assert run.status in ("done", "failed"), seed
        assert sum(entry["kind"] == "ended" for entry in run.journal) == 1
        assert run.usage.steps <= min(200, run.plan.limits.steps)
        assert len(model.calls) <= 200
        assert one.seconds < 30 * 86_400
        assert run.frontier == () or run.status == "failed"
        bugs = (ZeroDivisionError, OSError, LookupError)  # of the model and of the cases' own functions
        assert run.status == "done" or isinstance(run.error, (GraphflowError, *bugs)), seed
        assert getattr(run.error, "code", "") != "GF900"


@EVERY
def test_G4_nothing_may_be_spent_and_still_it_ends(case: Case) -> None:
    """S13.2: no steps, no calls; each is legal, and a resume with more goes on from there."""
    none = play(case, Hostile(0), budget=Budget(steps=0))
    assert (none.run.status, none.run.path, none.model.calls) == ("exhausted", (), []), none.run
    assert "steps" in none.run.reason
    whole = play(case, Hostile(0))
    more = run_virtual(_resumed(none.run, case, Hostile(0)))
    if "waiting" not in (more.status, whole.run.status) and case.name not in TIMED:
        assert Played(case, more, whole.model).outcome == whole.outcome


async def _resumed(run: Run[Any], case: Case, model: Hostile) -> Run[Any]:
    return await rested(case.graph.resume(run, model=model, budget=Budget()))


# -- G5 ----------------------------------------------------------------------------------------------------------------


@EVERY
def test_G5_every_model_call_is_counted_once_and_node_usages_add_up_to_the_runs(case: Case) -> None:
    """S13.1: what was answered and what failed at a price, through retries and side by side."""
    for seed in SEEDS:
        one = played(case, seed)
        paid = [call.usage for call in one.model.calls if call.usage is not None]
        run = dataclasses.replace(one.run.usage, steps=0, tool_calls=0)
        if not _asks_others(case):
            assert _rounded(run) == _rounded(sum(paid, Usage())), seed
        nodes = sum(one.run.usage_by_node.values(), Usage())
        assert _rounded(dataclasses.replace(nodes, steps=0, tool_calls=0)) == _rounded(run)
        assert one.run.usage.steps == len({(e.cursor) for e in one.events if isinstance(e, NodeStarted)}) + sum(
            entry["kind"] in ("asked", "entered") for entry in one.run.journal
        ) + _points(one.run)


def _asks_others(case: Case) -> bool:
    """Whether an agent names a model of its own, which is not the hostile one."""
    return any(node.kind == "agent" and getattr(node.work, "model", None) for node in case.graph.plan().nodes)


def _points(run: Run[Any]) -> int:
    nodes = [reading.node_at(run.plan, step.cursor) for step in run.steps if step.kind == "finished"]
    return sum(node is not None and node.kind == "point" for node in nodes)


def _rounded(usage: Usage) -> Usage:
    return usage if usage.usd is None else dataclasses.replace(usage, usd=round(usage.usd, 6))


@EVERY
def test_G5_a_budget_is_exceeded_by_no_more_than_what_was_in_flight(case: Case) -> None:
    """S13.2: once it is used up nothing starts."""
    price = Price(input=1.0, output=1.0)
    for seed in FEW:
        whole = play(case, Hostile(seed, price=price)).run.usage
        for bound in ("model_calls", "tokens", "usd", "steps"):
            total: float = getattr(whole, bound) or 0
            most: Any = total / 2 if bound == "usd" else int(total / 2)
            one = play(case, Hostile(seed, price=price), budget=Budget(**{bound: most}))
            if bound in ("model_calls", "steps"):
                assert getattr(one.run.usage, bound) <= most, (seed, bound)
            for call in one.model.calls:
                assert bound == "steps" or getattr(call.settled, bound) < most, (seed, bound)
            if one.run.status == "exhausted":
                assert bound in one.run.reason
                assert one.run.frontier
            else:
                assert not isinstance(one.run.error, BudgetExhausted)


# -- G6 ----------------------------------------------------------------------------------------------------------------


@EVERY
def test_G6_a_node_sees_only_what_its_view_gives_it_and_altering_its_copy_changes_nothing(case: Case) -> None:
    """S3.5, S3.6: every view is tried and laid waste first; the run is what it would have been, prompts included."""
    for seed in FEW:
        seen: dict[str, list[str]] = {}
        wrong: list[str] = []  # an assert in here would be taken for an error of the node

        def look(scope: Scope, view: Any, seen: dict[str, list[str]] = seen, wrong: list[str] = wrong) -> None:
            found = readable(scope, view, wrong)
            before = repr(scope.read())
            seen.setdefault(scope.path, []).append(repr((found, scope.items)))
            for value in found.values():
                vandalise(value)
            try:
                setattr(view, next(iter(scope.read())), None)
            except GraphflowError:
                pass
            else:
                wrong.append(f"{scope.path}: a view could be set")
            if repr(scope.read()) != before:
                wrong.append(f"{scope.path}: the state was altered")

        with looking_at_views(look):
            one = play(case, Hostile(seed, pace=seed))
        assert wrong == []
        for call in one.model.calls:
            said = " ".join(message.text for message in call.request.messages)
            for canary in set(re.findall(r"canary [\w ]+:", said)):
                assert canary in "".join(seen[call.cursor]), f"{call.cursor} sees {canary}"
        if case.name not in TIMED:
            assert one.outcome == play(case, Hostile(seed, pace=seed)).outcome


# -- every declared fault ----------------------------------------------------------------------------------------------


@EVERY
def test_every_class_of_model_error_at_every_call_is_survived_or_ends_typed(case: Case) -> None:
    """S8.1, S8.2: what may be tried again leaves no trace in the state; nothing else is tried again by an agent."""
    whole = play(case, Hostile(0, failing={}))
    calls, usual = len(whole.model.calls), Counter(call.key for call in whole.model.calls)
    pairs = [(call, kind) for call in range(calls) for kind in ERRORS]
    if not DEPTH:
        pairs = [(number % calls, kind) for number, kind in enumerate(ERRORS) if calls]
    for call, kind in pairs:
        one = play(case, Hostile(0, failing={call: kind}))
        error = one.run.error
        assert one.run.status in ("done", "failed")
        assert error is None or isinstance(error, GraphflowError)
        if kind.retryable and case.name not in TIMED and case.name != "fallback":
            assert _but_attempts(one) == _but_attempts(whole), (call, kind)
        elif not kind.retryable:
            failed = one.model.calls[call].key
            assert sum(asked.key == failed for asked in one.model.calls) <= usual[failed], (call, kind)


def _but_attempts(one: Played) -> dict[str, Any]:
    """An outcome without the numbers of attempts that a state may hold."""
    return one.outcome | {"state": re.sub(r"'attempts': \d+", "", one.outcome["state"])}
