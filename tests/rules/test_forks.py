"""What happens between a fork and its join (S6), and how changes fold (S7)."""

from __future__ import annotations

from typing import Any

import pytest

from graphflow.core.reducers import Replace
from graphflow.errors import JoinFailed, WriteConflict
from graphflow.graph.declaration import Declaration
from graphflow.graph.ends import END, START
from graphflow.graph.expressions import ITEM, fields
from graphflow.graph.needs import best_effort, quorum
from tests.execution import Call, Execute, Order
from tests.small_graphs import State, by_branch, fails, first, last, nodes, path, says

state = fields(State)
ORDERS = pytest.mark.parametrize("order", [first, last])


def fork(names: str = "b c d", **options: Any) -> Declaration[State]:
    """a forks to the named nodes, which meet at j."""
    graph = Declaration("fork", State)
    a, j = nodes(graph, "a j")
    graph.edge(START, a)
    graph.fork(a, nodes(graph, names), join=j, **options)
    graph.edge(j, END)
    return graph


def mapped(**options: Any) -> Declaration[State]:
    """a maps b over ``items``; the branches meet at j."""
    graph = Declaration("map", State)
    a, b, j = nodes(graph, "a b j")
    graph.edge(START, a)
    graph.map(a, b, over=state.items, join=j, **options)
    graph.edge(j, END)
    return graph


def statuses(call: Call) -> list[str]:
    return [branch.status for branch in call.branches]


@ORDERS
def test_a_fork_starts_a_branch_per_target(execute: Execute, order: Order) -> None:
    """S6.1, S2.2: branches are numbered in the order of the targets; the join is visited once, in the fork's scope."""
    outcome = execute(fork().plan(), {}, says(), order)
    assert sorted(path(outcome)) == ["a:1", "a:1[0]/b:1", "a:1[1]/c:1", "a:1[2]/d:1", "j:1"]


def test_a_fork_starts_only_branches_whose_condition_holds(execute: Execute) -> None:
    """S6.1, S6.7: one branch per condition that holds."""
    graph = Declaration("fork", State)
    a, b, c, d, j = nodes(graph, "a b c d j")
    graph.edge(START, a)
    graph.fork(a, {b: state.n > 0, c: state.n > 1, d: state.n > 2}, join=j)
    graph.edge(j, END)
    answers = says(a=[{"n": 2}], j=lambda call: {"log": str(statuses(call))})
    outcome = execute(graph.plan(), {}, answers, first)
    assert {cursor.rpartition("/")[2] for cursor in path(outcome)} == {"a:1", "b:1", "c:1", "j:1"}
    assert outcome.state["log"] == ["['done', 'done']"]


@pytest.mark.parametrize("need", ["all", "first", best_effort(at_least=2)])
def test_no_branches_go_straight_on(execute: Execute, need: Any) -> None:
    """S6.1: no condition that holds, or N = 0, goes straight on to the join, whatever it needs."""
    graph = Declaration("fork", State)
    a, b, c, j = nodes(graph, "a b c j")
    graph.edge(START, a)
    graph.fork(a, {b: state.n > 0, c: state.n > 1}, join=j, need=need)
    graph.edge(j, END)
    assert path(execute(graph.plan(), {}, says(), first)) == ["a:1", "j:1"]
    assert path(execute(mapped(need=need).plan(), {}, says(), first)) == ["a:1", "j:1"]


@ORDERS
def test_a_map_starts_a_branch_per_item(execute: Execute, order: Order) -> None:
    """S6.1, S6.4: each branch has its item; the join folds in the items' order, not in that of arrival."""
    answers = says(b=lambda call: {"seen": [call.items[-1] * 10]})
    outcome = execute(mapped().plan(), {"items": [3, 1, 2]}, answers, order)
    assert outcome.state["seen"] == [30, 10, 20]


def test_items_are_fixed_at_the_fork(execute: Execute) -> None:
    """S6.1: what a branch does to the list changes no items."""
    graph = Declaration("map", State)
    a, b, c, j = nodes(graph, "a b c j")
    graph.edge(START, a)
    graph.map(a, b, over=state.items, join=j)
    graph.chain(b, c, j)
    graph.edge(j, END)
    answers = says(b=lambda call: {"note": "x"}, c=lambda call: {"seen": [call.items[-1]]})
    outcome = execute(graph.plan(), {"items": [1, 2]}, answers, first)
    assert outcome.state["seen"] == [1, 2]


def test_inner_items_hide_outer_ones(execute: Execute) -> None:
    """S6.1, S6.2: maps nest; all items are there, outermost first; ITEM in a condition is the innermost."""
    graph = Declaration("maps", State)
    a, b, c, d, inner, outer = nodes(graph, "a b c d inner outer")
    graph.edge(START, a)
    graph.map(a, b, over=state.items, join=outer)
    graph.map(b, c, over=lambda view: [5, 6], join=inner)
    graph.edge(c, d, when=ITEM == 5)
    graph.edge(c, inner)
    graph.edge(d, inner)
    graph.edge(inner, outer)
    graph.edge(outer, END)
    answers = says(d=lambda call: {"log": str(call.items)}, inner=lambda call: {"log": str(call.items)})
    outcome = execute(graph.plan(), {"items": [1, 2]}, answers, last)
    assert outcome.state["log"] == ["(1, 5)", "(1,)", "(2, 5)", "(2,)"]
    assert "a:1[1]/b:1[0]/d:1" in path(outcome)


def test_a_target_without_edges_leads_to_the_join(execute: Execute) -> None:
    """S6.2: and one with edges of its own may do the same in so many words."""
    graph = Declaration("fork", State)
    a, b, c, j = nodes(graph, "a b c j")
    graph.edge(START, a)
    graph.fork(a, [b, c], join=j)
    graph.edge(c, j)
    graph.edge(j, END)
    assert len(path(execute(graph.plan(), {}, says(), first))) == 4


def test_a_join_entered_by_an_edge_has_no_branches(execute: Execute) -> None:
    """S6.2, S6.8: a join shared by two forks fires once per fork."""
    graph = Declaration("forks", State)
    a, b, c, j = nodes(graph, "a b c j")
    graph.edge(START, a)
    graph.edge(a, j, when=state.n == 0)
    graph.fork(a, [b, c], join=j, when=state.n == 1)
    graph.fork(a, {c: state.m == 0}, join=j)
    graph.edge(j, a, when=state.n < 3, at_most=9)
    graph.edge(j, END)
    answers = says(j=lambda call: {"log": str(len(call.branches)), "n": call.view["n"] + 1})
    outcome = execute(graph.plan(), {}, answers, first)
    assert outcome.state["log"] == ["0", "2", "1"]


def test_a_fork_may_join_at_the_end(execute: Execute) -> None:
    """S6.2: ``join=END`` is allowed at the top; the merge is the run's last word."""
    graph = Declaration("fork", State)
    a, b, c = nodes(graph, "a b c")
    graph.edge(START, a)
    graph.fork(a, [b, c], join=END)
    outcome = execute(graph.plan(), {}, says(b={"log": "b"}, c={"log": "c"}), last)
    assert (outcome.status, outcome.state["log"]) == ("done", ["b", "c"])


@ORDERS
def test_branches_are_isolated(execute: Execute, order: Order) -> None:
    """S6.3: a branch sees the state as it was at the fork plus its own writes, never a sibling's."""
    graph = Declaration("fork", State)
    a, b, c, d, j = nodes(graph, "a b c d j")
    graph.edge(START, a)
    graph.fork(a, [b, c], join=j)
    graph.chain(b, d, j)
    graph.edge(j, END)

    def look(call: Call) -> dict[str, Any]:
        return {"log": f"{call.node.name} sees {call.view['log']} {call.view['n']}"}

    outcome = execute(fork("b c").plan(), {}, says(a={"n": 1, "log": "a"}, b=look, c=look, j=look), order)
    assert outcome.state["log"][1:3] == ["b sees ['a'] 1", "c sees ['a'] 1"]
    outcome = execute(graph.plan(), {}, says(b={"n": 5}, d=look), order)
    assert (outcome.state["log"], outcome.state["n"]) == (["d sees [] 5"], 5)


@ORDERS
def test_updates_merge_in_branch_order_then_step_order(execute: Execute, order: Order) -> None:
    """S6.4: never in order of arrival; those of an inner fork stand where its join stood."""
    graph = Declaration("forks", State)
    a, b, c, d, e, inner, j = nodes(graph, "a b c d e inner j")
    graph.edge(START, a)
    graph.fork(a, [b, c], join=j)
    graph.fork(b, [d, e], join=inner)
    graph.edge(inner, j)
    graph.edge(j, END)
    answers = says(**{name: lambda call: {"log": call.node.name, "last": call.node.name} for name in "abcde"})
    outcome = execute(graph.plan(), {}, answers, order)
    assert outcome.state["log"] == ["a", "b", "d", "e", "c"]
    assert outcome.state["last"] == "c"


@ORDERS
def test_every_reducer_folds_change_by_change(execute: Execute, order: Order) -> None:
    """S7.1: and a function of (old, new) is a reducer too."""
    answers = says(
        b={"seen": [1], "total": 2, "tags": {"b"}, "marks": {"b": 1}, "last": "b", "best": 7, "log": "b"},
        c={"seen": [2, 3], "total": 3, "tags": {"b", "c"}, "marks": {"c": 2}, "last": "c", "best": 5, "log": "c"},
    )
    start = {"total": 10, "tags": {"a"}, "best": 1, "marks": {"b": 0}}
    merged = execute(fork("b c").plan(), start, answers, order).state
    assert (merged["seen"], merged["total"], merged["tags"]) == ([1, 2, 3], 15, {"a", "b", "c"})
    assert (merged["marks"], merged["last"], merged["best"]) == ({"b": 1, "c": 2}, "c", 7)
    assert merged["log"] == ["b", "c"]


@ORDERS
@pytest.mark.parametrize(
    ("b", "c"),
    [
        ({"n": 1}, {"n": 2}),
        ({"n": 1}, {"n": 1}),  # even for equal values
        ({"marks": {"x": 1}}, {"marks": {"x": 1}}),
        ({"log": Replace([])}, {"log": "c"}),  # S7.3: a write without a reducer
        ({"marks": Replace({})}, {"marks": {"x": 1}}),
    ],
)
def test_two_branches_write_a_field_without_a_reducer(execute: Execute, order: Order, b: Any, c: Any) -> None:
    """S6.5, S7.1, S7.3, S8.3: it is a WriteConflict, which is a JoinFailed of the join node."""
    outcome = execute(fork("b c").plan(), {}, says(b=b, c=c), order)
    assert (outcome.status, type(outcome.error)) == ("failed", WriteConflict)
    assert isinstance(outcome.error, JoinFailed)
    assert outcome.state == execute(fork("b c").plan(), {}, says(b=fails()), first).state


def test_one_branch_may_write_a_plain_field_often(execute: Execute) -> None:
    """S6.5: writers are branches, not steps; and different keys of a dict are no conflict."""
    graph = Declaration("fork", State)
    a, b, c, d, j = nodes(graph, "a b c d j")
    graph.edge(START, a)
    graph.fork(a, [b, c], join=j)
    graph.chain(b, d, j)
    graph.edge(j, END)
    answers = says(b={"n": 1, "marks": {"b": 1}}, d={"n": 2, "marks": {"b": 2}}, c={"m": 3, "marks": {"c": 3}})
    outcome = execute(graph.plan(), {}, answers, first)
    assert (outcome.state["n"], outcome.state["m"], outcome.state["marks"]) == (2, 3, {"b": 2, "c": 3})


def test_replace_overrides_the_reducer_once(execute: Execute) -> None:
    """S7.3."""
    answers = says(a={"log": "a"}, b={"log": Replace(["new"])}, j={"log": "j"})
    assert execute(fork("b c").plan(), {}, answers, first).state["log"] == ["new", "j"]


def test_a_local_field_stays_in_its_scope(execute: Execute) -> None:
    """S6.5: left behind at the join, seen within the branch, no conflict; at the top a field like any other."""
    graph = Declaration("map", State)
    a, b, c, j = nodes(graph, "a b c j")
    graph.edge(START, a)
    graph.map(a, b, over=state.items, join=j)
    graph.chain(b, c, j)
    graph.edge(j, END)
    answers = says(
        a={"note": "top"},
        b=lambda call: {"note": f"{call.view['note']} {call.items[-1]}"},
        c=lambda call: {"log": call.view["note"]},
    )
    outcome = execute(graph.plan(), {"items": [1, 2]}, answers, first)
    assert (outcome.state["note"], outcome.state["log"]) == ("top", ["top 1", "top 2"])


@ORDERS
def test_the_merge_is_validated_once(execute: Execute, order: Order) -> None:
    """S6.4, S7.2, S8.3: limits hold for the result; where it is invalid the join has failed."""
    graph = fork("b c")
    fine = execute(graph.plan(), {"total": 60}, says(b={"total": 40}, c={"total": -50}), order)
    assert (fine.status, fine.state["total"]) == ("done", 50)
    outcome = execute(graph.plan(), {"total": 60}, says(b={"total": 30}, c={"total": 30}), order)
    assert (type(outcome.error), outcome.state["total"]) == (JoinFailed, 60)


def test_a_quorum_fires_at_k_done(execute: Execute) -> None:
    """S6.6: those still running are cancelled and leave nothing."""
    answers = says(**{name: {"log": name} for name in "bcd"}, j=lambda call: {"log": str(statuses(call))})
    outcome = execute(fork(need=quorum(2)).plan(), {}, answers, last)
    assert outcome.state["log"] == ["c", "d", "['cancelled', 'done', 'done']"]
    assert "a:1[0]/b:1" not in path(outcome)
    outcome = execute(fork(need="first").plan(), {}, answers, first)
    assert outcome.state["log"] == ["b", "['done', 'cancelled', 'cancelled']"]


def test_a_quorum_fails_once_it_cannot_be_reached(execute: Execute) -> None:
    """S6.6, S8.3: at once, without waiting for those still running."""
    answers = says(b=fails(), c=fails(), d={"log": "d"})
    outcome = execute(fork(need=quorum(2)).plan(), {}, answers, first)
    assert (type(outcome.error), outcome.state["log"]) == (JoinFailed, [])
    assert "a:1[2]/d:1" not in path(outcome)


def test_a_quorum_that_can_never_be_reached_runs_nothing(execute: Execute) -> None:
    """S6.1, S6.6: with fewer branches than it needs the join fails at the fork, and nothing is spent."""
    graph = Declaration("fork", State)
    a, b, c, j = nodes(graph, "a b c j")
    graph.edge(START, a)
    graph.fork(a, {b: state.n == 0, c: state.n > 0}, join=j, need=quorum(2))
    graph.edge(j, END)
    for plan in (graph.plan(), mapped(need=quorum(2)).plan()):
        outcome = execute(plan, {"items": [1]}, says(), first)
        assert (type(outcome.error), path(outcome)) == (JoinFailed, ["a:1"])


@ORDERS
def test_a_condition_on_the_merge_so_far(execute: Execute, order: Order) -> None:
    """S6.6: the join fires when it holds, and those still running are cancelled; or when all have settled."""
    answers = says(b={"total": 1}, c={"total": 2}, d={"total": 4}, j=lambda call: {"log": str(statuses(call))})
    outcome = execute(fork(need=state.total >= 3).plan(), {}, answers, order)
    expected = ["done", "done", "cancelled"] if order is first else ["cancelled", "cancelled", "done"]
    assert outcome.state["log"] == [str(expected)]
    assert execute(fork(need=state.total > 9).plan(), {}, answers, order).state["total"] == 7


@ORDERS
def test_best_effort_waits_for_all_and_needs_k(execute: Execute, order: Order) -> None:
    """S6.6: all settle; then k must be done."""
    answers = says(b=fails(), c={"log": "c"}, d={"log": "d"}, j=lambda call: {"log": str(statuses(call))})
    outcome = execute(fork(need=best_effort(at_least=2)).plan(), {}, answers, order)
    assert outcome.state["log"] == ["c", "d", "['failed', 'done', 'done']"]
    outcome = execute(fork(need=best_effort(at_least=3)).plan(), {}, answers, order)
    assert type(outcome.error) is JoinFailed
    assert {"a:1[1]/c:1", "a:1[2]/d:1"} <= set(path(outcome))


@ORDERS
def test_collect_makes_a_failure_data(execute: Execute, order: Order) -> None:
    """S6.4, S6.7: a failed branch leaves nothing; the join node sees its error."""
    graph = Declaration("fork", State)
    a, b, c, d, j = nodes(graph, "a b c d j")
    graph.edge(START, a)
    graph.fork(a, [b, c], join=j, failures="collect")
    graph.chain(b, d, j)
    graph.edge(j, END)

    def report(call: Call) -> dict[str, Any]:
        return {"log": " ".join(f"{b.index}:{b.status}:{type(b.error).__name__}:{b.state['n']}" for b in call.branches)}

    answers = says(b={"n": 7}, d=fails(), c={"log": "c"}, j=report)
    outcome = execute(graph.plan(), {}, answers, order)
    assert (outcome.state["n"], outcome.state["log"]) == (0, ["c", "0:failed:Broken:7 1:done:NoneType:0"])


def test_all_may_fail_and_be_collected(execute: Execute) -> None:
    """S6.6, S6.7: "all" fires when all have settled, however they did."""
    answers = says(b=fails(), j=lambda call: {"log": str(statuses(call))})
    outcome = execute(mapped(failures="collect").plan(), {"items": [1, 2]}, answers, first)
    assert outcome.state["log"] == ["['failed', 'failed']"]


def test_stop_cancels_the_siblings(execute: Execute) -> None:
    """S6.7, S8.3: the first failure is an error of the join, before it ran; the siblings leave nothing."""
    answers = says(b=by_branch(b0={"log": "0"}, b1=fails(), b2={"log": "2"}))
    outcome = execute(mapped().plan(), {"items": [1, 2, 3]}, answers, first)
    assert (outcome.status, outcome.state["log"]) == ("failed", [])
    assert "a:1[2]/b:1" not in path(outcome)


def test_limits_count_per_branch(execute: Execute) -> None:
    """S2.2, S4.5: a branch is a scope: visits and takings count anew in each."""
    graph = Declaration("map", State)
    a, b, c, j = nodes(graph, "a b c j")
    graph.edge(START, a)
    graph.map(a, b, over=state.items, join=j)
    graph.edge(b, c)
    graph.edge(c, b, at_most=1)
    graph.edge(c, j)
    graph.edge(j, a, at_most=1)
    graph.edge(j, END)
    outcome = execute(graph.plan(), {"items": [1, 2]}, says(b={"total": 1}), last)
    assert outcome.state["total"] == 8
    branch = [cursor for cursor in path(outcome) if cursor.startswith("a:2[1]/")]
    assert branch == [f"a:2[1]/{end}" for end in ("b:1", "c:1", "b:2", "c:2")]
