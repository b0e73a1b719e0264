"""``mutate``: which small changes of a graph do its properties notice?"""

from __future__ import annotations

from typing import Annotated, Any

import pytest
from pydantic import BaseModel, Field

from graphflow import END, START, Agent, Graph, append, best_effort, fields, quorum, size
from graphflow.errors.testing import PropertyFailed
from graphflow.testing import always, eventually, leads_to, mutate, never, sometimes
from graphflow.testing.mutating.report import Mutations

Score = Annotated[int, Field(ge=0, le=10)]


class News(BaseModel):
    facts: Annotated[list[str], append] = []
    draft: str = ""
    score: Score = 0
    rounds: int = 0
    published: bool = False
    rejected: bool = False


news = fields(News)


def newsroom() -> Graph[News]:
    """Review; publish what is good, write again at most twice, reject the rest."""
    graph: Graph[News] = Graph("newsroom", News)
    write = graph.node(Agent("write", "Write.", prompt="{score}"), writes=news.draft)
    review = graph.node(Agent("review", "Score it.", prompt="{draft}", output=Score), writes=news.score)
    count = graph.node(lambda state: {"rounds": state.rounds + 1}, name="count")
    publish = graph.node(lambda state: {"published": True}, name="publish")
    reject = graph.node(lambda state: {"rejected": True}, name="reject")
    graph.chain(START, write, review, count)
    graph.edge(count, publish, when=news.score >= 7)
    graph.edge(count, write, when=news.score > 2, at_most=2)
    graph.edge(count, reject)
    graph.chain(publish, END)
    graph.chain(reject, END)
    return graph


WELL = (
    never(news.published & (news.score < 7)),
    never(news.rejected & (news.score >= 7)),
    never(news.rejected & (news.score > 2) & (news.rounds < 3)),
    always(news.rounds <= 3),
    sometimes(news.rounds == 3),
    leads_to((news.score <= 2) & (news.rounds == 1), news.rejected),
    eventually(news.published | news.rejected),
    leads_to(news.score >= 7, news.published),
)


def told(found: Mutations) -> dict[str, str]:
    """What became of each change: by whom it was noticed, or that it survives, or makes no difference."""
    return {str(one): one.killed_by or ("no difference" if one.is_equivalent else "survives") for one in found.mutants}


def test_good_properties_notice_every_change() -> None:
    found = mutate(newsroom(), WELL)
    assert found.survivors == ()
    assert found.score == 1.0
    assert {one.kind for one in found.killed} == {"condition", "limit", "edge", "order"}
    assert str(found).startswith(f"newsroom: {len(found.killed)} of {len(found.killed)} changes noticed (100%)")
    assert "nothing notices" not in str(found)


@pytest.mark.parametrize(
    ("left", "survives"),
    [
        (0, "count -> publish: score >= 7  =>  score >= 6"),
        (3, "count -> write: at_most=2  =>  at_most=3"),
        (5, "count -> write: score > 2  =>  score >= 2"),
        (7, "count -> write: tried after count -> publish  =>  tried before it"),
    ],
)
def test_each_of_them_is_needed(left: int, survives: str) -> None:
    """Where a property is left out, the change that only it notices survives."""
    found = mutate(newsroom(), [one for number, one in enumerate(WELL) if number != left])
    assert survives in [str(one) for one in found.survivors]
    assert found.score < 1.0


def test_a_survivor_is_told_with_its_line_and_what_to_state() -> None:
    found = mutate(newsroom(), WELL[1:])
    text = str(found)
    (line,) = (number for number, one in enumerate(text.splitlines()) if "score >= 7  =>  score >= 6" in one)
    change, where, state = text.splitlines()[line : line + 3]
    assert change == "    count -> publish: score >= 7  =>  score >= 6"
    assert where.startswith("      where  ")
    assert where.endswith("   graph.edge(count, publish, when=news.score >= 7)")
    assert state == (
        "      state  what follows on score=6, which leads to 'write', and changed to 'publish': leads_to(score == 6, ...)"
    )
    assert text.index("nothing notices") < text.index("\n  noticed\n")  # survivors first
    noticed = text.partition("\n  noticed\n")[2]
    assert "count -> write: at_most=2  =>  at_most=3   by 'always(rounds <= 3)'" in noticed


def test_default_properties_notice_some() -> None:
    """A gap, a dead end, an edge that is never taken: nobody has to say that these are wrong."""
    found = told(mutate(newsroom()))
    assert found["count -> reject: no condition  =>  left out"] in ("no stuck state", "structure")
    assert found["count -> reject: tried after count -> write  =>  tried before it"] in ("structure", "no dead edge")
    assert found["count -> publish: score >= 7  =>  score > 7"] == "survives"


def test_what_makes_no_difference_is_proved_left_out_and_said() -> None:
    """S5.2: by regions. Of integers, more than 6 is 7 or more; behind ``>= 7``, ``< 7`` always holds."""
    graph: Graph[News] = Graph("small", News)
    review = graph.node(Agent("review", "Score it.", prompt="{draft}", output=Score), writes=news.score)
    graph.edge(START, review)
    graph.edge(review, END, when=news.score >= 0)  # each holds on all scores
    found = mutate(graph)
    assert "review -> END: score >= 0  =>  score >= -1" in [str(one) for one in found.equivalent]
    assert f", {len(found.equivalent)} more make no difference (proved)" in str(found)
    assert not set(found.equivalent) & {*found.killed, *found.survivors}
    assert len(found.mutants) == len(found.equivalent) + len(found.killed) + len(found.survivors)


def fork(need: Any) -> Graph[News]:
    graph: Graph[News] = Graph("forked", News)
    plan, gather = graph.point("plan"), graph.point("gather")
    sources = [
        graph.node(Agent(name, "Find.", prompt="{draft}"), writes=news.facts) for name in ("web", "docs", "code")
    ]
    graph.edge(START, plan)
    graph.fork(plan, sources, join=gather, need=need)
    graph.chain(gather, graph.node(lambda state: {"published": True}, name="publish"), END)
    return graph


@pytest.mark.parametrize(
    ("need", "changed"),
    [
        ("all", {"need=all  =>  need=quorum(2)"}),
        (quorum(2), {"need=quorum(2)  =>  need=quorum(1)", "need=quorum(2)  =>  need=quorum(3)"}),
        ("first", {"need=quorum(1)  =>  need=quorum(2)"}),
        (best_effort(at_least=3), {"need=best_effort(at_least=3)  =>  need=best_effort(at_least=2)"}),
        (best_effort(at_least=0), {"need=best_effort(at_least=0)  =>  need=best_effort(at_least=1)"}),
    ],
)
def test_needs_of_joins_are_changed(need: Any, changed: set[str]) -> None:
    """S6.6"""
    found = mutate(fork(need), runs=20)
    assert {f"{one.before}  =>  {one.after}" for one in found.mutants if one.kind == "need"} == changed


def test_a_property_notices_what_a_join_needs() -> None:
    found = mutate(fork("all"), [never(news.published & (size(news.facts) < 3))])
    assert [one.killed_by for one in found.mutants if one.kind == "need"] == ["never(published and size(facts) < 3)"]


def test_a_join_that_waits_for_a_condition() -> None:
    graph = fork(size(news.facts) >= 2)
    found = mutate(graph, runs=20)
    assert "need=size(facts) >= 2  =>  need=size(facts) >= 1" in {
        f"{one.before}  =>  {one.after}" for one in found.mutants
    }


def test_what_is_left_when_the_time_is_over_is_counted_and_said() -> None:
    found = mutate(newsroom(), most_seconds=0.0)
    whole = mutate(newsroom(), runs=5)
    assert found.killed == found.survivors == ()
    assert found.left_out + len(found.mutants) == len(whole.mutants)
    assert f"  {found.left_out} more were not tried" in str(found)
    assert whole.left_out == 0
    assert "not tried" not in str(whole)


def test_a_graph_that_does_not_hold_cannot_be_changed_for_the_worse() -> None:
    with pytest.raises(PropertyFailed):
        mutate(newsroom(), [never(news.published)])


def test_the_graph_itself_stays_as_it_is() -> None:
    graph = newsroom()
    before, plan = graph.plan().fingerprint, graph.plan()
    mutate(graph, runs=10)
    assert graph.plan() is plan
    assert graph.plan().fingerprint == before


def test_graphs_inside_are_changed_as_well() -> None:
    inner = newsroom()
    outer: Graph[News] = Graph("outer", News)
    outer.chain(START, outer.node(inner, name="inside"), END)
    found = mutate(outer, WELL[:1], runs=50)
    assert {one.graph for one in found.mutants} == {"newsroom"}
    by = told(found)
    assert by["count -> publish: score >= 7  =>  score >= 6"].startswith("never(")


def test_conditions_in_words() -> None:
    """And, or, one of, a part left out, the opposite; each reads differently from the others."""
    graph: Graph[News] = Graph("small", News)
    review = graph.node(Agent("review", "Score it.", prompt="{draft}", output=Score), writes=news.score)
    graph.edge(START, review)
    graph.edge(review, END, when=(news.score >= 7) & (news.draft == ""))
    graph.edge(review, END)
    changed = [one.after for one in mutate(graph, runs=5).mutants if one.kind == "condition"]
    assert len(changed) == len(set(changed))
    assert {'score >= 7 or draft == ""', 'draft == ""', "score >= 7", 'score > 7 and draft == ""'} <= set(changed)
