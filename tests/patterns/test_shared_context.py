"""A7, shared context: what tools record with ``ctx.update`` is in the state, for every interleaving of their calls."""

from __future__ import annotations

import asyncio
from typing import Annotated, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel

from graphflow import END, START, Agent, Context, Graph, Run, RunFailed, append, fields
from graphflow.errors import AuthError, UpdateInvalid
from graphflow.models import Response, ScriptedModel, tool_call
from graphflow.testing.virtual import run_virtual
from tests.patterns.asked import answering, in_turn, load, orders, prompt


class Case(BaseModel):
    question: str = "who?"
    findings: Annotated[list[str], append] = []
    decisions: Annotated[list[str], append] = []
    answer: str = ""


def study(
    delays_s: dict[str, float] | None = None, failing: frozenset[str] = frozenset(), updates: Any = None
) -> Graph[Case]:
    """An agent with two tools that take their time; those of ``failing`` fail after they have changed something."""

    async def keep_finding(finding: str, ctx: Context) -> str:
        """Keeps a finding."""
        ctx.update(findings=finding)
        await asyncio.sleep((delays_s or {}).get(finding, 0))
        if finding in failing:
            raise ConnectionError("the index does not answer")
        return "kept"

    def keep_decision(decision: str, ctx: Context) -> str:
        """Keeps a decision."""
        ctx.update(decisions=decision)
        return "kept"

    case = fields(Case)
    graph = Graph("study", Case)
    agent = Agent("look", "look", prompt="{question}", tools=[keep_finding, keep_decision], retry=None)
    more = (case.findings, case.decisions) if updates is None else updates
    look = graph.node(agent, writes=case.answer, updates=more)
    tell = graph.node(Agent("tell", "tell", prompt="{findings}|{decisions}"), writes=case.answer)
    graph.chain(START, look, tell, END)
    return graph


def at_once(*findings: str) -> Response:
    """One turn of the model with several calls of a tool."""
    return Response("", tuple(tool_call("keep_finding", finding=one) for one in findings))


def studied(graph: Graph[Case], *says: Any) -> tuple[Run[Case], ScriptedModel]:
    model = answering({"look": in_turn(*says), "tell": "told"})
    return run_virtual(graph.run(Case(), model=model)), model


@pytest.mark.parametrize(
    "delays_s", list(orders("a", "b", "c", "d")), ids=lambda one: "".join(sorted(one, key=one.get))
)
def test_no_update_is_lost_and_all_stand_in_call_order_for_every_interleaving(delays_s: dict[str, float]) -> None:
    """S3.7: in the order of the calls, not in that in which they finished."""
    run, _ = studied(study(delays_s), at_once("a", "b", "c", "d"), "done")
    assert run.state.findings == ["a", "b", "c", "d"]


@pytest.mark.parametrize("delays_s", list(orders("a", "b", "c")), ids=lambda one: "".join(sorted(one, key=one.get)))
@given(failing=st.frozensets(st.sampled_from("abc")))
def test_the_findings_are_those_of_the_successful_calls(delays_s: dict[str, float], failing: frozenset[str]) -> None:
    """S3.7: a tool that fails after changing something has changed nothing."""
    run, model = studied(study(delays_s, failing), at_once("a", "b", "c"), "done")
    assert run.state.findings == [one for one in "abc" if one not in failing]
    told = [message.text for message in model.requests[1].messages if message.role == "tool"]
    assert told == ["keep_finding failed." if one in failing else "kept" for one in "abc"]


def test_the_order_goes_on_over_the_turns_of_a_conversation() -> None:
    second = tool_call("keep_decision", decision="go")
    run, _ = studied(study({"a": 5}), at_once("a", "b"), second, at_once("c"), "done")
    assert (run.state.findings, run.state.decisions) == (["a", "b", "c"], ["go"])


def test_the_schema_shows_only_the_arguments_of_the_model() -> None:
    _, model = studied(study(), "done")
    schemas = {tool.name: tool.parameters for tool in model.requests[0].tools}
    assert {name: sorted(schema["properties"]) for name, schema in schemas.items()} == {
        "keep_decision": ["decision"],
        "keep_finding": ["finding"],
    }
    assert "ctx" not in str(schemas)


def test_a_model_that_gives_a_context_is_told_that_there_is_no_such_argument() -> None:
    call = tool_call("keep_finding", finding="a", ctx={"findings": ["forged"]})
    run, model = studied(study(), call, "done")
    assert "forged" not in str(run.state)
    assert "ctx" in model.requests[1].messages[-1].text


def test_a_later_agent_reads_what_was_kept_and_not_the_conversation() -> None:
    """S3.4: all that passes between nodes is state."""
    _, model = studied(study(), at_once("owls"), tool_call("keep_decision", decision="go"), "I talked a lot")
    assert prompt(model.requests[-1]) == "- owls|\n- go"


def test_a_failed_attempt_leaves_nothing_and_a_resume_pays_no_call_twice() -> None:
    """S3.2, S11.1: the update is one step with the node's result; recorded calls bring theirs again, once."""
    model = answering({"look": in_turn(at_once("a"), AuthError("no key"), "done"), "tell": "told"})
    with pytest.raises(RunFailed) as caught:
        run_virtual(study().run(Case(), model=model))
    assert caught.value.run.state.findings == []
    run = run_virtual(study().resume(caught.value.run, model=model))
    assert run.state.findings == ["a"]
    assert len(model.requests) == 2 + 1 + 1


def test_a_field_that_the_node_does_not_declare_cannot_be_written_by_its_tools() -> None:
    """S3.5: declared are the findings alone."""
    graph = study(updates=fields(Case).findings)
    with pytest.raises(RunFailed) as caught:
        studied(graph, tool_call("keep_decision", decision="go"), "done")
    assert isinstance(caught.value.__cause__, UpdateInvalid)
    assert "decisions" in caught.value.__cause__.what


def test_the_ready_graph_keeps_what_code_and_tools_found() -> None:
    ready = load("shared_context")
    both = Response(
        "", (tool_call("keep_finding", finding="more"), tool_call("keep_decision", decision="buy", reason="cheap"))
    )
    with ScriptedModel([both, "a summary", "a report"]) as model:
        state = ready.Case(question="What?", text="It costs 5 euros. It is blue. It weighs 7 kilograms.")
        run = run_virtual(ready.graph.run(state, model=model))
    assert run.state.findings == ["It costs 5 euros.", "It weighs 7 kilograms.", "more"]
    assert run.state.decisions == ["buy, because cheap"]
    assert (run.state.summary, run.state.report) == ("a summary", "a report")
    assert "more" in prompt(model.requests[-1])
    assert list(ready.graph.check()) == []
