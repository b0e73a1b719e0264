"""A4: agents and graphs called as tools. Whatever happens inside a call belongs to the run around it (S12.2)."""

from __future__ import annotations

import asyncio
from collections import Counter
from typing import Annotated, Any

import pytest
from pydantic import BaseModel, Field

from graphflow import (
    END,
    FAIL,
    START,
    Agent,
    Budget,
    Context,
    Graph,
    GraphError,
    Guardrail,
    GuardrailTripped,
    Limits,
    Retry,
    Run,
    RunFailed,
    Usage,
    extend,
    fields,
    keep_last,
)
from graphflow.core.journal import decode
from graphflow.core.replay import replay
from graphflow.errors import AuthError, DeclarationError, ServerError, TooDeep, ToolInvalid
from graphflow.models import Message, Request, Response, ScriptedModel, Tool, ToolCall, tool_call
from graphflow.runtime.events import CallWaits, Changed, Event, NodeFinished, TextStreamed
from graphflow.testing.virtual import run_virtual


class Task(BaseModel):
    question: str = "Why?"
    answer: str = ""
    found: Annotated[list[str], extend] = []


class Intel(BaseModel):
    subject: str = Field(description="Whom it is about", max_length=20)
    facts: Annotated[list[str], extend] = []
    report: Annotated[str, keep_last] = ""


task, intel = fields(Task), fields(Intel)


def supervised(*tools: Any, limits: Limits | None = None, **options: Any) -> Graph[Task]:
    """One node: a supervisor with these tools."""
    boss = Agent("boss", "You are the boss.", prompt="{question}", tools=tools, **options)
    graph = Graph("supervised", Task, limits=limits or Limits())
    graph.chain(START, graph.node(boss, writes=task.answer, updates=task.found), END)
    return graph


def scouting() -> Graph[Intel]:
    """A fork of two agents over a start state, and a report: four visits of nodes."""
    graph = Graph("intel", Intel, purpose="Reports on a subject.")
    left = graph.node(Agent("left", "You are left.", prompt="{subject}"), writes={"facts": lambda text: [text]})
    right = graph.node(Agent("right", "You are right.", prompt="{subject}"), writes={"facts": lambda text: [text]})

    @graph.node(writes=intel.report)
    def report(state: Intel) -> str:
        return f"{state.subject}: {', '.join(state.facts)}"

    graph.edge(START, point := graph.point("begin"))
    graph.fork(point, [left, right], join=report)
    graph.edge(report, END)
    return graph


CRITIC = Agent("critic", "You are the critic.", prompt="Claim: {claim}")


def who(request: Request) -> str:
    return request.messages[0].text.removeprefix("You are ").removeprefix("the ").rstrip(".")


def told(model: ScriptedModel, name: str = "boss") -> list[tuple[str, str]]:
    """The tool messages in an agent's last request: (id of the call, text)."""
    last = [request for request in model.requests if who(request) == name][-1]
    return [(message.call_id, message.text) for message in last.messages if message.role == "tool"]


def played(boss: list[Any], delays_s: dict[str, float] | None = None, **others: Any) -> ScriptedModel:
    """A model whose boss says one thing after the other, the last again and again; the others say who they are."""
    said: Counter[str] = Counter()

    async def answer(request: Request) -> Any:
        name = who(request)
        said[name] += 1
        if name == "boss":
            return boss[min(said[name], len(boss)) - 1]
        await asyncio.sleep((delays_s or {}).get(name, 0) + (delays_s or {}).get(request.messages[-1].text, 0))
        given = others.get(name, f"{name} on {request.messages[-1].text}")
        return given[min(said[name], len(given)) - 1] if isinstance(given, list) else given

    return ScriptedModel(answer)


def asked(model: ScriptedModel) -> list[str]:
    return [who(request) for request in model.requests]


def both(*calls: ToolCall) -> Response:
    return Response("", tuple(ToolCall(call.name, call.arguments, f"id{n}") for n, call in enumerate(calls)))


# -- an agent as a tool ------------------------------------------------------------------------------------------------


def test_its_parameters_are_what_its_prompt_names() -> None:
    tool = CRITIC.as_tool()
    assert (tool.name, tool.spec.description) == ("critic", "You are the critic.")
    assert tool.spec.parameters["properties"] == {"claim": {"title": "Claim", "type": "string"}}
    assert tool.is_delegate


def test_a_model_says_what_it_takes() -> None:
    class Claim(BaseModel):
        claim: str = Field(min_length=3, description="What is said")
        weight: int = 1

    agent = Agent("weigher", "You are the weigher.", prompt=lambda view: f"{view.claim} x {view.weight}")
    with pytest.raises(ToolInvalid, match="its prompt is a function"):
        agent.as_tool()
    tool = agent.as_tool("weigh", "Weighs a claim.", takes=Claim)
    assert tool.spec.parameters["properties"]["claim"]["minLength"] == 3
    assert tool.spec.parameters["required"] == ["claim"]
    model = played([tool_call("weigh", claim="ab"), tool_call("weigh", claim="abc"), "Done."])
    run = run_virtual(supervised(tool).run(Task(), model=model))
    assert run.state.answer == "Done."
    assert [text for _, text in told(model)][1:] == ["weigher on abc x 1"]
    assert "at least 3" in told(model)[0][1]


def test_what_cannot_be_a_tool_is_refused_at_the_line() -> None:
    class Talk(BaseModel):
        text: str = ""
        talk: Annotated[list[Message], extend] = []

    class Wrong(BaseModel):
        text: str

    with pytest.raises(ToolInvalid, match="has a history"):
        Agent("a", "", prompt="{text}", history=fields(Talk).talk).as_tool()
    with pytest.raises(ToolInvalid, match=r"names \{review.score\}"):
        Agent("a", "", prompt="{review.score}").as_tool()
    with pytest.raises(ToolInvalid, match="Did you mean"):
        Agent("a", "", prompt="{texts}").as_tool(takes=Wrong)
    with pytest.raises(ToolInvalid, match="is no model"):
        Agent("a", "", prompt="{text}").as_tool(takes=str)  # type: ignore[arg-type]


def test_agents_and_graphs_are_tools_as_they_are() -> None:
    boss = Agent("boss", "", prompt="{question}", tools=[CRITIC, scouting()])
    assert [(tool.name, tool.is_delegate) for tool in boss.tools.tools.values()] == [("critic", True), ("intel", True)]


def test_an_answer_that_is_no_text_is_json() -> None:
    class Verdict(BaseModel):
        score: int

    judge = Agent("judge", "You are the judge.", prompt="{claim}", output=Verdict)
    model = played([tool_call("judge", claim="x"), "Done."], judge='{"score": 3}')
    run_virtual(supervised(judge).run(Task(), model=model))
    assert told(model)[0][1] == '{"score":3}'


def test_it_is_not_offered_the_handoffs_of_the_one_that_calls() -> None:
    """S9.1: only the node itself hands off, along its own edges."""
    graph = Graph("g", Task)
    boss = graph.node(Agent("boss", "You are the boss.", prompt="{question}", tools=[CRITIC]), writes=task.answer)
    graph.edge(START, boss)
    graph.handoff(boss, END, "All is done")
    model = played([tool_call("critic", claim="x"), tool_call("hand_off_to_end")])
    run_virtual(graph.run(Task(), model=model))
    offered = {who(request): [tool.name for tool in request.tools] for request in model.requests}
    assert offered == {"boss": ["critic", "hand_off_to_end"], "critic": []}


def test_what_its_tools_put_into_the_state_counts_if_all_around_succeeded() -> None:
    """S3.7."""

    async def note(text: str, ctx: Context) -> str:
        ctx.update(found=[text])
        return "noted"

    clerk = Agent("clerk", "You are the clerk.", prompt="{what}", tools=[note])

    async def answer(request: Request) -> Any:
        if who(request) == "boss":
            is_first = request.messages[-1].role == "user"
            return both(tool_call("clerk", what="one"), tool_call("clerk", what="two")) if is_first else "Done."
        if request.messages[-1].role == "user":
            return tool_call("note", text=request.messages[-1].text)
        return "ok" if request.messages[1].text == "one" else AuthError("no key")

    model = ScriptedModel(answer)
    run = run_virtual(supervised(clerk).run(Task(), model=model))
    assert told(model) == [("id0", "ok"), ("id1", "clerk failed.")]
    assert run.state.found == ["one"]


# -- a graph as a tool -------------------------------------------------------------------------------------------------


def test_a_graph_takes_start_fields_and_gives_a_field() -> None:
    tool = scouting().as_tool(gives=intel.report)
    assert (tool.name, tool.spec.description) == ("intel", "Reports on a subject.")
    properties = tool.spec.parameters["properties"]
    assert list(properties) == ["subject"]
    assert (properties["subject"]["description"], properties["subject"]["maxLength"]) == ("Whom it is about", 20)
    model = played([tool_call("intel", subject="owls"), "Done."])
    run = run_virtual(supervised(tool).run(Task(), model=model))
    assert told(model)[0][1] == "owls: left on owls, right on owls"
    assert run.path == ("boss:1",)


def test_without_gives_it_is_the_whole_end_state() -> None:
    model = played([tool_call("intel", subject="owls"), "Done."])
    run_virtual(supervised(scouting()).run(Task(), model=model))
    assert Intel.model_validate_json(told(model)[0][1]).facts == ["left on owls", "right on owls"]


def test_what_a_graph_takes_may_be_chosen() -> None:
    tool = scouting().as_tool(takes=(intel.subject, intel.facts), gives="report")
    assert list(tool.spec.parameters["properties"]) == ["subject", "facts"]
    assert tool.spec.parameters["required"] == ["subject"]
    with pytest.raises(ToolInvalid, match="'subject' is missing"):
        scouting().as_tool(takes=intel.facts)
    with pytest.raises(DeclarationError, match="reprot"):
        scouting().as_tool(gives="reprot")
    with pytest.raises(ToolInvalid, match="every field of Task has a default"):
        Graph("g", Task).as_tool()
    assert Graph("g", Task).as_tool(takes=()).spec.parameters["properties"] == {}


def test_a_graph_that_asks_is_refused_where_it_is_declared_and_at_the_latest_before_anything_runs() -> None:
    """S10.1: a turn cannot wait for a person."""
    asking = Graph("asking", Task)
    early = asking.as_tool(takes=())
    approve = asking.ask("approve", "Well?", answer=str, writes=task.answer)
    asking.chain(START, approve, END)
    with pytest.raises(ToolInvalid, match="node 'approve' asks"):
        asking.as_tool(takes=())
    around = Graph("around", Task)
    around.chain(START, around.node(asking, name="inner"), END)
    with pytest.raises(ToolInvalid, match="of its sub-graph 'asking'"):
        around.as_tool(takes=())
    model = played(["Done."])
    with pytest.raises(ToolInvalid, match="node 'approve' asks"):
        supervised(early).run_sync(Task(), model=model)
    assert model.requests == []


def test_a_graph_that_is_not_sound_is_found_before_anything_runs() -> None:
    broken = Graph("broken", Task)
    broken.node(Agent("a", "", prompt="{question}"), writes=task.answer)
    graph = supervised(broken.as_tool(takes=()))
    for _ in range(2):
        with pytest.raises(GraphError, match="broken"):
            graph.run_sync(Task(), model=played(["Done."]))


def test_a_failure_inside_is_told_in_general_terms_and_the_loop_goes_on() -> None:
    graph = Graph("risky", Intel)

    @graph.node
    def burst(state: Intel) -> None:
        raise ValueError("canary-7")

    graph.chain(START, burst, END)
    model = played([tool_call("risky", subject="x"), tool_call("risk", subject="x"), "Done."])
    run = run_virtual(supervised(graph).run(Task(), model=model))
    assert run.status == "done"
    assert [text for _, text in told(model)] == [
        "risky failed.",
        "There is no tool called 'risk'. Did you mean 'risky'?",
    ]
    errors = [entry["error"] for entry in run.journal if "error" in entry]
    assert len(errors) == 1
    assert "canary-7" in errors[0]  # whoever runs it reads why


def test_fail_inside_is_a_failure_of_the_call() -> None:
    graph = Graph("strict", Intel)
    graph.edge(START, FAIL("not today"))
    model = played([tool_call("strict", subject="x"), "Done."])
    run_virtual(supervised(graph.as_tool(tells_errors=True)).run(Task(), model=model))
    assert "not today" in told(model)[0][1]


def test_what_trips_inside_ends_the_turn_outside() -> None:
    """S8.4."""
    graph = Graph("careful", Intel)
    guarded = Agent(
        "left", "You are left.", prompt="{subject}", guardrails=[Guardrail(lambda text: "no", name="never")]
    )
    graph.chain(START, graph.node(guarded, writes=intel.report), END)
    for tool in (graph, guarded):
        model = played([tool_call(tool.name, subject="x"), "Done."])
        with pytest.raises(RunFailed) as caught:
            run_virtual(supervised(tool).run(Task(), model=model))
        assert isinstance(caught.value.__cause__, GuardrailTripped)
        assert asked(model) == ["boss", "left"]


# -- what belongs to the run -------------------------------------------------------------------------------------------


def test_usage_includes_what_is_inside() -> None:
    """G5, S13.1: calls, tokens and steps of a nested run are the run's, live and in replay alike."""
    model = played([both(tool_call("intel", subject="owls"), tool_call("critic", claim="x")), "Done."])
    run = run_virtual(supervised(scouting(), CRITIC).run(Task(), model=model))
    usage = run.usage
    assert (usage.model_calls, usage.tool_calls, usage.steps) == (5, 2, 5)
    by_node = run.usage_by_node
    assert (by_node["boss"].model_calls, sum(one.input_tokens for one in by_node.values())) == (5, usage.input_tokens)
    again = replay(run.plans, map(decode, run.raw_journal))
    assert again.spent.steps == usage.steps
    assert again.spent.under_way == 0


@pytest.mark.parametrize("calls", range(5))
def test_a_budget_of_model_calls_bounds_what_is_inside_and_a_larger_one_pays_nothing_twice(calls: int) -> None:
    """S13.2, S11.1: for a budget that ends anywhere, inside a call or outside."""
    graph = supervised(scouting().as_tool(gives=intel.report), CRITIC)
    script = [both(tool_call("intel", subject="owls"), tool_call("critic", claim="x")), "Done."]

    async def main() -> tuple[Run[Task], Run[Task], ScriptedModel]:
        model = played([script[0]] if calls else ["?"])
        first = await graph.run(Task(), model=model, budget=Budget(model_calls=calls))
        paid = asked(model)
        rest = played([script[1]] if calls else script)
        second = await graph.resume(first, model=rest, budget=Budget(model_calls=5))
        assert Counter(paid) + Counter(asked(rest)) == Counter(["boss", "boss", "left", "right", "critic"])
        return first, second, rest

    first, second, _ = run_virtual(main())
    assert (first.status, first.usage.model_calls) == ("exhausted", calls)
    assert (second.status, second.state.answer, second.usage.model_calls) == ("done", "Done.", 5)
    assert second.usage.steps == 5


@pytest.mark.parametrize(("steps", "calls"), [(1, 1), (2, 1), (3, 2), (4, 3)])
def test_a_budget_of_steps_bounds_what_is_inside(steps: int, calls: int) -> None:
    """S13.1: a step is one visit of a node, inside a call or outside."""
    graph = supervised(scouting().as_tool(gives=intel.report))

    async def main() -> None:
        model = played([tool_call("intel", subject="owls"), "Done."])
        first = await graph.run(Task(), model=model, budget=Budget(steps=steps))
        assert (first.status, asked(model).count("boss")) == ("exhausted", 1)
        assert len(asked(model)) == calls
        second = await graph.resume(first, budget=Budget(steps=5))
        assert (second.status, second.usage.steps) == ("done", 5)
        assert Counter(asked(model)) == Counter(["boss", "boss", "left", "right"])

    run_virtual(main())


def test_steps_inside_count_once_however_many_calls_there_are() -> None:
    """S13.1: a budget of exactly the steps of three calls, one after the other, is enough."""
    model = played([*[tool_call("intel", subject=one) for one in "abc"], "Done."])
    graph = supervised(scouting().as_tool(gives=intel.report))
    run = run_virtual(graph.run(Task(), model=model, budget=Budget(steps=1 + 3 * 4)))
    assert (run.status, run.usage.steps) == ("done", 13)


def test_a_graph_inside_does_not_wrap_up_when_the_budget_of_the_run_is_used_up() -> None:
    """S13.2: it goes on when the run does."""
    graph = Graph("wrapping", Intel)
    left = graph.node(Agent("left", "You are left.", prompt="{subject}"), writes=intel.report)
    wrap_up = graph.node(lambda state: {"report": "wrapped"}, name="wrap up")
    graph.chain(START, left, END)
    graph.edge(wrap_up, END)
    graph.on_budget(wrap_up)
    model = played([tool_call("wrapping", subject="x"), "Done."])
    around = supervised(graph.as_tool(gives=intel.report))

    async def main() -> None:
        seen: list[Event] = []
        first = await around.run(Task(), model=model, budget=Budget(model_calls=1), observers=[seen.append])
        assert (first.status, asked(model)) == ("exhausted", ["boss"])
        assert "wrapped" not in [event.kind for event in seen if isinstance(event, Changed)]
        await around.resume(first, budget=Budget(model_calls=3))
        assert told(model)[0][1] == "left on x"

    run_virtual(main())


def test_a_budget_that_ends_between_two_attempts_inside_ends_the_run() -> None:
    """S13.2: nothing hangs (G4)."""
    busy = ServerError("busy", usage=Usage(model_calls=1))
    model = played([tool_call("intel", subject="x"), "Done."], left=[busy, "left"], right="right")
    graph = supervised(scouting().as_tool(gives=intel.report))
    run = run_virtual(graph.run(Task(), model=model, budget=Budget(model_calls=3)))
    assert (run.status, Counter(asked(model))) == ("exhausted", Counter(["boss", "left", "right"]))


def test_the_limit_of_steps_counts_what_is_inside() -> None:
    """S17."""
    spinning = Graph("spinning", Intel)

    @spinning.node
    async def turn(state: Intel) -> None:
        await asyncio.sleep(0)

    spinning.edge(START, turn)
    spinning.edge(turn, turn, at_most="unbounded", when=intel.report == "")
    spinning.edge(turn, END)
    model = played([tool_call("spinning", subject="x"), "Done."])
    run = run_virtual(supervised(spinning, limits=Limits(steps=50)).run(Task(), model=model))
    assert (run.status, asked(model)) == ("exhausted", ["boss"])
    model = played([tool_call("spinning", subject="x"), "Done."])
    run = run_virtual(supervised(spinning, limits=Limits(steps=5_000)).run(Task(), model=model))
    assert (run.status, told(model)[0][1], run.usage.steps) == ("done", "spinning failed.", 1_001)  # by its own limit


def test_a_graph_that_calls_itself_is_as_deep_as_allowed_and_then_too_deep() -> None:
    """S12.2: an error of the node, however many levels it is told through."""
    tree = Graph("tree", Intel, limits=Limits(depth=7))
    digger = Agent("boss", "You are the boss.", prompt="{subject}", tools=[tree.as_tool(gives=intel.report)])
    tree.chain(START, tree.node(digger, writes=intel.report), END)
    model = played([*[tool_call("tree", subject=f"level {n}") for n in range(1, 4)], "bottom", "up 2", "up 1", "up"])
    run = run_virtual(tree.run(Intel(subject="top"), model=model))
    assert (run.state.report, run.usage.steps) == ("up", 4)
    endless = played([tool_call("tree", subject="down")])
    with pytest.raises(RunFailed) as caught:
        run_virtual(tree.run(Intel(subject="top"), model=endless))
    assert isinstance(caught.value.__cause__, TooDeep)
    assert asked(endless) == ["boss"] * 4
    assert "tree" in str(caught.value.__cause__)


def test_an_agent_that_reaches_itself_is_too_deep() -> None:
    tools: dict[str, Tool] = {}

    class Mirror:
        name = "mirror"

        async def list_tools(self, ctx: Context) -> list[Tool]:
            return [tools["again"]]

    agent = Agent("again", "You are the boss.", prompt="{claim}", tools=[Mirror()])
    tools["again"] = agent.as_tool()
    model = played([tool_call("again", claim="x")])
    with pytest.raises(RunFailed) as caught:
        run_virtual(supervised(tools["again"]).run(Task(), model=model))
    assert isinstance(caught.value.__cause__, TooDeep)
    assert len(model.requests) == 20


# -- side by side ------------------------------------------------------------------------------------------------------


ORDERS = [{"one": 1.0, "two": 2.0}, {"one": 2.0, "two": 1.0}, {"left": 1.0, "one": 0.5}, {"right": 3.0, "two": 0.5}]


@pytest.mark.parametrize("delays_s", ORDERS, ids=str)
def test_calls_of_one_delegate_side_by_side_keep_apart(delays_s: dict[str, float]) -> None:
    """One result for each call with its id, and equal requests inside never get each other's records."""
    model = played([both(*[tool_call("intel", subject=one) for one in ("one", "two", "two")]), "Done."], delays_s)
    seen: list[Event] = []
    graph = supervised(scouting().as_tool(gives=intel.report))
    run = run_virtual(graph.run(Task(), model=model, observers=[seen.append]))
    assert told(model) == [(f"id{n}", f"{s}: left on {s}, right on {s}") for n, s in enumerate(("one", "two", "two"))]
    cursors = {event.cursor for event in seen if isinstance(event, NodeFinished) and not event.seq}
    assert {f"boss:1/intel:{n}/report:1" for n in (1, 2, 3)} <= cursors
    assert run.usage.model_calls == 2 + 6


@pytest.mark.parametrize("delays_s", ORDERS, ids=str)
@pytest.mark.parametrize("stop_at", [0.25, 0.75, 1.25, 1.75, 2.25, 3.25])
def test_a_resume_repeats_no_finished_call_wherever_it_was_stopped(delays_s: dict[str, float], stop_at: float) -> None:
    """G3, S11.1, S14.2: also inside nested runs, side by side, whose equal requests got different answers."""
    graph = supervised(scouting().as_tool(gives=intel.report))
    count = iter(range(100))
    finished: list[str] = []

    async def answer(request: Request) -> Any:
        name, last = who(request), request.messages[-1].text
        if name == "boss":
            if request.messages[-1].role == "tool":
                return " | ".join(m.text for m in request.messages if m.role == "tool")
            return both(*[tool_call("intel", subject=one) for one in ("one", "two", "two")])
        await asyncio.sleep(delays_s.get(name, 0) + delays_s.get(last, 0))
        finished.append(f"{name} {last}")
        return f"{name}{next(count)}"

    async def main() -> Run[Task]:
        live = graph.start(Task(), model=ScriptedModel(answer))
        driving = asyncio.ensure_future(live.drive())
        await asyncio.sleep(stop_at)
        if driving.done():
            return await driving
        driving.cancel()
        await asyncio.wait([driving])
        assert [one for one in asyncio.all_tasks() if one is not asyncio.current_task()] == []
        return await graph.resume(live.run)

    run = run_virtual(main())
    assert Counter(finished) == Counter({"left one": 1, "right one": 1, "left two": 2, "right two": 2})
    parts = [part for text in run.state.answer.split(" | ") for part in text.partition(": ")[2].split(", ")]
    assert sorted(parts) == sorted(set(parts))  # nobody was given the answer of another
    assert (run.usage.model_calls, run.usage.steps) == (8, 1 + 12)


async def stopped(graph: Graph[Any], state: Any, model: ScriptedModel, after_s: float) -> Run[Any]:
    """The run as it was left by a driver that was stopped."""
    live = graph.start(state, model=model)
    driving = asyncio.ensure_future(live.drive())
    await asyncio.sleep(after_s)
    driving.cancel()
    await asyncio.wait([driving])
    run: Run[Any] = live.run
    return run


def test_equal_calls_of_an_agent_never_get_each_others_records() -> None:
    """S11.1: the first has its answer and its record, the second is stopped half way: it asks for its own."""
    count = iter(range(100))

    async def answer(request: Request) -> Any:
        if who(request) == "critic":
            number = next(count)
            await asyncio.sleep(1 + 10 * number)
            return f"answer {number}"
        is_first = request.messages[-1].role == "user"
        return both(*[tool_call("critic", claim="same")] * 2) if is_first else told(model)[1][1]

    model = ScriptedModel(answer)
    graph = supervised(CRITIC)

    async def main() -> None:
        run = await graph.resume(await stopped(graph, Task(), model, 5))
        assert [text for _, text in told(model)] == ["answer 0", "answer 2"]
        assert run.usage.model_calls == 4

    run_virtual(main())


def test_equal_requests_of_two_nodes_inside_never_get_each_others_records() -> None:
    """S11.1: on a resume they are asked in another order, as what stood before them is there at once."""
    graph = Graph("twice", Intel)
    same = Agent("same", "You are the same.", prompt="{subject}")
    nodes = {
        name: (
            graph.node(Agent(name, f"You are {name}.", prompt="{subject}"), writes=intel.report),
            graph.node(same, name=f"{name} same", writes={"facts": lambda text: [text]}),
        )
        for name in ("left", "right")
    }
    gather = graph.point("gather")
    graph.edge(START, begin := graph.point("begin"))
    graph.fork(begin, [nodes["left"][0], nodes["right"][0]], join=gather)
    for first, then in nodes.values():
        graph.chain(first, then, gather)
    graph.edge(gather, END)
    said: Counter[str] = Counter()

    async def answer(request: Request) -> Any:
        name = who(request)
        said[name] += 1
        if name == "boss":
            is_first = request.messages[-1].role == "user"
            return tool_call("twice", subject="x") if is_first else request.messages[-1].text
        await asyncio.sleep({"left": 5, "right": 1, "same": 3}[name])
        return f"{name} {said[name]}"

    async def main() -> None:
        model = ScriptedModel(answer)
        around = supervised(graph.as_tool(gives=intel.facts))
        run = await around.resume(await stopped(around, Task(), model, 6))
        assert run.state.answer == '["same 3","same 1"]'
        assert (said["left"], said["right"], said["same"]) == (1, 1, 3)

    run_virtual(main())


def test_cancelling_the_run_leaves_nothing_inside() -> None:
    """G10, S14.2."""
    graph = supervised(scouting(), CRITIC)
    model = played(
        [both(tool_call("intel", subject="owls"), tool_call("critic", claim="x")), "Done."],
        {"left": 100, "right": 100, "critic": 100},
    )

    async def main() -> Run[Task]:
        async with graph.start(Task(), model=model) as live:
            await asyncio.sleep(1)
            assert sorted(asked(model)) == ["boss", "critic", "left", "right"]
            live.cancel()
        assert [one for one in asyncio.all_tasks() if one is not asyncio.current_task()] == []
        return await live.result()

    run = run_virtual(main())
    assert (run.status, run.usage.steps, asked(model).count("boss")) == ("cancelled", 1, 1)


def test_a_call_that_takes_too_long_is_told_and_leaves_nothing() -> None:
    model = played([tool_call("intel", subject="owls"), "Done."], {"left": 100})

    async def main() -> Run[Task]:
        run = await supervised(scouting().as_tool(timeout_s=5)).run(Task(), model=model)
        assert [one for one in asyncio.all_tasks() if one is not asyncio.current_task()] == []
        return run

    run = run_virtual(main())
    assert told(model)[0][1] == "intel took too long."
    assert (run.status, run.usage.steps) == ("done", 3)


# -- errors of models inside -------------------------------------------------------------------------------------------


def test_a_delegate_tries_again_by_its_own_policy_and_goes_on_from_the_call_that_failed() -> None:
    """S8.1, S11.1: and a resume finds what followed the failure."""

    async def look(where: str) -> str:
        """Looks."""
        return f"seen {where}"

    scout = Agent("scout", "You are the scout.", prompt="{where}", tools=[look], retry=Retry(attempts=3, first_s=10))
    script = [tool_call("look", where="up"), ServerError("busy"), ServerError("busy"), "All seen."]
    model = played([tool_call("scout", where="there"), ServerError("busy"), "Done."], scout=script)
    graph = supervised(scout, retry=None)

    async def main() -> None:
        with pytest.raises(RunFailed) as caught:
            await graph.run(Task(), model=model)
        assert asked(model) == ["boss", "scout", "scout", "scout", "scout", "boss"]
        assert [request.messages[-1].text for request in model.requests[1:5]] == ["there", *["seen up"] * 3]
        run = await graph.resume(caught.value.run)
        assert run.state.answer == "Done."
        assert asked(model) == ["boss", "scout", "scout", "scout", "scout", "boss", "boss"]

    run_virtual(main())


def test_a_resume_inside_a_delegate_finds_what_followed_a_failure() -> None:
    """S11.1: the call that failed left no record; the one that took its place is found in it."""

    async def look(where: str) -> str:
        """Looks."""
        return f"seen {where}"

    scout = Agent("scout", "You are the scout.", prompt="{where}", tools=[look], retry=Retry(attempts=3, first_s=1))
    script = [ServerError("busy"), tool_call("look", where="up"), "All seen."]
    model = played([tool_call("scout", where="there"), "Done."], {"seen up": 100}, scout=script)
    graph = supervised(scout)

    async def main() -> None:
        live = graph.start(Task(), model=model)
        driving = asyncio.ensure_future(live.drive())
        await asyncio.sleep(50)
        driving.cancel()
        await asyncio.wait([driving])
        assert asked(model) == ["boss", "scout", "scout", "scout"]
        run = await graph.resume(live.run)
        assert (run.state.answer, asked(model)[4:]) == ("Done.", ["scout", "boss"])
        assert model.requests[4].messages[-1].text == "seen up"

    run_virtual(main())


def test_a_node_inside_tries_again_by_its_own_policy() -> None:
    model = played([tool_call("intel", subject="x"), "Done."], left=[ServerError("busy"), "left at last"])
    run = run_virtual(supervised(scouting().as_tool(gives=intel.report)).run(Task(), model=model))
    assert (run.status, told(model)[0][1]) == ("done", "x: left at last, right on x")
    assert run.usage.model_calls == 4


# -- what observers see ------------------------------------------------------------------------------------------------


def test_observers_see_what_is_inside_under_the_call_and_only_shown() -> None:
    """S12.2, G12: nested events have no number, so that the numbered ones are the run's own."""
    model = played([both(tool_call("intel", subject="x"), tool_call("critic", claim="c")), "Done."])
    seen: list[Event] = []
    run = run_virtual(supervised(scouting(), CRITIC).run(Task(), model=model, observers=[seen.append]))
    inside = [event for event in seen if event.cursor.startswith("boss:1/")]
    assert inside
    assert all(event.seq == 0 for event in inside)
    assert [event.seq for event in seen if event.seq] == list(range(1, run.seq + 1))
    whose = {event.cursor for event in inside if isinstance(event, TextStreamed)}
    assert whose == {"boss:1/intel:1/begin:1[0]/left:1", "boss:1/intel:1/begin:1[1]/right:1", "boss:1/critic:1"}


def test_a_call_inside_stands_in_line_as_one_of_the_run() -> None:
    """Calls of older runs go first, also those of what they call; who waits is told by its own cursor."""
    began: dict[str, float] = {}

    async def answer(request: Request) -> Any:
        assert request.caller is not None
        began[who(request)] = request.caller.began
        request.caller.waits("a line")
        await asyncio.sleep(1)
        request.caller.begins()
        if who(request) != "boss":
            return "here"
        is_first = request.messages[-1].role == "user"
        return both(tool_call("intel", subject="x"), tool_call("critic", claim="c")) if is_first else "Done."

    seen: list[Event] = []
    graph = supervised(scouting(), CRITIC)
    run = run_virtual(graph.run(Task(), model=ScriptedModel(answer), observers=[seen.append]))
    assert (run.status, set(began), len(set(began.values()))) == ("done", {"boss", "left", "right", "critic"}, 1)
    waiting = {event.cursor for event in seen if isinstance(event, CallWaits)}
    assert waiting == {"boss:1", "boss:1/intel:1/begin:1[0]/left:1", "boss:1/intel:1/begin:1[1]/right:1"}
    slow = run_virtual(graph.run(Task(), model=ScriptedModel(answer), budget=Budget(seconds=1.5)))
    assert (slow.status, slow.usage.model_calls) == ("exhausted", 1)


def test_context_inside_is_the_runs() -> None:
    graph = Graph("looking", Intel)
    seen: list[tuple[Any, ...]] = []

    @graph.node(writes=intel.report)
    async def look(state: Intel, ctx: Context) -> str:
        seen.append((ctx.run_id, ctx.deps, ctx.idempotency_key, await ctx.once("mark", marked)))
        return "ok"

    async def marked() -> int:
        return len(seen)

    graph.chain(START, look, END)
    model = played([both(tool_call("looking", subject="x"), tool_call("looking", subject="x")), "Done."])
    run = run_virtual(supervised(graph).run(Task(), model=model, deps="deps"))
    keys = [f"{run.id}/boss:1/looking:{n}/look:1" for n in (1, 2)]
    assert seen == [(run.id, "deps", keys[0], 0), (run.id, "deps", keys[1], 1)]


def test_an_agent_alone_may_have_them_too() -> None:
    """Its usage includes theirs, and only its own text is shown."""
    model = played([both(tool_call("intel", subject="x"), tool_call("critic", claim="c")), "Done."])
    boss = Agent("boss", "You are the boss.", prompt="{question}", tools=[scouting(), CRITIC])
    shown: list[str] = []
    result = run_virtual(boss.run(question="?", model=model, on_text=shown.append))
    assert (result.output, result.usage.model_calls, result.usage.steps) == ("Done.", 5, 4)
    assert "".join(shown) == "Done."
