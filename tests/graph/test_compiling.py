"""From declaration to plan: indexes, what is implied, regions, graphs inside, fingerprints (S1.3, S6.2, S12)."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Annotated, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import BaseModel, Field

from graphflow.core.plan import Limit, Limits, Need, Plan, Retry
from graphflow.core.reducers import append, local
from graphflow.errors import GraphError
from graphflow.graph.context import Context
from graphflow.graph.declaration import Declaration
from graphflow.graph.ends import END, FAIL, START
from graphflow.graph.expressions import ITEM, fields
from graphflow.graph.handles import Handle
from graphflow.graph.needs import best_effort, quorum


class State(BaseModel):
    n: int = 0
    items: list[str] = []
    groups: list[list[int]] = []
    tags: set[str] = set()
    log: Annotated[list[str], append] = []
    note: Annotated[str, local] = ""


state = fields(State)


def graph_of(*names: str) -> tuple[Declaration[State], list[Handle]]:
    graph = Declaration("g", State)
    return graph, [graph.point(name) for name in names]


def named(plan: Plan, indexes: Any) -> set[str]:
    return {plan.nodes[index].name for index in indexes}


def test_nodes_stand_in_the_order_declared_and_ends_where_they_are_led_to() -> None:
    graph, (a, b) = graph_of("a", "b")
    graph.edge(START, b)
    graph.edge(b, FAIL("no"), when=state.n > 1)
    graph.edge(b, a)
    graph.edge(a, END)
    plan = graph.plan()
    assert [(node.index, node.name, node.kind) for node in plan.nodes] == [
        (0, "START", "start"),
        (1, "a", "point"),
        (2, "b", "point"),
        (3, "FAIL: no", "fail"),
        (4, "END", "end"),
    ]
    assert plan.nodes[3].reason == "no"


def test_one_end_each_and_one_fail_for_each_reason() -> None:
    graph, (a,) = graph_of("a")
    graph.edge(START, a)
    for target in (END, FAIL("x"), FAIL("y"), FAIL("x"), FAIL, END):
        graph.edge(a, target, when=state.n > 1)
    assert [node.name for node in graph.plan().nodes] == ["START", "a", "END", "FAIL: x", "FAIL: y", "FAIL"]


def test_an_end_nobody_leads_to_is_no_node() -> None:
    graph, (a,) = graph_of("a")
    graph.edge(START, a)
    assert [node.name for node in graph.plan().nodes] == ["START", "a"]


def test_edges_are_tried_in_the_order_declared() -> None:
    """S4.2: whatever their kind, ordinary edges, forks and maps keep one order."""
    graph, (a, b, c) = graph_of("a", "b", "c")
    graph.edge(START, a)
    graph.map(a, b, over=state.items, join=c, when=state.n > 2)
    graph.edge(a, b, when=state.n > 1)
    graph.fork(a, [b], join=c, when=state.n > 0)
    graph.edge(a, END)
    kinds = [edge.kind for edge in graph.plan().node("a").exits]
    assert kinds == ["map", "edge", "fork", "edge"]


def test_names_may_be_used_before_they_are_declared() -> None:
    graph = Declaration("g", State)
    graph.chain(START, "first", "second", END)
    graph.fork("first", ["second"], join="third", when=state.n > 0)
    for name in ("first", "second", "third"):
        graph.point(name)
    plan = graph.plan()
    assert [named(plan, edge.targets) for edge in plan.node("first").exits] == [{"second"}, {"second"}]


def test_every_limit_on_an_edge() -> None:
    """S4.5."""
    graph, (a,) = graph_of("a")
    shared = Limit(2)
    graph.edge(START, a, at_most=0)
    graph.edge(a, a, at_most=shared)
    graph.edge(a, a, at_most="unbounded")
    graph.fork(a, [a], join=END, at_most=shared)
    edges = graph.plan().edges
    assert [(edge.at_most, edge.unbounded) for edge in edges] == [
        (0, False),
        (None, False),
        (None, True),
        (None, False),
    ]
    assert edges[1].limit is edges[3].limit is shared


def test_needs_and_what_they_mean_for_failures() -> None:
    """S6.6, S6.7."""
    graph, (a, b) = graph_of("a", "b")
    for need in ("all", "first", quorum(2), best_effort(at_least=1, within_s=2.5)):
        graph.fork(a, [b], join=END, need=need)  # type: ignore[arg-type]
    graph.fork(a, [b], join=END, need=state.n > 3)
    graph.fork(a, [b], join=END, need=lambda s: s.n > 3)
    graph.fork(a, [b], join=END, failures="collect", at_once=2, state="shared")
    graph.fork(a, [b], join=END, need=quorum(1), failures="stop")
    edges = graph.plan().node("a").exits
    assert [edge.need for edge in edges[:4]] == [
        Need(),
        Need("quorum", 1),
        Need("quorum", 2),
        Need("best_effort", 1, 2.5),
    ]
    assert [(edge.need.kind, str(edge.need)) for edge in edges[4:6]] == [("condition", "n > 3")] * 2
    assert [edge.failures for edge in edges] == ["stop", *["collect"] * 6, "stop"]
    assert (edges[6].at_once, edges[6].shared, edges[5].shared) == (2, True, False)


class TestImplied:
    """S6.2: a target without edges of its own leads to the join."""

    def test_a_target_without_edges_leads_to_the_join(self) -> None:
        graph, (a, b, c, join) = graph_of("a", "b", "c", "join")
        graph.chain(START, a)
        graph.fork(a, [b, c], join=join)
        graph.edge(b, c)
        graph.edge(join, END)
        plan = graph.plan()
        assert [named(plan, edge.targets) for edge in plan.node("b").exits] == [{"c"}]
        assert [named(plan, edge.targets) for edge in plan.node("c").exits] == [{"join"}]
        implied = plan.node("c").exits[0]
        assert implied.place == plan.node("a").exits[0].place
        assert plan.edges[implied.index] is implied

    def test_other_nodes_of_the_region_are_left_alone(self) -> None:
        graph, (a, b, c, join) = graph_of("a", "b", "c", "join")
        graph.fork(a, [b], join=join)
        graph.edge(b, c)
        assert graph.plan().node("c").exits == ()

    def test_two_forks_with_one_target_give_it_one_edge(self) -> None:
        graph, (a, b, join) = graph_of("a", "b", "join")
        graph.fork(a, [b], join=join, when=state.n > 1)
        graph.map(a, b, over=state.items, join=join)
        assert len(graph.plan().node("b").exits) == 1

    def test_the_join_does_not_lead_to_itself(self) -> None:
        graph, (a, b, join) = graph_of("a", "b", "join")
        graph.fork(a, [b, join], join=join)
        assert graph.plan().node("join").exits == ()

    def test_the_join_may_be_the_end(self) -> None:
        graph, (a, b) = graph_of("a", "b")
        graph.fork(a, [b], join=END)
        plan = graph.plan()
        assert named(plan, plan.node("b").exits[0].targets) == {"END"}


class TestRegions:
    """S6.2: the nodes between a fork and its join."""

    def test_regions_nest(self) -> None:
        graph, (a, b, c, d, inner, outer) = graph_of("a", "b", "c", "d", "inner", "outer")
        graph.chain(START, a)
        graph.fork(a, [b], join=outer)
        graph.map(b, c, over=state.items, join=inner)
        graph.edge(c, d)
        graph.edge(d, inner)
        graph.edge(inner, outer)
        graph.edge(outer, END)
        plan = graph.plan()
        first, second = (edge.index for edge in plan.edges if edge.join is not None)
        assert named(plan, plan.regions[first]) == {"b", "c", "d", "inner"}
        assert named(plan, plan.regions[second]) == {"c", "d"}
        regions = {node.name: node.region for node in plan.nodes}
        assert regions == {
            "START": None, "a": None, "b": first, "c": second, "d": second, "inner": first, "outer": None, "END": None,
        }  # fmt: skip

    def test_the_way_straight_to_a_join_inside_is_followed(self) -> None:
        """S6.1: an inner map of no items goes straight on."""
        graph, (a, b, c, inner, outer) = graph_of("a", "b", "c", "inner", "outer")
        graph.fork(a, [b], join=outer)
        graph.map(b, c, over=state.items, join=inner)
        graph.edge(c, c)
        plan = graph.plan()
        assert named(plan, plan.regions[0]) == {"b", "c", "inner"}

    def test_edges_of_every_kind_are_followed(self) -> None:
        graph = Declaration("g", State)
        nodes = [graph.node(lambda s: None, name=name) for name in "abcdef"]
        a, b, c, d, e, f = nodes
        graph.fork(a, [b], join=f)
        graph.edge(b, c, on_error=ValueError)
        graph.edge(c, d, after_s=1)
        graph.handoff(d, e, "go")
        graph.edge(e, b)
        plan = graph.plan()
        assert named(plan, plan.regions[0]) == {"b", "c", "d", "e"}

    def test_a_branch_that_breaks_out_still_gives_a_plan(self) -> None:
        graph, (a, b, c, join) = graph_of("a", "b", "c", "join")
        graph.fork(a, [b], join=join)
        graph.edge(b, END)
        graph.edge(b, a)
        graph.edge(b, c)
        plan = graph.plan()
        assert named(plan, plan.regions[0]) == {"b", "c"}


class TestOver:
    """S6.1: what a map goes over."""

    @pytest.mark.parametrize(
        ("over", "values", "items", "item_type"),
        [
            (state.items, {"items": ["b", "a"]}, ["b", "a"], str),
            (state.groups, {"groups": [[1], []]}, [[1], []], list[int]),
            (state.tags, {"tags": {"b", "a", "c"}}, ["a", "b", "c"], str),
        ],
    )
    def test_a_field(self, over: Any, values: dict[str, Any], items: list[Any], item_type: Any) -> None:
        graph, (a, b) = graph_of("a", "b")
        graph.map(a, b, over=over, join=END)
        found = graph.plan().edges[0].over
        assert found is not None
        assert found.items(values, ()) == items
        assert found.item_type == item_type
        assert found.field == found.label

    def test_items_are_the_branches_own(self) -> None:
        """S6.3: altering an item alters nobody else's."""
        graph, (a, b) = graph_of("a", "b")
        graph.map(a, b, over=state.groups, join=END)
        over = graph.plan().edges[0].over
        assert over is not None
        values = {"groups": [[1]]}
        next(iter(over.items(values, ()))).append(2)
        assert values == {"groups": [[1]]}

    def test_a_function_of_the_view(self) -> None:
        def longest(s: State) -> list[list[int]]:
            return [group for group in s.groups if len(group) > 1]

        graph, (a, b) = graph_of("a", "b")
        graph.map(a, b, over=longest, join=END)
        graph.map(a, b, over=lambda s: s.items[:1], join=END)
        first, second = (edge.over for edge in graph.plan().node("a").exits)
        assert first is not None
        assert second is not None
        values = {"groups": [[1], [1, 2]], "items": ["x", "y"]}
        assert first.items(values, ()) == [[1, 2]]
        assert (first.item_type, first.label, first.field) == (list[int], "longest", None)
        assert second.items(values, ()) == ["x"]
        assert second.item_type is Any

    def test_the_item_of_the_map_around(self) -> None:
        graph, (a, b) = graph_of("a", "b")
        graph.map(a, b, over=ITEM.parts, join=END)
        graph.map(a, b, over=lambda s, item: [s.items, item], join=END)
        first, second = (edge.over for edge in graph.plan().node("a").exits)

        class Whole(BaseModel):
            parts: list[int] = [1, 2]

        assert first is not None
        assert second is not None
        assert first.items({}, (Whole(),)) == [1, 2]
        assert second.items({"items": []}, ("outer", "inner")) == [[], "inner"]

    def test_an_item_of_the_wrong_type_is_found_behind_the_first_node_too(self) -> None:
        graph, (a, b) = graph_of("a", "b")

        @graph.node
        def deep(s: State, item: int) -> None: ...

        graph.map(a, b, over=state.items, join=END)
        graph.edge(b, deep)
        graph.edge(deep, END)
        with pytest.raises(GraphError, match="takes an item of type int, but the map gives str"):
            graph.plan()


class Inner(BaseModel):
    topic: str
    found: Annotated[list[str], append] = []


class TestSubGraphs:
    """S12.1, S12.2."""

    def inner(self) -> Declaration[Inner]:
        graph = Declaration("inner", Inner)

        @graph.node(writes="found")
        def look(s: Inner) -> str:
            return s.topic

        graph.chain(START, look, END)
        return graph

    def test_with_a_state_of_its_own(self) -> None:
        graph, (a,) = graph_of("a")
        inner = graph.node(self.inner(), reads={"topic": state.note}, writes={"log": "found"})
        graph.chain(START, a, inner, END)
        node = graph.plan().node("inner")
        assert node.kind == "graph"
        assert node.graph is not None
        assert (node.graph.inward, node.graph.outward) == ((("topic", "note"),), (("log", "found"),))
        assert node.writes.declared == {"log"}
        assert node.reads == {"note"}
        assert node.graph.plan().name == "inner"

    def test_fields_of_the_inner_graph_may_be_named_as_such(self) -> None:
        graph, _ = graph_of()
        graph.node(self.inner(), reads={"topic": "note"}, writes={"log": fields(Inner).found})
        node = graph.plan().nodes[1]
        assert node.graph is not None
        assert node.graph.outward == (("log", "found"),)

    def test_with_the_same_state_it_writes_what_its_nodes_write(self) -> None:
        inner = Declaration("inner", State)
        inner.node(lambda s: None, name="quiet", writes=())
        inner.node(lambda s: 1, name="count", writes=state.n)
        inner.node(lambda s: "", name="own", writes=state.note)  # local: stays inside (S6.5)
        graph, _ = graph_of()
        graph.node(inner, name="again", purpose="Once more")
        node = graph.plan().node("again")
        assert node.graph is not None
        assert (node.graph.inward, node.graph.outward) == (None, None)
        assert node.writes.declared == {"n"}
        assert node.purpose == "Once more"
        inner.node(lambda s: {}, name="silent")
        assert graph.plan().node("again").writes.declared is None

    def test_a_graph_may_contain_itself(self) -> None:
        graph, (a,) = graph_of("a")
        again = graph.node(graph, name="again")
        graph.edge(START, a)
        graph.edge(a, END, when=state.n > 3)
        graph.edge(a, again, at_most=1)
        graph.edge(again, END)
        plan = graph.plan()
        inside = plan.node("again").graph
        assert inside is not None
        assert inside.plan() is plan
        assert plan.node("again").writes.declared == set()

    def test_graphs_may_contain_each_other(self) -> None:
        first, second = Declaration("first", State), Declaration("second", State)
        first.chain(START, first.node(second), END)
        second.chain(START, second.node(first), second.node(lambda s: 1, name="n", writes=state.n), END)
        for graph, other in ((first, "second"), (second, "first")):
            inside = graph.plan().nodes[1].graph
            assert inside is not None
            assert inside.plan().name == other
            assert graph.plan().nodes[1].writes.declared == {"n"}

    def test_a_plan_stays_what_it_is_when_a_graph_inside_changes(self) -> None:
        """S1.3."""
        inner, (a,) = graph_of("a")
        inner.chain(START, a, END)
        graph = Declaration("outer", State)
        graph.chain(START, graph.node(inner), END)
        before = graph.plan()
        inner.point("late")
        after = graph.plan()
        assert before.nodes[1].graph is not None
        assert after.nodes[1].graph is not None
        assert len(before.nodes[1].graph.plan().nodes) + 1 == len(after.nodes[1].graph.plan().nodes)
        assert before.fingerprint != after.fingerprint

    def test_misspelt_names_inside_are_found_outside(self) -> None:
        inner, (a,) = graph_of("a")
        inner.edge(a, "nowhere")
        graph = Declaration("outer", State)
        graph.node(inner)
        with pytest.raises(GraphError) as caught:
            graph.plan()
        assert [(finding.code, finding.graph) for finding in caught.value.findings] == [("GF120", "g")]


def test_compiling_changes_nothing_and_is_done_once() -> None:
    """S1.3."""
    graph, (a,) = graph_of("a")
    graph.chain(START, a, END)
    before = repr(graph)
    plan = graph.plan()
    assert graph.plan() is plan
    assert repr(graph) == before
    graph.edge(a, END)
    assert graph.plan() is not plan
    assert len(plan.edges) == 2


def test_a_refused_line_declares_nothing() -> None:
    graph, (a,) = graph_of("a")
    plan = graph.plan()
    with pytest.raises(Exception, match="no node"):
        graph.chain(START, a, 3)  # type: ignore[arg-type]
    with pytest.raises(Exception, match="no Retry"):
        graph.node(lambda s: None, name="b", retry=3)  # type: ignore[call-overload]
    assert graph.plan() is plan


class TestCheck:
    def test_a_misspelt_name_is_taken_for_the_nearest_one_to_go_on(self) -> None:
        """All findings come at once: those of the names, and those of the graph as it is probably meant."""
        graph, (_, b) = graph_of("first", "b")
        graph.edge(START, "frist")
        graph.edge("first", END)
        graph.edge(b, END)
        found = graph.check()
        assert found[0].code == "GF120"
        assert found[0].fix == "Did you mean 'first'?"
        assert any(finding.nodes == ("b",) for finding in found[1:])
        assert not any("first" in finding.nodes for finding in found)

    def test_a_name_like_no_other_is_all_that_is_said(self) -> None:
        graph, (a,) = graph_of("a")
        graph.edge(START, "somewhere else")
        graph.edge(a, END)
        assert [finding.code for finding in graph.check()] == ["GF120"]

    def test_it_is_asked_anew_when_something_is_declared(self) -> None:
        graph, (a,) = graph_of("a")
        graph.edge(START, a)
        assert graph.check()
        assert graph.check() == graph.check()
        graph.edge(a, END)
        assert graph.check() == []


def small(**changes: Any) -> Declaration[State]:
    """A graph with one of everything, and changes to make to it."""
    graph = Declaration(changes.get("name", "g"), changes.get("state", State), limits=changes.get("limits", Limits()))

    def work(s: State, ctx: Context) -> None: ...

    a = graph.node(
        work, name=changes.get("node", "a"), retry=Retry(attempts=changes.get("attempts", 2)), reads=changes.get("reads"),
        writes=changes.get("writes"), timeout_s=changes.get("timeout_s"), at_once=changes.get("node_at_once"),
        blocking=changes.get("blocking", False),
    )  # fmt: skip
    b, ask = (
        graph.point("b"),
        graph.ask("ask", changes.get("question", "Well?"), answer=changes.get("answer", int), writes="n"),
    )
    graph.edge(START, a)
    graph.map(a, b, over=changes.get("over", state.items), join=ask, need=changes.get("need", "all"), when=state.n > 5)
    graph.edge(a, b, when=changes.get("when", state.n > 3), at_most=changes.get("at_most"))
    graph.edge(a, ask, on_error=changes.get("on_error", ValueError))
    graph.edge(a, ask, after_s=changes.get("after_s", 3))
    graph.handoff(a, b, changes.get("description", "go"), takes=changes.get("takes"), writes=changes.get("carried"))
    graph.edge(a, ask)
    graph.edge(b, ask)
    graph.edge(ask, changes.get("end", END))
    if "on_budget" in changes:
        graph.on_budget(b)
    return graph


class Wider(State):
    more: int = 0


class Stricter(State):
    n: Annotated[int, Field(ge=0)] = 0


CHANGES: list[dict[str, Any]] = [
    {"name": "h"},
    {"node": "c"},
    {"attempts": 3},
    {"reads": ("n",)},
    {"writes": ()},
    {"timeout_s": 3},
    {"node_at_once": 2},
    {"blocking": True},
    {"question": "Why?"},
    {"answer": float},
    {"over": state.tags},
    {"need": "first"},
    {"need": best_effort(at_least=1, within_s=3)},
    {"when": state.n > 4},
    {"at_most": 1},
    {"at_most": Limit(1)},
    {"at_most": "unbounded"},
    {"on_error": KeyError},
    {"after_s": 4},
    {"description": "stay"},
    {"takes": int, "carried": "n"},
    {"end": FAIL("x")},
    {"on_budget": True},
    {"state": Wider},
    {"state": Stricter},
    {"limits": Limits(steps=10)},
]


class TestFingerprint:
    """S1.3: names, edges, conditions, policies and the state's schema; not the code of functions."""

    @pytest.mark.parametrize("change", CHANGES, ids=str)
    def test_it_tells_graphs_apart(self, change: dict[str, Any]) -> None:
        assert small(**change).plan().fingerprint != small().plan().fingerprint

    def test_it_knows_nothing_of_lines_code_and_purposes(self) -> None:
        one, other = Declaration("g", State), Declaration("g", State)
        one.chain(START, one.node(lambda s: {"n": 1}, name="a", purpose="One"), END)

        other.chain(START, other.node(lambda s: {"n": 2}, name="a", purpose="Two"), END)
        assert one.plan().fingerprint == other.plan().fingerprint

    def test_a_shared_limit_is_not_two_limits(self) -> None:
        shared, (a,) = graph_of("a")
        own, (b,) = graph_of("a")
        limit = Limit(1)
        for _ in range(2):
            shared.edge(a, a, at_most=limit)
            own.edge(b, b, at_most=Limit(1))
        assert shared.plan().fingerprint != own.plan().fingerprint

    def test_it_is_the_same_in_every_process(self) -> None:
        code = (
            "from tests.graph.test_compiling import small; "
            "print(small(reads=('n', 'tags', 'items', 'log'), over=None or small.__globals__['state'].tags).plan().fingerprint)"
        )
        root = Path(__file__).parents[2]
        found = {
            subprocess.run(
                [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=root,
                env={"PYTHONHASHSEED": seed, "PYTHONPATH": str(root)},
            ).stdout
            for seed in ("1", "2")
        }  # fmt: skip
        assert len(found) == 1


@given(st.data())
@settings(max_examples=60, deadline=None)
def test_any_graph_compiles_whatever_is_wrong_with_it(data: st.DataObject) -> None:
    """plan() works on every structure whose names can be resolved; check says what is wrong."""
    graph, points = graph_of(*"abcde")
    node = st.sampled_from(points)
    for _ in range(data.draw(st.integers(0, 8))):
        kind = data.draw(st.sampled_from(["edge", "fork", "map"]))
        source = data.draw(st.sampled_from([START, *points]))
        if kind == "edge":
            graph.edge(source, data.draw(st.sampled_from([END, FAIL, *points])))
        elif kind == "fork":
            targets = data.draw(st.lists(node, min_size=1, max_size=3))
            graph.fork(source, targets, join=data.draw(st.sampled_from([END, *points])))
        else:
            graph.map(source, data.draw(node), over=state.items, join=data.draw(st.sampled_from([END, *points])))
    plan = graph.plan()
    for index, edge in enumerate(plan.edges):
        assert edge.index == index
        assert plan.nodes[edge.source].exits.count(edge) == 1
    for index, found in enumerate(plan.nodes):
        assert found.index == index
        assert found.region is None or found.index in plan.regions[found.region]
    for fork, members in plan.regions.items():
        edge = plan.edges[fork]
        assert not members & {edge.join, edge.source}
        assert set(edge.targets) - {edge.join, edge.source} <= members
