"""What one cursor does: steps (S3), edges (S4), guards (S5), handoffs (S9), questions (S10)."""

from __future__ import annotations

from typing import TypedDict

import pytest

from graphflow.core.plan import Limit, Limits
from graphflow.errors import Failed, GuardFailed, HandoffInvalid, NoWayOut, UpdateInvalid
from graphflow.graph.declaration import Declaration
from graphflow.graph.ends import END, FAIL, START
from graphflow.graph.expressions import fields
from tests.execution import WAITING, Execute, HandOff
from tests.small_graphs import State, fails, first, nodes, path, says, work

state = fields(State)


def line(names: str) -> Declaration[State]:
    """START through the named nodes to END."""
    graph = Declaration("line", State)
    graph.chain(START, *nodes(graph, names), END)
    return graph


def test_a_cursor_is_node_and_visit(execute: Execute) -> None:
    """S2.2, S4.6: a chain is its edges; each node is visited once."""
    outcome = execute(line("a b c").plan(), {}, says(), first)
    assert (outcome.status, path(outcome)) == ("done", ["a:1", "b:1", "c:1"])


def test_names_stand_in_paths_without_reserved_characters(execute: Execute) -> None:
    """S1.4: any printable text is a name."""
    graph = Declaration("line", State)
    graph.chain(START, graph.node(work, name="a/b:1[0]"), END)
    assert path(execute(graph.plan(), {}, says(), first)) == ["a%2Fb%3A1%5B0%5D:1"]


def test_only_what_an_update_names_changes(execute: Execute) -> None:
    """S3.1: an update holds the fields that change; an empty one changes nothing."""
    outcome = execute(line("a b").plan(), {"m": 7}, says(a={"n": 1, "word": None}), first)
    assert (outcome.state["n"], outcome.state["m"], outcome.state["word"]) == (1, 7, None)


def test_the_next_node_sees_the_update(execute: Execute) -> None:
    """S3.4: what passes between nodes is state."""
    outcome = execute(line("a b").plan(), {}, says(a={"n": 1}, b=lambda call: {"m": call.view["n"] + 1}), first)
    assert outcome.state["m"] == 2


@pytest.mark.parametrize("update", [{"nn": 1}, {"n": "many"}, {"small": 10}, {"small": 1, "n": []}, {"total": 101}])
def test_an_invalid_update_never_reaches_the_state(execute: Execute, update: dict[str, object]) -> None:
    """S3.3: an unknown field or an invalid value is an error of the node, and nothing of the update is kept."""
    outcome = execute(line("a b").plan(), {}, says(a=update), first)
    assert (outcome.status, type(outcome.error)) == ("failed", UpdateInvalid)
    assert outcome.state == execute(line("a").plan(), {}, says(), first).state


class Counts(TypedDict):
    """What a node says it writes."""

    n: int


def declared(state: State) -> Counts:
    raise AssertionError("The oracle answers for nodes.")


def test_a_write_that_was_not_declared(execute: Execute) -> None:
    """S3.5: a node may write what it declared and nothing else."""
    graph = Declaration("line", State)
    graph.chain(START, graph.node(declared, name="a"), END)
    assert type(execute(graph.plan(), {}, says(a={"n": 1, "log": "x"}), first).error) is UpdateInvalid


def test_the_first_enabled_edge_is_taken(execute: Execute) -> None:
    """S4.1, S4.2: edges are tried in the order declared, and exactly one is taken."""
    graph = Declaration("choice", State)
    a, b, c, d = nodes(graph, "a b c d")
    graph.edge(START, a)
    graph.edge(a, b, when=state.n > 5)
    graph.edge(a, c, when=state.n > 3)
    graph.edge(a, d)
    for node in (b, c, d):
        graph.edge(node, END)
    taken = [path(execute(graph.plan(), {}, says(a={"n": n}), first))[1:] for n in (9, 4, 0)]
    assert taken == [["b:1"], ["c:1"], ["d:1"]]


def test_a_switch_compares_for_equality_in_order(execute: Execute) -> None:
    """S4.6: a switch is guarded edges, and ``otherwise`` the last of them."""
    graph = Declaration("switch", State)
    a, b, c, d = nodes(graph, "a b c d")
    graph.edge(START, a)
    graph.switch(a, state.word, {"b": b, "c": c}, otherwise=d)
    for node in (b, c, d):
        graph.edge(node, END)
    taken = [path(execute(graph.plan(), {}, says(a={"word": word}), first))[1] for word in ("b", "c", "x", None)]
    assert taken == ["b:1", "c:1", "d:1", "d:1"]


def test_a_comparison_with_none_is_false_and_unequal_is_true(execute: Execute) -> None:
    """S5.3: no guard raises on None."""
    graph = Declaration("none", State)
    a, b, c = nodes(graph, "a b c")
    graph.edge(START, a)
    graph.edge(a, b, when=state.word >= "a")
    graph.edge(a, c, when=state.word != "a")
    graph.edge(a, END)
    graph.edge(b, END)
    graph.edge(c, END)
    assert path(execute(graph.plan(), {}, says(), first)) == ["a:1", "c:1"]


def loop(at_most: int | Limit | str) -> Declaration[State]:
    graph = Declaration("loop", State)
    a, b = nodes(graph, "a b")
    graph.edge(START, a)
    graph.edge(a, b)
    graph.edge(b, a, when=state.n == 0, at_most=at_most)
    graph.edge(b, END)
    return graph


@pytest.mark.parametrize("at_most", [0, 1, 3])
def test_at_most_counts_takings(execute: Execute, at_most: int) -> None:
    """S4.5: an edge whose ``at_most`` is used up is not enabled; 0 is legal."""
    outcome = execute(loop(at_most).plan(), {}, says(), first)
    assert path(outcome) == [f"{name}:{visit}" for visit in range(1, at_most + 2) for name in "ab"]


def test_a_condition_ends_an_unbounded_loop(execute: Execute) -> None:
    """S4.5: ``at_most="unbounded"`` says that the conditions end it."""
    outcome = execute(loop("unbounded").plan(), {}, says(b=lambda call: {"n": int(call.visit == 12)}), first)
    assert (outcome.status, len(path(outcome))) == ("done", 24)


def test_the_step_limit_is_the_last_resort(execute: Execute) -> None:
    """S4.5, S17: a loop that nothing ends is ended by the run's step limit."""
    graph = Declaration("loop", State, limits=Limits(steps=10))
    a, b = nodes(graph, "a b")
    graph.edge(START, a)
    graph.edge(a, b)
    graph.edge(b, a, when=state.n == 0, at_most="unbounded")
    graph.edge(b, END)
    outcome = execute(graph.plan(), {}, says(), first)
    assert (outcome.status, len(path(outcome))) == ("exhausted", 10)


@pytest.mark.parametrize("kind", ["point", "ask"])
def test_every_visit_of_a_node_is_a_step(execute: Execute, kind: str) -> None:
    """S4.5, S13.1: also of a point or a question, so that a loop of those comes to an end too."""
    graph = Declaration("loop", State, limits=Limits(steps=10))
    node = graph.point("p") if kind == "point" else graph.ask("p", "Go on?", answer=int, writes=state.best)
    graph.edge(START, node)
    graph.edge(node, node, when=state.n == 0, at_most="unbounded")
    graph.edge(node, END)
    outcome = execute(graph.plan(), {}, says(p={"best": 1}), first)
    assert (outcome.status, len(path(outcome))) == ("exhausted", 10)


def test_one_limit_shared_by_two_edges_is_one_count(execute: Execute) -> None:
    """S4.5: ``Limit(n)`` is one count; an equal one elsewhere is another."""
    graph = Declaration("shared", State)
    again, same = Limit(3), Limit(3)
    a, b, c = nodes(graph, "a b c")
    graph.edge(START, a)
    graph.edge(a, b, when=state.n == 0, at_most=again)
    graph.edge(a, c, at_most=again)
    graph.edge(a, END)
    graph.edge(b, a, at_most=same)
    graph.edge(b, END)
    graph.edge(c, a, at_most=same)
    graph.edge(c, END)
    outcome = execute(graph.plan(), {}, says(a=[{"n": 0}, {"n": 1}]), first)
    assert path(outcome) == ["a:1", "b:1", "a:2", "c:1", "a:3", "c:2", "a:4"]


def test_an_outer_loop_does_not_reset_an_inner_one(execute: Execute) -> None:
    """S4.5: takings count in the scope, however often it comes by."""
    graph = Declaration("loops", State)
    a, b, c = nodes(graph, "a b c")
    graph.chain(START, a, b)
    graph.edge(b, a, at_most=2)
    graph.edge(b, c)
    graph.edge(c, a, at_most=1)
    graph.edge(c, END)
    cursors = path(execute(graph.plan(), {}, says(), first))
    assert cursors == ["a:1", "b:1", "a:2", "b:2", "a:3", "b:3", "c:1", "a:4", "b:4", "c:2"]


def stuck() -> Declaration[State]:
    graph = Declaration("stuck", State)
    a, b = nodes(graph, "a b", retry=None)
    graph.edge(START, a)
    graph.edge(a, END, when=state.n > 3)
    graph.edge(a, b, on_error=Exception)
    graph.edge(b, END)
    return graph


def test_no_way_out_keeps_the_update_and_is_not_caught_at_its_node(execute: Execute) -> None:
    """S3.2, S4.4, S8.3: the update is committed; the cursor stays at the exit; the node's own error edges are no way."""
    outcome = execute(stuck().plan(), {}, says(a={"n": 2}), first)
    assert (outcome.status, type(outcome.error), outcome.state["n"]) == ("failed", NoWayOut, 2)
    assert [(step.cursor, step.edge) for step in outcome.steps][-1] == ("a:1", None)


def test_a_guard_that_raises(execute: Execute) -> None:
    """S5.4: it is an error that climbs like NoWayOut, and the update stays."""
    graph = Declaration("raising", State)
    a, b = nodes(graph, "a b")
    graph.edge(START, a)
    graph.edge(a, END, when=lambda view: 1 // view.n == 1)
    graph.edge(a, b)
    graph.edge(a, b, on_error=Exception)
    graph.edge(b, END)
    outcome = execute(graph.plan(), {}, says(a={"m": 5}), first)
    assert (outcome.status, type(outcome.error), outcome.state["m"]) == ("failed", GuardFailed, 5)


def test_fail_is_an_end_with_a_reason(execute: Execute) -> None:
    """S1.1, S14.1: an edge to FAIL fails the run, and the state is kept."""
    graph = Declaration("fail", State)
    (a,) = nodes(graph, "a")
    graph.edge(START, a)
    graph.edge(a, END, when=state.n > 3)
    graph.edge(a, FAIL("n is too small"))
    outcome = execute(graph.plan(), {}, says(a={"n": 2}), first)
    assert (outcome.status, type(outcome.error), outcome.state["n"]) == ("failed", Failed, 2)
    assert "n is too small" in str(outcome.error)


def test_a_point_does_nothing(execute: Execute) -> None:
    """S1.4: it is visited, and changes nothing."""
    graph = Declaration("point", State)
    (a,) = nodes(graph, "a")
    graph.chain(START, a, graph.point("p"), END)
    outcome = execute(graph.plan(), {}, says(a={"n": 2}), first)
    assert (path(outcome), outcome.state["n"]) == (["a:1", "p:1"], 2)


def desk(*, has_edge: bool) -> Declaration[State]:
    graph = Declaration("desk", State)
    a, b, c, d = nodes(graph, "a b c d")
    graph.edge(START, a)
    graph.handoff(a, b, "takes n", when=state.n > 3)
    graph.handoff(a, c, "takes all", at_most=1)
    graph.handoff(a, END, "done")
    if has_edge:
        graph.edge(a, d)
    graph.edge(b, END)
    graph.edge(c, a)
    graph.edge(d, END)
    return graph


def test_a_node_chooses_its_handoff(execute: Execute) -> None:
    """S9.1: the handoff the node names is taken, with its update; END may be one."""
    replies = [HandOff("c", {"m": 1}), HandOff("b", {"n": 4})]
    outcome = execute(desk(has_edge=True).plan(), {}, says(a=replies), first)
    assert (path(outcome), outcome.state["m"], outcome.state["n"]) == (["a:1", "c:1", "a:2", "b:1"], 1, 4)
    assert path(execute(desk(has_edge=True).plan(), {}, says(a=HandOff("END")), first)) == ["a:1"]


@pytest.mark.parametrize(
    "replies", [HandOff("b", {"n": 3}), HandOff("d"), HandOff("nobody"), [HandOff("c"), HandOff("c")]]
)
def test_a_handoff_that_is_not_declared_or_not_enabled(execute: Execute, replies: object) -> None:
    """S9.2: it is an error of the node, and its update is not kept."""
    outcome = execute(desk(has_edge=True).plan(), {}, says(a=replies), first)
    assert (outcome.status, type(outcome.error), outcome.state["n"]) == ("failed", HandoffInvalid, 0)


def test_a_node_that_chooses_none_goes_on_by_its_edges(execute: Execute) -> None:
    """S9.3: if it has any; with handoffs only it must choose."""
    assert path(execute(desk(has_edge=True).plan(), {}, says(), first)) == ["a:1", "d:1"]
    graph = Declaration("must choose", State)
    a, b = nodes(graph, "a b")
    graph.edge(START, a)
    graph.handoff(a, b, "takes all")
    graph.edge(b, END)
    assert type(execute(graph.plan(), {}, says(), first).error) is HandoffInvalid


def question() -> Declaration[State]:
    graph = Declaration("question", State)
    (b,) = nodes(graph, "b")
    ask = graph.ask("sure", "Sure?", answer=bool, writes=state.n)
    graph.chain(START, ask, b, END)
    return graph


def test_a_run_with_only_questions_left_is_waiting(execute: Execute) -> None:
    """S10.1, S10.2: the question is the cursor."""
    outcome = execute(question().plan(), {}, says(sure=WAITING), first)
    assert (outcome.status, outcome.questions, path(outcome)) == ("waiting", ["sure:1"], [])


def test_an_answer_is_an_update(execute: Execute) -> None:
    """S10.1: the answer goes where the question's ``writes`` say."""
    outcome = execute(question().plan(), {}, says(sure={"n": 1}), first)
    assert (outcome.status, path(outcome), outcome.state["n"]) == ("done", ["sure:1", "b:1"], 1)


def test_an_uncaught_error_fails_the_run(execute: Execute) -> None:
    """S8.3, S14.1: the run is failed; the state holds nothing of the attempt."""
    outcome = execute(line("a b").plan(), {}, says(a={"n": 1}, b=fails()), first)
    assert (outcome.status, outcome.state["n"], path(outcome)[0]) == ("failed", 1, "a:1")
