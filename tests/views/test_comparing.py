"""Two graphs or two runs in one drawing: what was added, what is gone, what changed, in words, glyphs and colour."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given, settings

from graphflow.core.plan import Plan
from graphflow.errors import ArgumentInvalid, DrawingError
from graphflow.views.comparing import Difference
from graphflow.views.comparison import compare_graphs
from tests.views.plans import Sketch
from tests.views.runs import asking, looping, mapping, run_of
from tests.views.samples import SAMPLES, intel, nested
from tests.views.test_drawing import plans


def review(goal: int, *, has_check: bool = False, says: str = "Score it.") -> Plan:
    sketch = Sketch("review")
    sketch.node("write", "agent")
    sketch.node("judge", "agent", purpose=says)
    if has_check:
        sketch.node("check")
    sketch.edge("START", "write")
    if has_check:
        sketch.edge("write", "check", "is_long")
        sketch.edge("check", "judge")
    sketch.edge("write", "judge")
    sketch.edge("judge", "END", f"score >= {goal}")
    sketch.edge("judge", "write", at_most=3)
    if not has_check:
        sketch.edge("judge", "END")
    return sketch.plan()


def told(differences: tuple[Difference, ...]) -> list[tuple[str, str, str]]:
    return [(one.change, one.kind, one.name) for one in differences]


def test_what_was_added_removed_and_changed_is_listed_and_drawn() -> None:
    found = compare_graphs(review(7), review(8, has_check=True, says="Judge it."))
    assert Counter(told(found.differences)) == Counter(
        [
            ("changed", "node", "judge"),
            ("added", "node", "check"),
            ("added", "edge", "write → check"),
            ("added", "edge", "check → judge"),
            ("changed", "edge", "write → judge"),  # it is tried second now: else
            ("changed", "edge", "judge → END"),
            ("removed", "edge", "judge → END"),
        ]
    )
    text = str(found)
    assert "~ changed  node judge\n    - agent judge · Score it.\n    + agent judge · Judge it." in text
    assert "    - [score >= 7]\n    + [score >= 8]" in text
    diagram = found.draw()
    for drawn in (diagram.text, diagram.dot, diagram.mermaid):
        assert all(word in drawn.replace("#126;", "~") for word in ("+ added", "− removed", "~ changed"))
    colours = {arrow.change: arrow for arrow in diagram.drawing.arrows}
    assert set(colours) == {None, "added", "removed", "changed"}


def test_an_edge_declared_before_another_one_changes_only_itself() -> None:
    """The ids of edges count those before them; what moved is the same edge."""

    def made(has_first: bool) -> Plan:
        sketch = Sketch("moved")
        for name in "abc":
            sketch.node(name)
        sketch.edge("START", "a")
        if has_first:
            sketch.edge("a", "c", "hurry")
        sketch.fork("a", ["b"], "c")
        sketch.edge("b", "c")
        sketch.edge("c", "END")
        return sketch.plan()

    assert told(compare_graphs(made(False), made(True)).differences) == [
        ("added", "edge", "a → c"),
        ("changed", "edge", "a → b"),
    ]


@settings(max_examples=40, deadline=None)
@given(plans(), plans())
def test_any_two_graphs_are_compared_and_a_graph_is_like_itself(one: Plan, other: Plan) -> None:
    assert not compare_graphs(one, one).differences
    there, back = compare_graphs(one, other), compare_graphs(other, one)
    ids = Counter(part.id for part in (*there.draw().drawing.stops, *there.draw().drawing.arrows))
    assert max(ids.values()) == 1
    swapped = {"added": "removed", "removed": "added", "changed": "changed"}
    assert Counter(d.change for d in there.differences) == Counter(swapped[d.change] for d in back.differences)
    assert there.draw().text
    assert there.draw().svg.startswith("<svg")


def test_graphs_that_have_little_in_common_are_drawn_whole() -> None:
    pytest.importorskip("pygraphviz")
    for make in SAMPLES.values():
        found = compare_graphs(intel(), make())
        assert found.draw().svg.startswith("<svg")
    assert compare_graphs(nested(), nested(), expand=1).draw().drawing.clusters


def test_two_runs_differ_where_one_of_them_went_elsewhere_or_more_often() -> None:
    """S15.4: time is no difference."""
    graph = looping()
    long, short = run_of(graph), run_of(graph, score=2)
    found = graph.diff_runs(long, short)
    assert told(found.differences) == [("changed", "node", "count"), ("removed", "edge", "count → count")]
    assert "done ×3 6.0 s → done 2.0 s" in found.draw().text
    assert "− only the first" in found.draw().text
    assert not graph.diff_runs(long, run_of(graph))
    assert "They do not differ." in str(graph.diff_runs(long, long))
    assert told(graph.diff_runs(run_of(graph, score=1), long).differences) == [
        ("changed", "node", "count"),
        ("changed", "edge", "count → count"),
    ]


def test_a_comparison_is_shown_in_a_notebook() -> None:
    pytest.importorskip("pygraphviz")
    found = looping().diff(mapping())
    bundle = found._repr_mimebundle_()
    assert bundle["image/svg+xml"].startswith("<svg")
    assert bundle["text/plain"] == str(found)
    assert repr(found) == f"<comparison of looping → mapping: {len(found.differences)} differences>"


def test_runs_of_two_graphs_and_what_is_no_run_are_refused() -> None:
    graph = looping()
    with pytest.raises(DrawingError) as caught:
        graph.diff_runs(run_of(graph), run_of(asking()))
    assert caught.value.code == "GF517"
    with pytest.raises(ArgumentInvalid):
        graph.diff_runs(run_of(graph), "r-1")  # type: ignore[arg-type]


def test_branches_that_went_otherwise_are_seen_in_what_is_told() -> None:
    """Of as many branches in the same time; what differs is which of them failed."""
    graph = mapping(broken=("b",), failures="collect")
    difference = str(graph.diff_runs(run_of(graph), run_of(graph, items=["a", "c", "d"])))
    assert "    - done ×3 ✓✗✓ 3.0 s\n    + done ×3 ✓✓✓ 3.0 s" in difference
