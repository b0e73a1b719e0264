"""Laws of ``check`` over any plan, sound or broken: it never raises, always says the same, and agrees with brute force."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import networkx as nx
from hypothesis import given, settings
from hypothesis import strategies as st

from graphflow.core.plan import Edge, EdgeKind, Limits, Node, NodeKind, Plan
from graphflow.core.schema import Schema
from graphflow.graph.check import check
from graphflow.graph.check.cycles import knots, to_limit, unlimited
from graphflow.graph.check.structure import Structure
from tests.graph.check.texts import Story
from tests.random_graphs import Scenario, scenarios

_KINDS: tuple[NodeKind, ...] = ("function", "agent", "point", "ask")
_SCHEMA = Schema(Story)


@st.composite
def wild_plans(draw: st.DrawFn, kinds: tuple[EdgeKind, ...]) -> Plan:
    """A plan of up to seven nodes whose edges go anywhere."""
    count = draw(st.integers(1, 7))
    nodes = [Node(0, "START", "start")]
    nodes += [Node(n, f"n{n}", draw(st.sampled_from(_KINDS))) for n in range(1, count + 1)]
    end = count + 1
    nodes.append(Node(end, "END", "end"))
    edges: list[Edge] = []
    for index in range(draw(st.integers(0, 2 * count))):
        kind = draw(st.sampled_from(kinds))
        source, target = draw(st.integers(0, count)), draw(st.integers(1, end))
        at_most = draw(st.sampled_from([None, None, 0, 2]))
        more: dict[str, Any] = {}
        targets = (target,)
        if kind == "fork":
            targets = tuple(draw(st.lists(st.integers(1, count), min_size=1, max_size=3)))
            more["join"] = draw(st.integers(1, end))
        if kind == "timer":
            more["after_s"] = float(draw(st.integers(1, 3)))
        if kind == "error":
            more["errors"] = (draw(st.sampled_from([ValueError, Exception, KeyError])),)
        edges.append(Edge(index, kind, source, targets, at_most=at_most, **more))
    return compiled(nodes, edges)


def compiled(nodes: list[Node], edges: list[Edge]) -> Plan:
    def of(node: Node, *kinds: EdgeKind) -> tuple[Edge, ...]:
        return tuple(edge for edge in edges if edge.source == node.index and edge.kind in kinds)

    connected = [
        replace(
            node,
            exits=of(node, "edge", "fork", "map"),
            handoffs=of(node, "handoff"),
            error_edges=of(node, "error"),
            timer_edges=of(node, "timer"),
        )
        for node in nodes
    ]
    return Plan("wild", Story, _SCHEMA, tuple(connected), tuple(edges), limits=Limits())


@given(wild_plans(("edge", "fork", "handoff", "error", "timer")))
def test_check_answers_for_every_plan_and_always_the_same(plan: Plan) -> None:
    first = check(plan)
    assert str(first) == str(check(plan))
    for finding in first:
        assert finding.what
        assert finding.why
        assert finding.fix


@given(wild_plans(("edge",)))
def test_s1_2_agrees_with_brute_force(plan: Plan) -> None:
    """S1.2: some finding about ways exactly if a node is not reached from START, or reaches no end."""
    graph: nx.DiGraph[int] = nx.DiGraph()
    graph.add_nodes_from(node.index for node in plan.nodes)
    graph.add_edges_from((edge.source, edge.target) for edge in plan.edges)
    end = len(plan.nodes) - 1
    sound = all(nx.has_path(graph, 0, n) and nx.has_path(graph, n, end) for n in range(1, end)) and bool(
        graph.out_degree(0)
    )
    assert sound == (
        {finding.code for finding in check(plan)}.isdisjoint({"GF140", "GF141", "GF142", "GF143", "GF144"})
    )


@given(wild_plans(("edge", "handoff", "timer")))
def test_s4_5_agrees_with_brute_force(plan: Plan) -> None:
    """S4.5: a cycle is reported exactly if one that can be reached has no limit, ask or timer on it."""
    structure = Structure(plan)
    loose: nx.MultiDiGraph[int] = nx.MultiDiGraph()
    for edge in plan.edges:
        passes_ask = "ask" in (plan.nodes[edge.source].kind, plan.nodes[edge.target].kind)
        if not edge.is_limited and edge.kind != "timer" and not passes_ask and edge.source in structure.reached:
            loose.add_edge(edge.source, edge.target)
    endless = not nx.is_directed_acyclic_graph(loose)
    assert endless == any(finding.code == "GF156" for finding in check(plan))


@given(wild_plans(("edge", "handoff")))
def test_bounding_the_edges_that_gf156_names_leaves_no_cycle(plan: Plan) -> None:
    structure = Structure(plan)
    loose = unlimited(structure)
    named = {way.edge.index for knot in knots(loose) for way in to_limit(structure, knot, loose)}
    edges = [replace(edge, at_most=3) if edge.index in named else edge for edge in plan.edges]
    assert not any(finding.code == "GF156" for finding in check(compiled(list(plan.nodes), edges)))


@settings(max_examples=50)
@given(scenarios())
def test_a_graph_that_runs_has_no_errors(scenario: Scenario) -> None:
    """No false alarms: random graphs of sound blocks. Only writes in branches are not chosen with care there (S6.5)."""
    assert {finding.code for finding in check(scenario.plan).errors} <= {"GF174"}


@settings(max_examples=50)
@given(scenarios())
def test_regions_are_those_of_the_plan(scenario: Scenario) -> None:
    """S6.2: where nothing is broken, check and the compiler agree on what lies between a fork and its join."""
    structure = Structure(scenario.plan)
    assert {region.fork.index: region.nodes for region in structure.regions} == dict(scenario.plan.regions)
