"""Each default property is broken on purpose by a small graph, and found; what is found reads well and plays again."""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable
from enum import Enum
from pathlib import Path
from typing import Annotated, Any

import pytest
from hypothesis import strategies as st
from pydantic import BaseModel, Field, field_validator

import graphflow.testing as testing
from graphflow import END, FAIL, START, Agent, Budget, Context, Graph, Handoff, Retry, append, fields, size
from graphflow.errors import GraphError, InputInvalid
from graphflow.errors.testing import (
    AnswersInvalid,
    NotDeterministic,
    NothingGenerated,
    OutsideReached,
    PropertyFailed,
    PropertyInvalid,
    StepsInvalid,
    TestingError,
)
from graphflow.testing import (
    always,
    eventually,
    faults,
    leads_to,
    never,
    replay,
    says,
    sometimes,
    verify,
    walks,
)


class News(BaseModel):
    facts: Annotated[list[str], append] = []
    draft: str = ""
    score: int = 0
    rounds: int = 0
    tokens: int = 0
    code: str = ""
    tags: list[str] = []
    published: bool = False


class Review(BaseModel):
    score: int = Field(ge=0, le=10)


news = fields(News)


def agent(name: str, output: Any = str, **options: Any) -> Agent[Any]:
    return Agent(name, "Do it.", prompt="{score}", output=output, **options)


def newsroom(last: Callable[[Graph[News], Any, Any], None] | None = None) -> Graph[News]:
    """The newsroom of the documentation: a fork, a loop, and no way on after the third bad review."""
    graph: Graph[News] = Graph("newsroom", News)
    plan = graph.point("plan")
    web, docs, code = (graph.node(agent(name), writes=news.facts) for name in ("web", "docs", "code"))
    write = graph.node(agent("write"), writes=news.draft)
    review = graph.node(agent("review", Review))
    count = graph.node(lambda state: {"rounds": state.rounds + 1}, name="count")
    publish = graph.node(lambda state: {"published": True}, name="publish")
    graph.edge(START, plan)
    graph.fork(plan, [web, docs, code], join=write)
    graph.chain(write, count, review)
    graph.edge(review, publish, when=news.score >= 7)
    graph.edge(review, write, when=(news.score < 7) & (news.rounds < 3), at_most=5)
    if last is not None:
        last(graph, review, publish)
    graph.edge(publish, END)
    return graph


def chain(*nodes: Any, state: type[BaseModel] = News, name: str = "small") -> Graph[Any]:
    """Nodes in a row: agents, or functions."""
    graph: Graph[Any] = Graph(name, state)
    graph.chain(START, *(graph.node(node) for node in nodes), END)
    return graph


def broken(graph: Graph[Any], **options: Any) -> PropertyFailed:
    """What is found, after its snippet was executed and failed in the same way."""
    with pytest.raises(PropertyFailed) as caught:
        verify(graph, **options)
    return caught.value


# -- the text ----------------------------------------------------------------------------------------------------------


def test_a_failure_reads_like_a_run() -> None:
    found = broken(newsroom(), agents=dict.fromkeys(("web", "docs", "code", "write"), says("fact")))
    assert str(found) == (
        "[GF610] 'no stuck state' does not hold in graph 'newsroom'\n"
        "      1. web     says 'fact'\n"
        "      2. docs    says 'fact'\n"
        "      3. code    says 'fact'\n"
        "      4. write   says 'fact'  -> count\n"
        "      5. count   rounds=1  -> review\n"
        "      6. review  says Review(score=0)  -> write\n"
        "      7. write   says 'fact'  -> count\n"
        "      8. count   rounds=2  -> review\n"
        "      9. review  says Review(score=0)  -> write\n"
        "     10. write   says 'fact'  -> count\n"
        "     11. count   rounds=3  -> review\n"
        "     12. review  says Review(score=0)\n"
        "  no way out of 'review':\n"
        "     -> publish  needs score >= 7   (is score=0)\n"
        "     -> write    needs score < 7 and rounds < 3   (is rounds=3, score=0)\n"
        "  fix     add an edge without a condition, or widen one of these\n"
        "  replay  replay(newsroom, start=News(), steps=[\n"
        "              ('web', 'fact'), ('docs', 'fact'), ('code', 'fact'), ('write', 'fact'), ('count',),\n"
        "              ('review', Review(score=0)), ('write', 'fact'), ('count',), ('review', Review(score=0)),\n"
        "              ('write', 'fact'), ('count',), ('review', Review(score=0)),\n"
        "          ])"
    )


def test_the_snippet_of_a_failure_executes_and_fails_in_the_same_way() -> None:
    graph = newsroom()
    found = broken(graph)
    with pytest.raises(PropertyFailed, match="no stuck state"):
        eval(found.replay, {"replay": replay, "newsroom": graph, "News": News, "Review": Review})


def test_it_is_an_assertion_error_and_found_the_same_way_each_time() -> None:
    first, second = broken(newsroom()), broken(newsroom())
    assert isinstance(first, AssertionError)
    assert str(first) == str(second)


def test_what_holds_is_told() -> None:
    graph = newsroom(lambda graph, review, publish: graph.edge(review, END))
    found = verify(graph, properties=[never(news.rounds > 3)], runs=50)
    assert str(found) == f"newsroom: {len(found.properties)} properties hold in 50 walks\n  start  as declared"
    assert {"no stuck state", "never(rounds > 3)", "structure"} <= set(found.properties)


def test_errors_that_check_finds_come_first() -> None:
    graph: Graph[News] = Graph("none", News)
    with pytest.raises(GraphError):
        verify(graph)


# -- default properties ------------------------------------------------------------------------------------------------


def test_conditions_answer() -> None:
    """S5.4: a plain predicate that raises on a state the agents can bring about."""
    graph: Graph[News] = Graph("small", News)
    tag = graph.node(agent("tag", list[str]), writes=news.tags)
    graph.edge(START, tag)
    graph.edge(tag, END, when=lambda state: min(state.tags) == "a")
    graph.edge(tag, END)
    found = broken(graph)
    assert found.name == "conditions answer"
    assert "ValueError" in str(found)


def test_conditions_are_pure() -> None:
    """S5.1: one that counts how often it was asked."""
    asked = itertools.count()
    graph: Graph[News] = Graph("small", News)
    one = graph.node(agent("one"), writes=news.draft)
    graph.edge(START, one)
    graph.edge(one, END, when=lambda state: next(asked) % 2 == 0)
    graph.edge(one, END)
    assert broken(graph).name == "conditions are pure"


def test_updates_are_valid() -> None:
    """S3.3: the agent may say what the state does not take."""

    class Scored(BaseModel):
        score: Annotated[int, Field(le=10)] = 0

    graph: Graph[Scored] = Graph("small", Scored)
    graph.chain(START, graph.node(agent("review", int), writes=fields(Scored).score), END)
    found = broken(graph)
    assert found.name == "updates are valid"
    assert "('review', 11)" in found.replay


def test_updates_keep_to_what_was_declared() -> None:
    """S3.5"""

    def write(state: News, ctx: Context) -> str:
        if state.score == 5:
            ctx.update(rounds=1)
        return "x"

    graph: Graph[News] = Graph("small", News)
    review = graph.node(agent("review", Review))
    graph.chain(START, review, graph.node(write, writes=news.draft), END)
    found = broken(graph)
    assert found.name == "updates are valid"
    assert "Review(score=5)" in found.replay


def test_a_change_in_place_is_lost() -> None:
    """S3.6"""

    def tag(state: News) -> None:
        state.tags.append("urgent")

    found = broken(chain(tag))
    assert found.name == "no change in place"
    assert "state.tags" in str(found)
    assert "return {'tags': ...}" in found.fix


def test_parallel_writes_need_reducers() -> None:
    """S6.5: writes that nobody declared, by two branches."""

    def one(state: News) -> dict[str, Any]:
        return {"draft": "one"}

    def two(state: News) -> dict[str, Any]:
        return {"draft": "two"} if state.score > 3 else {}

    graph: Graph[News] = Graph("small", News)
    review = graph.node(agent("review", Review))
    join = graph.point("join")
    graph.edge(START, review)
    graph.fork(review, [graph.node(one), graph.node(two)], join=join)
    graph.edge(join, END)
    assert broken(graph).name == "parallel writes have reducers"


def test_no_crash_on_any_valid_answer() -> None:
    def divide(state: News) -> dict[str, Any]:
        return {"rounds": 100 // (state.score - 3)}

    found = broken(chain(agent("review", Review), divide))
    assert found.name == "no crash"
    assert "ZeroDivisionError" in str(found)
    assert "test_verify.py" in str(found)
    assert found.replay == "replay(small, start=News(), steps=[('review', Review(score=3)), ('divide',)])"


def test_what_is_meant_to_fail_is_no_crash() -> None:
    """S1.1, S8.4: FAIL, and an input that a node refuses."""
    graph: Graph[News] = Graph("small", News)
    review = graph.node(agent("review", Review))
    graph.edge(START, review)
    graph.edge(review, FAIL("too bad"), when=news.score < 3)
    graph.edge(review, END)
    verify(graph, runs=50)

    def refuse(state: News) -> None:
        raise InputInvalid("no such topic")

    verify(chain(refuse), runs=5)


def test_an_agent_can_keep_it_going_for_ever() -> None:
    """S4.5: a loop that only the agent ends, and a log that grows in it."""
    graph: Graph[News] = Graph("small", News)
    write = graph.node(agent("write"), writes=news.facts)
    review = graph.node(agent("review", Review))
    graph.chain(START, write, review)
    graph.edge(review, write, when=news.score < 7, at_most="unbounded")
    graph.edge(review, END)
    found = broken(graph)
    assert found.name == "terminates"
    assert "  steps 1-2 can repeat for ever while the agents keep answering so\n" in str(found)
    assert "an edge of the cycle write -> review -> write" in found.fix
    assert verify(graph, without=["terminates"], runs=30)


def test_a_run_that_goes_round_by_itself() -> None:
    def wait(state: News) -> dict[str, Any]:
        return {"rounds": min(state.rounds + 1, 5)}

    graph: Graph[News] = Graph("small", News)
    node = graph.node(wait)
    graph.edge(START, node)
    graph.edge(node, node, when=news.rounds < 6, at_most="unbounded")
    graph.edge(node, END)
    found = broken(graph)
    assert found.name == "no livelock"
    assert "step 6 repeats for ever: nothing in it depends on an answer" in str(found)


def test_a_loop_that_counts_ends() -> None:
    graph: Graph[News] = Graph("small", News)
    node = graph.node(lambda state: {"rounds": state.rounds + 1}, name="count")
    graph.edge(START, node)
    graph.edge(node, node, when=news.rounds < 60, at_most="unbounded")
    graph.edge(node, END)
    verify(graph, runs=10)


def test_branches_that_share_more_than_the_state() -> None:
    """S15.4: who comes first decides."""

    def declared() -> Graph[News]:
        graph: Graph[News] = Graph("small", News)
        plan, join = graph.point("plan"), graph.point("join")

        def one(state: News, ctx: Context) -> dict[str, Any]:
            ctx.deps.append("one")
            return {"facts": f"one after {len(ctx.deps)}"}

        def two(state: News, ctx: Context) -> dict[str, Any]:
            ctx.deps.append("two")
            return {"facts": f"two after {len(ctx.deps)}"}

        graph.edge(START, plan)
        graph.fork(plan, [graph.node(one), graph.node(two)], join=join)
        graph.edge(join, END)
        return graph

    found = broken(declared(), deps=list)
    assert found.name == "order does not matter"
    assert "facts is" in str(found)
    assert found.replay.endswith("deps=list)")


def test_a_state_that_json_alters() -> None:
    """S1.1"""

    class Held(BaseModel):
        what: Any = None

    def hold(state: Held) -> dict[str, Any]:
        return {"what": (1, 2)}

    with pytest.raises(PropertyFailed) as caught:
        verify(chain(hold, state=Held))
    assert caught.value.name in ("survives JSON", "updates are valid", "replay equals run")


def test_what_an_error_edge_is_there_for_is_handled() -> None:
    """S8.2: the edge has a condition that does not always hold."""
    graph: Graph[News] = Graph("small", News)
    web = graph.node(agent("web", retry=None), writes=news.facts)
    sorry = graph.node(lambda state: {"draft": "sorry"}, name="sorry")
    graph.chain(START, web, END)
    graph.edge(web, sorry, on_error=ConnectionError, when=news.score > 3)
    graph.edge(sorry, END)
    found = broken(graph, faults=faults.raising(ConnectionError))
    assert found.name == "declared faults are handled"
    assert "(injected)" in str(found)
    assert verify(graph)


def test_a_handoff_that_cannot_be_chosen() -> None:
    """S9.3: handoffs only, and none enabled."""
    graph: Graph[News] = Graph("small", News)
    review = graph.node(agent("review", Review))
    route = graph.node(agent("route", retry=None))
    graph.chain(START, review, route)
    graph.handoff(route, END, "done", when=news.score >= 7)
    found = broken(graph)
    assert found.name == "no stuck state"
    assert "needs score >= 7" in str(found)


def test_every_default_property_can_be_turned_off() -> None:
    assert verify(newsroom(), without="no stuck state", runs=30)
    with pytest.raises(PropertyInvalid, match="Did you mean 'no stuck state'") as caught:
        verify(newsroom(), without="no stuck sate")
    assert caught.value.code == "GF602"


# -- rare values -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("condition", "field"),
    [
        (news.tokens == 131_072, "tokens"),
        ((news.tokens > 900_000_000) & (news.tokens < 900_000_009), "tokens"),
        (news.code == "E_RATE_LIMIT", "code"),
    ],
)
def test_rare_values_are_reached(condition: Any, field: str) -> None:
    """S5.2: the constants of conditions, and their neighbours, are tried."""
    graph: Graph[News] = Graph("small", News)
    kind = News.model_fields[field].annotation
    ask = graph.node(agent("ask", kind), writes=getattr(news, field))
    rare = graph.node(lambda state: {"published": True}, name="rare")
    graph.edge(START, ask)
    graph.edge(ask, rare, when=condition)
    graph.edge(ask, END)
    graph.edge(rare, END)
    assert broken(graph, properties=[never(news.published)]).name == "never(published)"


def test_constants_in_plain_code_are_tried_too() -> None:
    def judge(state: News) -> dict[str, Any]:
        if state.code == "E_TEAPOT" or state.tokens in (70_000, 80_000):
            raise ValueError("unexpected")
        return {}

    class Answer(BaseModel):
        code: str
        tokens: int

    found = broken(chain(agent("ask", Answer), judge))
    assert found.name == "no crash"


# -- properties of one's own -------------------------------------------------------------------------------------------


def good() -> Graph[News]:
    return newsroom(lambda graph, review, publish: graph.edge(review, END))


def test_never() -> None:
    found = broken(good(), properties=[never(news.published & (news.rounds > 2))])
    assert found.name == "never(published and rounds > 2)"
    assert "(is rounds=3, published=True)" in str(found)
    assert found.replay.endswith("], properties=[never(fields(News).published & (fields(News).rounds > 2))])")


def test_always_and_predicates() -> None:
    assert broken(good(), properties=[always(news.rounds <= 2)]).name == "always(rounds <= 2)"
    verify(good(), properties=[always(lambda state: state.rounds <= 3)], runs=50)


def test_eventually() -> None:
    found = broken(good(), properties=[eventually(news.published)])
    assert "the run is done, and published never held" in str(found)
    verify(good(), properties=[eventually(news.rounds >= 1)], runs=50)


def test_leads_to() -> None:
    verify(good(), properties=[leads_to(news.score >= 7, news.published)], runs=100)
    found = broken(good(), properties=[leads_to(news.rounds == 3, news.published)])
    assert re.search(r"rounds == 3 held after step \d+, and published never since", str(found))


def test_sometimes() -> None:
    verify(good(), properties=[sometimes(news.rounds == 3)])
    found = broken(good(), properties=[sometimes(news.rounds == 4)])
    assert "in 200 walks rounds == 4 never held" in str(found)


def test_properties_that_say_nothing() -> None:
    for wrong in (True, "published", 3, News):
        with pytest.raises(PropertyInvalid):
            never(wrong)
    with pytest.raises(PropertyInvalid, match="is no property"):
        verify(good(), properties=[news.published])  # type: ignore[list-item]
    with pytest.raises(Exception, match="publishd"):
        never(news.publishd)  # type: ignore[attr-defined]

    class Other(BaseModel):
        page: int = 0

    with pytest.raises(Exception, match="about the fields of Other"):
        verify(good(), properties=[never(fields(Other).page > 3)])
    with pytest.raises(PropertyInvalid, match="raised IndexError"):
        verify(good(), properties=[never(lambda state: state.tags[0] == "a")])


# -- what nodes answer -------------------------------------------------------------------------------------------------


def test_answers_can_be_said() -> None:
    graph = good()
    verify(graph, agents={"review": says(Review, score=st.integers(8, 10))}, properties=[eventually(news.published)])
    verify(graph, agents={"review": says(Review(score=9))}, properties=[never(news.rounds == 2)])
    verify(graph, agents={"review": lambda state: Review(score=state.rounds)}, properties=[never(news.published)])
    verify(graph, agents={"review": Review(score=1), "web": says("w")}, properties=[never(news.published)])


def test_functions_questions_and_errors_can_be_said() -> None:
    graph: Graph[News] = Graph("small", News)

    def fetch(state: News) -> dict[str, Any]:
        raise AssertionError("the network")

    page = graph.node(fetch, retry=Retry(attempts=2, on=ConnectionError))
    ok = graph.ask("ok", "Is it?", answer=bool, writes=news.published)
    graph.chain(START, page, ok, END)
    verify(graph, agents={page: {"draft": "page"}, ok: says(True)}, properties=[never(size(news.draft) > 4)])
    found = broken(graph, agents={fetch: says(ConnectionError("down"))}, properties=[always(news.score == 1)])
    assert found.name == "always(score == 1)"
    verify(graph, agents={"fetch": says(ConnectionError("down"))})


@pytest.mark.parametrize(
    ("agents", "words"),
    [
        ({"reviw": says(Review)}, "Did you mean 'review'"),
        ({"review": says(Review(score=3).model_copy(update={"score": 99}).model_dump())}, "is no Review"),
        ({"review": 7}, "is no Review"),
    ],
)
def test_answers_that_cannot_be(agents: Any, words: str) -> None:
    with pytest.raises(AnswersInvalid, match=words) as caught:
        verify(good(), agents=agents)
    assert caught.value.code == "GF603"


def test_parts_that_a_model_does_not_have() -> None:
    with pytest.raises(AnswersInvalid, match="no field 'scor'"):
        says(Review, scor=3)
    with pytest.raises(AnswersInvalid, match="is no model"):
        says(3, score=3)


def test_a_strategy_that_rejects_everything() -> None:
    impossible = st.integers().filter(lambda n: False)
    with pytest.raises(NothingGenerated) as caught:
        verify(good(), agents={"review": says(Review, score=impossible)})
    assert caught.value.code == "GF604"


def test_a_model_that_refuses_whatever_is_drawn() -> None:
    class Picky(BaseModel):
        score: int

        @field_validator("score")
        @classmethod
        def never_right(cls, score: int) -> int:
            raise ValueError("no score is right")

    with pytest.raises(NothingGenerated, match="no score is right"):
        verify(chain(agent("pick", Picky)))


def test_a_node_that_looks_at_a_global() -> None:
    seen: list[int] = []

    def count(state: News) -> dict[str, Any]:
        seen.append(1)
        if len(seen) % 7 == 0:
            raise RuntimeError("now and then")
        return {}

    with pytest.raises(NotDeterministic) as caught:
        verify(chain(agent("web", Review), count))
    assert caught.value.code == "GF605"


def test_a_node_that_needs_the_network() -> None:
    async def fetch(state: News) -> dict[str, Any]:
        import asyncio

        await asyncio.open_connection("example.org", 80)
        return {}

    with pytest.raises(OutsideReached, match="network"):
        verify(chain(fetch))
    verify(chain(fetch), agents={"fetch": says({"draft": "page"})}, runs=5)


def test_where_runs_start() -> None:
    class Topic(BaseModel):
        topic: Annotated[str, Field(min_length=3)]
        limit: int = 3

    seen: set[str] = set()

    def note(state: Topic) -> None:
        seen.add(state.topic)

    verify(chain(note, state=Topic), runs=30)
    assert len(seen) > 3
    for given in (Topic(topic="owls"), {"topic": "owls"}, {"topic": st.just("owls")}, st.just(Topic(topic="owls"))):
        seen.clear()
        verify(chain(note, state=Topic), start=given, runs=5)
        assert seen == {"owls"}
    with pytest.raises(InputInvalid, match="topik"):
        verify(chain(note, state=Topic), start={"topik": "owls"})


# -- walks -------------------------------------------------------------------------------------------------------------


def test_walks_gives_every_run_to_a_test() -> None:
    statuses: set[str] = set()

    @walks(good(), faults=faults.crash() + faults.raising(ConnectionError), runs=100)
    def short(run: Any) -> None:
        statuses.add(run.status)
        assert run.usage.steps <= 20
        assert run.path is not None

    short()
    assert statuses == {"done", "failed"}


def test_walks_tells_the_shortest_run_that_fails_the_test() -> None:
    @walks(good())
    def test_unpublished(run: Any, limit: int) -> None:
        assert not run.state.published or run.usage.steps > limit, "published"

    with pytest.raises(PropertyFailed) as caught:
        test_unpublished(limit=30)
    assert "the run is done, and then AssertionError: published" in str(caught.value)
    assert "7. publish  published=True  -> END" in str(caught.value)
    assert caught.value.__cause__ is None  # told once
    assert caught.traceback[-1].path == Path(__file__)  # at the line of the assertion


def test_walks_refuses_tests_that_it_cannot_call() -> None:
    with pytest.raises(TestingError, match="takes no run"):

        @walks(good())
        def test_nothing() -> None: ...

    with pytest.raises(TestingError, match="runs=0"):
        walks(good(), runs=0)


# -- replay ------------------------------------------------------------------------------------------------------------


def test_replay_gives_the_run() -> None:
    run = replay(
        good(),
        start=News(),
        steps=[("web", "fact"), ("docs", "b"), ("code", "c"), ("write", "d"), ("count",), ("review", Review(score=9))],
    )
    assert (run.status, run.frontier, run.state.facts) == ("running", ("publish:1",), ["fact", "b", "c"])


def test_replay_of_everything_else() -> None:
    """Handoffs, questions, timers, errors, branches by their cursor, crashes and cancels."""
    graph: Graph[News] = Graph("small", News)
    each = graph.node(agent("each", retry=Retry(attempts=2)), writes=news.facts)
    ok = graph.ask("ok", "Is it?", answer=bool, writes=news.published)
    late = graph.node(lambda state: {"draft": "late"}, name="late")
    plan, join, route = graph.point("plan"), graph.point("join"), graph.node(agent("route"))
    graph.edge(START, plan)
    graph.map(plan, each, over=news.tags, join=join)
    graph.edge(join, route)
    graph.handoff(route, ok, "ask")
    graph.edge(ok, END)
    graph.edge(ok, late, after_s=60)
    graph.edge(late, END)
    steps: list[Any] = [
        ("plan:1[1]/each:1", "second"),
        ("each", ConnectionError("down")),
        (faults.CRASH,),
        ("each", faults.FIRE),
        ("each", "first"),
        ("route", Handoff("ok")),
    ]
    start = News(tags=["a", "b"])
    run = replay(graph, start=start, steps=[*steps, ("ok", True)])
    assert (run.status, run.state.facts, run.state.published) == ("done", ["first", "second"], True)
    assert replay(graph, start=start, steps=[*steps, ("ok", faults.FIRE), ("late",)]).state.draft == "late"
    assert replay(graph, start=start, steps=[*steps, (faults.CANCEL,)]).status == "cancelled"


@pytest.mark.parametrize(
    ("steps", "words"),
    [
        ([("wb", "fact")], "Did you mean 'web'"),
        ([("web", "a"), ("web", "a")], "Nothing can happen at 'web' then: it stands at docs, code"),
        ([("web",)], "does not say what it answers"),
        ([("web", "a", "b")], "A step is a tuple"),
        ([("web", faults.FIRE)], "Nothing can happen"),
    ],
)
def test_steps_that_do_not_fit(steps: Any, words: str) -> None:
    with pytest.raises(StepsInvalid, match=re.escape(words)) as caught:
        replay(good(), start=News(), steps=steps)
    assert caught.value.code == "GF606"
    assert f"Step {len(steps)}" in str(caught.value)


class Colour(Enum):
    RED = 1


def test_snippets_write_enums_errors_and_nested_models() -> None:
    class Part(BaseModel):
        colour: Colour = Colour.RED
        weight: float = 0.0

    class Whole(BaseModel):
        parts: list[Part] = []

    def weigh(state: Whole) -> None:
        if any(part.weight > 1 for part in state.parts):
            raise ValueError("too heavy")

    class Parts(BaseModel):
        parts: list[Part]

    found = broken(chain(agent_for(Parts), weigh, state=Whole))
    assert "Part(weight=" in found.replay


def agent_for(output: type[BaseModel]) -> Agent[Any]:
    return Agent("make", "Make it.", prompt="x", output=output)


# -- surroundings ------------------------------------------------------------------------------------------------------


def test_budgets_and_sub_graphs() -> None:
    inner: Graph[News] = Graph("inner", News)
    inner.chain(START, inner.node(agent("deep", Review)), END)
    outer: Graph[News] = Graph("outer", News)
    sub = outer.node(inner, name="sub")
    outer.chain(START, sub, END)
    found = broken(outer, properties=[never(news.score == 4)])
    assert "('sub:1/deep:1', Review(score=4))" in found.replay or "('deep', Review(score=4))" in found.replay
    verify(good(), budget=Budget(steps=4), runs=30)
    found = broken(good(), budget=Budget(steps=5), properties=[never(news.draft == "\u00e9")])
    assert found.replay.endswith("budget=Budget(steps=5, reserve_steps=5))")


def test_how_many_walks_and_which(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GRAPHFLOW_RUNS", "7")
    assert "7 walks" in str(verify(good()))
    assert "9 walks" in str(verify(good(), runs=9))
    for seed in ("1", "random"):
        monkeypatch.setenv("GRAPHFLOW_SEED", seed)
        verify(good())
    monkeypatch.setenv("GRAPHFLOW_RUNS", "many")
    with pytest.raises(TestingError, match="GRAPHFLOW_RUNS='many'"):
        verify(good())


def test_it_works_where_a_loop_runs_already() -> None:
    import asyncio

    async def main() -> None:
        verify(good(), runs=10)

    asyncio.run(main())


def test_names_are_exported_lazily() -> None:
    import subprocess
    import sys

    code = "import sys, graphflow, graphflow.testing; print('hypothesis' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
    assert {"verify", "walks", "never", "faults", "replay", "says"} <= set(testing.__all__)
