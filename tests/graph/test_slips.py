"""Slips of the pen: a misspelt field, option or name is told with the one that was probably meant."""

from __future__ import annotations

import math
from typing import Any, Literal, NamedTuple, TypedDict

import pytest
from pydantic import BaseModel

from graphflow import END, START, Agent, Graph, RunFailed, fields, patterns, quorum
from graphflow.errors import DeclarationError, GuardFailed, InputInvalid, slip_of
from graphflow.graph.places import at_the_line
from graphflow.testing.virtual import run_virtual


class State(BaseModel):
    score: int = 0
    items: list[str] = []
    kind: Literal["refund", "question"] = "refund"


class Needy(BaseModel):
    topic: str
    words: int


class Other(BaseModel):
    topic: str = ""


state = fields(State)


def work(view: State) -> None:
    """A node that does nothing."""


def graph_when(condition: Any) -> Graph[State]:
    graph = Graph("guarded", State)
    node = graph.node(work)
    graph.edge(START, node)
    graph.edge(node, END, when=condition)
    graph.edge(node, END)
    return graph


def long(view: Any) -> bool:
    return len(view.itmes) > 3


@pytest.mark.parametrize(
    ("condition", "field"),
    [
        (lambda view: view.scoer > 3, "score"),
        (long, "items"),
        (lambda view: view.score > 3 and view.knd == "x", "kind"),
    ],
)
def test_a_predicate_with_a_misspelt_field_is_refused_where_it_is_given(condition: Any, field: str) -> None:
    """S5.1: not at some state of some run, and not with advice about None."""
    with pytest.raises(DeclarationError) as caught:
        graph_when(condition)
    assert (caught.value.code, caught.value.fix) == ("GF102", f"Did you mean {field!r}?")


class Open(BaseModel):
    score: int = 0

    @property
    def is_good(self) -> bool:
        return self.score > 3

    def __getattr__(self, name: str) -> Any:
        if name == "scored":
            return True
        raise AttributeError(name)


def test_what_the_state_can_do_is_no_misspelt_field() -> None:
    graph = Graph("open", Open)
    node = graph.node(lambda view: None, name="work")
    graph.edge(START, node)
    graph.edge(node, END, when=lambda view: view.is_good)
    graph.edge(node, END, when=lambda view: view.scored)
    graph.edge(node, END, when=lambda view: [view.x for view in [math]] == [])
    graph.edge(node, END)
    assert graph.run_sync(Open(score=5)).status == "done"


def guard_error(condition: Any) -> GuardFailed:
    with pytest.raises(RunFailed) as caught:
        run_virtual(graph_when(condition).run(State()))
    assert isinstance(caught.value.__cause__, GuardFailed)
    return caught.value.__cause__


def test_a_condition_that_raises_is_told_what_fits_its_error() -> None:
    """S5.4."""
    assert guard_error(lambda view: math.sqr(view.score) > 3).fix == "Did you mean 'sqrt'? math has no 'sqr'."
    assert guard_error(lambda view: view.score > None).fix.startswith("Compare with None first, or use an expression")
    assert "None" not in guard_error(lambda view: 1 // view.score > 3).fix


def failed_with(node: Any) -> RunFailed:
    graph = Graph("slips", State)
    graph.chain(START, graph.node(node, name="work"), END)
    with pytest.raises(RunFailed) as caught:
        run_virtual(graph.run(State()))
    return caught.value


def in_node(view: Any) -> None:
    view.itmes.append("x")


def in_module(view: State) -> None:
    math.sqr(4)


def in_list(view: State) -> None:
    view.items.apend("x")  # type: ignore[attr-defined]


def unknown_name(view: State) -> None:
    scroe = 3
    print(scroee + scroe)  # type: ignore[name-defined]  # noqa: F821


@pytest.mark.parametrize(
    ("node", "fix"),
    [
        (in_node, "Did you mean 'items'? The fields are score, items, kind."),
        (in_module, "Did you mean 'sqrt'? math has no 'sqr'."),
        (in_list, "Did you mean 'append'? A list has no 'apend'."),
        (unknown_name, "Did you mean 'scroe'? Nothing is called 'scroee' there."),
    ],
)
def test_a_misspelt_name_in_a_node(node: Any, fix: str) -> None:
    error = failed_with(node)
    assert error.fix.startswith(fix + "\n")
    assert slip_of(error.__cause__) == fix  # type: ignore[arg-type]


def test_any_other_error_is_no_slip() -> None:
    assert slip_of(ValueError("no")) == slip_of(KeyError("n")) == slip_of(UnboundLocalError("x")) == ""


def test_the_traceback_of_a_failed_run_begins_with_the_users_own_line() -> None:
    cause = failed_with(in_module).__cause__
    assert cause is not None
    assert cause.__traceback__ is not None
    assert cause.__traceback__.tb_frame.f_code is in_module.__code__


class Typed(TypedDict):
    n: int


class Named(NamedTuple):
    n: int


@pytest.mark.parametrize(
    ("given", "name", "fix"),
    [(dict, "dict", "class State(BaseModel)"), (Typed, "Typed", "class Typed(BaseModel)"), (Named, "Named", "class Named(BaseModel)")],
)  # fmt: skip
def test_a_state_that_is_no_model(given: Any, name: str, fix: str) -> None:
    """S1.1."""
    with pytest.raises(DeclarationError) as caught:
        Graph("d", given)
    assert (caught.value.code, caught.value.what) == ("GF110", f"The state of a graph cannot be {name}")
    assert fix in caught.value.fix


@pytest.mark.parametrize(
    ("given", "what"),
    [(Needy, "the class Needy"), (Other(), "Other(topic='')"), (None, "None"), ("owls", "'owls'"), (Other, "the class Other")],
)  # fmt: skip
def test_a_run_that_is_given_no_instance(given: Any, what: str) -> None:
    """S1.1: nothing has started."""
    graph = Graph("needy", Needy)
    graph.chain(START, graph.node(lambda view: None, name="work"), END)
    with pytest.raises(InputInvalid) as caught:
        graph.run_sync(given)
    assert caught.value.what == f"The state for graph 'needy' cannot be {what}"
    assert caught.value.fix == "Give an instance: graph.run(Needy(topic=..., words=...))."


@pytest.mark.parametrize(
    ("call", "said"),
    [
        (lambda graph, node: graph.edge(node), "graph.edge() missing 1 required positional argument: 'target'. It takes source, target,"),
        (lambda graph, node: graph.edge(node, END, whn=True), "graph.edge() got an unexpected keyword argument 'whn'. Did you mean 'when'?"),
        (lambda graph, node: graph.map(node, node), "graph.map() missing 2 required keyword-only arguments: 'over' and 'join'"),
        (lambda graph, node: Graph("g"), "Graph() missing 1 required positional argument: 'state'. It takes name, state,"),
        (lambda graph, node: Graph("g", State, purpos="x"), "Graph() got an unexpected keyword argument 'purpos'. Did you mean 'purpose'?"),
        (lambda graph, node: Agent("a", "b", prompt="c", modle="d"), "Agent() got an unexpected keyword argument 'modle'. Did you mean 'model'?"),
        (lambda graph, node: patterns.pipeline([node]), "pipeline() takes 0 positional arguments but 1 was given"),
    ],
)  # fmt: skip
def test_wrong_arguments_are_told_in_the_words_of_users(call: Any, said: str) -> None:
    graph = Graph("g", State)
    with pytest.raises(TypeError) as caught:
        call(graph, graph.node(work))
    assert str(caught.value).startswith(said)


def test_a_type_error_from_within_is_left_alone() -> None:
    @at_the_line
    def declare(name: str) -> None:
        raise TypeError("from within")

    with pytest.raises(TypeError, match=r"^from within$"):
        declare("a")


def test_a_finding_says_how_bad_it_is() -> None:
    graph = graph_when(state.score >= 3)
    graph.node(work, name="lost")
    findings = graph.check()
    assert [str(one).splitlines()[0] for one in findings][:1] == [
        f"[{findings[0].code}] {findings[0].severity}: {findings[0].what}"
    ]
    assert f"[{findings[0].code}] {findings[0].what}" in str(findings)  # where it stands under a heading that says so


def test_a_join_that_cannot_fire_is_an_error_of_the_join() -> None:
    """S8.3: told with the join's name, and the fork's line."""
    graph = Graph("joining", State)
    plan = graph.node(work, name="plan")

    @graph.node
    def branch(view: State, item: str) -> None:
        raise ValueError(f"bad {item}")

    gather = graph.point("gather")
    graph.edge(START, plan)
    graph.map(plan, branch, over=state.items, join=gather, need=quorum(2))
    graph.edge(gather, END)
    with pytest.raises(RunFailed) as caught:
        run_virtual(graph.run(State(items=["a", "b"])))
    assert "failed at the join 'gather' of plan:1: Join 'gather' cannot fire" in caught.value.what
    assert caught.value.run.failures[-1].node == "gather"
    assert [step.node for step in caught.value.run.steps if step.kind == "failed"][-1] == "gather"
