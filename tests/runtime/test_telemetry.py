"""Runs as OpenTelemetry traces: what is under what, what is told of it, and that nothing else is."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Annotated, Any, TypeAlias

import pytest
from pydantic import BaseModel, SecretStr

pytest.importorskip("opentelemetry.sdk", reason="pip install 'graphflow-agents[otel]' opentelemetry-sdk")

from opentelemetry import trace
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.sdk.trace.sampling import ALWAYS_OFF
from opentelemetry.trace import SpanKind, StatusCode

from graphflow import (
    END,
    START,
    Agent,
    Budget,
    Context,
    Graph,
    Retry,
    RunFailed,
    append,
    fields,
    quorum,
)
from graphflow.core.machine import Machine
from graphflow.errors import ArgumentInvalid, TelemetryMissing
from graphflow.models import Response, ScriptedModel, Tool, tool_call
from graphflow.runtime import events
from graphflow.runtime.watching import Call, CallEnd
from graphflow.telemetry import Spans, attributes, tracing
from graphflow.testing.virtual import run_virtual

Tree: TypeAlias = dict[str, Any]
CANARY = "sk-canary-83f1"


class State(BaseModel):
    topic: str = "owls"
    text: str = ""
    items: list[int] = [0, 1, 2]
    log: Annotated[list[str], append] = []
    approved: bool = False


state = fields(State)


class Traces:
    """What came out of a tracer provider."""

    def __init__(self) -> None:
        self._exporter = InMemorySpanExporter()
        self.provider = TracerProvider(shutdown_on_exit=False)
        self.provider.add_span_processor(SimpleSpanProcessor(self._exporter))
        self.user = self.provider.get_tracer("user")

    def spans(self, **options: Any) -> Spans:
        return Spans(self.provider, **options)

    @property
    def all(self) -> list[ReadableSpan]:
        return sorted(self._exporter.get_finished_spans(), key=lambda span: (span.start_time or 0, span.name))

    def named(self, name: str) -> ReadableSpan:
        [span] = [span for span in self.all if span.name == name]
        return span

    def under(self, parent: ReadableSpan | None = None) -> list[ReadableSpan]:
        wanted = None if parent is None else parent.get_span_context().span_id
        return [span for span in self.all if (span.parent.span_id if span.parent else None) == wanted]

    def tree(self, parent: ReadableSpan | None = None) -> list[Any]:
        """Names alone; what has something under it with that."""
        found: list[Any] = []
        for span in self.under(parent):
            below = self.tree(span)
            found.append((span.name, below) if below else span.name)
        return found

    def told(self) -> str:
        """All that is told, as one text."""
        return "\n".join(span.to_json() for span in self.all)


@pytest.fixture
def traces() -> Iterator[Traces]:
    made = Traces()
    yield made
    made.provider.shutdown()


def of(span: ReadableSpan) -> dict[str, Any]:
    return dict(span.attributes or {})


def outcome(span: ReadableSpan) -> tuple[str, str | None]:
    return span.status.status_code.name, span.status.description


def chain(*names: str) -> Graph[State]:
    graph = Graph("essay", State)
    for name in names:

        @graph.node(name=name, writes=state.log)
        async def work(view: State, ctx: Context) -> str:
            return ctx.node

    graph.chain(START, *names, END)
    return graph


def writing(*tools: Any, **options: Any) -> Graph[State]:
    writer = Agent("writer", "You write.", prompt="About {topic}.", tools=tools)
    graph = Graph("essay", State)
    graph.chain(START, graph.node(writer, name="write", writes=state.text, **options), END)
    return graph


def test_a_chain_is_a_span_for_the_run_and_one_for_each_visit(traces: Traces) -> None:
    graph = chain("a", "b")
    run = run_virtual(graph.run(State(), observers=[traces.spans()], run_id="r"))
    assert traces.tree() == [("invoke_workflow essay", ["invoke_node a", "invoke_node b"])]
    root = traces.named("invoke_workflow essay")
    told = of(root)
    assert told["gen_ai.operation.name"] == "invoke_workflow"
    assert told["gen_ai.workflow.name"] == "essay"
    assert told["graphflow.run.id"] == "r"
    assert told["graphflow.graph.fingerprint"] == run.plan.fingerprint
    assert (told["graphflow.run.status"], told["graphflow.usage.steps"], told["graphflow.usage.usd"]) == (
        "done",
        2,
        0.0,
    )
    assert json.loads(told["graphflow.graph.structure"])["edges"] == [
        {"kind": "edge", "from": "START", "to": ["a"]},
        {"kind": "edge", "from": "a", "to": ["b"]},
        {"kind": "edge", "from": "b", "to": ["END"]},
    ]
    assert root.kind is SpanKind.INTERNAL
    assert root.status.status_code is StatusCode.UNSET
    assert of(traces.named("invoke_node a")) == {
        "graphflow.node.name": "a",
        "graphflow.cursor": "a:1",
        "graphflow.to": ("b",),
    }


def test_the_structure_is_json_of_bounded_size() -> None:
    small, large = chain("a").run_sync(State()).plan, chain(*(f"node {n}" for n in range(300))).run_sync(State()).plan
    assert json.loads(attributes.structure(small))["nodes"][1] == {"name": "a", "kind": "function"}
    told = attributes.structure(large)
    assert len(told) <= 8_192
    assert json.loads(told) == {"nodes": 302, "edges": 301}


def test_the_run_is_under_the_callers_span(traces: Traces) -> None:
    """Also in a thread beside a running loop, as in a notebook."""

    async def beside() -> None:
        with traces.user.start_as_current_span("notebook"):
            chain("a").run_sync(State(), observers=[traces.spans()])

    with traces.user.start_as_current_span("request"):
        chain("a").run_sync(State(), observers=[traces.spans()])
    asyncio.run(beside())
    ran = [("invoke_workflow essay", ["invoke_node a"])]
    assert traces.tree() == [("request", ran), ("notebook", ran)]
    assert trace.get_current_span() is trace.INVALID_SPAN


def test_what_a_node_makes_itself_is_under_its_visit(traces: Traces) -> None:
    """Awaited, in a thread, in a task of its own; a second visit does not find the first one's span."""
    graph = Graph("own", State)

    @graph.node(writes=state.log)
    async def waits(view: State) -> str:
        async def task() -> None:
            with traces.user.start_as_current_span("task"):
                await asyncio.sleep(0)

        with traces.user.start_as_current_span("around"):
            await asyncio.create_task(task())
        return "w"

    @graph.node(blocking=True)
    def blocks(view: State) -> None:
        traces.user.start_span("thread").end()

    @graph.node
    def plain(view: State) -> None:
        traces.user.start_span("plain").end()

    graph.chain(START, waits, blocks, plain)
    graph.edge(plain, END)
    graph.run_sync(State(), observers=[traces.spans()])
    [(name, visits)] = traces.tree()
    assert name == "invoke_workflow own"
    assert sorted(visits) == [
        ("invoke_node blocks", ["thread"]),
        ("invoke_node plain", ["plain"]),
        ("invoke_node waits", [("around", ["task"])]),
    ]


def mapped(fails: Callable[[int, int], bool] = lambda item, attempt: False, **options: Any) -> Graph[State]:
    graph = Graph("mapped", State)

    @graph.node(writes=state.log, retry=options.pop("retry", None))
    async def each(view: State, item: int, ctx: Context) -> str:
        await asyncio.sleep(item)
        if fails(item, ctx.attempt):
            raise ConnectionError(CANARY)
        return str(item)

    @graph.node
    async def gather(view: State) -> None: ...

    graph.map(START, each, over=state.items, join=gather, **options)
    graph.edge(gather, END)
    return graph


def test_branches_are_told_apart_by_their_cursors(traces: Traces) -> None:
    run_virtual(mapped().run(State(), observers=[traces.spans()]))
    [(_, visits)] = traces.tree()
    assert sorted(visits) == ["invoke_node each"] * 3 + ["invoke_node gather"]
    branches = [span for span in traces.all if span.name == "invoke_node each"]
    assert sorted(of(span)["graphflow.cursor"] for span in branches) == [f"START:1[{n}]/each:1" for n in range(3)]


def test_what_a_join_does_not_wait_for_is_stopped(traces: Traces) -> None:
    """S6.6: and its span ends then, without an error."""
    run_virtual(mapped(need=quorum(1)).run(State(items=[0, 500]), observers=[traces.spans()]))
    slow = next(span for span in traces.all if of(span)["graphflow.cursor"] == "START:1[1]/each:1")
    assert of(slow)["graphflow.outcome"] == "stopped"
    assert slow.status.status_code is StatusCode.UNSET
    assert slow.end_time is not None
    assert slow.start_time is not None
    assert slow.end_time - slow.start_time < 1e9


def test_a_retry_is_a_span_for_each_attempt_and_an_event_for_the_wait(traces: Traces) -> None:
    """S8.1: a visit that is mended has no error, its first attempt has."""
    graph = mapped(lambda item, attempt: attempt == 1, retry=Retry(attempts=3, first_s=4, jitter=0))
    run_virtual(graph.run(State(items=[0]), observers=[traces.spans()]))
    [(_, [visit, _gather])] = traces.tree()
    assert visit == ("invoke_node each", ["attempt 1", "attempt 2"])
    first, second, whole = (traces.named(name) for name in ("attempt 1", "attempt 2", "invoke_node each"))
    assert outcome(first) == ("ERROR", "ConnectionError")
    assert of(first) == {"graphflow.attempt": 1, "error.type": "ConnectionError"}
    assert outcome(second) == outcome(whole) == ("UNSET", None)
    [event] = whole.events
    assert event.name == "graphflow.retry"
    assert dict(event.attributes or {}) == {
        "error.type": "ConnectionError",
        "graphflow.attempt": 1,
        "graphflow.wait_s": 4.0,
    }
    assert (second.start_time or 0) - (first.end_time or 0) == pytest.approx(4e9, rel=1e-3)


def test_a_sub_graph_is_a_workflow_under_the_run_with_its_visits_under_it(traces: Traces) -> None:
    """S12.1: also when it is tried again as a whole."""
    failed: list[int] = []
    inner = Graph("inner", State)

    @inner.node(writes=state.log)
    async def work(view: State) -> str:
        if not failed:
            failed.append(1)
            raise ValueError(CANARY)
        return "w"

    inner.chain(START, work, END)
    outer = Graph("outer", State)
    outer.chain(START, outer.node(inner, name="sub", retry=Retry(attempts=2, first_s=1, jitter=0)), END)
    run_virtual(outer.run(State(), observers=[traces.spans()]))
    below = [("invoke_workflow inner", ["invoke_node work", "invoke_node work"])]
    assert traces.tree() == [("invoke_workflow outer", below)]
    sub = traces.named("invoke_workflow inner")
    assert of(sub)["gen_ai.workflow.name"] == "inner"
    assert of(sub)["graphflow.node.name"] == "sub"
    assert [event.name for event in sub.events] == ["graphflow.retry"]
    assert outcome(sub) == ("UNSET", None)
    assert CANARY not in traces.told()


def search(query: str) -> str:
    """Finds."""
    return f"found {query}"


def test_an_agent_with_tools(traces: Traces) -> None:
    answers = [tool_call("search", query=CANARY), Response(CANARY, model="scripted-1\nX", usage=usage(7, 3))]
    model = ScriptedModel(answers, name="openai/gpt-5")
    run_virtual(writing(search).run(State(), model=model, observers=[traces.spans()]))
    [(root, [(name, [(attempt, calls)])])] = traces.tree()
    assert (root, name, attempt) == ("invoke_workflow essay", "invoke_agent writer", "attempt 1")
    assert sorted(calls) == ["chat gpt-5", "chat gpt-5", "execute_tool search"]  # in no time, so in no order
    agent, tool = traces.named("invoke_agent writer"), traces.named("execute_tool search")
    assert of(agent)["gen_ai.operation.name"] == "invoke_agent"
    assert of(agent)["gen_ai.agent.name"] == "writer"
    assert of(agent)["graphflow.node.name"] == "write"
    assert of(agent)["graphflow.usage.tool_calls"] == 1
    assert of(agent)["graphflow.usage.model_calls"] == 2
    assert of(tool) == {
        "gen_ai.operation.name": "execute_tool",
        "gen_ai.tool.name": "search",
        "gen_ai.tool.type": "function",
        "gen_ai.agent.name": "writer",
        "graphflow.cursor": "write:1",
    }
    last = next(s for s in traces.all if of(s).get("gen_ai.response.finish_reasons") == ("stop",))
    told = of(last)
    assert last.kind is SpanKind.CLIENT
    assert told["gen_ai.operation.name"] == "chat"
    assert told["gen_ai.provider.name"] == "openai"
    assert told["gen_ai.request.model"] == "gpt-5"
    assert told["gen_ai.response.model"] == "scripted-1?X"
    assert (told["gen_ai.usage.input_tokens"], told["gen_ai.usage.output_tokens"]) == (7, 3)
    assert CANARY not in traces.told()


def usage(read: int, written: int) -> Any:
    from graphflow import Usage

    return Usage(model_calls=1, input_tokens=read, output_tokens=written, usd=0.01)


def test_what_happens_inside_a_tool_is_under_its_span(traces: Traces) -> None:
    """S12.2: spans of the tool's own, an agent as a tool, and a graph as a tool with its visits."""

    def look(query: str) -> str:
        """Looks."""
        traces.user.start_span("http").end()
        return "looked"

    inner = Graph("intel", State)

    @inner.node(writes=state.log)
    async def scout(view: State) -> str:
        return "s"

    inner.chain(START, scout, END)
    critic = Agent("critic", "You judge.", prompt="{text}")
    calls = [
        tool_call("look", query="a"),
        tool_call("critic", text="b"),
        "Fine.",
        tool_call("intel", topic="c"),
        "done",
    ]
    graph = writing(look, critic, inner.as_tool(takes=("topic",), gives="log"))
    run_virtual(graph.run(State(), model=ScriptedModel(calls), observers=[traces.spans()]))
    assert traces.under(traces.named("execute_tool look"))[0].name == "http"
    assert [span.name for span in traces.under(traces.named("execute_tool critic"))] == ["chat scripted"]
    assert [span.name for span in traces.under(traces.named("execute_tool intel"))] == ["invoke_node scout"]
    assert of(traces.named("invoke_node scout"))["graphflow.cursor"] == "write:1/intel:1/scout:1"
    assert len({span.get_span_context().trace_id for span in traces.all}) == 1


def test_what_a_tool_leaves_behind_is_over_with_its_call(traces: Traces) -> None:
    """S12.2, S14.2: a graph as a tool that takes too long is cancelled, and its visits with it."""
    inner = Graph("intel", State)

    @inner.node
    async def scout(view: State) -> None:
        await asyncio.sleep(1_000)

    async def wait(query: str) -> str:
        """Waits."""
        await asyncio.sleep(100)
        return "waited"

    inner.chain(START, scout, END)
    answers = [tool_call("intel", topic="c"), tool_call("wait", query="x"), "done"]
    graph = writing(inner.as_tool(takes=("topic",), gives="log", timeout_s=5), wait)
    run_virtual(graph.run(State(), model=ScriptedModel(answers), observers=[traces.spans()]))
    left, call = traces.named("invoke_node scout"), traces.named("execute_tool intel")
    assert of(left)["graphflow.outcome"] == "stopped"
    assert left.end_time == call.end_time
    assert of(call)["error.type"] == "tool_error"


def test_a_tool_that_fails_and_a_model_that_fails(traces: Traces) -> None:
    from graphflow.errors import AuthError

    def broken(query: str) -> str:
        """Breaks."""
        raise ValueError(CANARY)

    model = ScriptedModel([tool_call("broken", query=CANARY), AuthError(CANARY)])
    with pytest.raises(RunFailed):
        run_virtual(writing(broken).run(State(), model=model, observers=[traces.spans()]))
    tool = traces.named("execute_tool broken")
    assert of(tool)["error.type"] == "tool_error"
    assert outcome(tool) == ("ERROR", "tool_error")
    failed = [span for span in traces.all if span.status.status_code is StatusCode.ERROR]
    assert {span.name for span in failed} >= {"chat scripted", "invoke_agent writer", "invoke_workflow essay"}
    for span in failed:
        if span is not tool and not span.name.startswith("execute"):
            assert of(span)["error.type"] == "AuthError"
            assert of(span)["graphflow.error.code"] == AuthError.code == span.status.description
    assert not any(event.name == "exception" for span in traces.all for event in span.events)
    assert CANARY not in traces.told()


def test_a_failure_has_the_errors_type_and_no_message(traces: Traces) -> None:
    with pytest.raises(RunFailed):
        run_virtual(mapped(lambda item, _: item == 1).run(State(), observers=[traces.spans()]))
    root = traces.named("invoke_workflow mapped")
    assert of(root)["graphflow.run.status"] == "failed"
    assert root.status.status_code is StatusCode.ERROR
    branch = next(span for span in traces.all if of(span)["graphflow.cursor"] == "START:1[1]/each:1")
    assert outcome(branch) == ("ERROR", "ConnectionError")
    assert of(next(s for s in traces.all if of(s).get("graphflow.cursor") == "START:1[2]/each:1"))[
        "graphflow.outcome"
    ] == ("stopped")
    assert CANARY not in traces.told()


def test_an_error_edge_ends_what_it_leaves(traces: Traces) -> None:
    """S8.2: the run goes on and has no error; what was at work below it, or between attempts, is stopped then."""
    graph = Graph("caught", State)

    @graph.node(retry=Retry(attempts=2, first_s=100, jitter=0, on=ConnectionError))
    async def each(view: State, item: int) -> None:
        if item == 0:
            raise ConnectionError(CANARY)
        await asyncio.sleep(item)
        if item == 1:
            raise ValueError(CANARY)

    @graph.node
    async def gather(view: State) -> None: ...

    @graph.node
    async def mend(view: State) -> None:
        await asyncio.sleep(500)

    graph.map(START, each, over=state.items, join=gather)
    graph.edge(gather, mend, on_error=ValueError)
    graph.edge(gather, END)
    graph.edge(mend, END)
    run_virtual(graph.run(State(), observers=[traces.spans()]))
    assert outcome(traces.named("invoke_workflow caught")) == ("UNSET", None)
    begun = traces.named("invoke_node mend").start_time or 0
    for branch in (0, 2):
        left = next(span for span in traces.all if of(span).get("graphflow.cursor") == f"START:1[{branch}]/each:1")
        assert of(left)["graphflow.outcome"] == "stopped"
        assert (left.end_time or 0) <= begun


def test_an_attempt_that_the_budget_ends_is_over_when_it_stops(traces: Traces) -> None:
    """S13.2: while another branch finishes."""
    graph = Graph("spent", State)
    writer = graph.node(Agent("writer", "You write.", prompt="About {topic}.", tools=[search]), writes=state.text)

    @graph.node
    async def slow(view: State) -> None:
        await asyncio.sleep(50)

    @graph.node
    async def gather(view: State) -> None: ...

    graph.fork(START, [writer, slow], join=gather)
    graph.edge(gather, END)
    model = ScriptedModel([tool_call("search", query="x")])
    run_virtual(graph.run(State(), model=model, budget=Budget(model_calls=1), observers=[traces.spans()]))
    agent, other = traces.named("invoke_agent writer"), traces.named("invoke_node slow")
    assert of(agent)["graphflow.outcome"] == "stopped"
    assert (other.end_time or 0) - (agent.end_time or 0) > 40e9


@pytest.mark.parametrize("is_cancelled", [True, False])
def test_cancelled_and_stopped_runs_end_their_spans(traces: Traces, is_cancelled: bool) -> None:
    """S14.2: also of a call that was under way; none of it is an error."""

    async def slow(query: str) -> str:
        """Slow."""
        await asyncio.sleep(1_000)
        return ""

    async def main() -> None:
        model = ScriptedModel([tool_call("slow", query="x")])
        live = writing(slow).start(State(), model=model, observers=[traces.spans()])
        if is_cancelled:
            async with live:
                await asyncio.sleep(5)
                live.cancel()
        else:
            with pytest.raises(ZeroDivisionError):
                async with live:
                    await asyncio.sleep(5)
                    1 / 0

    run_virtual(main())
    assert traces.tree()[0][1] == [("invoke_agent writer", [("attempt 1", ["chat scripted", "execute_tool slow"])])]
    assert {outcome(span) for span in traces.all} == {("UNSET", None)}
    assert of(traces.named("execute_tool slow"))["graphflow.outcome"] == "stopped"
    assert of(traces.named("invoke_agent writer"))["graphflow.outcome"] == "stopped"
    status = "cancelled" if is_cancelled else "stopped"
    assert of(traces.named("invoke_workflow essay"))["graphflow.run.status"] == status


def asking() -> tuple[Graph[State], Any]:
    graph = Graph("asking", State)
    approve = graph.ask("approve", f"Send {CANARY}?", answer=bool, writes=state.approved)

    @graph.node
    async def send(view: State) -> None: ...

    graph.chain(START, approve, send, END)
    return graph, approve


def test_a_question_is_a_span_and_a_resume_links_to_the_trace_before(traces: Traces) -> None:
    """S10.1: the wait is no error; what goes on later is a trace of its own."""
    graph, approve = asking()
    run = run_virtual(graph.run(State(), observers=[traces.spans()]))
    waiting = traces.named("invoke_workflow asking")
    assert of(waiting)["graphflow.run.status"] == "waiting"
    question = traces.named("ask approve")
    assert of(question)["graphflow.outcome"] == "waiting"
    assert of(question)["graphflow.question.id"] == "approve:1"
    graph.resume_sync(run, answers=[approve.answer(True)], observers=[traces.spans()])
    again = next(
        span for span in traces.all if span.name == "invoke_workflow asking" and of(span)["graphflow.run.seq"] > run.seq
    )
    assert [link.context.span_id for link in again.links] == [waiting.get_span_context().span_id]
    assert again.get_span_context().trace_id != waiting.get_span_context().trace_id
    assert [span.name for span in traces.under(again)] == ["invoke_node send"]
    assert CANARY not in traces.told()


def test_a_run_that_only_has_the_id_of_another_is_not_linked_to_it(traces: Traces) -> None:
    for _ in range(2):
        chain("a").run_sync(State(), observers=[traces.spans()], run_id="same")
    assert [list(span.links) for span in traces.all] == [[]] * 4


def test_a_rerun_links_to_the_run_it_is_of(traces: Traces) -> None:
    """S15.3."""
    graph = chain("a", "b")
    run = graph.run_sync(State(), observers=[traces.spans()])
    first = traces.named("invoke_workflow essay").get_span_context().span_id
    asyncio.run(graph.rerun(run, at=2, observers=[traces.spans()]))
    [again] = [span for span in traces.all if span.links]
    assert [link.context.span_id for link in again.links] == [first]


def test_a_tool_that_waits_for_approval(traces: Traces) -> None:
    """S10.4: an event at the agent, which waits; after the answer the call is made once."""
    graph = writing(Tool(search, needs_approval=True))
    run = run_virtual(
        graph.run(State(), model=ScriptedModel([tool_call("search", query=CANARY)]), observers=[traces.spans()])
    )
    agent = traces.named("invoke_agent writer")
    assert [event.name for event in agent.events] == ["graphflow.asked"]
    assert of(agent)["graphflow.outcome"] == "waiting"
    assert of(traces.named("approve search"))["graphflow.outcome"] == "waiting"
    [question] = run.questions
    model = ScriptedModel(["done"])
    asyncio.run(graph.resume(run, model=model, answers=[question.reply(True)], observers=[traces.spans()]))
    assert len([span for span in traces.all if span.name == "execute_tool search"]) == 1
    assert len([span for span in traces.all if span.name == "chat scripted"]) == 2
    assert CANARY not in traces.told()


def test_a_budget_that_is_used_up_is_no_error(traces: Traces) -> None:
    """S13.2."""
    run_virtual(chain("a", "b").run(State(), budget=Budget(steps=1, reserve_steps=0), observers=[traces.spans()]))
    root = traces.named("invoke_workflow essay")
    assert of(root)["graphflow.run.status"] == "exhausted"
    assert outcome(root) == ("UNSET", None)


def test_runs_side_by_side_do_not_mix(traces: Traces) -> None:
    """One Spans for all of them."""
    spans = traces.spans()
    graph = mapped()

    async def main() -> None:
        await asyncio.gather(*(graph.run(State(), observers=[spans], run_id=f"r{n}") for n in range(20)))

    run_virtual(main())
    roots = traces.under()
    assert len(roots) == len({root.get_span_context().trace_id for root in roots}) == 20
    for root in roots:
        assert sorted(span.name for span in traces.under(root)) == ["invoke_node each"] * 3 + ["invoke_node gather"]
        assert {s.get_span_context().trace_id for s in traces.under(root)} == {root.get_span_context().trace_id}


@pytest.mark.parametrize("durability", ["step", "batch", "exit"])
def test_a_store_that_is_told_later_makes_the_same_tree(traces: Traces, tmp_path: Path, durability: Any) -> None:
    """S11.1: visits end when they did, however late that is safe."""
    graph = writing(search)
    model = ScriptedModel([tool_call("search", query="x"), "done"])
    graph.run_sync(State(), model=model, store=tmp_path / "runs.db", durability=durability, observers=[traces.spans()])
    [(root, [(agent, [(_, calls)])])] = traces.tree()
    assert (root, agent) == ("invoke_workflow essay", "invoke_agent writer")
    assert sorted(calls) == ["chat scripted", "chat scripted", "execute_tool search"]
    assert "graphflow.outcome" not in of(traces.named("invoke_agent writer"))


class Vault(BaseModel):
    key: SecretStr = SecretStr(CANARY)
    topic: str = "owls"


def test_names_numbers_and_codes_only_unless_asked(traces: Traces) -> None:
    """State, items, prompts, answers, questions, keys of ctx.once, texts and errors: none of them by default."""
    graph = Graph("canary", State)
    writer = Agent("writer", f"You write {CANARY}.", prompt="About {topic}.", tools=[search])
    write = graph.node(writer, writes=state.text)

    @graph.node(writes=state.log)
    async def keep(view: State, ctx: Context) -> str:
        ctx.emit(CANARY)

        async def pay() -> str:
            return CANARY

        return str(await ctx.once(f"pay {CANARY}", pay))

    approve = graph.ask("approve", f"{CANARY}?", answer=str, writes=state.topic)
    graph.edge(START, write)
    graph.edge(write, keep, when=state.text == CANARY)
    graph.edge(write, END)
    graph.chain(keep, approve, END)

    def drive(*, payload: bool) -> str:
        made = Traces()
        model = ScriptedModel([tool_call("search", query=CANARY), CANARY])
        spans = made.spans(payload=payload)
        run = run_virtual(graph.run(State(topic=CANARY), model=model, observers=[spans]))
        assert run.status == "waiting"
        graph.resume_sync(run, answers=[approve.answer(CANARY)], observers=[spans])
        return made.told()

    assert CANARY not in drive(payload=False)
    told = drive(payload=True)
    for key in (
        "gen_ai.input.messages",
        "gen_ai.output.messages",
        "gen_ai.tool.call.arguments",
        "gen_ai.tool.call.result",
        "graphflow.updates",
        "graphflow.question",
        "graphflow.once.key",
    ):
        assert key in told


def test_a_payload_is_what_the_conventions_say(traces: Traces) -> None:
    model = ScriptedModel([tool_call("search", query="x" * 20_000), "done"])
    run_virtual(writing(search).run(State(), model=model, observers=[traces.spans(payload=True)]))
    last = next(s for s in traces.all if of(s).get("gen_ai.response.finish_reasons") == ("stop",))
    given = json.loads(of(last)["gen_ai.input.messages"])
    assert [one["role"] for one in given] == ["system", "user", "assistant", "tool"]
    assert given[1]["parts"] == [{"type": "text", "content": "About owls."}]
    assert given[3]["parts"][0]["type"] == "tool_call_response"
    assert len(given[2]["parts"][0]["arguments"]) < 9_000
    [told] = json.loads(of(last)["gen_ai.output.messages"])
    assert told == {"role": "assistant", "parts": [{"type": "text", "content": "done"}], "finish_reason": "stop"}


def test_a_secret_of_the_state_is_in_no_payload(traces: Traces) -> None:
    """S3.8: what is a secret to the state is one here, too; also in the text of an error."""
    graph = Graph("vault", Vault)

    @graph.node
    async def turn(view: Vault) -> dict[str, Any]:
        return {"key": SecretStr(CANARY + "-new")}

    @graph.node
    async def fail(view: Vault) -> None:
        raise ValueError(f"bad key {view.key.get_secret_value()}")

    graph.chain(START, turn, fail, END)
    with pytest.raises(RunFailed):
        run_virtual(graph.run(Vault(), observers=[traces.spans(payload=True)]))
    assert "bad key" in traces.told()
    assert CANARY not in traces.told()


def test_models_do_not_stream_for_spans(traces: Traces) -> None:
    """What is sent does not depend on whether somebody traces."""

    class Streaming(ScriptedModel):
        async def stream(self, request: Any, show: Any) -> Response:
            raise AssertionError("streamed")

    run_virtual(writing().run(State(), model=Streaming(["done"]), observers=[traces.spans()]))


def test_without_a_provider_nothing_is_recorded_and_the_run_is_the_same() -> None:
    provider = TracerProvider(sampler=ALWAYS_OFF, shutdown_on_exit=False)
    plain = run_virtual(mapped().run(State(), run_id="r"))
    for spans in (Spans(), Spans(provider)):
        run = run_virtual(mapped().run(State(), run_id="r", observers=[spans]))
        assert run.raw_journal == plain.raw_journal


def test_other_observers_are_told_what_they_always_were(traces: Traces) -> None:
    alone: list[Any] = []
    beside: list[Any] = []
    run_virtual(mapped().run(State(), run_id="r", observers=[alone.append]))
    run_virtual(mapped().run(State(), run_id="r", observers=[beside.append, traces.spans()]))
    assert beside == alone
    assert not any(isinstance(event, events.NodeLeft) for event in beside)


class Broken:
    """A watcher that raises at a moment of choice."""

    reads_text = False

    def __init__(self, moment: str) -> None:
        self.moment = moment

    def _raise(self, moment: str) -> None:
        if moment == self.moment:
            raise RuntimeError(moment)

    def watch(self, machine: Machine) -> Broken:
        self._raise("watch")
        return self

    def __call__(self, event: events.Event) -> None:
        self._raise("event")

    def begin_call(self, call: Call) -> Callable[[CallEnd], None]:
        self._raise("call")
        return lambda end: self._raise("end")

    def close(self, t: float, error: BaseException | None) -> None:
        self._raise("close")


@pytest.mark.parametrize("moment", ["watch", "call", "end", "close"])
def test_a_watcher_that_raises_does_not_harm_the_run(moment: str) -> None:
    class Watcher:
        def watch(self, machine: Machine) -> Broken:
            return Broken(moment).watch(machine)

    with pytest.warns(UserWarning, match=f"RuntimeError\\('{moment}'\\) and was removed"):
        run = run_virtual(writing().run(State(), model=ScriptedModel(["done"]), observers=[Watcher()]))
    assert run.status == "done"


def test_wrong_arguments_are_told(traces: Traces, monkeypatch: pytest.MonkeyPatch) -> None:
    for given, fix in ((traces.spans(), r"observers=\[Spans\(\)\]"), ([Spans], r"observers=\[Spans\(\)\]")):
        with pytest.raises(ArgumentInvalid, match=fix):
            chain("a").run_sync(State(), observers=given)  # type: ignore[arg-type]
    with pytest.raises(ArgumentInvalid, match="no tracer provider"):
        Spans(TracerProvider)  # type: ignore[arg-type]
    monkeypatch.setattr(tracing, "IS_INSTALLED", False)
    with pytest.raises(TelemetryMissing, match=r"pip install 'graphflow-agents\[otel\]'") as caught:
        Spans()
    assert caught.value.code == "GF222"


def test_opentelemetry_is_imported_only_when_used() -> None:
    import subprocess

    code = "import graphflow, sys; print('opentelemetry' in sys.modules, flush=True)"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=Path(__file__).parents[2]
    )
    assert done.stdout.strip() == "False"
