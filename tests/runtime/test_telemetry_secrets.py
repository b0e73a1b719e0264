"""Spans of runs whose state holds secrets: over every failure that a run can meet, no trace tells one (S3.8)."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import pytest
from pydantic import BaseModel, SecretStr

pytest.importorskip("opentelemetry.sdk", reason="pip install 'graphflow-agents[otel]' opentelemetry-sdk")

from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from graphflow import END, START, Agent, Budget, Context, Graph, RunFailed, fields
from graphflow.models import ScriptedModel, tool_call
from graphflow.telemetry import Spans
from tests.faults.canaries import CANARY, CASES, Deps, found_in, model

TOPIC = "owls-are-no-secret"


class Traces:
    """What an exporter gets."""

    def __init__(self) -> None:
        self.exporter = InMemorySpanExporter()
        self.provider = TracerProvider(shutdown_on_exit=False)
        self.provider.add_span_processor(SimpleSpanProcessor(self.exporter))

    @property
    def told(self) -> list[str]:
        return [span.to_json() for span in self.exporter.get_finished_spans()]


@pytest.fixture
def traces() -> Iterator[Traces]:
    made = Traces()
    yield made
    made.provider.shutdown()


@pytest.mark.parametrize("payload", [False, True])
@pytest.mark.parametrize("name", CASES)
def test_no_span_holds_a_secret_whatever_happens(name: str, payload: bool, traces: Traces) -> None:
    graph, start = CASES[name]()
    options: dict[str, Any] = {"budget": Budget(steps=5)} if name == "a_budget_that_ends" else {}
    if "tool" in name:
        options["model"] = ScriptedModel([tool_call("login"), "done"]) if "returns" in name else model()
    observers = [Spans(traces.provider, payload=payload)]
    with suppress(RunFailed):
        graph.run_sync(start.model_copy(update={"topic": TOPIC}), deps=Deps(), observers=observers, **options)
    told = traces.told
    assert [text for text in told if '"name": "invoke_workflow' in text]
    assert not found_in(told)
    if not payload:
        assert not [text for text in told if TOPIC in text], "nor anything else of the state"


class Vault(BaseModel):
    key: SecretStr
    topic: str = TOPIC
    reply: str = ""


vault = fields(Vault)
AWKWARD = 'it\'s "quoted" \\ and\nbroken, ünïcode ' + CANARY


@pytest.mark.parametrize("secret", [AWKWARD, CANARY * 3])
def test_a_payload_masks_secrets_also_where_they_are_escaped_or_cut(traces: Traces, secret: str) -> None:
    """Told with a payload are updates, arguments, answers and errors, as JSON and cut at a length."""
    graph = Graph("vault", Vault)

    def look_up(query: str) -> str:
        """Looks it up."""
        return f"{'x' * 8_185}{secret}"

    agent = Agent("clerk", "You look it up.", prompt="{topic}", tools=[look_up])
    ask = graph.node(agent, writes=vault.reply)

    @graph.node
    async def tell(view: Vault, ctx: Context[Any]) -> dict[str, Any]:
        await ctx.once(f"pay with {secret}", lambda: _echo({"paid with": secret}))
        return {"reply": f"{'y' * 8_180}{secret}"}

    @graph.node
    def fail(view: Vault) -> None:
        raise ValueError(f"{'z' * 8_185}{view.key.get_secret_value()}")

    graph.chain(START, ask, tell, fail, END)
    script = ScriptedModel([tool_call("look_up", query=f"with {secret}"), f"{'w' * 8_185}{secret}"])
    with pytest.raises(RunFailed):
        graph.run_sync(Vault(key=SecretStr(secret)), model=script, observers=[Spans(traces.provider, payload=True)])
    told = "\n".join(traces.told)
    assert TOPIC in told
    assert "look_up" in told
    for part in (CANARY, CANARY[:6], secret, json.dumps(secret)[1:-1], '"quoted"', '\\"quoted'):
        assert part not in told


async def _echo(value: Any) -> Any:
    return value


def test_the_structure_of_the_graph_is_on_the_root_span_and_holds_no_condition(traces: Traces) -> None:
    graph = Graph("structured", Vault)
    first, second = graph.node(lambda view: None, name="first"), graph.node(lambda view: None, name="second")
    graph.edge(START, first)
    graph.edge(first, second, when=vault.topic == TOPIC)
    graph.edge(first, END)
    graph.edge(second, END)
    graph.run_sync(Vault(key=SecretStr(CANARY)), observers=[Spans(traces.provider)])
    structures = [
        dict(span.attributes or {}).get("graphflow.graph.structure") for span in traces.exporter.get_finished_spans()
    ]
    [structure] = [json.loads(str(one)) for one in structures if one is not None]
    assert [node["name"] for node in structure["nodes"]] == ["START", "first", "second", "END"]
    assert {"kind": "edge", "from": "first", "to": ["second"]} in structure["edges"]
    assert len(structure["edges"]) == 4
    assert TOPIC not in json.dumps(structure)
    roots = [span.name for span in traces.exporter.get_finished_spans() if span.parent is None]
    assert roots == ["invoke_workflow structured"]
