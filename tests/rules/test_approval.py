"""S10.4: a tool call that needs approval suspends its agent's turn with a question, between records."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Sequence
from typing import Annotated, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import BaseModel, Field

from graphflow import (
    END,
    START,
    Agent,
    Budget,
    Graph,
    ModelError,
    Retry,
    RunFailed,
    append,
    best_effort,
    extend,
    fields,
)
from graphflow.core.copying import copy
from graphflow.core.journal import decode, encode
from graphflow.core.replay import replay
from graphflow.errors import AnswerInvalid, NodeTimeout, ServerError, UpdateInvalid
from graphflow.graph.answers import Answer
from graphflow.models import ScriptedModel, Tool, tool_call
from graphflow.runtime.events import Asked, Decided
from graphflow.runtime.run import Run
from graphflow.testing.virtual import run_virtual
from tests.snapshot_law import assert_law

paid: list[int] = []


def pay(amount: int, to: str = "ann") -> str:
    """Pay."""
    paid.append(amount)
    return f"paid {amount}"


def note(text: str) -> str:
    """Note."""
    return "noted"


@pytest.fixture(autouse=True)
def _nothing_paid() -> None:
    paid.clear()


class State(BaseModel):
    text: str = ""
    people: list[str] = []
    texts: Annotated[list[str], append] = []
    log: Annotated[list[str], extend] = []


class Short(BaseModel):
    text: Annotated[str, Field(max_length=5)] = ""


state = fields(State)
PAY = Tool(pay, needs_approval=True)


def payer(name: str = "payer", **options: Any) -> Agent[str]:
    return Agent(name, "i", **{"prompt": "p", "tools": [PAY, note], **options})


def graph_of(agent: Agent[str], **options: Any) -> Graph[State]:
    graph = Graph("pay", State)
    graph.chain(START, graph.node(agent, writes=state.text, **options), END)
    return graph


def begun(graph: Graph[State], model: ScriptedModel, begin: State | None = None, **options: Any) -> Run[State]:
    return run_virtual(graph.run(begin or State(), model=model, **options))


def gone_on(graph: Graph[State], run: Run[State], *answers: tuple[str, Any], **options: Any) -> Run[State]:
    return run_virtual(graph.resume(run, answers=[Answer(*answer) for answer in answers], **options))


def ids(run: Run[State]) -> list[str]:
    return [question.id for question in run.questions]


def told(model: ScriptedModel) -> list[str]:
    return [message.text for message in model.requests[-1].messages if message.role == "tool"]


def as_at_every_entry(run: Run[State]) -> None:
    """S15.2: whatever is folded, from its beginning or from a snapshot anywhere, is the run as it was."""
    assert_law(run.plans, run.journal)
    folded = run.at(run.seq)
    assert (folded.status, folded.questions, folded.usage, folded.frontier) == (
        run.status, run.questions, run.usage, run.frontier,
    )  # fmt: skip


# -- asked and answered ------------------------------------------------------------------------------------------------


def test_the_run_waits_with_a_question_that_tells_agent_tool_and_arguments() -> None:
    """S10.2, S10.4: nothing of the turn is called; the question is typed."""
    graph, model = (
        graph_of(payer()),
        ScriptedModel([[tool_call("note", text="x"), tool_call("pay", amount=5, to="bob")]]),
    )
    run = begun(graph, model)
    assert (run.status, paid, run.usage.tool_calls, run.usage.steps) == ("waiting", [], 0, 1)
    [question] = run.questions
    assert (question.id, question.node, question.answer, question.due) == ("payer:1/pay:1", "payer", bool, None)
    assert question.text == "Agent 'payer' wants to call pay. May it?\n\n  amount: 5\n  to: \"bob\""
    assert question.call is not None
    assert (question.call.agent, question.call.tool, question.call.cursor, question.call.run_id) == (
        "payer", "pay", "payer:1", run.id,
    )  # fmt: skip
    assert question.call.arguments == {"amount": 5, "to": "bob"}
    as_at_every_entry(run)


@pytest.mark.parametrize("answer", [True, False])
@pytest.mark.parametrize("target", ["payer:1/pay:1", "payer:1", "payer"])
def test_an_answer_lets_the_turn_go_on_and_repeats_no_call(answer: bool, target: str) -> None:
    """S10.4, S11.1: by the question's id, or the cursor or node while no other is open there."""
    graph, model = graph_of(payer()), ScriptedModel([tool_call("pay", amount=5), "Done."])
    run = gone_on(graph, begun(graph, model), (target, answer))
    assert (run.status, run.state.text, run.usage.model_calls, len(model.requests)) == ("done", "Done.", 2, 2)
    assert paid == ([5] if answer else [])
    refusal = "Not called: pay needs approval for this, which was not given. Do without it."
    assert told(model) == ["paid 5" if answer else refusal]
    assert run.usage.steps == 1
    as_at_every_entry(run)
    undisturbed = ScriptedModel([tool_call("pay", amount=5), "Done."])
    other = begun(graph, undisturbed, approve=lambda request: answer)
    assert undisturbed.requests == model.requests
    assert (other.state, other.path, other.usage) == (run.state, run.path, run.usage)


def test_the_decision_is_recorded_and_who_refused() -> None:
    graph, model = graph_of(payer()), ScriptedModel([tool_call("pay", amount=5), "Done."])
    run = begun(graph, model)
    run = gone_on(graph, run, ("payer", False))
    [decision] = [entry for entry in run.journal if entry["kind"] == "decided"]
    assert (decision["at"], decision["id"], decision["approved"]) == ("payer:1", "payer:1/pay:1", False)
    approved = next(entry["seq"] for entry in run.journal if entry["kind"] == "decided")
    again = run_virtual(graph.rerun(run, at=approved, model=ScriptedModel(["Done."]), approve=lambda request: True))
    assert (again.status, paid) == ("done", [])  # S11.1: it was decided, and nobody is asked again


def test_several_calls_of_one_turn_ask_together() -> None:
    """S10.4: each has an id of its own; the turn goes on once all are answered, equal calls told apart."""
    calls = [
        tool_call("pay", amount=5),
        tool_call("note", text="x"),
        tool_call("pay", amount=5),
        tool_call("pay", amount=7),
    ]
    graph, model = graph_of(payer()), ScriptedModel([calls, "Done."])
    run = begun(graph, model)
    assert ids(run) == ["payer:1/pay:1", "payer:1/pay:2", "payer:1/pay:3"]
    run = gone_on(graph, run, ("payer:1/pay:3", True))
    assert (run.status, ids(run), paid) == ("waiting", ["payer:1/pay:1", "payer:1/pay:2"], [])
    as_at_every_entry(run)
    run = gone_on(graph, run, ("payer:1/pay:2", True), ("payer:1/pay:1", False))
    assert (run.status, sorted(paid), len(model.requests)) == ("done", [5, 7], 2)
    assert [text[:4] for text in told(model)] == ["Not ", "note", "paid", "paid"]
    as_at_every_entry(run)


def test_a_later_turn_asks_again_with_an_id_of_its_own() -> None:
    """S10.4: ids are unique in the run, over turns and visits."""
    graph = Graph("pay", State)
    agent = graph.node(payer(), writes=state.texts)
    graph.edge(START, agent)
    graph.edge(agent, agent, at_most=1)
    graph.edge(agent, END)
    script = [tool_call("pay", amount=1), tool_call("pay", amount=1), "Done.", tool_call("pay", amount=1), "Done."]
    run, seen = begun(graph, ScriptedModel(script)), []
    while run.status == "waiting":
        seen += ids(run)
        run = gone_on(graph, run, *((question, True) for question in ids(run)))
    assert seen == ["payer:1/pay:1", "payer:1/pay:2", "payer:2/pay:1"]
    assert paid == [1, 1, 1]
    as_at_every_entry(run)


def test_a_retry_that_begins_anew_asks_under_another_id() -> None:
    """S2.2, S11.1: an answer that comes late for the old question does not pass for the new one."""
    graph = Graph("pay", Short)
    node = graph.node(payer(), writes=fields(Short).text, retry=Retry(attempts=2, first_s=1, on=UpdateInvalid))
    graph.chain(START, node, END)
    model = ScriptedModel([tool_call("pay", amount=5), "Far too long.", tool_call("pay", amount=900), "Done."])
    run = run_virtual(graph.run(Short(), model=model))
    run = run_virtual(graph.resume(run, answers=[Answer("payer:1/pay:1", True)]))
    assert (run.status, [question.id for question in run.questions], paid) == ("waiting", ["payer:1/pay:2"], [5])
    as_at_every_entry(run)
    with pytest.raises(AnswerInvalid, match="no longer open"):
        graph.resume(run, answers=[Answer("payer:1/pay:1", True)])
    run = run_virtual(graph.resume(run, answers=[Answer("payer:1/pay:2", False)]))
    assert (run.status, paid, [entry.get("attempt", 1) for entry in run.journal if entry["kind"] == "asked"]) == (
        "done", [5], [1, 2],
    )  # fmt: skip
    as_at_every_entry(run)


def test_a_retry_after_a_failed_call_goes_on_behind_the_decision() -> None:
    """S11.1: nobody is asked twice because a model's server was down."""
    graph = graph_of(payer(), retry=Retry(attempts=2, first_s=1, on=ModelError))
    model = ScriptedModel([tool_call("pay", amount=5), ServerError("down"), "Done."])
    run = gone_on(graph, begun(graph, model), ("payer", True))
    assert (run.status, paid, len(model.requests)) == ("done", [5], 3)
    as_at_every_entry(run)


# -- who answers what ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("target", "value", "said"),
    [
        ("payer:1/pay:1", "perhaps", "does not fit 'payer:1/pay:1'"),
        ("payer:1/pay:9", True, "has no open question"),
        ("payer:2/pay:1", True, "has no open question"),
        ("payer", True, "has 2 open questions"),
        ("payre", True, "Nothing asks 'payre'"),
        ("payer:1/pay", True, "Nothing asks"),
    ],
)
def test_an_answer_that_fits_nothing_changes_nothing_and_is_told(target: str, value: Any, said: str) -> None:
    """S10.1, S10.4: what is not known yet cannot be approved."""
    graph = graph_of(payer())
    run = begun(graph, ScriptedModel([[tool_call("pay", amount=5), tool_call("pay", amount=6)], "Done."]))
    with pytest.raises(AnswerInvalid) as caught:
        graph.resume(run, answers=[Answer(target, value)])
    assert said in str(caught.value)
    assert (run.status, len(run.questions), paid) == ("waiting", 2, [])


def test_a_second_answer_and_one_for_a_turn_that_is_over_are_told() -> None:
    graph = graph_of(payer())
    run = begun(graph, ScriptedModel([[tool_call("pay", amount=5), tool_call("pay", amount=6)], "Done."]))
    run = gone_on(graph, run, ("payer:1/pay:1", False))
    with pytest.raises(AnswerInvalid, match="no longer open"):
        graph.resume(run, answers=[Answer("payer:1/pay:1", True)])
    with pytest.raises(AnswerInvalid, match="no longer open"):
        graph.resume(run, answers=[Answer("payer:1/pay:2", False), Answer("payer:1/pay:2", True)])


def test_before_it_is_asked_nothing_is_approved() -> None:
    """S10.4: neither by node nor by an id that could be guessed."""
    graph = Graph("pay", State)
    wait = graph.ask("wait", "Go on?", answer=str, writes=state.text)
    graph.chain(START, wait, graph.node(payer(), writes=state.text), END)
    model = ScriptedModel([tool_call("pay", amount=5), "Done."])
    run = begun(graph, model)
    for target in ("payer", "payer:1/pay:1"):
        with pytest.raises(AnswerInvalid, match="not before it is asked about"):
            graph.resume(run, answers=[Answer(target, True)])
    run = gone_on(graph, run, ("wait", "yes"))
    assert (run.status, paid) == ("waiting", [])


def test_a_hook_given_at_the_resume_is_asked_instead() -> None:
    """The question is withdrawn; answers that come along go first."""
    graph = graph_of(payer())
    model = ScriptedModel([[tool_call("pay", amount=5), tool_call("pay", amount=6)], "Done."])
    run = gone_on(graph, begun(graph, model), ("payer:1/pay:1", False), approve=lambda request: True)
    assert (run.status, paid, len(model.requests)) == ("done", [6], 2)
    as_at_every_entry(run)


def test_alone_an_agent_has_nobody_to_ask() -> None:
    """It fails closed, in a graph that it calls, too."""
    model = ScriptedModel([tool_call("pay", amount=5), "Not then."])
    assert asyncio.run(payer().run(model=model)).output == "Not then."
    inner = graph_of(payer())
    boss = Agent("boss", "i", prompt="p", tools=[inner.as_tool(takes=(), gives=state.text)])
    model = ScriptedModel([tool_call("pay"), tool_call("pay", amount=5), "Not then.", "It is not paid."])
    assert asyncio.run(boss.run(model=model)).output == "It is not paid."
    assert paid == []


# -- calls within calls ---------------------------------------------------------------------------------------------------


def test_agents_and_graphs_called_as_tools_ask_through_the_run() -> None:
    """S10.4, S12.2: under their calls, side by side, and what is recorded is not asked of a model again."""
    clerk = payer("clerk", prompt="clerk")
    inner = Graph("inner", State)
    inner.chain(START, inner.node(payer("maid", prompt="maid"), writes=state.text), END)
    boss = Agent("boss", "i", prompt="p", tools=[clerk, inner.as_tool(takes=(), gives=state.text)])

    def answer(request: Any) -> Any:
        last, first = request.messages[-1], request.messages[1].text
        if first == "p":
            return "All is paid." if last.role == "tool" else [tool_call("clerk"), tool_call("inner")]
        return f"{first} did" if last.role == "tool" else tool_call("pay", amount=5 if first == "clerk" else 6)

    graph, model = graph_of(boss), ScriptedModel(answer)
    run = begun(graph, model)
    assert (run.status, ids(run), paid) == ("waiting", ["boss:1/clerk:1/pay:1", "boss:1/inner:1/maid:1/pay:2"], [])
    assert [question.call and question.call.agent for question in run.questions] == ["clerk", "maid"]
    as_at_every_entry(run)
    run = gone_on(graph, run, ("boss:1/inner:1/maid:1/pay:2", True), ("boss:1/clerk:1/pay:1", False))
    assert (run.status, run.state.text, paid, len(model.requests)) == ("done", "All is paid.", [6], 6)
    assert run.usage.steps == 2
    as_at_every_entry(run)


def test_equal_calls_within_a_call_are_told_apart() -> None:
    """S11.1: also by the hands of an agent that is called as a tool."""
    clerk = payer("clerk", prompt="clerk")
    boss = Agent("boss", "i", prompt="p", tools=[clerk])
    twice = [tool_call("pay", amount=5), tool_call("pay", amount=5)]
    graph, model = graph_of(boss), ScriptedModel([tool_call("clerk"), twice, "Paid.", "Done."])
    run = begun(graph, model)
    assert ids(run) == ["boss:1/clerk:1/pay:1", "boss:1/clerk:1/pay:2"]
    run = gone_on(graph, run, ("boss:1/clerk:1/pay:1", False), ("boss:1/clerk:1/pay:2", True))
    assert (run.status, paid, len(model.requests)) == ("done", [5], 4)
    assert [message.text[:4] for message in model.requests[2].messages if message.role == "tool"] == ["Not ", "paid"]


def test_branches_of_a_graph_called_as_a_tool_go_on_while_one_waits() -> None:
    inner = Graph("inner", State)
    clerk = inner.node(payer("clerk", prompt="{item}"), writes=state.texts)
    count = inner.node(lambda view: " ".join(view.texts), name="count", writes=state.text)
    inner.map(START, clerk, over=state.people, join=count)
    inner.edge(count, END)
    boss = Agent("boss", "i", prompt="p", tools=[inner.as_tool(takes=state.people, gives=state.text)])

    def answer(request: Any) -> Any:
        last, first = request.messages[-1], request.messages[1].text
        if first == "p":
            return last.text if last.role == "tool" else tool_call("inner", people=["ann", "bob", "cid"])
        return first if last.role == "tool" or first == "bob" else tool_call("pay", amount=len(first))

    graph, model = graph_of(boss), ScriptedModel(answer)
    run = begun(graph, model)
    assert [question.call and question.call.cursor for question in run.questions] == [
        "boss:1/inner:1/START:1[0]/clerk:1", "boss:1/inner:1/START:1[2]/clerk:1",
    ]  # fmt: skip
    run = run_virtual(graph.resume(run, answers=[question.reply(True) for question in run.questions]))
    assert (run.status, run.state.text, paid, len(model.requests)) == ("done", "ann bob cid", [3, 3], 7)


# -- time, slots, budgets -------------------------------------------------------------------------------------------------


def slow_model(script: Sequence[Any], seconds: float) -> Any:
    inner = ScriptedModel(list(script))

    class Slow:
        name = "slow"
        requests = inner.requests

        async def respond(self, request: Any) -> Any:
            await asyncio.sleep(seconds)
            return await inner.respond(request)

    return Slow()


@pytest.mark.parametrize(("timeout_s", "ends"), [(25, True), (15, False)])
def test_waiting_for_a_person_is_no_time_of_the_attempt(timeout_s: float, ends: bool) -> None:
    """S8.1, S10.4: its own time counts over all its parts; that of the person does not."""
    graph = graph_of(payer(), timeout_s=timeout_s)
    late = graph.node(lambda view: {"text": "late"}, name="late")
    graph.edge("payer", late, on_error=NodeTimeout)
    graph.edge(late, END)

    async def main() -> Run[State]:
        run = await graph.run(State(), model=slow_model([tool_call("pay", amount=5), "Done."], 10))
        assert run.status == "waiting"
        await asyncio.sleep(10_000)
        return await graph.resume(run, answers=[Answer("payer", True)])

    run = run_virtual(main())
    assert (run.status, run.state.text) == ("done", "Done." if ends else "late")
    as_at_every_entry(run)


def test_a_new_attempt_of_a_failed_run_has_its_whole_time() -> None:
    """S8.1, S14.3: what the one before had used before it waited is not taken from it."""
    graph = graph_of(payer(), timeout_s=25)

    async def main() -> Any:
        run = await graph.run(State(), model=slow_model([tool_call("pay", amount=5), "Done."], 13))
        with pytest.raises(RunFailed) as caught:
            await graph.resume(run, answers=[Answer("payer", True)])
        assert isinstance(caught.value.__cause__, NodeTimeout)
        return await graph.resume(caught.value.run, model=slow_model(["Done."], 20))

    run = run_virtual(main())
    assert (run.status, run.state.text) == ("done", "Done.")


@pytest.mark.parametrize("is_answered", [True, False])
def test_a_timer_edge_and_an_answer_have_one_winner(is_answered: bool) -> None:
    """S10.3: the question has a due time; once it is over the question is withdrawn, unless an answer came first."""
    graph = graph_of(payer())
    late = graph.node(lambda view: {"text": "late"}, name="late")
    graph.edge("payer", late, after_s=60)
    graph.edge(late, END)

    async def main() -> Run[State]:
        script = [tool_call("pay", amount=5), tool_call("pay", amount=6), "Done."]
        run = await graph.run(State(), model=ScriptedModel(script))
        assert run.questions[0].due == pytest.approx(run.journal[0]["t"] + 60)
        await asyncio.sleep(61)
        return await graph.resume(run, answers=[Answer("payer", True)] if is_answered else [])

    run = run_virtual(main())
    if is_answered:
        assert (run.status, paid, run.questions[0].due) == ("waiting", [5], None)  # that time is over for good
        run = gone_on(graph, run, ("payer", False))
    assert (run.status, run.state.text) == ("done", "Done." if is_answered else "late")
    assert run.questions == ()
    as_at_every_entry(run)


def people_graph(**options: Any) -> Graph[State]:
    graph = Graph("people", State)
    count = graph.point("count")
    map_options = options.pop("map", {})
    graph.map(
        START,
        graph.node(payer(prompt="{item}"), writes=state.texts, **options),
        over=state.people,
        join=count,
        **map_options,
    )
    graph.edge(count, END)
    return graph


def asking(request: Any) -> Any:
    return "Done." if request.messages[-1].role == "tool" else tool_call("pay", amount=len(request.messages[1].text))


@pytest.mark.parametrize("options", [{"at_once": 1}, {"map": {"at_once": 1}}])
def test_whoever_waits_holds_no_slot(options: dict[str, Any]) -> None:
    """S6.9: all ask although one may run at a time; answers go on one at a time."""
    graph, model = people_graph(**options), ScriptedModel(asking)
    run = begun(graph, model, State(people=["a", "bb", "ccc"]))
    assert ids(run) == [f"START:1[{index}]/payer:1/pay:1" for index in range(3)]
    as_at_every_entry(run)
    run = gone_on(graph, run, *((question, True) for question in reversed(ids(run))))
    assert (run.status, sorted(paid), len(model.requests)) == ("done", [1, 2, 3], 6)


def test_a_question_is_withdrawn_with_its_branch() -> None:
    """S10.1: the join fires without it; an answer is late."""
    graph = people_graph(map={"need": best_effort(at_least=1, within_s=60)})

    def answer(request: Any) -> Any:
        return "Free." if request.messages[1].text == "ann" else asking(request)

    async def main() -> None:
        async with graph.start(State(people=["ann", "bob"]), model=ScriptedModel(answer)) as live:
            await asyncio.sleep(1)
            assert [question.id for question in live.run.questions] == ["START:1[1]/payer:1/pay:1"]
            await asyncio.sleep(60)
            assert live.run.questions == ()
            with pytest.raises(AnswerInvalid):
                live.answer("START:1[1]/payer:1/pay:1", True)
        assert (live.run.status, live.run.state.texts, paid) == ("done", ["Free."], [])
        as_at_every_entry(live.run)

    run_virtual(main())


def test_an_answer_while_others_are_at_work_goes_on_at_once() -> None:
    """S2.4, S10.4: the run does not wait; the events tell question and decision."""
    graph = people_graph()
    seen: list[Any] = []

    class Model:
        name = "slow"

        async def respond(self, request: Any) -> Any:
            is_slow = request.messages[1].text == "slow"
            await asyncio.sleep(100 if is_slow else 1)
            return await ScriptedModel(["Slow."] if is_slow else asking).respond(request)

    async def main() -> None:
        async with graph.start(State(people=["ann", "slow"]), model=Model(), observers=[seen.append]) as live:
            await asyncio.sleep(2)
            live.answer("payer", True)
            assert live.run.status == "running"
            await asyncio.sleep(2)
            assert paid == [3]
        assert (live.run.status, live.run.seconds) == ("done", 100)
        as_at_every_entry(live.run)

    run_virtual(main())
    [asked] = [event for event in seen if isinstance(event, Asked)]
    [decided] = [event for event in seen if isinstance(event, Decided)]
    assert (asked.cursor, asked.id, asked.tool) == ("START:1[0]/payer:1", "START:1[0]/payer:1/pay:1", "pay")
    assert (decided.id, decided.is_approved) == (asked.id, True)


def test_waiting_spends_no_budget() -> None:
    """S13.1: neither its seconds nor a step more."""
    graph = graph_of(payer())

    async def main() -> Run[State]:
        budget = Budget(steps=1, model_calls=2, seconds=5)
        run = await graph.run(State(), model=ScriptedModel([tool_call("pay", amount=5), "Done."]), budget=budget)
        await asyncio.sleep(1_000)
        return await graph.resume(run, answers=[Answer("payer", True)])

    run = run_virtual(main())
    assert (run.status, run.usage.steps, paid) == ("done", 1, [5])


def test_a_failed_run_keeps_the_question_of_a_branch() -> None:
    """S14.3: what was open when another branch failed is open again when the run goes on."""
    graph, is_down = Graph("pay", State), [True]

    def work(view: State) -> dict[str, object]:
        if is_down:
            raise ConnectionError
        return {}

    nodes = [graph.node(payer(), writes=state.text), graph.node(work)]
    graph.fork(START, nodes, join=END)

    async def wait(view: State) -> dict[str, object]:
        await asyncio.sleep(5)
        return work(view)

    slow = Graph("pay", State)
    slow.fork(START, [slow.node(payer(), writes=state.text), slow.node(wait)], join=slow.point("end"))
    slow.edge("end", END)
    with pytest.raises(RunFailed) as caught:
        begun(slow, ScriptedModel([tool_call("pay", amount=5), "Done."]))
    is_down.clear()
    run = run_virtual(slow.resume(caught.value.run))
    assert (run.status, ids(run)) == ("waiting", ["START:1[0]/payer:1/pay:1"])
    as_at_every_entry(run)
    assert gone_on(slow, run, ("payer", True)).state.text == "Done."


# -- the journal is the truth -----------------------------------------------------------------------------------------------


def test_waiting_and_going_on_are_in_the_journal() -> None:
    """S10.2, S15.2: a fold says ``waiting`` where the run did, and ``running`` again once it goes on."""
    graph = graph_of(payer())
    run = begun(graph, ScriptedModel([tool_call("pay", amount=5), "Done."]))
    run = gone_on(graph, run, ("payer", True))
    statuses = [run.at(entry["seq"]).status for entry in run.journal]
    kinds = [entry["kind"] for entry in run.journal]
    told = [(now, kind) for before, now, kind in zip(["", *statuses], statuses, kinds, strict=False) if now != before]
    assert told == [("running", "started"), ("waiting", "waiting"), ("running", "resumed"), ("done", "ended")]
    assert [entry["kind"] for entry in run.journal].count("waiting") == 1


def test_a_run_without_questions_has_no_entry_more() -> None:
    run = begun(graph_of(payer()), ScriptedModel(["Done."]))
    assert [entry["kind"] for entry in run.journal] == ["started", "finished", "effect", "finished", "ended"]


def test_an_answer_to_a_run_that_rests_makes_it_run_again() -> None:
    graph = graph_of(payer())

    async def main() -> Run[State]:
        async with graph.start(State(), model=ScriptedModel([tool_call("pay", amount=5), "Done."])) as live:
            await live.result()
            await asyncio.sleep(1_000)
            live.answer("payer", True)
        assert live.run.status == live.run.at(live.run.seq).status == "running"
        return await graph.resume(live.run, model=ScriptedModel(["Done."]), budget=Budget(seconds=5))

    assert (run_virtual(main()).status, paid) == ("done", [5])


def test_a_copy_of_the_machine_goes_its_own_way() -> None:
    graph = graph_of(payer())
    run = begun(graph, ScriptedModel([[tool_call("pay", amount=5), tool_call("pay", amount=6)], "Done."]))
    machine = replay(run.plans, run.journal)
    machine.resume()
    other = copy(machine)
    other.answer("payer:1/pay:1", True)
    other.answer("payer:1/pay:2", True)
    assert [len(one.questions()) for one in (machine, other)] == [1, 0]
    assert [len(one.ready) for one in (machine, other)] == [0, 1]
    with pytest.raises(AnswerInvalid):
        machine.answer("payer", True)


def test_an_argument_cannot_pass_for_another() -> None:
    """What is asked shows every line of a model's text as that."""
    graph = graph_of(payer())
    bad = "ann\nMay it?\n\n  amount: 1"
    run = begun(graph, ScriptedModel([tool_call("pay", amount=5_000, to=bad), "Done."]))
    assert run.questions[0].text.splitlines() == [
        "Agent 'payer' wants to call pay. May it?", "", "  amount: 5000", "  to:",
        "    | ann", "    | May it?", "    | ", "    |   amount: 1",
    ]  # fmt: skip


@settings(deadline=None, max_examples=30)
@given(st.lists(st.lists(st.booleans(), min_size=1, max_size=3), min_size=1, max_size=3), st.data())
def test_any_answers_in_any_order_and_batches_come_to_what_a_hook_comes_to(
    turns: list[list[bool]], data: st.DataObject
) -> None:
    """S10.4: as many requests, the same state, usage and steps, whoever decides and however often the process ends."""

    def script() -> ScriptedModel:
        numbers = itertools.count()
        return ScriptedModel([*([tool_call("pay", amount=next(numbers)) for _ in turn] for turn in turns), "Done."])

    verdicts = dict(enumerate(itertools.chain(*turns)))
    graph, hooked, model = graph_of(payer()), script(), script()
    paid.clear()
    wanted = begun(graph, hooked, approve=lambda request: verdicts[request.arguments["amount"]])
    expected = sorted(paid)
    paid.clear()
    run = begun(graph, model)
    while run.status == "waiting":
        questions = data.draw(st.permutations(run.questions))[: data.draw(st.integers(1, len(run.questions)))]
        texts = [decode(encode(entry, run.plan)) for entry in run.journal]
        assert replay(run.plans, texts).status == "waiting"
        answers = [(one.id, verdicts[one.call.arguments["amount"]]) for one in questions if one.call is not None]
        run = gone_on(graph, run, *answers)
    assert (run.status, sorted(paid)) == ("done", expected)
    assert model.requests == hooked.requests
    assert (run.state, run.usage, run.path) == (wanted.state, wanted.usage, wanted.path)
    as_at_every_entry(run)
