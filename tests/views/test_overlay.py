"""What is to be seen of a run: a fold of its journal up to an entry, the same for every way of asking (S15.2)."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings

from graphflow import END, FAIL, START, Graph, JoinFailed, Retry
from graphflow.core.journal import decode
from graphflow.graph.context import Context, Handoff
from graphflow.graph.handles import Handle
from graphflow.runtime.run import Run
from graphflow.testing.virtual import run_virtual
from graphflow.views.extraction import extract
from graphflow.views.folding import overlay_of, overlays_of
from tests.properties.laws import LAWS, SEEDS, begun, shuffled, walked
from tests.random_graphs import Scenario, Style, scenarios
from tests.views.runs import (
    Trip,
    asking,
    looping,
    mapping,
    mark,
    nesting,
    no_work,
    over,
    retrying,
    run_of,
    step_of,
    trip,
)


@settings(LAWS, max_examples=40)
@given(scenarios(), SEEDS)
def test_at_every_entry_a_run_is_seen_as_its_journal_tells(scenario: Scenario, seed: int) -> None:
    """S15.2: every taking stands at its edge, what was taken stays taken, and the past does not know the future."""
    driven = begun(scenario.plan, scenario)
    walked(driven, shuffled(seed))
    plan, journal = scenario.plan, [decode(text) for text in driven.journal]
    plans, drawing = {plan.fingerprint: plan}, extract(plan, expand=9)
    seen = overlays_of(plans, journal, range(1, len(journal) + 1), drawing, plan)
    assert [one.seq for one in seen] == [entry["seq"] for entry in journal]
    before: dict[str, tuple[int, ...]] = {}
    for entry, one in zip(journal, seen, strict=True):
        assert set(one.taken) <= {arrow.id for arrow in drawing.arrows}
        assert all(one.taken[arrow][: len(numbers)] == numbers for arrow, numbers in before.items())
        fresh = {arrow for arrow, numbers in one.taken.items() if entry["seq"] in numbers}
        own = {arrow for arrow in fresh if "~" not in arrow or arrow.endswith("~join")}
        assert len(own) == ("edge" in entry)
        before = dict(one.taken)
    for place in {0, len(journal) // 2, len(journal) - 1}:
        alone = overlay_of(plans, journal[: place + 1], place + 1, drawing, plan)
        assert replace(alone, last=0) == replace(seen[place], last=0)
    over_at_last = driven.machine.status in ("done", "failed")
    assert not over_at_last or {"running", "waiting", "retrying"}.isdisjoint(m.status for m in seen[-1].marks.values())
    assert driven.machine.status != "failed" or "failed" in {one.status for one in seen[-1].marks.values()}


@settings(LAWS, max_examples=25)
@given(scenarios(style=Style(blocks=4)), SEEDS)
def test_folded_sub_graphs_are_seen_at_every_entry(scenario: Scenario, seed: int) -> None:
    """S12.1: a folded card stands for what is in it: while anything in it is live, so is the card."""
    driven = begun(scenario.plan, scenario)
    walked(driven, shuffled(seed))
    plan, journal = scenario.plan, [decode(text) for text in driven.journal]
    drawing, whole = extract(plan), extract(plan, expand=9)
    seqs = range(1, len(journal) + 1)
    folded, unfolded = (overlays_of({plan.fingerprint: plan}, journal, seqs, one, plan) for one in (drawing, whole))
    for one, other in zip(folded, unfolded, strict=True):
        assert set(one.marks) <= {card.id for card in drawing.cards}
        for card in drawing.cards:
            inside = {m.status for name, m in other.marks.items() if name.startswith(f"{card.id}/")}
            if "running" in inside:
                assert one.mark(card.id).status == "running"


def test_a_loop_counts_visits_and_time_and_numbers_every_taking() -> None:
    """S4.5."""
    graph = looping()
    run = run_of(graph)
    seen = mark(graph, run, "count")
    assert (seen.status, seen.visits, round(seen.seconds, 3)) == ("done", 3, 6)
    assert over(graph, run).taken == {"e.START.0": (2,), "e.count.1": (3, 4), "e.count.0": (5,)}
    assert mark(graph, run, "count", 3).status == "running"
    assert mark(graph, run, "END", 4).status == "not run"
    assert mark(graph, run, "END").status == "done"


def test_retries_are_told_with_the_attempt() -> None:
    """S8.1."""
    graph = retrying(2)
    run = run_of(graph)
    failed = step_of(run, "failed", which=1)
    seen = mark(graph, run, "fetch", failed)
    assert (seen.status, seen.note, seen.visits) == ("retrying", "ConnectionError: the line is dead · try 2 of 3", 0)
    assert mark(graph, run, "fetch", step_of(run, "woke", which=1)).status == "running"
    seen = mark(graph, run, "fetch")
    assert (seen.status, seen.visits, round(seen.seconds)) == ("done", 1, 4 + 8)


def test_a_failed_run_shows_where() -> None:
    """S14.3."""
    graph = retrying(5)
    run = run_of(graph)
    for step in (step_of(run, "failed", which=2), None):
        seen = mark(graph, run, "fetch", step)
        assert (seen.status, seen.note) == ("failed", "ConnectionError: the line is dead · try 3 of 3")
    assert over(graph, run).status == "failed"
    assert mark(graph, run, "END").status == "not run"


def test_an_ending_in_failure_is_marked_at_its_end() -> None:
    """S1.1."""
    graph = Graph("lost", Trip)
    graph.edge(START, FAIL("no way"))
    run = run_of(graph)
    cards = {card.id: card for card in graph.draw().drawing.cards}
    failed = [name for name, seen in over(graph, run).marks.items() if seen.status == "failed"]
    assert [cards[name].kind for name in failed] == ["fail"]


def test_a_map_has_a_cell_for_each_branch_and_they_begin_as_slots_are_free() -> None:
    """S6.1, S6.9."""
    graph = mapping(at_once=2)
    run = run_of(graph)
    forked = step_of(run, "finished", "plan:1")
    taken = over(graph, run, forked).taken
    assert taken == {"e.START.0": (2,), "e.plan.0": (forked,), "e.plan.0~0": (forked,)}
    assert mark(graph, run, "search", forked).cells == ["running", "running", "not run"]
    once = step_of(run, "finished", "plan:1[0]")
    assert mark(graph, run, "search", once).cells == ["done", "running", "running"]
    seen = mark(graph, run, "search")
    assert (seen.cells, seen.visits, round(seen.seconds)) == (["done"] * 3, 3, 3)
    assert over(graph, run).taken["e.plan.0~join"] == (step_of(run, "joined"),)
    assert len(over(graph, run).taken["e.search.0"]) == 3


def test_a_map_of_nothing_goes_straight_to_its_join() -> None:
    """S6.1: N = 0."""
    graph = mapping()
    run = run_of(graph, items=[])
    taken = over(graph, run).taken
    assert taken["e.plan.0~join"] == (step_of(run, "joined"),)
    assert "e.plan.0~0" not in taken
    assert (mark(graph, run, "search").status, mark(graph, run, "search").cells) == ("not run", [])
    assert mark(graph, run, "gather").status == "done"


def test_a_branch_that_is_collected_is_a_red_cell_and_the_card_tells_of_the_others() -> None:
    """S6.7."""
    graph = mapping(broken=("b",), failures="collect", need="first")
    run = run_of(graph, items=["b", "b"])
    assert run.status == "failed"
    graph = mapping(broken=("b",), failures="collect")
    run = run_of(graph)
    seen = mark(graph, run, "search")
    assert (seen.cells, seen.status) == (["done", "failed", "done"], "done")
    assert seen.visits == 3
    assert seen.note == "ValueError: nothing on b"


def test_a_branch_that_ends_the_run_leaves_its_card_failed_and_the_others_cancelled() -> None:
    """S6.7, S14.3: failures="stop" is an error of the join."""
    graph = mapping(broken=("b",), at_once=2, failures="stop")
    run = run_of(graph, items=["a", "b", "c", "d"])
    assert run.status == "failed"
    seen = mark(graph, run, "search")
    assert (seen.cells, seen.status) == (["done", "failed", "cancelled", "not run"], "failed")


def test_a_branch_that_fails_over_is_done_and_the_error_edge_is_numbered() -> None:
    """S8.2."""
    graph = mapping(broken=("b",), has_rescue=True)
    run = run_of(graph)
    failed = step_of(run, "failed")
    taken = over(graph, run).taken
    assert taken["e.search.0"] == (failed,)
    assert len(taken["e.search.1"]) == 2
    assert mark(graph, run, "search").cells == ["done"] * 3
    assert mark(graph, run, "rescue", failed).status == "running"
    assert mark(graph, run, "rescue").visits == 1


def test_who_loses_a_race_is_cancelled() -> None:
    """S6.6."""
    graph = Graph("race", Trip)

    @graph.node
    async def quick(state: Trip) -> None:
        await asyncio.sleep(1)

    @graph.node
    async def slow(state: Trip) -> None:
        await asyncio.sleep(9)

    after = graph.node(no_work, name="after")
    graph.fork(START, [quick, slow], join=after, need="first")
    graph.edge(after, END)
    run = run_of(graph)
    assert [mark(graph, run, name).status for name in ("quick", "slow", "after")] == ["done", "cancelled", "done"]
    assert round(mark(graph, run, "slow").seconds) == 1
    taken = over(graph, run).taken
    assert taken["e.START.0"] == taken["e.START.0~0"] == taken["e.START.0~1"] == (2,)


def test_a_fork_numbers_only_the_branches_whose_condition_held() -> None:
    """S6.1."""
    graph = Graph("chosen", Trip)
    one, two, after = (graph.node(no_work, name=name) for name in ("one", "two", "after"))
    branches: dict[Handle, Any] = {one: trip.score > 3, two: trip.score < 3}
    graph.fork(START, branches, join=after)
    graph.edge(after, END)
    run = run_of(graph)
    assert over(graph, run).taken["e.START.0~1"] == (2,)
    assert "e.START.0~0" not in over(graph, run).taken
    assert [mark(graph, run, name).status for name in ("one", "two")] == ["not run", "done"]


def test_a_join_that_cannot_fire_is_marked_itself() -> None:
    """S6.6, S8.3: an error of the join node, before it ran."""
    graph = mapping(broken=("a", "b", "c"), failures="collect", need="first")
    saved = graph.node(no_work, name="saved")
    graph.edge("gather", saved, on_error=JoinFailed)
    graph.edge(saved, END)
    run = run_of(graph)
    assert run.status == "done"
    seen = mark(graph, run, "gather")
    assert (seen.status, seen.visits) == ("failed", 0)
    assert seen.note.startswith("JoinFailed: Join 'gather' cannot fire")
    assert mark(graph, run, "search").cells == ["failed"] * 3
    assert over(graph, run).taken["e.gather.1"] == (step_of(run, "failed", "plan:1", 3),)
    assert "e.plan.0~join" not in over(graph, run).taken


def test_nested_maps_show_the_branches_of_every_branch_in_their_order() -> None:
    """S6.3."""
    graph = Graph("nested", Trip)
    outer, inner, leaf, meet, end = (
        graph.node(no_work, name=name) for name in ("outer", "inner", "leaf", "meet", "end")
    )
    graph.edge(START, outer)
    graph.map(outer, inner, over=trip.items, join=end)
    graph.map(inner, leaf, over=trip.items, join=meet)
    graph.edge(leaf, meet)
    graph.edge(meet, end)
    graph.edge(end, END)
    run = run_of(graph, items=["a", "b"])
    assert mark(graph, run, "inner").cells == ["done"] * 2
    assert mark(graph, run, "leaf").cells == ["done"] * 4
    assert mark(graph, run, "leaf").visits == 4
    assert len(over(graph, run).taken["e.inner.0~join"]) == 2
    first_met = step_of(run, "joined", "outer:1[")
    assert set(mark(graph, run, "inner", first_met).cells) <= {"running", "done"}


def test_a_map_taken_again_shows_its_last_branches() -> None:
    graph = Graph("again", Trip)

    @graph.node(writes=(trip.items, trip.score))
    async def plan(state: Trip) -> tuple[list[str], int]:
        return ["x"] * (3 - state.score), state.score + 1

    leaf, gather = (graph.node(no_work, name=name) for name in ("leaf", "gather"))
    graph.edge(START, plan)
    graph.map(plan, leaf, over=trip.items, join=gather)
    graph.edge(gather, plan, when=trip.score < 2, at_most=5)
    graph.edge(gather, END)
    run = run_of(graph)
    assert mark(graph, run, "leaf").cells == ["done"] * 2
    assert mark(graph, run, "leaf").visits == 5


def test_a_question_waits_and_its_time_counts() -> None:
    """S10.1."""
    graph = asking()
    run = run_of(graph)
    assert mark(graph, run, "review").status == "waiting"
    assert over(graph, run).status == "waiting"

    async def answered() -> Run[Trip]:
        waiting = await graph.run(Trip())
        await asyncio.sleep(60)
        return await graph.resume(waiting, answers=[waiting.questions[0].reply(True)])

    run = run_virtual(answered())
    seen = mark(graph, run, "review")
    assert (seen.status, seen.visits, round(seen.seconds)) == ("done", 1, 60)
    assert over(graph, run).taken["e.review.0"] == (step_of(run, "answered"),)


def test_a_timer_that_fires_is_numbered() -> None:
    """S10.3."""
    graph = Graph("timed", Trip)
    ask = graph.ask("ask", "Well?", answer=bool, writes=trip.is_ok)
    late = graph.node(no_work, name="late")
    graph.edge(START, ask)
    graph.edge(ask, late, after_s=30)
    graph.edge(ask, END)
    graph.edge(late, END)

    async def waited() -> Run[Trip]:
        run = await graph.run(Trip())
        await asyncio.sleep(40)
        return await graph.resume(run)

    run = run_virtual(waited())
    assert over(graph, run).taken["e.ask.0"] == (step_of(run, "timer"),)
    assert (mark(graph, run, "ask").status, round(mark(graph, run, "ask").seconds)) == ("done", 40)


def test_a_handoff_is_numbered() -> None:
    """S9.1."""
    graph = Graph("handing", Trip)

    @graph.node
    async def router(state: Trip, ctx: Context[Any]) -> Any:
        return Handoff("clerk")

    clerk = graph.node(no_work, name="clerk")
    graph.edge(START, router)
    graph.handoff(router, clerk, "writes it up")
    graph.edge(router, END)
    graph.edge(clerk, END)
    run = run_of(graph)
    assert run.status == "done"
    assert over(graph, run).taken["e.router.0"] == (3,)


@pytest.mark.parametrize("expand", [0, 1])
def test_a_sub_graph_is_seen_folded_and_unfolded(expand: int) -> None:
    """S12.1."""
    graph = nesting()
    run = run_of(graph)
    entered = step_of(run, "entered")
    taken = over(graph, run, expand=expand).taken
    assert taken["e.team/START.0"]
    assert taken["e.team.0"] == (step_of(run, "left"),)
    if expand:
        assert mark(graph, run, "team/search", entered + 1, expand=1).status == "running"
        assert round(mark(graph, run, "team/search", expand=1).seconds) == 3
        assert mark(graph, run, "team/END", expand=1).status == "done"
    else:
        assert mark(graph, run, "team", entered + 1).status == "running"
        seen = mark(graph, run, "team")
        assert (seen.status, seen.visits, round(seen.seconds)) == ("done", 1, 3)


def test_a_sub_graph_that_waits_is_waiting_and_one_that_failed_is_failed() -> None:
    """S8.3: an error climbs, and marks what it climbs through."""
    graph = nesting(has_question=True)
    assert mark(graph, run_of(graph), "team").status == "waiting"
    graph = nesting(is_broken=True)
    run = run_of(graph)
    seen = mark(graph, run, "team")
    assert (seen.status, seen.note, seen.visits) == ("failed", "ValueError: lost", 1)
    assert mark(graph, run, "team/search", expand=1).status == "failed"
    assert over(graph, run).taken["e.team.1"] == (step_of(run, "failed"),)
    assert mark(graph, run, "repair").status == "done"


def test_a_sub_graph_is_tried_again_as_a_whole() -> None:
    """S8.1, S12.1."""
    graph = nesting(is_broken=True, retry=Retry(attempts=2, first_s=1, jitter=0))
    run = run_of(graph)
    assert mark(graph, run, "team", step_of(run, "failed")).status == "retrying"
    seen = mark(graph, run, "team")
    assert (seen.status, round(seen.seconds)) == ("failed", 3 + 1 + 3)
    assert mark(graph, run, "team/search", expand=1).visits == 2
