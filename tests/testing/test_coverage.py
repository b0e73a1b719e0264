"""Coverage of graphs: what was gone through is counted, the rest told apart by an explorer, and nothing stays behind."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Annotated

import pytest
from pydantic import BaseModel

from graphflow import END, START, Graph, Handoff, JoinFailed, Retry, append, fields
from graphflow.core.machine import Machine
from graphflow.testing import Play, verify
from graphflow.testing.playing.play import Move
from graphflow.testing.suites.coverage import Watch
from graphflow.testing.suites.coverage_report import GraphCoverage, Status, report, save_pictures, texts_of


class Desk(BaseModel):
    score: int = 0
    items: list[int] = [1, 2]
    log: Annotated[list[str], append] = []


desk = fields(Desk)


def graded() -> Graph[Desk]:
    """One way out for high scores, one for low, and one that nothing leads along."""
    graph = Graph("graded", Desk)

    @graph.node(writes=desk.log)
    def grade(state: Desk) -> str:
        return "graded"

    low = graph.point("low")
    never = graph.point("never")
    graph.edge(START, grade)
    graph.edge(grade, END, when=desk.score >= 7)
    graph.edge(grade, never, when=desk.score > 8)
    graph.edge(grade, low)
    graph.edge(low, END)
    graph.edge(never, END)
    return graph


def covered(graph: Graph[Desk], *starts: Desk) -> GraphCoverage:
    with Watch() as watch:
        for start in starts:
            graph.run_sync(start)
    return report(watch.seen[0])


def status(coverage: GraphCoverage, name: str) -> Status:
    [found] = [part.status for part in coverage.parts if part.name == name]
    return found


def test_what_a_run_went_through_is_covered_and_the_rest_is_not() -> None:
    found = covered(graded(), Desk(score=7))
    assert status(found, "grade -> END") == "covered"
    assert status(found, "grade -> low") == "uncovered"
    assert status(found, "low") == "uncovered"
    assert status(found, "grade -> END: score >= 7 is True") == "covered"
    assert status(found, "grade -> END: score >= 7 is False") == "uncovered"


def test_what_is_proved_dead_is_unreachable_and_does_not_count() -> None:
    found = covered(graded(), Desk(score=7), Desk(score=2))
    assert status(found, "grade -> never") == "unreachable"
    assert status(found, "never") == "unreachable"
    assert status(found, "grade -> never: score > 8 is True") == "unreachable"
    assert found.percent == 100


def test_all_that_lies_behind_a_dead_edge_is_unreachable() -> None:
    """However it was declared: here from back to front."""
    graph = Graph("behind", Desk)
    last, middle, first, here = (graph.point(name) for name in ("last", "middle", "first", "here"))
    graph.edge(last, END)
    graph.edge(middle, last)
    graph.edge(first, middle)
    graph.edge(START, here)
    graph.edge(here, END, when=desk.score >= 7)
    graph.edge(here, first, when=desk.score > 8)
    graph.edge(here, END)
    found = covered(graph, Desk(), Desk(score=7))
    assert {part.name for part in found.of("unreachable") if part.kind == "node"} == {"first", "middle", "last"}
    assert found.percent == 100


def test_what_an_explorer_cannot_tell_is_unknown() -> None:
    graph = Graph("opaque", Desk)
    here, there = graph.point("here"), graph.point("there")
    graph.edge(START, here)
    graph.edge(here, there, when=lambda state: state.score * state.score == 1_522_756)
    graph.edge(here, END)
    graph.edge(there, END)
    found = covered(graph, Desk())
    assert status(found, "here -> there") == "unknown"


def test_each_graph_inside_is_told_by_itself() -> None:
    """S12.2"""
    inner = graded()
    outer = Graph("outer", Desk)
    outer.chain(START, outer.node(inner), END)
    with Watch() as watch:
        outer.run_sync(Desk(score=7))
    assert [(seen.plan.name, sum(seen.edges.values())) for seen in watch.seen] == [("outer", 2), ("graded", 2)]


def forked() -> Graph[Desk]:
    graph = Graph("forked", Desk)

    @graph.node(writes=desk.log, retry=Retry(attempts=2, first_s=0.0))
    def work(state: Desk, item: int) -> str:
        if item > 5:
            raise ValueError(item)
        return str(item)

    gather, sorry = graph.point("gather"), graph.point("sorry")
    graph.map(START, work, over=desk.items, join=gather, failures="collect", need="all")
    graph.edge(gather, END)
    graph.edge(gather, sorry, on_error=JoinFailed)
    graph.edge(sorry, END)
    return graph


def test_joins_and_failures_are_parts_too() -> None:
    """S6.6, S8.1"""
    before = covered(forked(), Desk())
    assert status(before, "gather after START fires") == "covered"
    assert status(before, "gather after START fires with some left out") == "uncovered"
    assert status(before, "work fails") == "uncovered"
    after = covered(forked(), Desk(), Desk(items=[1, 9]))
    assert status(after, "gather after START fires with some left out") == "covered"
    assert status(after, "work fails") == "covered"


def test_an_error_edge_in_a_graph_inside_counts_where_it_is() -> None:
    """S8.3: the error climbs out of the graph in which it was raised."""
    inner = Graph("inner", Desk)

    @inner.node
    def fails(state: Desk) -> dict[str, object]:
        raise ValueError

    inner.chain(START, fails, END)
    outer = Graph("outer", Desk)
    node, caught = outer.node(inner), outer.point("caught")
    outer.edge(START, node)
    outer.edge(node, END)
    outer.edge(node, caught, on_error=ValueError)
    outer.edge(caught, END)
    whole = Graph("whole", Desk)
    whole.chain(START, whole.node(outer), END)
    with Watch() as watch:
        whole.run_sync(Desk())
    found = {seen.plan.name: report(seen) for seen in watch.seen}
    assert status(found["outer"], "inner -> caught") == "covered"
    assert status(found["whole"], "outer -> END") == "covered"
    assert status(found["inner"], "fails -> END") != "covered"


def test_every_driver_is_watched() -> None:
    """The asyncio driver, property tests, and whoever plays moves by hand."""
    graph = graded()
    with Watch() as watch:
        asyncio.run(graph.run(Desk(score=7)))
        by_driver = sum(watch.seen[0].edges.values())
        play = Play(graph.plan(), Desk())
        play.make(Move("reply", "grade:1", "grade", "graded"))
        by_hand = sum(watch.seen[0].edges.values()) - by_driver
        verify(graph, without="no shadowed edge", runs=5)
    assert (by_driver, by_hand) == (2, 3)
    assert sum(watch.seen[0].edges.values()) > 5


def test_many_items_at_once_are_counted() -> None:
    """S6.1: a wide map takes a way of its own through the machine."""
    with Watch() as watch:
        forked().run_sync(Desk(items=[1] * 50))
    assert watch.seen[0].nodes[1] == 50


def test_what_is_handed_off_is_taken() -> None:
    """S9"""
    graph = Graph("router", Desk)
    end = graph.point("there")

    @graph.node
    def route(state: Desk) -> Handoff:
        return Handoff(end)

    graph.edge(START, route)
    graph.handoff(route, end, "There")
    graph.edge(end, END)
    assert status(covered(graph, Desk()), "route -> there") == "covered"


def test_pausing_leaves_out_what_happens_meanwhile() -> None:
    graph = graded()
    with Watch() as watch:
        with watch.pause():
            graph.run_sync(Desk())
        graph.run_sync(Desk(score=7))
    assert sum(watch.seen[0].edges.values()) == 2
    assert watch.seen[0].answers[1, ""].total() == 1


def test_nothing_stays_behind() -> None:
    """Not in the machine, not in conditions, not in what the machine remembers of a node, also if it ran before."""
    graph = graded()
    graph.run_sync(Desk())
    init = Machine.__init__
    test = graph.plan().edges[1].guard.test  # type: ignore[union-attr]
    with Watch() as watch:
        graph.run_sync(Desk())
        assert Machine.__init__ is not init
    assert sum(watch.seen[0].edges.values()) == 3
    assert Machine.__init__ is init
    assert graph.plan().edges[1].guard.test is test  # type: ignore[union-attr]
    graph.run_sync(Desk(score=9))
    assert sum(watch.seen[0].edges.values()) == 3
    assert watch.seen[0].answers[1, ""].total() == 1


def test_one_watch_within_another() -> None:
    graph = graded()
    with Watch() as outer:
        graph.run_sync(Desk())
        with Watch() as inner:
            graph.run_sync(Desk())
        graph.run_sync(Desk())
    assert sum(inner.seen[0].edges.values()) == 3
    assert sum(outer.seen[0].edges.values()) == 6


def test_a_report_reads_like_this() -> None:
    assert str(covered(graded(), Desk(score=7))) == (
        "graded  56%  edges 2/4, nodes 2/3, conditions 1/2\n"
        "  unreachable edge       grade -> never   dead: one tried before it is always taken (proved)\n"
        "  uncovered   edge       grade -> low   a run can take it\n"
        "  uncovered   edge       low -> END   a run can take it\n"
        "  unreachable edge       never -> END   it lies behind a dead edge (proved)\n"
        "  uncovered   condition  grade -> END: score >= 7 is False"
    )  # and nothing of the nodes and conditions behind edges that were not taken


def test_failures_stand_in_one_line_and_graphs_of_one_name_are_told_apart() -> None:
    """What was never seen to fail is a list of names; a file tells which graph is meant where two are called the same."""
    graph = Graph("retried", Desk)
    first = graph.node(lambda state: {"score": 1}, name="first", retry=Retry(attempts=2, on=OSError))
    second = graph.node(lambda state: {"score": 2}, name="second", retry=Retry(attempts=2, on=OSError))
    graph.chain(START, first, second, END)
    one = covered(graph, Desk())
    assert str(one).splitlines()[1:] == ["  uncovered   failure    of first, second"]
    assert list(texts_of([one])) == [str(one)]
    both = list(texts_of([one, one]))
    assert all(text.startswith("retried (") and "test_coverage.py)  " in text for text in both)


def test_pictures(tmp_path: Path) -> None:
    pytest.importorskip("pygraphviz")
    one, other = covered(graded(), Desk(score=7)), covered(graded(), Desk())
    files = save_pictures([one, other], tmp_path / "pictures")
    assert [file.name for file in files] == ["graded.svg", "graded 2.svg"]
    drawn = files[0].read_text(encoding="utf-8")
    assert "done" in drawn
    assert ">×1<" in drawn  # how often, and no time: nothing was measured
    assert " ms" not in drawn
    assert '.edge text[fill="#ffffff"]{stroke:none}' in drawn  # numbers on chips have no rim that would hide them
    assert "stroke:none}" not in str(graded().draw().svg)
