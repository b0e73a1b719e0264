"""What declaring gives back, what it remembers, and that nothing is shared between graphs (S1.1, S1.4)."""

from __future__ import annotations

import asyncio
import copy
import inspect
import pickle
import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import pytest
from pydantic import BaseModel

import graphflow
from graphflow.core.plan import Limits, Need, Retry
from graphflow.errors import DeclarationError
from graphflow.graph.answers import Answer
from graphflow.graph.context import Context
from graphflow.graph.declaration import Declaration
from graphflow.graph.ends import END, FAIL, START, Fail
from graphflow.graph.handles import Handle, NodeHandle
from graphflow.graph.needs import best_effort, quorum
from graphflow.graph.worker import WorkerFacts
from tests.graph.essays import Essay, Misspelt, Review, essay, essay_graph, write
from tests.graph.snapshots import says


@dataclass(frozen=True)
class Agent:
    """Stands for an agent."""

    name: str = "agent"
    output: Any = Review
    reads: frozenset[str] | None = None
    retry: Retry | None = None

    def facts(self) -> WorkerFacts:
        return WorkerFacts(self.output, self.reads, retry=self.retry)

    async def perform(self, view: Any, ctx: Context) -> Any: ...


class TestHandles:
    def test_a_functions_handle_is_the_function(self) -> None:
        graph = essay_graph()

        @graph.node(writes=essay.draft)
        async def widen(state: Essay, prefix: str = "more on") -> str:
            """Widen the topic."""
            return f"{prefix} {state.topic}"

        assert isinstance(widen, NodeHandle)
        assert asyncio.run(widen(Essay(topic="owls"), prefix="all about")) == "all about owls"
        assert (widen.name, widen.__name__, widen.__doc__) == ("widen", "widen", "Widen the topic.")
        assert list(inspect.signature(widen).parameters) == ["state", "prefix"]
        assert repr(widen) == "<node 'widen' of graph 'essay'>"
        assert widen.graph is graph
        assert widen.place.text == "@graph.node(writes=essay.draft)"

    def test_one_function_or_agent_may_be_several_nodes(self) -> None:
        """S1.4: given itself, or its handle, here or in another graph."""
        graph, other, agent = essay_graph(), essay_graph(), Agent()
        first = graph.node(write)
        handles: list[Handle] = [
            first,
            graph.node(write, name="second"),
            graph.node(first, name="third"),
            other.node(first),
            graph.node(agent),
            graph.node(graph.node(agent, name="agent again"), name="agent once more"),
        ]
        assert [handle.work for handle in handles] == [write] * 4 + [agent] * 2
        assert [handle.name for handle in handles] == ["write", "second", "third", "write", "agent", "agent once more"]

    def test_handles_are_told_apart_by_identity(self) -> None:
        graph = essay_graph()
        one, other = graph.node(write), graph.node(write, name="other")
        assert len({one, other}) == 2
        assert one == one

    def test_an_answer(self) -> None:
        """S10.1."""
        ask = essay_graph().ask("approve", "Well?", answer=Literal["yes", "no"], writes=essay.draft)
        assert ask.answer("yes") == Answer("approve", "yes")

    def test_a_question_may_be_a_function_of_the_view_and_the_item(self) -> None:
        graph = essay_graph()
        graph.ask("one", lambda state: f"Send {state.draft}?", answer=bool, writes=essay.approved)
        graph.ask("two", lambda state, item: f"Send {item}?", answer=bool, writes=essay.approved)  # type: ignore[misc]
        one, two = (node.ask for node in graph.plan().nodes[1:])
        assert one is not None
        assert two is not None
        assert one.question(Essay(topic="", draft="this"), ()) == "Send this?"
        assert two.question(Essay(topic=""), ("a", "b")) == "Send b?"


@says("""
[GF115] The node 'gather' is a question or a point, and is not declared again by graph.node
  where  here   graph.node(graph.point("gather"))
  why    graph.node takes what a node does: a function, an agent or another graph. (S1.4)
  fix    Write graph.ask(...) or graph.point(...) with another name.
""")
def test_a_point_declared_as_a_node() -> None:
    graph = essay_graph()
    graph.node(graph.point("gather"))


class TestEnds:
    def test_they_stay_themselves(self) -> None:
        for end in (START, END):
            assert copy.deepcopy(end) is end
            assert pickle.loads(pickle.dumps(end)) is end
        assert copy.deepcopy(FAIL("x")) == pickle.loads(pickle.dumps(FAIL("x"))) == FAIL("x")

    def test_how_they_are_shown(self) -> None:
        assert [repr(one) for one in (START, END, FAIL, FAIL("x"))] == ["START", "END", "FAIL", "FAIL('x')"]
        assert (FAIL, FAIL("x")) == (Fail(), Fail("x"))

    def test_a_reason_is_a_text(self) -> None:
        with pytest.raises(TypeError, match="the reason is a text"):
            FAIL(3)  # type: ignore[arg-type]


def test_needs() -> None:
    """S6.6."""
    assert quorum(3) == Need("quorum", 3)
    assert best_effort(at_least=0) == Need("best_effort", 0)
    assert best_effort(at_least=2, within_s=1.5) == Need("best_effort", 2, 1.5)


@pytest.mark.parametrize("seconds", [0, -1, float("inf"), float("nan"), True, "3"])
def test_seconds_are_finite_and_above_nothing(seconds: Any) -> None:
    """S17: everything has a finite bound."""
    with pytest.raises(DeclarationError) as caught:
        essay_graph().node(write, timeout_s=seconds)
    assert caught.value.code == "GF118"


class TestAgents:
    def test_its_prompt_is_what_it_reads(self) -> None:
        """S3.5: reads= adds to it."""
        graph = essay_graph()
        graph.node(Agent(reads=frozenset({"topic"})))
        graph.node(Agent(reads=frozenset({"topic"})), name="more", reads=essay.draft)
        graph.node(Agent(), name="all")
        assert [node.reads for node in graph.plan().nodes[1:]] == [{"topic"}, {"topic", "draft"}, None]

    def test_its_own_retry_holds_unless_the_node_has_one(self) -> None:
        graph = essay_graph()
        agent = Agent(retry=Retry(attempts=5))
        graph.node(agent)
        graph.node(agent, name="once", retry=Retry(attempts=1))
        assert [node.retry for node in graph.plan().nodes[1:]] == [Retry(attempts=5), Retry(attempts=1)]

    def test_its_tools_may_update_more(self) -> None:
        """S3.7."""
        graph = essay_graph()
        graph.node(Agent(), updates=essay.tags)
        assert graph.plan().node("agent").writes.declared == {"score", "comments", "tags"}

    @pytest.mark.parametrize(
        ("agent", "code", "message"),
        [
            (Agent(reads=frozenset({"topci"})), "GF117", "Agent 'agent' reads 'topci', which Essay does not have"),
            (Agent(output=int), "GF116", "Node 'agent' returns int, but not into which field it goes"),
            (Agent(output=Misspelt), "GF116", "Node 'agent' returns Misspelt, whose 'scoer' Essay does not have"),
            (Agent(name="END"), "GF113", "A node cannot be called 'END'"),
        ],
    )
    def test_what_does_not_fit_the_state(self, agent: Agent, code: str, message: str) -> None:
        with pytest.raises(DeclarationError) as caught:
            essay_graph().node(agent)
        assert (caught.value.code, caught.value.what) == (code, message)

    def test_it_does_not_block(self) -> None:
        with pytest.raises(DeclarationError, match="says nothing of the agent 'agent'"):
            essay_graph().node(Agent(), blocking=True)  # type: ignore[call-overload]


class TestPlaces:
    """Whoever declares is remembered, through our own sugar."""

    def test_everything_declared_has_its_line(self) -> None:
        graph = Declaration("essay", Essay)
        a = graph.node(write)
        b = graph.point("b")
        graph.edge(START, a)
        graph.fork(a, [b], join=END)
        graph.switch(a, essay.kind, {"web": b})
        plan = graph.plan()
        assert plan.place is not None
        assert plan.place.text == 'graph = Declaration("essay", Essay)'
        assert [node.place.text for node in plan.nodes if node.place] == [
            "a = graph.node(write)",
            'b = graph.point("b")',
        ]
        assert [edge.place.text for edge in plan.edges if edge.place] == [
            "graph.edge(START, a)",
            "graph.fork(a, [b], join=END)",
            'graph.switch(a, essay.kind, {"web": b})',
            "graph.fork(a, [b], join=END)",  # the implied edge from b to the join
        ]
        assert plan.edges[0].place is not None
        assert plan.edges[0].place.file == __file__

    def test_lines_of_our_own_are_skipped(self) -> None:
        ours = str(Path(graphflow.__file__).parent / "pattern.py")
        names: dict[str, Any] = {"Declaration": Declaration, "Essay": Essay, "START": START, "END": END}
        source = "def pattern():\n    graph = Declaration('p', Essay)\n    graph.edge(START, graph.point('a'))\n    return graph"
        exec(compile(source, ours, "exec"), names)
        plan = names["pattern"]().plan()  # this line
        assert {place.text for place in (plan.place, plan.nodes[1].place, plan.edges[0].place)} == {
            'plan = names["pattern"]().plan()  # this line'
        }


class TestGraphs:
    def test_how_it_is_shown(self) -> None:
        graph = essay_graph()
        assert repr(graph) == "Declaration('essay', Essay, 0 nodes, 0 edges)"
        graph.edge(START, graph.node(write))

        class Graph(Declaration[Essay]): ...

        assert repr(graph) == "Declaration('essay', Essay, 1 node, 1 edge)"
        assert repr(Graph("mine", Essay)).startswith("Graph('mine', Essay")

    def test_what_it_is_told_stands_in_the_plan(self) -> None:
        limits = Limits(steps=10)
        graph = Declaration("essay", Essay, limits=limits, purpose="Write")
        plan = graph.plan()
        assert (plan.name, plan.state, plan.limits, plan.purpose) == ("essay", Essay, limits, "Write")
        assert (graph.name, graph.state) == ("essay", Essay)

    def test_two_graphs_share_nothing(self) -> None:
        one, other = essay_graph(), essay_graph()
        one.edge(START, one.node(write))
        assert len(other.plan().nodes) == 1
        assert one != other
        assert one == one

    def test_the_budgets_node(self) -> None:
        """S13.2: it may be named before it is declared."""
        graph = essay_graph()
        graph.on_budget("wrap up")
        wrap_up = graph.point("wrap up")
        plan = graph.plan()
        assert plan.on_budget is not None
        assert plan.nodes[plan.on_budget].name == wrap_up.name

    def test_graphs_may_be_declared_side_by_side(self) -> None:
        """Nothing is kept outside a graph, so threads do not meet."""
        fingerprints: list[str] = []

        def declare() -> None:
            graph = essay_graph()
            for number in range(50):
                graph.chain(START, graph.node(write, name=f"n{number}"), END)
            fingerprints.append(graph.plan().fingerprint)

        threads = [threading.Thread(target=declare) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert len(fingerprints) == 4
        assert len(set(fingerprints)) == 1

    @pytest.mark.parametrize("name", ["plan:web", "a/b", "50 %", "名前", "<b>", "review[2]", "naïve 🦉"])
    def test_any_printable_text_is_a_name(self, name: str) -> None:
        """S1.4."""
        graph = essay_graph()
        graph.chain(START, graph.node(write, name=name), END)
        assert graph.plan().node(name).index == 1

    @pytest.mark.parametrize("name", ["", "  ", "a\nb", "tab\t", "\x00", None, 3])
    def test_anything_else_is_none(self, name: Any) -> None:
        if name is not None:
            with pytest.raises(DeclarationError) as caught:
                essay_graph().node(write, name=name)
            assert caught.value.code == "GF113"
        with pytest.raises(DeclarationError) as caught:
            Declaration(name, Essay)
        assert caught.value.code == "GF113"


def test_states_may_be_made_by_subclassing() -> None:
    """A base class of the state is as good as the state for a node's annotation and for fields()."""

    class Longer(Essay):
        more: str = ""

    class Unrelated(BaseModel):
        more: str = ""

    graph = Declaration("longer", Longer)
    graph.chain(START, graph.node(write), END)
    graph.edge("write", END, when=essay.score > 3)

    def other(state: Unrelated) -> None: ...

    with pytest.raises(DeclarationError, match="takes state: Unrelated, but the state here is Longer"):
        graph.node(other)


DESCRIBED: Any = Declaration


class TestHelp:
    """What ``help(Graph)`` and a traceback show of a declaration."""

    def test_a_node_tells_its_options(self) -> None:
        parameters = inspect.signature(DESCRIBED.node).parameters
        for name in ("name", "reads", "writes", "updates", "retry", "timeout_s", "at_once", "blocking", "purpose"):
            assert name in parameters
            assert f"``{name}``" in (inspect.getdoc(DESCRIBED.node) or "")

    @pytest.mark.parametrize(
        "method", ["edge", "fork", "map", "handoff", "ask", "switch", "chain", "point", "on_budget"]
    )
    def test_every_method_has_an_example(self, method: str) -> None:
        assert f"graph.{method}(" in (inspect.getdoc(getattr(DESCRIBED, method)) or "")

    def test_a_handoffs_tool_is_told(self) -> None:
        """S9.1."""
        assert "``hand_off_to_billing``" in (inspect.getdoc(DESCRIBED.handoff) or "")

    def test_an_error_stands_right_below_the_users_line(self) -> None:
        def bare(state: Essay) -> str:
            return ""

        graph = essay_graph()
        mistakes: list[Callable[[], object]] = [
            lambda: graph.node(bare),
            lambda: graph.node(purpose="decorated")(bare),
            lambda: graph.edge(START, START),  # type: ignore[arg-type]
            lambda: graph.ask("ask", "{tpoic}?"),
            lambda: Declaration("", Essay),
        ]
        for mistake in mistakes:
            with pytest.raises(DeclarationError) as caught:
                mistake()
            ours = [entry for entry in caught.traceback if "graphflow/graph" in str(entry.path)]
            assert len(ours) == 1
