"""``explore``: what it says of a graph is what runs of it do, and what goes wrong is found with a shortest run."""

from __future__ import annotations

import importlib.util
import json
import random
import sys
import zlib
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any, Literal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import BaseModel, Field

from graphflow import END, FAIL, START, Agent, Graph, RunFailed, append, fields, quorum
from graphflow.core.plan import Retry
from graphflow.errors import GraphflowError, JoinFailed, NoWayOut, WriteConflict
from graphflow.errors.testing import AnswersInvalid, ExploringInvalid, PropertyInvalid
from graphflow.graph.context import Context, Handoff
from graphflow.testing import explore
from graphflow.testing.exploring.exploration import Exploration
from graphflow.testing.playing.play import Move, Option, Play
from graphflow.testing.properties import always, eventually, leads_to, never, sometimes
from graphflow.testing.virtual import run_virtual
from tests.execution import Call, HandOff, Raise
from tests.properties.laws import LAWS, shuffled
from tests.random_graphs import Scenario, Style, World, scenarios
from tests.reference import interpret

GRAPHS = sorted((Path(__file__).parents[2] / "graphs").glob("*.py"))


class Review(BaseModel):
    score: Annotated[int, Field(ge=0, le=10)]


class News(BaseModel):
    topic: str = "owls"
    draft: str = ""
    score: int = 0
    rounds: int = 0
    facts: Annotated[list[str], append] = []
    kind: Literal["a", "b", "c"] = "a"
    left: int = 0
    right: int = 0
    limit: int = 5
    sent: bool = False


news = fields(News)


def reviewed(**options: Any) -> tuple[Graph[News], Any, Any]:
    """write -> review, and no edges after it yet."""
    graph = Graph("newsroom", News)
    write = graph.node(Agent("write", "Write.", prompt="{topic}"), writes=news.draft)
    review = graph.node(Agent("review", "Judge.", prompt="{draft}", output=Review))
    graph.edge(START, write)
    graph.edge(write, review)
    return graph, write, review


def kinds(found: Exploration) -> list[str]:
    return [one.kind for one in found.discoveries]


class TestWhatIsFound:
    def test_a_clean_loop_is_proved(self) -> None:
        """S4.5: a loop with a limit and a last edge: every run ends, every edge is taken."""
        graph, write, review = reviewed()
        graph.edge(review, END, when=news.score >= 7)
        graph.edge(review, write, at_most=2)
        graph.edge(review, END)
        found = explore(graph, failures=False)
        assert (found.is_proved, found.terminates, found.discoveries, found.never_taken) == (True, True, (), {})
        assert "proved" in str(found)
        assert found.ends.keys() == {"done"}

    def test_stuck(self) -> None:
        """S4.4: the shortest run to a node without a way out, with a state that shows it."""
        graph, write, review = reviewed()
        graph.edge(review, END, when=news.score > 7)
        graph.edge(review, write, when=news.score < 7, at_most=1)
        found = explore(graph, failures=False)
        first = found.discoveries[0]
        assert first.kind == "stuck"
        assert first.route.nodes == ("write", "review")
        assert first.route.moves[-1].value == Review(score=7)
        play = first.route.play()
        assert isinstance(play.machine.error, NoWayOut)
        assert "needs score > 7" in str(first)

    def test_stuck_once_a_limit_is_used_up(self) -> None:
        """S4.5."""
        graph, write, review = reviewed()
        graph.edge(review, END, when=news.score >= 7)
        graph.edge(review, write, at_most=2)
        [one] = explore(graph, failures=False).discoveries
        assert (one.kind, one.route.nodes) == ("stuck", ("write", "review") * 3)

    def test_an_agent_can_keep_it_looping(self) -> None:
        """S4.5: said to be without a limit; the lasso is shown, and may be meant."""
        graph, write, review = reviewed()
        graph.edge(review, END, when=news.score >= 7)
        graph.edge(review, write, at_most="unbounded")
        found = explore(graph, failures=False)
        [one] = found.discoveries
        assert (one.kind, one.severity, one.route.repeating) == ("loop", "warning", 2)
        assert "can repeat for ever" in str(one)
        assert found.terminates is False
        assert "whoever answers" in one.what

    def test_livelock(self) -> None:
        """S1.2 is kept by an edge that no state enables: the run goes round and cannot end."""
        graph, write, review = reviewed()
        graph.edge(review, END, when=news.sent)
        graph.edge(review, write, at_most="unbounded")
        [one] = explore(graph, failures=False).discoveries
        assert (one.kind, one.severity) == ("livelock", "error")

    def test_a_node_that_raises(self) -> None:
        graph = Graph("raises", News)

        @graph.node(writes=news.left)
        def halve(state: News) -> int:
            return 10 // (state.score - 3)

        judge = graph.node(Agent("judge", "Judge.", prompt="{topic}", output=Review))
        graph.edge(START, judge)
        graph.edge(judge, halve, when=news.score <= 3)
        graph.edge(judge, END)
        graph.edge(halve, END)
        [one] = explore(graph).discoveries
        assert (one.kind, one.route.nodes) == ("fails", ("judge", "halve"))
        assert "ZeroDivisionError" in one.what
        with pytest.raises(RunFailed):
            run_virtual(graph.run(News(score=3), model=scripted(one.route.moves[0].value)))

    def test_branches_that_write_the_same_field(self) -> None:
        """S6.5: found when the join fires."""
        graph = Graph("conflict", News)
        first, join = graph.point("first"), graph.point("join")

        @graph.node
        def one(state: News) -> dict[str, object]:
            return {"left": 1}

        @graph.node
        def other(state: News) -> dict[str, object]:
            return {"left": 1} if state.kind == "b" else {"right": 1}

        graph.edge(START, first)
        graph.fork(first, [one, other], join=join)
        graph.edge(join, END)
        assert explore(graph, start=News()).discoveries == ()
        [bad] = explore(graph).discoveries  # no node writes the kind: a user of the graph may give any
        assert (bad.kind, isinstance(bad.route.play().machine.error, WriteConflict)) == ("fails", True)
        assert bad.route.start == News(kind="b")

    def test_what_a_branch_has_written_counts_also_where_it_changed_nothing(self) -> None:
        """S6.5: even equal values conflict, so a write is part of how a run stands."""
        graph = Graph("conflict", News)
        first, join = graph.point("first"), graph.point("join")

        @graph.node
        def one(state: News) -> dict[str, object]:
            return {}

        @graph.node(writes=news.left)
        def other() -> int:
            return 1

        then = graph.node(Agent("then", "Say.", prompt="{topic}"), writes=news.draft)
        graph.edge(START, first)
        graph.fork(first, [one, other], join=join)
        graph.chain(one, then, join, END)
        found = explore(graph, agents={"one": st.sampled_from([{}, {"left": 0}])})
        assert [type(one.route.play().machine.error) for one in found.discoveries] == [WriteConflict]
        assert "join -> END" in found.taken

    def test_a_counterexample_has_only_the_moves_it_needs(self) -> None:
        """S15.4: in a fork the moves of other branches are left out."""
        graph = Graph("wide", News)
        first, join = graph.point("first"), graph.point("join")
        names = ["a", "b", "c"]
        branches = [graph.node(Agent(name, "Say.", prompt="{topic}"), writes=news.facts) for name in names]
        judge = graph.node(Agent("judge", "Judge.", prompt="{topic}", output=Review))
        graph.edge(START, first)
        graph.fork(first, [*branches, judge], join=join)
        graph.edge(judge, join, when=news.score != 5)
        graph.edge(join, END)
        [one] = explore(graph).discoveries
        assert (one.kind, one.route.nodes) == ("stuck", ("judge",))


def scripted(value: Any) -> Any:
    from graphflow.models import ScriptedModel

    return ScriptedModel(lambda request: value)


class TestEdges:
    def test_why_an_edge_is_never_taken(self) -> None:
        graph, write, review = reviewed()
        graph.edge(review, END, when=news.score >= 7)
        graph.edge(review, write, when=news.score >= 9, at_most=1)
        graph.edge(review, write, when=news.sent, at_most=1)
        graph.edge(review, END)
        found = explore(graph)
        assert found.never_taken == {
            "review -> write [score >= 9]": "dead: one tried before it is always taken (proved)",
        }
        assert "sent made up or as declared" in str(found)  # no node writes it: a user may give it
        proved = explore(graph, start=News())
        assert proved.never_taken["review -> write [sent]"] == "no run takes it (proved)"
        assert "review -> END [score >= 7]" in found.taken

    def test_the_shortest_path_to_an_edge(self) -> None:
        graph, write, review = reviewed()
        graph.edge(review, write, when=news.score < 7, at_most=1)
        graph.edge(review, END)
        found = explore(graph)
        for name in ("review -> write", ("review", "write"), (review, write)):
            route = found.path_to(name)
            assert route is not None
            assert route.nodes == ("write", "review")
            assert route.play().frontier == ("write:2",)
        start = found.path_to("START -> write")
        assert start is not None
        assert len(start) == 0

    def test_an_edge_that_is_not_there(self) -> None:
        graph, _, review = reviewed()
        graph.edge(review, END)
        with pytest.raises(ExploringInvalid, match="Did you mean 'write -> review'"):
            explore(graph).path_to("writ -> review")

    def test_few_runs_take_every_edge(self) -> None:
        graph = Graph("switch", News)
        sort = graph.node(Agent("sort", "Sort.", prompt="{topic}", output=Literal["a", "b", "c"]), writes=news.kind)
        ways = {name: graph.node(Agent(name, "Say.", prompt="{topic}"), writes=news.draft) for name in "abc"}
        graph.edge(START, sort)
        graph.switch(sort, news.kind, ways)
        for way in ways.values():
            graph.edge(way, END)
        found = explore(graph)
        runs = found.covering_runs()
        assert (len(runs), runs.least, runs.is_smallest) == (3, 3, True)
        assert taken_by(found, runs) == found.taken
        assert "the fewest there can be" in str(runs)

    def test_one_run_is_enough_where_a_loop_passes_everything(self) -> None:
        graph, write, review = reviewed()
        graph.edge(review, write, when=news.score < 7, at_most=3)
        graph.edge(review, END)
        found = explore(graph)
        assert (len(found.covering_runs()), found.covering_runs().is_smallest) == (1, True)

    def test_the_space_is_a_graph(self) -> None:
        graph, _, review = reviewed()
        graph.edge(review, END, when=news.score >= 7)
        graph.edge(review, END)
        found = explore(graph, failures=False)
        assert found.graph.number_of_nodes() == found.states
        assert found.graph.nodes[0]["frontier"] == ("write:1",)
        assert {move.node for _, _, moves in found.graph.edges(data="moves") for move in moves} == {"write", "review"}


def taken_by(found: Exploration, runs: Any) -> set[str]:
    """The edges that runs take, when they are played again."""
    names, places = found._survey.names, found._survey.search.places
    taken: set[str] = set()
    for run in runs:
        play = Play(run.plan, run.start)
        taken |= {names[key] for key in keys_of(play, places)}
        for move in run.moves:
            play.make(move)
            taken |= {names[key] for key in keys_of(play, places)}
        assert play.is_over
    return taken


def keys_of(play: Play, places: dict[int, int]) -> Iterator[tuple[int, int]]:
    for item, plan in play.last:
        if isinstance(item, tuple):
            yield places[id(plan)], item[4]
        elif "edge" in item and item["kind"] not in ("joined", "failed"):
            yield places[id(plan)], item["edge"]


class TestWhatMayHappen:
    def test_questions_are_answered_in_every_way_or_never(self) -> None:
        """S10.1, S10.3."""
        graph = Graph("ask", News)
        approve = graph.ask("approve", "Send?", answer=bool, writes=news.sent)
        again = graph.point("again")
        graph.edge(START, approve)
        graph.edge(approve, END, when=news.sent)
        graph.edge(approve, again)
        graph.edge(approve, again, after_s=60)
        graph.edge(again, approve, at_most=1)
        graph.edge(again, END)
        found = explore(graph)
        assert (found.is_proved, found.never_taken, found.discoveries) == (True, {}, ())
        assert any(step.move.kind == "fire" for run in found.covering_runs() for step in run.steps)

    def test_a_person_who_never_says_yes_is_advice(self) -> None:
        """S4.5: an ask on the cycle is enough."""
        graph = Graph("ask", News)
        approve = graph.ask("approve", "Send?", answer=bool, writes=news.sent)
        graph.edge(START, approve)
        graph.edge(approve, END, when=news.sent)
        graph.edge(approve, approve)
        [one] = explore(graph).discoveries
        assert (one.kind, one.severity) == ("loop", "advice")

    def test_a_question_nobody_answers_is_no_fault(self) -> None:
        """S10.2: a run that waits is not stuck."""
        graph = Graph("ask", News)
        approve = graph.ask("approve", "Send?", answer=bool, writes=news.sent)
        graph.edge(START, approve)
        graph.edge(approve, END)
        assert explore(graph).discoveries == ()

    def test_declared_failures_happen(self) -> None:
        """S8.1, S8.2: a retry is used up, an error edge taken."""
        graph = Graph("rescue", News)

        @graph.node(writes=news.draft, retry=Retry(attempts=2, on=ConnectionError))
        def fetch(state: News) -> str:
            return "text"

        @graph.node(writes=news.draft)
        def guess() -> str:
            return "guess"

        graph.edge(START, fetch)
        graph.edge(fetch, guess, on_error=ConnectionError)
        graph.edge(fetch, END)
        graph.edge(guess, END)
        found = explore(graph)
        assert (found.never_taken, found.discoveries) == ({}, ())
        rescue = found.path_to("fetch -> guess")
        assert rescue is not None
        assert [move.kind for move in rescue.moves] == ["fail", "fire", "fail"]
        assert "fetch -> guess" in explore(graph, failures=False).never_taken

    def test_handoffs(self) -> None:
        """S9.1, S9.3."""
        graph = Graph("hands", News)
        router = graph.node(Agent("router", "Route.", prompt="{topic}"), writes=news.draft)
        left, right = graph.point("left"), graph.point("right")
        graph.edge(START, router)
        graph.handoff(router, left, "left")
        graph.handoff(router, right, "right", when=news.sent)
        for one in (left, right):
            graph.edge(one, END)
        found = explore(graph, start=News(), failures=False)
        assert found.never_taken.keys() == {"router -> right", "right -> END"}
        assert not explore(graph, failures=False).never_taken

    def test_a_join_that_is_lost_has_a_way_out(self) -> None:
        """S6.6, S8.3: too many failures: JoinFailed, and its error edge."""
        graph = Graph("quorum", News)
        first, join = graph.point("first"), graph.point("join")
        branches = [graph.node(Agent(name, "Say.", prompt="{topic}"), writes=news.facts) for name in "abc"]
        graph.edge(START, first)
        graph.fork(first, branches, join=join, need=quorum(2))
        graph.edge(join, FAIL("too few"), on_error=JoinFailed)
        graph.edge(join, END)
        found = explore(graph)
        assert found.never_taken == {}
        assert found.discoveries == ()
        assert found.reduced == 0  # S15.4: who is first matters

    def test_a_branch_that_stops_the_others_does_so_at_any_time(self) -> None:
        """S6.7, S15.4: whether a sibling got further before it was stopped is a matter of order."""
        graph = Graph("stopped", News)
        first, join = graph.point("first"), graph.point("join")

        @graph.node
        def bad(state: News) -> None:
            raise ValueError("always")

        one = graph.node(Agent("one", "Say.", prompt="{topic}"), writes=news.draft)
        two = graph.node(Agent("two", "Say.", prompt="{draft}"), writes=news.draft)
        graph.edge(START, first)
        graph.fork(first, [bad, one], join=join)
        graph.chain(one, two, join, END)
        found = explore(graph)
        assert {"one -> two", "two -> join"} <= found.taken
        assert found.never_taken.keys() == {"bad -> join", "join -> END"}

    def test_functions_are_called_for_real(self) -> None:
        graph = Graph("count", News)

        @graph.node(writes=news.rounds)
        def up(state: News) -> int:
            return state.rounds + 1

        graph.edge(START, up)
        graph.edge(up, END, when=news.rounds == 4)
        graph.edge(up, up, at_most="unbounded")
        found = explore(graph)
        assert (found.is_proved, found.states, found.terminates) == (True, 5, True)

    def test_a_function_that_does_not_always_give_the_same_is_made_up(self) -> None:
        """S15.1: then nothing is proved, and it is said why."""
        graph, numbers = Graph("chance", News), iter(range(1000))

        @graph.node(writes=news.score)
        def roll(state: News) -> int:
            return next(numbers)

        graph.edge(START, roll)
        graph.edge(roll, END, when=news.score >= 7)
        graph.edge(roll, END)
        found = explore(graph)
        assert not found.is_proved
        assert any("'roll' does not give the same" in note for note in found.notes)
        assert found.never_taken == {}

    def test_a_function_that_reaches_outside_is_made_up(self) -> None:
        graph = Graph("outside", News)

        @graph.node(writes=news.score)
        async def fetch(state: News) -> int:
            import asyncio

            await asyncio.open_connection("example.org", 80)
            return 1

        graph.edge(START, fetch)
        graph.edge(fetch, END, when=news.score >= 7)
        graph.edge(fetch, END)
        found = explore(graph)
        assert found.never_taken == {}
        assert any("fetch" in note and "made up" in note for note in found.notes)

    def test_a_join_sees_its_branches(self) -> None:
        """S6.7: what the join's function makes of failed branches leads on."""
        graph = Graph("branches", News)
        first = graph.point("first")
        branches = [graph.node(Agent(name, "Say.", prompt="{topic}"), writes=news.facts) for name in "ab"]

        @graph.node(writes=news.left)
        def gather(state: News, ctx: Context) -> int:
            return sum(branch.status == "done" for branch in ctx.branches)

        graph.edge(START, first)
        graph.fork(first, branches, join=gather, failures="collect")
        for number in range(4):
            graph.edge(gather, END, when=news.left == number)
        found = explore(graph)
        assert found.never_taken.keys() == {"gather -> END [left == 3]"}
        assert found.discoveries == ()


class TestProperties:
    def explored(self, *properties: Any) -> Exploration:
        graph, write, review = reviewed()

        @graph.node(writes=news.sent)
        def send(state: News) -> bool:
            return state.score >= 5

        graph.edge(review, send, when=news.score >= 7)
        graph.edge(review, write, at_most=1)
        graph.edge(review, send)
        graph.edge(send, END)
        return explore(graph, properties=properties, failures=False)

    @pytest.mark.parametrize(
        ("claim", "holds"),
        [
            (never(news.sent & (news.score < 5)), True),
            (never(news.sent & (news.score < 7)), False),
            (always(news.score <= 10), True),
            (always(news.draft == ""), False),
            (sometimes(news.sent), True),
            (sometimes(news.score == 11), False),
            (eventually(news.draft == "é"), False),
            (eventually(news.draft != ""), True),  # what an agent says is never empty
            (eventually(news.score >= 0), True),
            (eventually(news.sent), False),
            (leads_to(news.score >= 7, news.sent), True),
            (leads_to(news.draft != "", news.sent), False),
        ],
    )
    def test_they_hold_or_a_run_shows_that_they_do_not(self, claim: Any, holds: bool) -> None:
        found = self.explored(claim)
        [one] = found.properties
        assert one.holds is holds
        assert kinds(found) == ([] if holds else ["property"])
        if not holds and claim.kind in ("never", "always"):
            assert one.route is not None
            bound = claim.on(one.route.plan)
            assert bound.holds(bound.claim, one.route.play().values) is (claim.kind == "never")
        if not holds and claim.kind in ("eventually", "leads to"):
            assert one.route is not None
            assert one.route.play().status == "done"

    def test_the_shortest_run_breaks_it(self) -> None:
        [one] = self.explored(never(news.sent & (news.score < 7))).properties
        assert one.route is not None
        assert one.route.nodes == ("write", "review", "write", "review", "send")

    def test_something_that_is_no_property(self) -> None:
        with pytest.raises(PropertyInvalid):
            self.explored(news.sent)


class TestBounds:
    def endless(self) -> Graph[News]:
        graph = Graph("endless", News)

        @graph.node(writes=news.rounds)
        def up(state: News) -> int:
            return state.rounds + 1

        graph.edge(START, up)
        graph.edge(up, END, when=news.rounds < 0)
        graph.edge(up, up, at_most="unbounded")
        return graph

    @pytest.mark.parametrize("bounds", [{"max_states": 50}, {"max_depth": 50}])
    def test_a_bound_is_said(self, bounds: dict[str, Any]) -> None:
        """S17: "not proved", and what to do."""
        found = explore(self.endless(), **bounds)
        assert not found.is_complete
        assert not found.is_proved
        assert found.terminates is None
        assert f"{next(iter(bounds))}=50 reached" in str(found)
        assert "to do" in str(found)
        assert "not reached within" in found.never_taken["up -> END"]

    @pytest.mark.parametrize("name", ["max_states", "max_depth", "max_seconds"])
    def test_bounds_that_are_none(self, name: str) -> None:
        options: dict[str, Any] = {name: 0}
        with pytest.raises(ExploringInvalid, match=name):
            explore(self.endless(), **options)

    def test_a_time_that_is_over(self) -> None:
        assert explore(self.endless(), max_seconds=1e-9).bound.startswith("max_seconds")


class TestAnswers:
    def graph(self) -> Graph[News]:
        graph, write, review = reviewed()
        graph.edge(review, END, when=news.score >= 7)
        graph.edge(review, write, when=news.score < 3, at_most=1)
        graph.edge(review, END)
        return graph

    def test_they_can_be_said(self) -> None:
        found = explore(self.graph(), agents={"review": Review(score=8)})
        assert found.never_taken.keys() == {"review -> write", "review -> END [else]"}
        several = explore(self.graph(), agents={"review": st.sampled_from([Review(score=8), Review(score=5)])})
        assert several.never_taken.keys() == {"review -> write"}

    def test_or_be_worked_out_of_the_view(self) -> None:
        found = explore(self.graph(), agents={"review": lambda view: Review(score=9 if len(view.draft) < 99 else 1)})
        assert found.never_taken.keys() == {"review -> write", "review -> END [else]"}

    def test_an_unknown_node(self) -> None:
        with pytest.raises(AnswersInvalid, match="Did you mean 'review'"):
            explore(self.graph(), agents={"reviw": Review(score=8)})

    def test_an_answer_that_is_none(self) -> None:
        with pytest.raises(AnswersInvalid, match="no Review"):
            explore(self.graph(), agents={"review": {"score": 99}})

    def test_answers_that_cannot_be_told_one_by_one(self) -> None:
        with pytest.raises(AnswersInvalid, match="one by one"):
            explore(self.graph(), agents={"write": st.text()})

    def test_something_that_is_no_graph(self) -> None:
        with pytest.raises(GraphflowError, match="no graph"):
            explore("newsroom")  # type: ignore[arg-type]


def test_it_reads_well_and_is_plain_data() -> None:
    graph, write, review = reviewed()
    graph.edge(review, END, when=news.score > 7)
    graph.edge(review, write, when=news.score < 7, at_most=1)
    found = explore(graph, failures=False)
    assert str(found).splitlines()[:5] == [
        "newsroom: proved (7 states)",
        "  start     as declared",
        "  ends      done 1, failed 2",
        "  loops     every run ends",
        "  edges     4 of 4 taken",
    ]
    assert "2. review  says Review(score=7)" in str(found)
    assert "replay  replay(newsroom, start=News(), steps=[('write', 'x'), ('review', Review(score=7))])" in str(found)
    data = found.as_json()
    assert json.loads(json.dumps(data))["discoveries"][0]["kind"] == "stuck"
    assert "newsroom" in found._repr_mimebundle_()["text/html"]


# The graphs that come with the package: nothing is found in them.


@pytest.mark.parametrize("path", GRAPHS, ids=lambda path: path.stem)
def test_no_false_alarm_on_ready_graphs(path: Path) -> None:
    spec = importlib.util.spec_from_file_location(f"ready_{path.stem}", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    try:
        spec.loader.exec_module(module)
        for graph in {id(value): value for value in vars(module).values() if isinstance(value, Graph)}.values():
            found = explore(graph)
            assert found.is_complete
            assert [str(one) for one in found.discoveries if one.severity != "advice"] == []
            assert taken_by(found, found.covering_runs()) >= {
                name for name in found.taken if not any(word in name for word in ("[", "on_error"))
            } - failed_edges(found)
    finally:
        del sys.modules[spec.name]


def failed_edges(found: Exploration) -> set[str]:
    """Error edges: the journal tells them in another way, see ``keys_of``."""
    survey = found._survey
    plans = survey.search.control.plans
    return {name for (place, index), name in survey.names.items() if plans[place].edges[index].kind == "error"}


# Random graphs: the explorer denies nothing that a walk finds.

TINY = Style(blocks=3, has_retries=False)


def say(view: World) -> Any:
    """What any node may say: a few moves that depend on the view, one of them a failure."""
    return st.sampled_from([{"a": (view.a + 3) % 8}, {"total": 4, "log": f"a is {view.a}"}, ValueError("broken")])


def succeed(view: World) -> Any:
    """The same without the failure."""
    return st.sampled_from([{"a": (view.a + 3) % 8}, {"total": 4, "log": f"a is {view.a}"}])


def hand(targets: list[str]) -> Any:
    return lambda view: st.sampled_from([{"b": view.a}, *(Handoff(target, {}) for target in targets)])


def cast_of(scenario: Scenario, said: Any = say) -> dict[str, Any]:
    """The same answers for explorer and walks, by node."""
    found: dict[str, Any] = {}
    for name, script in scenario.scripts.items():
        if not script or name.startswith("ask"):
            continue
        targets = sorted({move.target for move in script if move.target and move.target != "nobody"})
        found[name] = hand(targets) if targets else said
    return found


def replies(scenario: Scenario, option: Option, play: Play) -> list[Move]:
    if option.kind == "timer":
        return [Move("fire", option.cursor, option.node.name, option.timer)]
    if option.kind == "question":
        return [Move("answer", option.cursor, option.node.name, number) for number in (0,)]
    said = cast_of(scenario)[option.node.name](play.view(option.scope))
    found: list[Move] = []
    for value in said.wrapped_strategy.elements if hasattr(said, "wrapped_strategy") else said.elements:
        kind: Any = "fail" if isinstance(value, Exception) else "handoff" if isinstance(value, Handoff) else "reply"
        found.append(Move(kind, option.cursor, option.node.name, value))
    return found


def explored(scenario: Scenario, *, every_order: bool, said: Any = say, most: int = 1500) -> Exploration:
    return explore(
        scenario.graph,
        start=scenario.start,
        agents={**cast_of(scenario, said), **dict.fromkeys((n for n in scenario.scripts if n.startswith("ask")), 0)},
        failures=False,
        max_states=most,
        every_order=every_order,
    )


def endings(found: Exploration) -> set[object]:
    survey = found._survey
    return {(one.status, type(one.error)) for one in survey.standings if not one.out}


@settings(LAWS, max_examples=30)
@given(scenarios(style=TINY), st.integers(0, 10_000))
def test_walks_find_nothing_that_the_explorer_denies(scenario: Scenario, seed: int) -> None:
    """S15.1: every standing and every edge of random walks is among those explored."""
    found = explored(scenario, every_order=True)
    if not found.is_complete:
        return
    search, chance = found._survey.search, random.Random(seed)
    control, taken = search.control, set(found._survey.taken)
    for _ in range(10):
        play = Play(scenario.plan, scenario.start)
        while options := play.open():
            assert control.key(play.machine) in search._known
            option = chance.choice(options)
            play.make(chance.choice(replies(scenario, option, play)))
            assert set(keys_of(play, search.places)) <= taken
        assert control.key(play.machine) in search._known


@settings(LAWS, max_examples=25)
@given(
    st.one_of(*(scenarios(style=replace(TINY, is_fork=True, is_confluent=same)) for same in (False, True))),
    st.sampled_from([say, succeed]),
)
def test_one_order_stands_for_all_where_it_says_so(scenario: Scenario, said: Any) -> None:
    """S15.4: the same edges are taken and runs come to the same ends, with the reduction and without."""
    every, reduced = (explored(scenario, every_order=every_order, said=said, most=300) for every_order in (True, False))
    if every.is_complete and reduced.is_complete:
        assert reduced.taken == every.taken
        assert endings(reduced) == endings(every)
        assert reduced.states <= every.states
        assert kinds(reduced) == kinds(every)


@settings(LAWS, max_examples=25)
@given(scenarios(style=TINY), st.integers(0, 1000))
def test_the_reference_comes_to_nothing_that_the_explorer_denies(scenario: Scenario, seed: int) -> None:
    """S2 to S12: status and failure of the specification's runs are among the ends explored."""
    found = explored(scenario, every_order=False)
    if not found.is_complete:
        return

    def answers(call: Call) -> Any:
        if call.node.kind == "ask":
            return {"best": 0}
        said = cast_of(scenario)[call.node.name](World.model_construct(**call.view))
        elements = list(said.wrapped_strategy.elements if hasattr(said, "wrapped_strategy") else said.elements)
        value = elements[zlib.crc32(f"{seed} {call.cursor}".encode()) % len(elements)]
        if isinstance(value, Exception):
            return Raise(value)
        return HandOff(value.target, value.update) if isinstance(value, Handoff) else value

    outcome = interpret(scenario.plan, scenario.start, answers, shuffled(seed))
    assert (outcome.status, type(outcome.error)) in {
        (status, error if error is not None else type(None)) for status, error in endings(found)
    }


@settings(LAWS, max_examples=25)
@given(scenarios(style=TINY))
def test_what_is_discovered_happens_when_it_is_played_again(scenario: Scenario) -> None:
    """Every counterexample is a run of the real machine, and comes to what it shows."""
    found = explored(scenario, every_order=False)
    for one in found.discoveries:
        play = one.route.play()
        if one.kind in ("stuck", "fails"):
            assert play.status == "failed"
            assert type(play.machine.error).__name__ in one.what or play.machine.error is not None
        if one.kind == "loop":
            assert play.status in ("running", "waiting")


def test_it_can_be_called_where_a_loop_runs() -> None:
    """In a notebook, say."""

    async def main() -> int:
        graph = Graph("awaited", News)

        @graph.node(writes=news.left)
        async def one(state: News) -> int:
            return 1

        graph.edge(START, one)
        graph.edge(one, END)
        return explore(graph).states

    assert run_virtual(main()) == 2


def test_what_tools_may_write_is_said_to_be_left_out() -> None:
    """S3.7."""

    def mark(ctx: Context) -> str:
        """Mark it."""
        ctx.update(left=1)
        return "marked"

    graph = Graph("tools", News)
    agent = graph.node(
        Agent("agent", "Work.", prompt="{topic}", tools=[mark]),
        writes=news.draft,
        updates=(news.left,),
    )
    graph.edge(START, agent)
    graph.edge(agent, END, when=news.left == 1)
    graph.edge(agent, END)
    assert "what tools of 'agent' may write to left was not tried" in explore(graph).notes
