"""The general laws, for every pattern, on what is seen of a run from outside: G7 to G12. See ``test_laws`` for the rest."""

from __future__ import annotations

import asyncio
import dataclasses
import functools
import logging
import os
import random
import re
import traceback
from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from pydantic import BaseModel, SecretStr

from graphflow import END, START, Agent, Graph, fields
from graphflow.core import reading
from graphflow.core.journal import Entry
from graphflow.core.machine import Machine
from graphflow.core.plan import Plan
from graphflow.core.scopes import Scope
from graphflow.core.usage import Usage
from graphflow.errors import (
    RunFailed,
    UpdateInvalid,
)
from graphflow.models import Request, ScriptedModel, ToolSpec, tool_call
from graphflow.runtime.events import NodeStarted
from graphflow.runtime.run import Run
from graphflow.testing import FakeOpenAI, wire
from graphflow.testing.fake_openai.asked import WireRequest
from graphflow.testing.virtual import run_virtual
from graphflow.views import draw
from tests.patterns.cases import TIMED, Case
from tests.patterns.hostile import NASTY, Hostile
from tests.patterns.playing import (
    CHOSEN,
    DEPTH,
    EVERY,
    FEW,
    SEEDS,
    UNTIMED,
    Played,
    Struck,
    play,
    played,
    rested,
    retold,
    run_struck,
    steps_before,
)

CANARY = "sk-canary-7f3a9c51e2"


@pytest.fixture(autouse=True)
def _no_keys(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [
        name for name in os.environ if name.endswith(("_API_KEY", "_BASE_URL")) or name.startswith("GRAPHFLOW_M")
    ]:
        monkeypatch.delenv(name)


# -- G7 ----------------------------------------------------------------------------------------------------------------


@EVERY
def test_G7_the_state_validates_after_every_step(case: Case) -> None:
    """S3.2, S15.2: of the run and of every branch, folded entry by entry."""
    for seed in FEW:
        run = played(case, seed).run
        for machine, _ in steps_before(run.plan, run.journal):
            for scope in machine.scopes():
                kind: type[BaseModel] = scope.plan.state
                kind.model_validate(scope.plan.schema.snapshot(scope.read()).model_dump())


class Poison:
    """What no field takes, and no function of a result."""

    def __getattribute__(self, name: str) -> Any:
        if name.startswith("__"):
            return object.__getattribute__(self, name)
        raise UpdateInvalid("poison")

    def __str__(self) -> str:
        raise UpdateInvalid("poison")

    __repr__ = __str__


@UNTIMED
def test_G7_a_failure_is_laid_at_the_door_of_the_node_that_wrote_it(
    case: Case, monkeypatch: pytest.MonkeyPatch
) -> None:
    """S3.3: whichever node gives an invalid update, the failure is that node's, and nothing of it is in the state."""
    whole = play(case, Hostile(0, harm=0.0))
    cursors = [step.cursor for step in whole.run.steps if step.kind == "finished" and _is_performed(whole.run, step)]
    usual = {_failure(entry) for entry in whole.run.journal}
    chosen = cursors if DEPTH else random.Random(case.name).sample(cursors, min(3, len(cursors)))
    for cursor in chosen:
        with monkeypatch.context() as patch:
            for name in ("finish_simply", "finish_generally"):
                patch.setattr(Machine, name, _poisoning(getattr(Machine, name), cursor))
            run = play(case, Hostile(0, harm=0.0)).run
        failed = [at for at, error in map(_failure, run.journal) if (at, error) not in usual]
        assert failed[0] == cursor
        assert cursor not in run.path
        assert "poison" not in repr(run.state.model_dump()).lower()


def _failure(entry: Entry) -> tuple[str, str]:
    return (entry["at"], entry["error"]["type"]) if entry["kind"] == "failed" else ("", "")


def _is_performed(run: Run[Any], step: reading.Step) -> bool:
    node = reading.node_at(run.plan, step.cursor)
    return node is not None and node.is_performed


def _poisoning(finish: Any, cursor: str) -> Any:
    def poisoned(machine: Machine, scope: Scope, turn: int, result: Any, *rest: Any) -> Any:
        return finish(machine, scope, turn, _poison(scope) if scope.path == cursor else result, *rest)

    return poisoned


def _poison(scope: Scope) -> Any:
    """What only validation can refuse, where a result is written as it is."""
    writes = scope.node.writes
    if writes.kind == "value":
        return {"poison": 1}
    return tuple({"poison": 1} for _ in writes.fields) if writes.kind == "tuple" else Poison()


# -- G8 ----------------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def server() -> Iterator[FakeOpenAI]:
    """A server that answers every case, and now and then refuses the key, repeating it."""
    counts: Counter[str] = Counter()

    def answer(request: WireRequest) -> Any:
        counts[request.model] += 1
        if request.model.endswith("refused") and counts[request.model] % 3 == 0:
            return wire.unauthorized()
        asked: Any = request.body.get("response_format") or {}
        schema: Any = asked.get("json_schema", {}).get("schema")
        tools = tuple(
            ToolSpec(tool.name, "", tool.parameters, tool.name.startswith("hand_off_to_")) for tool in request.tools
        )
        draw = random.Random(f"{request.model} {len(request.messages)} {counts[request.model]}")
        good = Hostile(0, harm=0.0)._useful(Request((), tools, schema), draw)  # pyright: ignore[reportPrivateUsage]
        return dataclasses.replace(good, text=good.text.encode("utf-8", "replace").decode() or "so", usage=Usage())

    with FakeOpenAI(answer) as running:
        yield running


class Keys:
    """Dependencies with a secret in them."""

    def __init__(self) -> None:
        self.key = CANARY
        self.hidden = SecretStr(CANARY)


@EVERY
@pytest.mark.parametrize("kind", ["accepted", "refused"])
def test_G8_a_canary_secret_appears_nowhere(
    case: Case, kind: str, server: FakeOpenAI, caplog: pytest.LogCaptureFixture
) -> None:
    """Neither the key of a provider that repeats it in its errors, nor what dependencies hold."""
    caplog.set_level(logging.DEBUG)
    events: list[Any] = []
    model = server.model(f"{case.name} {kind}", api_key=CANARY)

    async def main() -> Run[Any]:
        begun = case.graph.run(case.start(), model=model, deps=Keys(), observers=[events.append])
        try:
            return await begun
        except RunFailed as failed:
            told.append("".join(traceback.format_exception(failed)))
            return failed.run

    told: list[str] = []
    run = asyncio.run(main())
    drawn = case.graph.draw(detail="full")
    told += [str(raw) for raw in run.raw_journal]
    told += map(repr, [*events, run, run.journal, run.state, run.failures, run.error, run.steps, model])
    told += [str(run.error), caplog.text, drawn.text, drawn.dot, drawn.mermaid]
    told.append(str(run._repr_mimebundle_()))  # pyright: ignore[reportPrivateUsage]
    assert not [text for text in told if CANARY in text]


def test_G8_what_a_tool_raises_is_told_to_no_model() -> None:
    """The model is told in general terms (GF422). Secrets of the state have tests/faults/test_canary.py."""

    class State(BaseModel):
        text: str = ""

    def leaky() -> str:
        """Looks it up."""
        raise LookupError(CANARY)

    agent = Agent("a", "a", prompt="{text}", tools=[leaky])
    graph = Graph("leaky", State)
    graph.chain(START, graph.node(agent, writes=fields(State).text), END)
    model = ScriptedModel([tool_call("leaky"), "so"])
    run = run_virtual(graph.run(State(), model=model))
    assert CANARY not in repr(model.requests) + repr(run.state)


# -- G9 ----------------------------------------------------------------------------------------------------------------


@EVERY
def test_G9_at_each_node_exactly_one_outcome(case: Case) -> None:
    """An enabled edge, an end, or a typed error: each attempt that began has one, or was cancelled with its branch."""
    for seed in SEEDS:
        one = played(case, seed)
        run = one.run
        outcomes: Counter[tuple[str, int]] = Counter()
        attempts: Counter[str] = Counter()
        for event in one.events:
            if isinstance(event, NodeStarted):
                attempts[event.cursor] += 1
        last = {entry["at"]: entry for entry in run.journal if entry["kind"] in ("failed", *CHOSEN, "timer")}
        for entry in run.journal:
            kind = entry["kind"]
            if kind in ("finished", "answered", "left", "timer") or (kind == "failed" and "attempt" in entry):
                outcomes[entry["at"], entry.get("attempt", 0)] += 1
        assert set(outcomes.values()) <= {1}, seed
        gone = stopped_scopes(run)
        for cursor in attempts:
            assert cursor in last or cursor.startswith(gone) or cursor in run.frontier, (seed, cursor)
        for cursor, entry in last.items():
            ways = ("edge" in entry, entry["kind"] == "failed" and "edge" not in entry)
            assert sum(ways) == 1, (cursor, entry)


def stopped_scopes(run: Run[Any]) -> tuple[str, ...]:
    """Where branches may have been cancelled: what ran in one has no outcome of its own."""
    forks = {entry["at"] for entry in run.journal if entry["kind"] in ("joined", "failed")}
    return tuple(f"{fork}[" for fork in forks)


# -- G10 ---------------------------------------------------------------------------------------------------------------


@dataclasses.dataclass
class Stricken:
    """What became of a run that was struck. ``outcome`` is that of a resume, if it could be resumed."""

    run: Run[Any]
    was_live: bool
    was_cancelled: bool  # the await, not the run
    left: set[Any]
    outcome: dict[str, Any]


@EVERY
@pytest.mark.parametrize("how", ["stop", "cancel"])
def test_G10_cancellation_is_never_swallowed_and_no_task_is_left(case: Case, how: str) -> None:
    """S8.4, S14.2: at any turn of the loop; a stopped run goes on as if nothing had been, a cancelled one has ended."""
    for seed in FEW:
        whole, turns = run_struck(functools.partial(_struck, case, seed, how, -1))
        draw = random.Random(f"{case.name} {seed} {how}")
        for place in range(1, turns) if DEPTH else [draw.randrange(2, turns) for _ in range(4)]:
            one, _ = run_struck(functools.partial(_struck, case, seed, how, place))
            assert one.left == set(), (seed, place)
            if how == "cancel":
                assert (one.run.status == "cancelled") == one.was_live, (seed, place)
            else:
                assert one.was_cancelled == one.was_live, (seed, place)
                if case.name not in TIMED:  # an end that has begun counts
                    assert one.outcome == whole.outcome, (seed, place)


async def _struck(case: Case, seed: int, how: str, place: int, loop: Struck) -> Stricken:
    """Strike a run at a turn of the loop, and resume it if it was only stopped."""
    live = case.graph.start(case.start(), model=Hostile(seed, pace=seed))
    struck: list[bool] = []

    async def drive() -> None:
        await rested(live.drive())

    def strike() -> None:
        if not driving.done():
            struck.append(live.cancel() if how == "cancel" else driving.cancel())

    driving = asyncio.ensure_future(drive())
    loop.at, loop.strike = place, strike
    await asyncio.wait([driving])
    left = {task for task in asyncio.all_tasks() - {asyncio.current_task()} if not task.done()}
    if not driving.cancelled():
        driving.result()
    model = Hostile(seed, pace=seed)
    last = live.run
    if last.status == "running":
        last = await rested(
            case.graph.resume(last, model=model) if last.journal else case.graph.run(case.start(), model=model)
        )
    return Stricken(live.run, any(struck), driving.cancelled(), left, Played(case, last, model).outcome)


# -- G11 ---------------------------------------------------------------------------------------------------------------


@EVERY
@settings(
    max_examples=DEPTH or 3,
    deadline=None,
    derandomize=True,
    database=None,
    phases=(Phase.explicit, Phase.generate),
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.function_scoped_fixture],
)
@given(data=st.data())
def test_G11_the_drawing_holds_each_node_and_edge_exactly_once_whatever_their_names(case: Case, data: Any) -> None:
    plan = case.graph.plan()
    names = st.one_of(
        st.text(min_size=1, max_size=12), st.sampled_from([one for one in NASTY if one.strip() and one != "END"])
    )
    renamed = data.draw(st.lists(names, min_size=len(plan.nodes), max_size=len(plan.nodes), unique=True))
    plan = _with_names(plan, renamed)
    diagram = draw(plan)
    drawing = diagram.drawing
    declared = [arrow.id for arrow in drawing.arrows if arrow.is_declared]
    assert len(declared) == len(set(declared)) == len(plan.edges)
    assert len({card.id for card in drawing.cards}) == len(drawing.cards) == len(plan.nodes)
    ids = [stop.id for stop in drawing.stops]
    assert all(ids.count(arrow.tail) == ids.count(arrow.head) == 1 for arrow in drawing.arrows)
    assert len(re.findall(r"^ +n\d+ (?:-->|-\.->)", diagram.mermaid, re.MULTILINE)) == len(drawing.arrows)
    heads = [line for line in diagram.text.splitlines() if re.match(r"(║  )*(▼|[├└][─╌])", line)]
    assert len(heads) == len(drawing.arrows)
    assert diagram.dot == draw(plan).dot


def _with_names(plan: Plan, names: list[str]) -> Plan:
    nodes = [
        node if node.kind in ("start", "end", "fail") else dataclasses.replace(node, name=name.replace("\ud800", "?"))
        for node, name in zip(plan.nodes, names, strict=True)
    ]
    return dataclasses.replace(plan, nodes=tuple(nodes))


# -- G12 ---------------------------------------------------------------------------------------------------------------


@EVERY
def test_G12_the_stream_of_events_folded_gives_the_same_path_and_state_as_the_run(case: Case) -> None:
    """S15.2: told by events alone, joins included."""
    for seed in SEEDS:
        one = played(case, seed)
        values, path = retold(one.run.plan, one.events)
        assert repr(one.run.plan.schema.snapshot(values)) == repr(one.run.state), seed
        assert sorted(path) == sorted(one.run.path), seed
        for scope in {cursor.rpartition("/")[0] for cursor in path}:
            order = [[cursor for cursor in told if cursor.rpartition("/")[0] == scope] for told in (path, one.run.path)]
            assert order[0] == order[1], seed
