"""``graphs()``: whatever is drawn is valid, runs, ends, is varied, and shrinks to one node."""

from __future__ import annotations

from hypothesis import Phase, find, given, settings

from graphflow import Graph, Run
from graphflow.testing import RandomState, graphs
from graphflow.testing.virtual import run_virtual

SETTINGS = settings(max_examples=50, database=None, deadline=None, derandomize=True, phases=[Phase.generate])
FOUND = settings(max_examples=300, database=None, deadline=None, derandomize=True)


@SETTINGS
@given(graphs())
def test_check_finds_no_error_in_any(graph: Graph[RandomState]) -> None:
    """S1.2, S6.2: every node is reachable, regions nest."""
    assert [finding for finding in graph.check() if finding.severity == "error"] == []


@SETTINGS
@given(graphs())
def test_every_run_ends_or_waits(graph: Graph[RandomState]) -> None:
    """And no join fails because two branches wrote one field (S6.5)."""

    async def run() -> Run[RandomState]:
        return await graph.run(RandomState())

    found = run_virtual(run())
    assert found.status in ("done", "waiting")
    assert not any(failure.error.get("code") == "GF207" for failure in found.failures)


@SETTINGS
@given(graphs(has_forks=False, has_failures=False, has_questions=False, has_handoffs=False, has_graphs=False))
def test_what_is_left_out_is_left_out(graph: Graph[RandomState]) -> None:
    plan = graph.plan()
    assert {edge.kind for edge in plan.edges} == {"edge"}
    assert {node.kind for node in plan.nodes} <= {"start", "end", "function", "point"}


def test_two_runs_of_a_graph_are_equal() -> None:
    """S15.4: its functions are functions of the state alone."""

    @settings(SETTINGS, max_examples=50)
    @given(graphs(has_questions=False))
    def test(graph: Graph[RandomState]) -> None:
        async def run() -> RandomState:
            return (await graph.run(RandomState(level=3))).state

        assert run_virtual(run()) == run_virtual(run())

    test()


def test_every_kind_of_thing_is_drawn() -> None:
    found: set[str] = set()

    @settings(SETTINGS, max_examples=200)
    @given(graphs())
    def test(graph: Graph[RandomState]) -> None:
        plan = graph.plan()
        found.update(edge.kind for edge in plan.edges)
        found.update(node.kind for node in plan.nodes)
        found.update(f"need {edge.need.kind}" for edge in plan.edges if edge.join is not None)

    test()
    assert {"fork", "map", "handoff", "error", "timer", "ask", "graph", "point"} <= found
    assert {"need all", "need quorum", "need best_effort"} <= found


def test_what_is_found_is_small() -> None:
    found = find(graphs(), lambda graph: any(edge.kind == "fork" for edge in graph.plan().edges), settings=FOUND)
    assert len(found.plan().nodes) <= 6, "start, fork, branch, join, end, and no more than one besides"


def test_the_smallest_has_one_node() -> None:
    found = find(graphs(has_questions=False), lambda graph: True, settings=SETTINGS)
    assert [node.kind for node in found.plan().nodes] == ["start", "function", "end"]
