"""S4.7, S8.4: guardrails on nodes, edges, graphs and agents: what trips leaves nothing, is never retried, and can be caught."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from pydantic import BaseModel

from graphflow import END, START, Agent, Context, Graph, Guardrail, GuardrailTripped, Handoff, Retry, RunFailed, fields
from graphflow.core.journal import decode
from graphflow.core.reading import state_of
from graphflow.core.replay import replay
from graphflow.errors import AnswerInvalid, ModelError, RateLimited
from graphflow.models import ScriptedModel
from graphflow.runtime.run import Run
from graphflow.testing.virtual import run_virtual


class Essay(BaseModel):
    topic: str = "owls"
    draft: str = ""
    sent: str = ""
    notes: list[str] = []


essay = fields(Essay)
CANARY = "canary 4711"


def no_canary(draft: str) -> str | None:
    return "It sings." if "canary" in draft else None


def no_canary_crosses(state: Essay) -> str | None:
    return no_canary(state.draft)


def is_not_owls(state: Essay) -> str | None:
    return "Owls are not to be written about." if state.topic == "owls" else None


async def is_asked_first(draft: str, ctx: Context) -> str | None:
    async def ask() -> bool:
        return "canary" in draft

    return "Somebody said no." if await ctx.once("ask", ask) else None


def write(state: Essay) -> str:
    return CANARY


async def write_later(state: Essay) -> str:
    return CANARY


def run(graph: Graph[Any], state: BaseModel | None = None, **options: Any) -> Run[Any]:
    return run_virtual(graph.run(state or Essay(), run_id="r", **options))


def tripped(graph: Graph[Any], **options: Any) -> tuple[GuardrailTripped, Run[Any]]:
    with pytest.raises(RunFailed) as caught:
        run(graph, **options)
    assert isinstance(caught.value.__cause__, GuardrailTripped)
    return caught.value.__cause__, caught.value.run


def assert_nothing_left(run: Run[Any]) -> None:
    """Neither in the state nor, of what was refused, in the journal; and a replay says the same."""
    assert run.state.draft == ""
    assert all(CANARY.encode() not in entry for entry in run.raw_journal)
    again = replay(run.plans, map(decode, run.raw_journal))
    assert state_of(again).model_dump() == run.state.model_dump()
    assert again.status == run.status


def of_node(work: Any, guardrails: Any, **options: Any) -> Graph[Essay]:
    graph = Graph("guarded", Essay)
    node = graph.node(work, name="write", guardrails=guardrails, **{"writes": essay.draft, **options})
    graph.chain(START, node, END)
    return graph


NODES: list[tuple[Any, dict[str, Any]]] = [(write, {}), (write_later, {}), (write, {"blocking": True})]


@pytest.mark.parametrize(("work", "options"), NODES)
@pytest.mark.parametrize("guardrail", [no_canary, is_asked_first])
def test_nothing_of_a_tripped_result_reaches_the_state(
    work: Any, options: dict[str, Any], guardrail: Callable[..., Any]
) -> None:
    """S8.4, S3.2: whatever kind of function, plain or async guardrails; and never retried."""
    error, failed = tripped(of_node(work, [guardrail], retry=Retry(attempts=3), **options))
    assert (error.guardrail, error.of) == (guardrail.__name__, "node 'write'")
    assert failed.failures[0].attempts == 1
    assert_nothing_left(failed)


@pytest.mark.parametrize(("work", "options"), NODES)
@pytest.mark.parametrize("guardrail", [no_canary, is_asked_first])
def test_what_passes_is_as_without(work: Any, options: dict[str, Any], guardrail: Callable[..., Any]) -> None:
    def fine(state: Essay) -> str:
        return "Owls."

    async def fine_later(state: Essay) -> str:
        return "Owls."

    done = run(of_node(fine if work is write else fine_later, [guardrail], **options))
    assert done.state.draft == "Owls."
    assert done.path == ("write:1",)


def test_the_input_is_checked_before_the_node_runs() -> None:
    called: list[str] = []

    def work(state: Essay) -> str:
        called.append(state.topic)
        return ""

    graph = of_node(work, [Guardrail(is_not_owls, on="input")])
    assert tripped(graph)[0].guardrail == "is_not_owls"
    assert called == []
    assert run(graph, Essay(topic="bees")).status == "done"


def test_of_a_handoff_its_update_is_checked_and_none_is_no_result() -> None:
    def hand_off(state: Essay, ctx: Context) -> Handoff:
        return Handoff("send", CANARY if state.topic == "owls" else None)

    graph = Graph("handoff", Essay)
    node = graph.node(hand_off, writes=essay.draft, guardrails=[no_canary])
    send = graph.point("send")
    graph.edge(START, node)
    graph.handoff(node, send, "Send it")
    graph.edge(send, END)
    assert_nothing_left(tripped(graph)[1])
    assert run(graph, Essay(topic="bees")).status == "done"


def test_an_error_edge_catches_it_and_sees_the_state_as_it_was() -> None:
    """S8.2."""
    graph = of_node(write, [no_canary])

    @graph.node(writes=essay.sent)
    def apologise(state: Essay, ctx: Context) -> str:
        assert isinstance(ctx.error, GuardrailTripped)
        return f"sorry, {ctx.error.guardrail}{state.draft}"

    graph.edge("write", apologise, on_error=GuardrailTripped)
    graph.edge(apologise, END)
    assert run(graph).state.sent == "sorry, no_canary"


def test_it_is_no_model_error() -> None:
    graph = of_node(write, [no_canary])
    graph.edge("write", END, on_error=ModelError)
    assert tripped(graph)[0].retryable is False


def answers(value: Any) -> Callable[[str], Any]:
    def check(draft: str) -> Any:
        if isinstance(value, Exception):
            raise value
        return value

    return check


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (True, "It answered True"),
        (False, "It answered False"),
        ("", "It answered ''"),
        ({"canary": 4711}, "It answered a dict;"),
        (KeyError(CANARY), "It raised KeyError; in doubt nothing passes."),
    ],
)
def test_in_doubt_nothing_passes_and_no_payload_is_shown(answer: object, said: str) -> None:
    error, failed = tripped(of_node(write, [answers(answer)]))
    assert said in error.why
    assert "4711" not in str(error)
    assert_nothing_left(failed)


def test_a_model_that_cannot_be_reached_is_no_verdict() -> None:
    """S8.1: asked by a guardrail it may be asked again, from that call on (S11.1)."""
    judge = Agent("judge", "Is this polite?", prompt="{draft}", output=bool)
    model = ScriptedModel([RateLimited("busy"), True, False])

    async def is_polite(draft: str, ctx: Context) -> str | None:
        assert ctx.handoffs == ()
        return None if await judge.perform({"draft": draft}, ctx) else "It is rude."

    agent = Agent("writer", "Write.", prompt="{topic}", model=ScriptedModel(["Owls.", "Mice."]))
    graph = Graph("judged", Essay)
    node = graph.node(agent, name="write", writes=essay.draft, guardrails=[is_polite])
    graph.chain(START, node, END)
    done = run(graph, model=model)
    assert done.state.draft == "Owls."
    assert done.usage.model_calls == 3 - 1  # the one that failed cost nothing, the writer's is not made again
    with pytest.raises(RunFailed, match="It is rude"):
        run(graph, model=model)


def test_a_guardrail_writes_nothing() -> None:
    def greedy(draft: str, ctx: Context) -> None:
        ctx.update(sent="x")

    error, failed = tripped(of_node(write, [greedy]))
    assert "It raised UpdateInvalid" in error.why
    assert "A guardrail changes nothing" in str(error.__cause__)
    assert failed.state.sent == ""


# edges


def of_edge(guardrails: Any, work: Any = write, **options: Any) -> Graph[Essay]:
    graph = Graph("crossing", Essay)
    node = graph.node(work, name="write", writes=essay.draft, retry=Retry(attempts=3))
    send = graph.node(lambda state: "sent", name="send", writes=essay.sent)
    graph.edge(START, node)
    graph.edge(node, send, guardrails=guardrails, **options)
    graph.edge(send, END)
    return graph


def test_an_edge_is_checked_before_the_step_that_would_cross_it_counts() -> None:
    """S3.2, S8.4: the guardrail sees the state with the update, and nothing of it is committed."""
    error, failed = tripped(of_edge([no_canary_crosses]))
    assert error.of == "the edge write -> send"
    assert failed.failures[0].attempts == 1
    assert failed.path == ()
    assert_nothing_left(failed)


def test_only_the_edge_that_is_chosen_is_asked() -> None:
    """S4.2."""
    graph = of_edge([no_canary_crosses], when=essay.topic == "bees")
    graph.edge("write", END)
    assert run(graph).state.draft == CANARY
    assert tripped(graph, state=Essay(topic="bees"))[0].of == "the edge write -> send"


def test_an_error_edge_of_the_source_catches_it() -> None:
    graph = of_edge([no_canary_crosses])
    graph.edge("write", END, on_error=GuardrailTripped)
    done = run(graph)
    assert (done.state.draft, done.state.sent) == ("", "")


@pytest.mark.parametrize("kind", ["fork", "map", "handoff"])
def test_edges_of_every_kind_have_guardrails(kind: str) -> None:
    def work(state: Essay) -> Any:
        return Handoff("send", {"draft": CANARY}) if kind == "handoff" else {"draft": CANARY}

    graph = Graph("kinds", Essay)
    node = graph.node(work, name="write")
    send, join = graph.point("send"), graph.point("join")
    graph.edge(START, node)
    if kind == "fork":
        graph.fork(node, [send], join=join, guardrails=[no_canary_crosses])
    elif kind == "map":
        graph.map(node, send, over=essay.notes, join=join, guardrails=[no_canary_crosses])
    else:
        graph.handoff(node, send, "Send it", guardrails=[no_canary_crosses])
        graph.edge(send, join)
    graph.edge(join, END)
    assert_nothing_left(tripped(graph)[1])


def test_edges_from_start_and_points() -> None:
    graph = Graph("start", Essay)
    gather = graph.point("gather")
    graph.edge(START, gather)
    graph.edge(gather, END, guardrails=[is_not_owls])
    error, failed = tripped(graph)
    assert error.of == "the edge gather -> END"
    assert failed.path == ()
    assert run(graph, Essay(topic="bees")).status == "done"
    again = replay(failed.plans, map(decode, failed.raw_journal))
    assert again.spent.steps == 1
    graph.edge(gather, END, on_error=GuardrailTripped)
    assert run(graph).status == "done"
    first = Graph("first", Essay)
    first.edge(START, END, guardrails=[is_not_owls])
    assert tripped(first)[0].of == "the edge START -> END"


def test_a_resume_asks_again() -> None:
    """S14.3: after the cause is mended the same run goes on."""
    allowed: list[bool] = []

    def is_allowed(state: Essay) -> str | None:
        return None if allowed else "Not yet."

    for graph in (of_edge([is_allowed]), of_node(write, [Guardrail(is_allowed, on="input")])):
        allowed.clear()
        _, failed = tripped(graph)
        allowed.append(True)
        assert run_virtual(graph.resume(failed)).state.draft == CANARY


def test_an_answer_that_an_edge_refuses_changes_nothing_and_the_giver_is_told() -> None:
    """S10.1: the question stays open."""
    graph = Graph("ask", Essay)
    ask = graph.ask("ask", "What shall it say?", answer=str, writes=essay.draft)
    graph.edge(START, ask)
    graph.edge(ask, END, guardrails=[no_canary_crosses])
    waiting = run(graph)
    with pytest.raises(AnswerInvalid, match="Guardrail 'no_canary_crosses' stopped the edge ask -> END"):
        run_virtual(graph.resume(waiting, answers=[ask.answer(CANARY)]))
    assert run_virtual(graph.resume(waiting, answers=[ask.answer("Owls.")])).state.draft == "Owls."


def test_what_a_join_merges_is_seen_by_its_edges() -> None:
    """S6.4: a branch's own edge to the join is its own; the join's next edge sees the merge."""
    graph = Graph("join", Essay)
    split, node, join = graph.point("split"), graph.node(write, writes=essay.draft), graph.point("join")
    graph.edge(START, split)
    graph.fork(split, [node], join=join)
    graph.edge(node, join, guardrails=[no_canary_crosses])
    graph.edge(join, END)
    assert_nothing_left(tripped(graph)[1])


# graphs


def inner() -> Graph[Essay]:
    graph = Graph("inner", Essay)
    graph.chain(START, graph.node(write, writes=essay.draft), END)
    return graph


def test_a_graph_is_guarded_as_a_whole() -> None:
    """S12.1: on the state it is given, and on the one it ends with."""
    for guardrail in (Guardrail(is_not_owls, on="input"), Guardrail(no_canary_crosses)):
        graph = Graph("outer", Essay)
        node = graph.node(inner(), guardrails=[guardrail])
        graph.edge(START, node)
        graph.edge(node, END)
        error, failed = tripped(graph)
        assert error.of == "node 'inner'"
        assert failed.state.draft == ""
        graph.edge(node, END, on_error=GuardrailTripped)
        assert run(graph).state.draft == ""


def test_the_edge_after_a_graph_is_guarded() -> None:
    graph = Graph("outer", Essay)
    node = graph.node(inner())
    graph.edge(START, node)
    graph.edge(node, END, guardrails=[no_canary_crosses])
    assert tripped(graph)[1].state.draft == ""
