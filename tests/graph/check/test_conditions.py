"""What the prover says of conditions: dead and shadowed ones, gaps with a state as witness, overlaps, raising ones."""

from __future__ import annotations

from pydantic import BaseModel, Field

from graphflow.graph.check import check
from graphflow.graph.declaration import Declaration
from graphflow.graph.ends import END, START
from graphflow.graph.expressions import ITEM, fields
from tests.graph.check.texts import CLEAN, Story, findings, nodes, said, work

story = fields(Story)


class Grade(BaseModel):
    """A state whose schema bounds what can be."""

    score: int = Field(default=0, ge=0, le=10)
    limit: int | None = None


grade = fields(Grade)


def graded() -> tuple[Declaration[Grade], object]:
    graph = Declaration("grade", Grade)
    review = graph.node(lambda state: {}, name="review")
    graph.edge(START, review)
    return graph, review


def codes(graph: Declaration[Story] | Declaration[Grade]) -> list[str]:
    return [finding.code for finding in check(graph.plan())]


def test_a_gap_shows_a_state() -> None:
    """S4.4: or shows a state where it can be."""
    graph = Declaration("news", Story)
    review, publish = nodes(graph, "review publish")
    graph.edge(START, review)
    graph.edge(review, publish, when=story.score >= 7)
    graph.edge(review, END, when=story.score < 5)
    graph.edge(publish, END)
    assert findings(graph) == said(
        """
        1 warning

        [GF148] No edge of 'review' is enabled where score=5
          where  here   graph.edge(review, publish, when=story.score >= 7)
                 here   graph.edge(review, END, when=story.score < 5)
          why    -> 'publish' needs score >= 7, -> END needs score < 5. A run that comes here with such a state fails with NoWayOut. (S4.4)
          fix    graph.edge(review, END)   # last, without a condition: in all other cases
        """
    )
    graph.edge(review, END)
    assert findings(graph) == CLEAN


def test_conditions_that_cover_everything_leave_no_gap() -> None:
    graph = Declaration("news", Story)
    review, publish = nodes(graph, "review publish")
    graph.edge(START, review)
    graph.edge(review, publish, when=story.score >= 7)
    graph.edge(review, END, when=story.score < 7)
    graph.edge(publish, END)
    assert findings(graph) == CLEAN


def test_the_schema_closes_a_gap() -> None:
    """``kind`` is one of two words."""
    graph = Declaration("news", Story)
    sort, web, docs = nodes(graph, "sort web docs")
    graph.edge(START, sort)
    graph.switch(sort, story.kind, {"web": web, "docs": docs})
    graph.edge(web, END)
    graph.edge(docs, END)
    assert findings(graph) == CLEAN


def test_a_catch_all_that_is_never_needed_is_no_mistake() -> None:
    graph = Declaration("news", Story)
    sort, web, docs = nodes(graph, "sort web docs")
    graph.edge(START, sort)
    graph.switch(sort, story.kind, {"web": web, "docs": docs}, otherwise=docs)
    graph.edge(web, END)
    graph.edge(docs, END)
    assert findings(graph) == CLEAN


def test_of_opaque_conditions_no_gap_is_claimed() -> None:
    graph = Declaration("news", Story)
    review, publish = nodes(graph, "review publish")
    graph.edge(START, review)
    graph.edge(review, publish, when=lambda state: state.draft.split() == [])
    graph.edge(review, END, when=lambda state: state.topic.split() == [])
    graph.edge(publish, END)
    assert findings(graph) == CLEAN


def test_a_shadowed_edge() -> None:
    graph = Declaration("news", Story)
    review, publish, frame = nodes(graph, "review publish frame")
    graph.edge(START, review)
    graph.edge(review, publish, when=story.score >= 7)
    graph.edge(review, frame, when=story.score >= 9)
    graph.edge(review, END)
    graph.edge(publish, END)
    graph.edge(frame, END)
    assert findings(graph) == said(
        """
        1 warning

        [GF146] Edge 'review' -> 'frame' can never be taken
          where  here   graph.edge(review, publish, when=story.score >= 7)
                 here   graph.edge(review, frame, when=story.score >= 9)
          why    Wherever score >= 9 holds, score >= 7 holds too, and is tried before it. This is proved. (S4.2)
          fix    If it is the special case, declare it first: graph.edge(review, frame, when=story.score >= 9)
        """
    )
    mended = Declaration("news", Story)
    review, publish, frame = nodes(mended, "review publish frame")
    mended.edge(START, review)
    mended.edge(review, frame, when=story.score >= 9)
    mended.edge(review, publish, when=story.score >= 7)
    mended.edge(review, END)
    mended.edge(publish, END)
    mended.edge(frame, END)
    assert findings(mended) == CLEAN


def test_an_edge_with_a_limit_shadows_nothing() -> None:
    """S4.5: it may be used up."""
    graph = Declaration("news", Story)
    review, publish = nodes(graph, "review publish")
    graph.edge(START, review)
    graph.edge(review, review, when=story.score < 7, at_most=3)
    graph.edge(review, publish, when=story.score < 5)
    graph.edge(review, END)
    graph.edge(publish, END)
    assert findings(graph) == CLEAN


def test_a_condition_that_the_schema_makes_impossible() -> None:
    graph, review = graded()
    graph.edge(review, review, when=grade.score > 10, at_most=3)
    graph.edge(review, END)
    assert findings(graph) == said(
        """
        1 warning

        [GF147] The condition score > 10 of 'review' -> 'review' is never true
          where  here   graph.edge(review, review, when=grade.score > 10, at_most=3)
          why    No state that Grade allows makes it true. This is proved. (S5.2)
          fix    Correct the condition, or leave the edge out.
        """
    )


def test_a_handoff_and_a_branch_with_impossible_conditions() -> None:
    graph, review = graded()
    other = graph.node(lambda state: {}, name="other")
    graph.handoff(review, END, "Never", when=(grade.score < 3) & (grade.score > 5))
    graph.fork(review, {other: grade.score < 0}, join=END)
    assert codes(graph) == ["GF147", "GF147"]


def test_a_node_that_can_never_go_on() -> None:
    """S4.4: every run that comes here fails, so this is an error."""
    graph, review = graded()
    graph.edge(review, END, when=grade.score > 10)
    graph.edge(review, END, when=grade.score < 0)
    assert findings(graph) == said(
        """
        1 error

        [GF149] No edge of 'review' can ever be enabled
          where  here   graph.edge(review, END, when=grade.score > 10)
                 here   graph.edge(review, END, when=grade.score < 0)
          why    No state that Grade allows makes a condition true: -> END needs score > 10, -> END needs score < 0. So a run that comes here fails with NoWayOut. (S4.4)
          fix    Correct the conditions, or add an edge without one, declared last.
        """
    )


def test_overlapping_conditions_are_pointed_out_where_neither_contains_the_other() -> None:
    graph = Declaration("news", Story)
    review, publish, ask_more = nodes(graph, "review publish ask_more")
    graph.edge(START, review)
    graph.edge(review, publish, when=story.score >= 7)
    graph.edge(review, ask_more, when=story.ready)
    graph.edge(review, END)
    graph.edge(publish, END)
    graph.edge(ask_more, END)
    assert findings(graph) == said(
        """
        advice

        [GF150] 'review' -> 'publish' and 'review' -> 'ask_more' can both be enabled
          where  here   graph.edge(review, publish, when=story.score >= 7)
                 here   graph.edge(review, ask_more, when=story.ready)
          why    Where score=7, ready=True, both score >= 7 and ready hold. The one declared first is taken. (S4.2)
          fix    If that is meant, do nothing. Else let the conditions exclude each other.
        """
    )
    mended = Declaration("news", Story)
    review, publish, ask_more = nodes(mended, "review publish ask_more")
    mended.edge(START, review)
    mended.edge(review, publish, when=story.score >= 7)
    mended.edge(review, ask_more, when=story.ready & (story.score < 7))
    mended.edge(review, END)
    mended.edge(publish, END)
    mended.edge(ask_more, END)
    assert findings(mended) == CLEAN


def test_the_special_case_before_the_general_one_is_no_overlap_worth_telling() -> None:
    graph = Declaration("news", Story)
    review, publish = nodes(graph, "review publish")
    graph.edge(START, review)
    graph.edge(review, END, when=story.score >= 9)
    graph.edge(review, publish, when=story.score >= 7)
    graph.edge(review, END)
    graph.edge(publish, END)
    assert findings(graph) == CLEAN


def test_a_predicate_that_raises_on_none() -> None:
    """S5.4: a guard must answer for every state."""
    graph, review = graded()
    graph.edge(review, END, when=lambda state: state.limit > 3)
    graph.edge(review, END)
    assert findings(graph) == said(
        """
        1 warning

        [GF151] The condition given(limit) > 3 of 'review' -> END can raise
          where  here   graph.edge(review, END, when=lambda state: state.limit > 3)
          why    Grade allows limit=None, and there it raises TypeError: '>' not supported between instances of 'NoneType' and 'int'. (S5.4)
          fix    Ask for None first, or write it over fields(Grade): there a comparison with None is false.
        """
    )
    mended, review = graded()
    mended.edge(review, END, when=grade.limit > 3)
    mended.edge(review, END)
    assert findings(mended) == CLEAN


def test_what_happens_after_the_last_round() -> None:
    """S4.5: takings are counted, so on a cycle a limit can be used up."""
    graph = Declaration("news", Story)
    write, review = nodes(graph, "write review")
    graph.chain(START, write, review)
    graph.edge(review, END, when=story.score >= 7)
    graph.edge(review, write, at_most=3)
    assert findings(graph) == said(
        """
        advice

        [GF159] No edge of 'review' is left where score=0, once limits are used up
          where  here   graph.edge(review, write, at_most=3)
          why    It lies on a cycle, and only 'review' -> 'write' is enabled there, with a limit. A run that used it up fails with NoWayOut. (S4.4, S4.5)
          fix    graph.edge(review, END)   # last, without a condition: in all other cases
        """
    )
    graph.edge(review, END)
    assert findings(graph) == CLEAN


def test_off_a_cycle_a_limit_is_not_used_up() -> None:
    graph = Declaration("news", Story)
    write, review = nodes(graph, "write review")
    graph.edge(START, write)
    graph.edge(write, review, at_most=1)
    graph.edge(review, END)
    assert findings(graph) == CLEAN


def test_conditions_on_the_item_of_a_map() -> None:
    """S6.1: ITEM has the type of the items."""

    class Scores(BaseModel):
        scores: list[int] = []

    graph = Declaration("scores", Scores)
    start = graph.node(lambda state: {}, name="start")
    look, deep = (graph.node(lambda state: {}, name=name) for name in ("look", "deep"))
    graph.edge(START, start)
    graph.map(start, look, over=fields(Scores).scores, join=END, failures="stop")
    graph.edge(look, deep, when=ITEM > 3)
    graph.edge(look, END, when=ITEM <= 3)
    graph.edge(deep, END)
    assert findings(graph) == CLEAN


def test_conditions_that_read_the_same_are_asked_once() -> None:
    """10,000 nodes must not take 10,000 proofs."""
    from graphflow.graph.check.proofs import Proofs
    from graphflow.graph.check.structure import Structure

    graph = Declaration("news", Story)
    steps = [graph.node(work, name=f"step {n}") for n in range(50)]
    for one, other in zip([START, *steps], [*steps, END], strict=True):
        graph.edge(one, other, when=story.score < 5)
        graph.edge(one, END)
    plan = graph.plan()
    proofs = Proofs(Structure(plan))
    verdicts = {id(proofs.verdict(node.index, [edge.guard for edge in node.exits])) for node in plan.nodes[1:51]}
    assert len(verdicts) == 1


def test_an_overlap_that_an_earlier_edge_takes_is_not_told() -> None:
    """S4.2: where both hold, the first edge is taken before either."""
    graph = Declaration("news", Story)
    review, publish, frame, again = nodes(graph, "review publish frame again")
    graph.edge(START, review)
    graph.edge(review, publish, when=story.score >= 5)
    graph.edge(review, frame, when=(story.score >= 5) | (story.score == 1))
    graph.edge(review, again, when=(story.score >= 5) | (story.score == 2))
    for node in (review, publish, frame, again):
        graph.edge(node, END)
    assert findings(graph) == CLEAN
