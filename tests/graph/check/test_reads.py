"""Fields that are read though nothing can have written them."""

from __future__ import annotations

from pydantic import BaseModel, Field

from graphflow.graph.check import check
from graphflow.graph.declaration import Declaration
from graphflow.graph.ends import END, START
from graphflow.graph.expressions import fields
from tests.graph.check.texts import CLEAN, Story, findings, nodes, said, scribe, work

story = fields(Story)


def essay() -> Declaration[Story]:
    graph = Declaration("essay", Story)
    write = graph.node(scribe("write", "topic"), writes=story.draft)
    review = graph.node(scribe("review", "draft"), writes=story.review)
    graph.chain(START, write, review, END)
    return graph


def test_a_chain_that_writes_before_it_reads_is_clean() -> None:
    assert findings(essay()) == CLEAN


def test_nothing_writes_what_is_read() -> None:
    graph = Declaration("essay", Story)
    write = graph.node(scribe("write", "topic"), writes=story.draft)
    polish = graph.node(scribe("polish", "draft", "review"), writes=story.draft)
    graph.chain(START, write, polish, END)
    assert findings(graph) == said(
        """
        advice

        [GF172] Nothing writes 'review', which 'polish' reads
          where  here   polish = graph.node(scribe("polish", "draft", "review"), writes=story.draft)
          why    No node declares it in its writes, so it stays None unless the input gives it. (S3.4)
          fix    If it is input, declare it without a default. Else write it: graph.node(..., writes=fields(Story).review)
        """
    )


def test_a_field_with_a_telling_default_is_a_setting() -> None:
    """``kind`` has a default that is worth reading."""
    graph = Declaration("essay", Story)
    write = graph.node(scribe("write", "topic", "kind"), writes=story.draft)
    graph.chain(START, write, END)
    assert findings(graph) == CLEAN


def test_a_default_that_is_made_counts_as_what_it_makes() -> None:
    class Made(BaseModel):
        drafts: list[str] = Field(default_factory=list)
        label: str = Field(default_factory=lambda: "not empty")

    graph = Declaration("made", Made)
    graph.chain(START, graph.node(scribe("write", "label"), writes=fields(Made).drafts), END)
    assert findings(graph) == CLEAN
    graph = Declaration("made", Made)
    graph.chain(START, graph.node(scribe("write", "drafts"), writes=fields(Made).label), END)
    (finding,) = check(graph.plan())
    assert finding.code == "GF172"
    assert "stays []" in finding.why


def test_where_writes_are_not_declared_nothing_is_said() -> None:
    graph = Declaration("essay", Story)
    write = graph.node(work, name="write")
    polish = graph.node(scribe("polish", "review"), writes=story.draft)
    graph.chain(START, write, polish, END)
    assert findings(graph) == CLEAN


def test_the_reader_comes_before_the_writer() -> None:
    graph = Declaration("essay", Story)
    polish = graph.node(scribe("polish", "review"), writes=story.draft)
    review = graph.node(scribe("judge", "draft"), writes=story.review)
    graph.chain(START, polish, review, END)
    assert findings(graph) == said(
        """
        1 warning

        [GF173] 'polish' reads 'review' before anything can have written it
          where  here   polish = graph.node(scribe("polish", "review"), writes=story.draft)
                 here   review = graph.node(scribe("judge", "draft"), writes=story.review)
          why    No path leads from 'judge' to the reading, so it sees None unless the input gives the field. (S3.4)
          fix    If it is input, declare it without a default. Else lead there from a node that writes it.
        """
    )
    mended = Declaration("essay", Story)
    polish = mended.node(scribe("polish", "review"), writes=story.draft)
    review = mended.node(scribe("judge", "topic"), writes=story.review)
    mended.chain(START, review, polish, END)
    assert findings(mended) == CLEAN


def test_in_a_loop_the_first_round_may_find_nothing() -> None:
    """The writer reads what the critic said last time: nothing yet in the first round, and that is how loops are."""
    graph = Declaration("essay", Story)
    write = graph.node(scribe("write", "topic", "review"), writes=story.draft)
    review = graph.node(scribe("judge", "draft"), writes=story.review)
    graph.chain(START, write, review)
    graph.edge(review, write, at_most=3)
    graph.edge(review, END)
    assert findings(graph) == CLEAN


def test_one_of_two_paths_does_not_write() -> None:
    graph = Declaration("essay", Story)
    (sort,) = nodes(graph, "sort", writes=story.kind)
    review = graph.node(scribe("judge", "topic"), writes=story.review)
    polish = graph.node(scribe("polish", "review"), writes=story.draft)
    graph.edge(START, sort)
    graph.edge(sort, review, when=story.kind == "docs")
    graph.edge(sort, polish)
    graph.edge(review, polish)
    graph.edge(polish, END)
    assert findings(graph) == said(
        """
        advice

        [GF173] 'polish' can read 'review' before it is written
          where  here   polish = graph.node(scribe("polish", "review"), writes=story.draft)
          why    On the path START -> sort -> polish nothing writes it, so it is None unless the input gives it. (S3.4)
          fix    Write review on that path too, or guard the way there with fields(Story).review != None.
        """
    )


def test_a_condition_that_looks_at_the_field_knows() -> None:
    graph = Declaration("essay", Story)
    (sort,) = nodes(graph, "sort", writes=story.kind)
    review = graph.node(scribe("judge", "topic"), writes=story.review)
    polish = graph.node(scribe("polish", "review"), writes=story.draft)
    graph.edge(START, sort)
    graph.edge(sort, review, when=story.review == None)
    graph.edge(sort, polish)
    graph.edge(review, polish)
    graph.edge(polish, END)
    assert [finding.code for finding in check(graph.plan())] == ["GF173"]  # the other edge does not look
    mended = Declaration("essay", Story)
    (sort,) = nodes(mended, "sort", writes=story.kind)
    review = mended.node(scribe("judge", "topic"), writes=story.review)
    polish = mended.node(scribe("polish", "review"), writes=story.draft)
    mended.edge(START, sort)
    mended.edge(sort, polish, when=story.review != None)
    mended.edge(sort, review)
    mended.edge(review, polish)
    mended.edge(polish, END)
    assert findings(mended) == CLEAN


def test_what_any_branch_writes_the_join_has() -> None:
    graph = Declaration("essay", Story)
    (plan,) = nodes(graph, "plan", writes=story.kind)
    review = graph.node(scribe("judge", "topic"), writes=story.review)
    web = graph.node(scribe("web", "topic"), writes=story.facts)
    polish = graph.node(scribe("polish", "review"), writes=story.draft)
    graph.edge(START, plan)
    graph.fork(plan, [web, review], join=polish)
    graph.edge(polish, END)
    assert findings(graph) == CLEAN


def test_a_node_that_failed_has_written_nothing() -> None:
    """S8.2: failed attempts left nothing in the state."""
    graph = Declaration("essay", Story)
    review = graph.node(scribe("judge", "topic"), writes=story.review)
    polish = graph.node(scribe("polish", "review"), writes=story.draft)
    graph.chain(START, review, polish, END)
    graph.edge(review, polish, on_error=ValueError)
    assert findings(graph) == said(
        """
        advice

        [GF173] 'polish' can read 'review' before it is written
          where  here   polish = graph.node(scribe("polish", "review"), writes=story.draft)
          why    On the path START -> judge -> polish nothing writes it, so it is None unless the input gives it. (S3.4)
          fix    Write review on that path too, or guard the way there with fields(Story).review != None.
        """
    )


def test_a_node_may_read_what_it_writes_itself() -> None:
    """It carries on what it wrote last time, and knows that there is a first time."""
    graph = Declaration("essay", Story)
    graph.chain(START, graph.node(scribe("polish", "review"), writes=story.review), END)
    assert findings(graph) == CLEAN
