"""How errors climb (S8), and graphs as nodes (S12)."""

from __future__ import annotations

from typing import Annotated, Any

import pytest
from pydantic import BaseModel

from graphflow.core.plan import Limits, Retry
from graphflow.core.reducers import append
from graphflow.errors import NoWayOut, TooDeep, UpdateInvalid
from graphflow.graph.declaration import Declaration
from graphflow.graph.ends import END, FAIL, START
from graphflow.graph.expressions import fields
from graphflow.graph.needs import quorum
from tests.execution import Call, Execute
from tests.small_graphs import Broken, Flaky, State, by_attempt, caught, fails, first, last, nodes, path, says, work

state = fields(State)


def error_of(call: Call) -> dict[str, Any]:
    return {"word": type(call.error).__name__}


def risky(*classes: type[Exception], retry: Retry | None = None) -> Declaration[State]:
    """a, whose errors of each class lead to b, c, ... in turn."""
    graph = Declaration("caught", State)
    a = graph.node(work, name="a", retry=retry)
    graph.chain(START, a, END)
    for name, each in zip("bcd", classes, strict=False):
        (target,) = nodes(graph, name)
        graph.edge(a, target, on_error=each)
        graph.edge(target, END)
    return graph


def test_error_edges_are_tried_in_order_by_class(execute: Execute) -> None:
    """S8.2: the first whose class fits; the target may read the error."""
    plan = risky(Flaky, Exception).plan()
    outcome = execute(plan, {}, says(a=fails(Flaky), b=error_of), first)
    assert (outcome.status, path(outcome), outcome.state["word"]) == ("done", ["b:1"], "Flaky")
    assert caught(outcome) == ["a:1"]
    assert path(execute(plan, {}, says(a=fails()), first)) == ["c:1"]
    assert execute(risky(Flaky).plan(), {}, says(a=fails()), first).status == "failed"


def test_the_error_is_for_the_target_only(execute: Execute) -> None:
    """S8.2: the node after it has none."""
    graph = Declaration("caught", State)
    a, b, c = nodes(graph, "a b c")
    graph.chain(START, a, END)
    graph.edge(a, b, on_error=Exception)
    graph.chain(b, c, END)
    assert execute(graph.plan(), {}, says(a=fails(), c=error_of), first).state["word"] == "NoneType"


def test_every_attempt_sees_the_error_that_led_there(execute: Execute) -> None:
    """S8.1, S8.2: ``ctx.error`` is that of the edge; an attempt's own failure is not shown to the next."""
    graph = Declaration("caught", State)
    (a,) = nodes(graph, "a")
    (b,) = nodes(graph, "b", retry=Retry(attempts=2))
    graph.chain(START, a, END)
    graph.edge(a, b, on_error=Exception)
    graph.edge(b, END)
    outcome = execute(graph.plan(), {}, says(a=fails(), b=by_attempt(fails(Flaky), error_of)), first)
    assert outcome.state["word"] == "Broken"
    plan = risky(retry=Retry(attempts=2)).plan()
    assert execute(plan, {}, says(a=by_attempt(fails(), error_of)), first).state["word"] == "NoneType"


def test_an_error_edge_has_a_condition_and_a_limit(execute: Execute) -> None:
    """S4.5, S8.2: edges of every kind count their takings."""
    graph = Declaration("caught", State)
    a, b = nodes(graph, "a b")
    graph.chain(START, a, END)
    graph.edge(a, a, on_error=Broken, at_most=2)
    graph.edge(a, b, on_error=Broken, when=state.n > 3)
    graph.edge(b, END)
    assert path(execute(graph.plan(), {"n": 4}, says(a=fails()), first)) == ["b:1"]
    assert caught(execute(graph.plan(), {"n": 4}, says(a=fails()), first)) == ["a:1", "a:2", "a:3"]
    assert execute(graph.plan(), {"n": 3}, says(a=fails()), first).status == "failed"


@pytest.mark.parametrize(("failures", "is_saved"), [(1, True), (2, True), (3, False)])
def test_retries(execute: Execute, failures: int, is_saved: bool) -> None:
    """S8.1, S8.2: attempts are one visit; error edges come after the last; failed ones left nothing."""
    replies = [fails(Flaky)] * failures + [{"n": 1, "log": "once"}] * 3
    plan = risky(Flaky, retry=Retry(attempts=3, first_s=0, on=Flaky)).plan()
    outcome = execute(plan, {}, says(a=by_attempt(*replies)), first)
    assert path(outcome) == (["a:1"] if is_saved else ["b:1"])
    assert outcome.state["log"] == (["once"] if is_saved else [])


def test_only_what_is_worth_it_is_retried(execute: Execute) -> None:
    """S8.1: by class, and never what says that it is not retryable."""
    answers = says(a=by_attempt(fails(), {"n": 1}))
    assert execute(risky(retry=Retry(on=Flaky)).plan(), {}, answers, first).status == "failed"

    class Hopeless(Flaky):
        retryable = False

    answers = says(a=by_attempt(fails(Hopeless), {"n": 1}))
    assert execute(risky(retry=Retry(on=Flaky)).plan(), {}, answers, first).status == "failed"


def test_an_invalid_update_is_a_failed_attempt(execute: Execute) -> None:
    """S3.3, S8.1: retried and caught like any error of the node."""
    plan = risky(UpdateInvalid, retry=Retry(attempts=2)).plan()
    assert execute(plan, {}, says(a=by_attempt({"small": 99}, {"small": 1})), first).state["small"] == 1
    assert path(execute(plan, {}, says(a={"small": 99}), first)) == ["b:1"]


def nested(**options: Any) -> Declaration[State]:
    """a forks to b (then c) and d, meeting at j; j's errors lead to e."""
    graph = Declaration("nested", State)
    a, b, c, d, e, j = nodes(graph, "a b c d e j")
    graph.edge(START, a)
    graph.fork(a, [b, d], join=j, **options)
    graph.chain(b, c, j)
    graph.edge(j, END)
    graph.edge(j, e, on_error=Exception)
    graph.edge(e, END)
    return graph


def test_an_error_of_a_branch_is_one_of_the_join(execute: Execute) -> None:
    """S8.3: tried on the parent's state, which holds nothing of what failed; the join itself did not run."""
    answers = says(a={"n": 1}, b={"n": 2, "log": "b"}, c=fails(), e=error_of)
    outcome = execute(nested().plan(), {}, answers, first)
    assert (outcome.status, outcome.state["n"], outcome.state["log"]) == ("done", 1, [])
    assert outcome.state["word"] == "Broken"
    assert (path(outcome)[-1], caught(outcome)) == ("e:1", ["a:1"])
    assert "j:1" not in path(outcome)


def test_a_join_that_failed_was_not_visited(execute: Execute) -> None:
    """S6.8, S8.3: the error comes before it ran; the next fork has a join of its own."""
    graph = Declaration("again", State)
    a, b, c, j = nodes(graph, "a b c j")
    graph.edge(START, a)
    graph.fork(a, [b, c], join=j)
    graph.edge(j, a, on_error=Exception, at_most=1)
    graph.edge(j, END)
    answers = says(b=lambda call: fails() if call.cursor.startswith("a:1[") else {"log": "b"})
    outcome = execute(graph.plan(), {}, answers, first)
    assert [cursor for cursor in path(outcome) if "/" not in cursor] == ["a:1", "a:2", "j:1"]


def test_a_branch_catches_its_own_errors(execute: Execute) -> None:
    """S6.2, S8.2: a branch may fail over within its region."""
    graph = Declaration("inside", State)
    a, b, c, d, j = nodes(graph, "a b c d j")
    graph.edge(START, a)
    graph.fork(a, [b, d], join=j)
    graph.edge(b, j)
    graph.edge(b, c, on_error=Broken)
    graph.edge(c, j)
    graph.edge(j, END)
    outcome = execute(graph.plan(), {}, says(b=fails(), c={"log": "saved"}), last)
    assert (outcome.status, outcome.state["log"]) == ("done", ["saved"])


def test_a_join_that_cannot_fire(execute: Execute) -> None:
    """S6.6, S8.3: need lost, conflict and invalid merge are JoinFailed, and its error edge is the way out."""
    answers = [
        says(b=fails(), e=error_of),
        says(b={"n": 1}, d={"n": 2}, e=error_of),
        says(b={"total": 60}, d={"total": 60}, e=error_of),
    ]
    words = [execute(nested(need=quorum(2)).plan(), {}, each, first).state["word"] for each in answers]
    assert words == ["JoinFailed", "WriteConflict", "JoinFailed"]


def test_no_way_out_climbs_to_the_join(execute: Execute) -> None:
    """S8.3: it is not caught at its own node, but at the next level."""
    graph = Declaration("inside", State)
    a, b, c, j, e = nodes(graph, "a b c j e")
    graph.edge(START, a)
    graph.fork(a, [b, c], join=j)
    graph.edge(b, j, when=state.n > 3)
    graph.edge(b, j, on_error=Exception)
    graph.edge(j, END)
    graph.edge(j, e, on_error=NoWayOut)
    graph.edge(e, END)
    outcome = execute(graph.plan(), {}, says(e=error_of), first)
    assert outcome.state["word"] == "NoWayOut"


def test_errors_climb_through_nested_forks(execute: Execute) -> None:
    """S8.3: scope by scope, until an error edge is met."""
    graph = Declaration("deep", State)
    a, b, c, d, inner, j, e = nodes(graph, "a b c d inner j e")
    graph.edge(START, a)
    graph.fork(a, [b], join=j)
    graph.fork(b, [c, d], join=inner)
    graph.edge(inner, j)
    graph.edge(j, END)
    graph.edge(j, e, on_error=Broken)
    graph.edge(e, END)
    outcome = execute(graph.plan(), {}, says(c=fails(), e=error_of), last)
    assert (outcome.status, outcome.state["word"]) == ("done", "Broken")


def inner_graph() -> Declaration[State]:
    """x, then y, which goes back once."""
    graph = Declaration("inner", State)
    x, y = nodes(graph, "x y")
    graph.chain(START, x, y)
    graph.edge(y, x, at_most=1)
    graph.edge(y, END, when=state.n >= 0)
    return graph


def outer_graph(inner: Declaration[Any], **options: Any) -> Declaration[State]:
    """The graph as a node between a and b, twice; its errors lead to c."""
    graph = Declaration("outer", State)
    a, b, c = nodes(graph, "a b c")
    sub = graph.node(inner, name="sub", **options)
    graph.chain(START, a, sub, b)
    graph.edge(b, sub, when=state.m == 0, at_most=1)
    graph.edge(b, END)
    graph.edge(sub, c, on_error=Exception)
    graph.edge(c, END)
    return graph


def test_a_graph_as_a_node(execute: Execute) -> None:
    """S12.1, S2.2: it sees the state, hands its updates over, and its loops count anew per entry."""
    answers = says(a={"total": 1}, x=lambda call: {"log": f"{call.view['total']}"}, y={"total": 1, "note": "inside"})
    outcome = execute(outer_graph(inner_graph()).plan(), {}, answers, first)
    assert outcome.state["log"] == ["1", "2", "3", "4"]
    assert outcome.state["total"] == 5
    assert {f"sub:{entry}/{name}:{visit}" for entry in (1, 2) for name in "xy" for visit in (1, 2)} <= set(
        path(outcome)
    )


def test_an_error_in_a_sub_graph_is_one_of_its_node(execute: Execute) -> None:
    """S8.3, S12.1: the state holds nothing of what failed."""
    outcome = execute(outer_graph(inner_graph()).plan(), {}, says(x={"log": "x"}, y=fails(), c=error_of), first)
    assert (outcome.status, outcome.state["log"], outcome.state["word"]) == ("done", [], "Broken")
    outcome = execute(outer_graph(inner_graph()).plan(), {}, says(y={"n": -1}, c=error_of), first)
    assert (outcome.status, outcome.state["n"], outcome.state["word"]) == ("done", 0, "NoWayOut")


def test_a_sub_graph_that_fails_on_purpose(execute: Execute) -> None:
    """S1.1, S8.3: FAIL inside is an error of the node."""
    inner = Declaration("inner", State)
    (x,) = nodes(inner, "x")
    inner.chain(START, x, FAIL("no"))
    outcome = execute(outer_graph(inner).plan(), {}, says(c=error_of), first)
    assert (outcome.status, outcome.state["word"]) == ("done", "Failed")


def test_a_retry_holds_for_the_whole_sub_graph(execute: Execute) -> None:
    """S8.1, S12.1: another attempt enters it anew; the first left nothing."""
    answers = says(x={"log": "x"}, y=lambda call: fails() if call.cursor.startswith("sub:1/") else {"log": "y"})
    outcome = execute(outer_graph(inner_graph(), retry=Retry(attempts=2)).plan(), {"m": 1}, answers, first)
    assert (outcome.status, outcome.state["log"]) == ("done", ["x", "y", "x", "y"])


def test_a_local_field_stays_in_a_sub_graph(execute: Execute) -> None:
    """S6.5, S12.1: an entry is a scope."""
    answers = says(x={"note": "inside"}, y=lambda call: {"word": call.view["note"]})
    outcome = execute(outer_graph(inner_graph()).plan(), {"note": "outside", "m": 1}, answers, first)
    assert (outcome.state["note"], outcome.state["word"]) == ("outside", "inside")


def test_a_graph_may_contain_itself(execute: Execute) -> None:
    """S12.2, S17: it ends by its conditions; else ``TooDeep`` is an error of the node."""

    def nesting(depth: int) -> Declaration[State]:
        graph = Declaration("nesting", State, limits=Limits(depth=depth))
        (a,) = nodes(graph, "a")
        sub = graph.node(graph, name="sub")
        graph.edge(START, a)
        graph.edge(a, sub, when=state.total < 3)
        graph.edge(a, END)
        graph.edge(sub, END)
        return graph

    outcome = execute(nesting(3).plan(), {}, says(a={"total": 1}), first)
    assert path(outcome) == ["a:1", "sub:1/a:1", "sub:1/sub:1/a:1", "sub:1/sub:1", "sub:1"]
    outcome = execute(nesting(2).plan(), {}, says(a={"total": 1}), first)
    assert (outcome.status, type(outcome.error), outcome.state["total"]) == ("failed", TooDeep, 1)


def test_a_sub_graph_inside_a_branch(execute: Execute) -> None:
    """S12.1: its updates take part in the merge where its node stands."""
    graph = Declaration("outer", State)
    a, b, c, j = nodes(graph, "a b c j")
    sub = graph.node(inner_graph(), name="sub")
    graph.edge(START, a)
    graph.fork(a, [b, c], join=j)
    graph.chain(b, sub, j)
    graph.edge(j, END)
    log = {name: lambda call: {"log": call.node.name} for name in "bcxy"}
    outcome = execute(graph.plan(), {}, says(**log), last)
    assert outcome.state["log"] == ["b", "x", "y", "x", "y", "c"]
    assert "a:1[0]/sub:1/y:2" in path(outcome)


class Draft(BaseModel):
    """A state of its own."""

    number: int
    lines: list[str] = []


def draft(state: Draft) -> dict[str, object]:
    raise AssertionError("The oracle answers for nodes.")


def test_a_sub_graph_with_a_state_of_its_own(execute: Execute) -> None:
    """S12.1: ``reads`` and ``writes`` map fields at its border."""
    inner = Declaration("inner", Draft)
    x = inner.node(draft, name="x")
    inner.chain(START, x, END)
    outer = outer_graph(inner, reads={"number": "n"}, writes={"m": "number"})
    outcome = execute(outer.plan(), {"n": 4}, says(x=lambda call: {"number": call.view["number"] + 1}), first)
    assert (outcome.state["n"], outcome.state["m"]) == (4, 5)


def test_a_field_mapped_in_and_out_hands_over_its_updates(execute: Execute) -> None:
    """S12.1: not the whole list once more."""

    class Lines(BaseModel):
        lines: Annotated[list[str], append] = []

    def write(state: Lines) -> dict[str, object]:
        raise AssertionError("The oracle answers for nodes.")

    inner = Declaration("inner", Lines)
    inner.chain(START, inner.node(write, name="x"), inner.node(write, name="y"), END)
    outer = outer_graph(inner, reads={"lines": "log"}, writes={"log": "lines"})
    answers = says(x={"lines": "x"}, y=lambda call: {"lines": f"y after {call.view['lines']}"})
    assert execute(outer.plan(), {"log": ["a"], "m": 1}, answers, first).state["log"] == [
        "a",
        "x",
        "y after ['a', 'x']",
    ]


def test_a_plain_field_hands_over_whole_values(execute: Execute) -> None:
    """S12.1: where the outer field has a reducer, they replace."""
    inner = Declaration("inner", Draft)
    inner.chain(START, inner.node(draft, name="x"), END)
    outer = outer_graph(inner, reads={"number": "total"}, writes={"total": "number"})
    answers = says(x=lambda call: {"number": call.view["number"] + 1})
    assert execute(outer.plan(), {"total": 5, "m": 1}, answers, first).state["total"] == 6
