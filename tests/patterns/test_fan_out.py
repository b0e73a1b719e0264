"""B3 and B3a, fan-out: an outcome for each item, whoever comes first and whoever fails; then a synthesis, or a way out."""

from __future__ import annotations

import asyncio
import itertools
from typing import Annotated, Any

import pytest
from pydantic import BaseModel, create_model

from graphflow import END, START, Agent, Graph, JoinFailed, Retry, RunFailed, append, local, patterns
from graphflow.errors import AuthError, ConnectionFailed, DeclarationError
from graphflow.models import Request, ScriptedModel
from graphflow.patterns import FanOut, Outcome
from graphflow.testing.virtual import run_virtual
from tests.patterns.asked import instructions, orders, prompt

ITEMS = ["ant", "bee", "cat"]
CANARY = "canary-31"


def researcher(**options: Any) -> Agent[str]:
    return Agent("work", "work", prompt="{item}", **{"retry": None, **options})


def editor() -> Agent[str]:
    return Agent("editor", "editor", prompt="{task}\n{results}\nMissing: {missing}")


def answering(
    failing: tuple[str, ...] = (), delays_s: dict[str, float] | None = None, error: Exception | None = None
) -> ScriptedModel:
    """A model that answers each item after its delay, and fails on some."""

    async def answer(request: Request) -> Any:
        item = prompt(request)
        if instructions(request) == "editor":
            return "the report"
        await asyncio.sleep((delays_s or {}).get(item, 0))
        if item in failing:
            raise error or AuthError(f"no key {CANARY}")
        return f"{item} found"

    return ScriptedModel(answer)


def asked(model: ScriptedModel, name: str) -> list[str]:
    return [prompt(request) for request in model.requests if instructions(request) == name]


ORDERS = pytest.mark.parametrize("delays_s", list(orders(*ITEMS)), ids=lambda one: "-".join(sorted(one, key=one.get)))
FAILING = pytest.mark.parametrize("failing", [c for n in range(4) for c in itertools.combinations(ITEMS, n)], ids=str)


@ORDERS
@FAILING
def test_each_item_has_one_outcome_by_index_whoever_comes_first(
    failing: tuple[str, ...], delays_s: dict[str, float]
) -> None:
    """S6.7: failed items carry their error and attempts; nothing is dropped."""
    graph = patterns.fan_out(worker=researcher())
    run = run_virtual(graph.run(FanOut(task="t", items=ITEMS), model=answering(failing, delays_s)))
    assert run.status == "done"
    assert run.state.outcomes == [
        Outcome(index=index, item=item, status="failed", error="AuthError")
        if item in failing
        else Outcome(index=index, item=item, status="done", result=f"{item} found")
        for index, item in enumerate(ITEMS)
    ]
    assert run.state.results == [f"{item} found" for item in ITEMS if item not in failing]
    assert run.state.missing == list(failing)


def test_no_items_go_straight_on() -> None:
    """S6.1: N = 0."""
    model = answering()
    run = run_virtual(patterns.fan_out(worker=researcher()).run(FanOut(task="t", items=[]), model=model))
    assert (run.status, run.state.outcomes, model.requests) == ("done", [], [])


def test_items_of_the_same_name_are_items_of_their_own() -> None:
    run = run_virtual(patterns.fan_out(worker=researcher()).run(FanOut(task="t", items=["ant"] * 3), model=answering()))
    assert [one.index for one in run.state.outcomes] == [0, 1, 2]


@pytest.mark.parametrize("at_once", [1, 2, 5])
def test_no_more_than_at_once_are_in_flight_and_the_bound_is_used(at_once: int) -> None:
    running = most = 0

    async def answer(request: Request) -> str:
        nonlocal running, most
        running += 1
        most = max(most, running)
        await asyncio.sleep(1 + len(prompt(request)) % 3)
        running -= 1
        return "found"

    items = [f"item {'x' * n}" for n in range(12)]
    graph = patterns.fan_out(worker=researcher(), at_once=at_once)
    run = run_virtual(graph.run(FanOut(task="t", items=items), model=ScriptedModel(answer)))
    assert most == at_once
    assert len(run.state.results) == 12


def test_a_failed_item_tells_its_attempts_and_the_others_are_not_repeated() -> None:
    graph = patterns.fan_out(worker=researcher(retry=Retry(attempts=3, first_s=1, jitter=0, on=ConnectionFailed)))
    model = answering(("bee",), error=ConnectionFailed("down"))
    run = run_virtual(graph.run(FanOut(task="t", items=ITEMS), model=model))
    assert [(one.status, one.attempts) for one in run.state.outcomes] == [("done", 1), ("failed", 3), ("done", 1)]
    assert sorted(asked(model, "work")) == ["ant", "bee", "bee", "bee", "cat"]


def test_a_retry_may_be_given_to_the_builder() -> None:
    graph = patterns.fan_out(worker=researcher(), retry=Retry(attempts=2, first_s=1, on=ConnectionFailed))
    model = answering(("bee",), error=ConnectionFailed("down"))
    run = run_virtual(graph.run(FanOut(task="t", items=ITEMS), model=model))
    assert run.state.outcomes[1].attempts == 2


def test_what_was_cancelled_for_time_is_no_success() -> None:
    graph = patterns.fan_out(worker=researcher(), within_s=5)
    model = answering(delays_s={"bee": 60})
    run = run_virtual(graph.run(FanOut(task="t", items=ITEMS), model=model))
    assert [one.status for one in run.state.outcomes] == ["done", "cancelled", "done"]
    assert run.state.missing == ["bee"]
    assert run.state.outcomes[1].result == ""


@ORDERS
@FAILING
@pytest.mark.parametrize("at_least", [1, 2, 3])
def test_the_synthesis_is_asked_only_if_enough_succeeded(
    at_least: int, failing: tuple[str, ...], delays_s: dict[str, float]
) -> None:
    """B3a: the quorum is respected; nothing is written from nothing."""
    graph = patterns.fan_out(worker=researcher(), synthesiser=editor(), at_least=at_least)
    model = answering(failing, delays_s)
    if len(ITEMS) - len(failing) >= at_least:
        run = run_virtual(graph.run(FanOut(task="t", items=ITEMS), model=model))
        assert run.state.answer == "the report"
        assert len(asked(model, "editor")) == 1
    else:
        with pytest.raises(RunFailed, match="succeeded"):
            run_virtual(graph.run(FanOut(task="t", items=ITEMS), model=model))
        assert asked(model, "editor") == []


def test_the_synthesis_is_told_what_is_missing_and_sees_no_error() -> None:
    graph = patterns.fan_out(worker=researcher(), synthesiser=editor())
    model = answering(("bee",))
    run = run_virtual(graph.run(FanOut(task="t", items=ITEMS), model=model))
    assert asked(model, "editor") == ["t\n- ant found\n- cat found\nMissing:\n- bee"]
    assert CANARY not in run.state.model_dump_json()


@pytest.mark.parametrize("items", [[], ["ant"], ITEMS], ids=["no items", "too few items", "all fail"])
def test_with_too_few_it_goes_to_the_way_out(items: list[str]) -> None:
    """A merge that fails goes there too: JoinFailed is the join's error, and has an edge of its own (S8.3)."""
    sorry = Agent("sorry", "sorry", prompt="{task}")
    graph = patterns.fan_out(worker=researcher(), synthesiser=editor(), otherwise=sorry, at_least=2)

    def answer(request: Request) -> str:
        if instructions(request) == "work":
            raise AuthError("no key")
        return "we are sorry"

    model = ScriptedModel(answer)
    run = run_virtual(graph.run(FanOut(task="t", items=items), model=model))
    assert (run.status, run.state.answer) == ("done", "we are sorry")
    assert asked(model, "editor") == []
    assert [edge.errors for edge in graph.plan().edges if edge.kind == "error"] == [(JoinFailed,)]


@pytest.mark.parametrize("otherwise", [True, False])
def test_what_was_found_is_kept_though_it_was_too_little(otherwise: bool) -> None:
    """Nothing is dropped in silence: the way out, and who looks at a failed run, see every outcome."""
    sorry = Agent("sorry", "sorry", prompt="{results}\nMissing: {missing}")
    graph = patterns.fan_out(
        worker=researcher(), synthesiser=editor(), otherwise=sorry if otherwise else None, at_least=2
    )
    model = answering(("bee", "cat"))
    try:
        run = run_virtual(graph.run(FanOut(task="t", items=ITEMS), model=model))
        assert asked(model, "sorry") == ["- ant found\nMissing:\n- bee\n- cat"]
    except RunFailed as failed:
        assert not otherwise
        run = failed.run
    assert [one.status for one in run.state.outcomes] == ["done", "failed", "failed"]
    assert run.state.results == ["ant found"]


class Fact(BaseModel):
    subject: str
    letters: int


class Facts(BaseModel):
    task: str
    items: list[Fact]
    outcomes: list[Outcome] = []
    results: Annotated[list[Fact], append] = []
    missing: list[str] = []


def test_items_and_results_may_be_of_any_type() -> None:
    def measure(state: Facts, item: Fact) -> Fact:
        return Fact(subject=item.subject, letters=len(item.subject))

    graph = patterns.fan_out(worker=measure, state=Facts)
    run = run_virtual(graph.run(Facts(task="t", items=[Fact(subject="owl", letters=0)])))
    assert run.state.results == [Fact(subject="owl", letters=3)]
    assert run.state.outcomes[0].item == '{"subject":"owl","letters":0}'


def test_a_state_without_the_fields_is_refused_at_the_line() -> None:
    for left_out in ("items", "outcomes", "results", "missing"):
        kept = {name: (field.annotation, field) for name, field in FanOut.model_fields.items() if name != left_out}
        smaller: Any = create_model("Smaller", **kept)
        with pytest.raises(DeclarationError, match=left_out) as caught:
            patterns.fan_out(worker=researcher(), state=smaller)
        assert caught.value.where[0].file == __file__


def test_same_input_and_answers_give_the_same_state_byte_for_byte_in_every_order() -> None:
    """G2, S15.4."""
    graph = patterns.fan_out(worker=researcher(), synthesiser=editor())
    runs = [
        run_virtual(graph.run(FanOut(task="t", items=ITEMS), model=answering(("bee",), delays_s)))
        for delays_s in orders(*ITEMS)
    ]
    assert len({run.state.model_dump_json() for run in runs}) == 1
    assert len({run.path for run in runs}) == 1


def test_wrong_counts_are_refused_at_the_line() -> None:
    for options in ({"at_least": -1}, {"at_once": 0}, {"within_s": 0}):
        with pytest.raises(DeclarationError) as caught:
            patterns.fan_out(worker=researcher(), **options)  # type: ignore[arg-type]
        assert caught.value.where[0].file == __file__


def test_check_finds_nothing() -> None:
    graphs: list[Graph[FanOut]] = [
        patterns.fan_out(worker=researcher()),
        patterns.fan_out(worker=researcher(), synthesiser=editor(), at_least=2),
    ]
    assert [graph.check().of("error") + graph.check().of("warning") for graph in graphs] == [[], []]  # type: ignore[attr-defined]


class Noted(FanOut):
    note: Annotated[str, local] = ""


def test_a_graph_may_be_the_worker() -> None:
    """S12.1: it shares the state, and adds the result of its branch itself; what it notes stays with it (S6.5)."""
    inner: Graph[Noted] = Graph("two steps", Noted)

    @inner.node(writes="note")
    def first(state: Noted, item: str) -> str:
        return f"{item}!"

    @inner.node(writes="results")
    def second(state: Noted) -> str:
        return f"{state.task}: {state.note}"

    inner.chain(START, first, second, END)
    run = run_virtual(patterns.fan_out(worker=inner, state=Noted).run(Noted(task="t", items=ITEMS)))
    assert run.state.results == [one.result for one in run.state.outcomes] == ["t: ant!", "t: bee!", "t: cat!"]


def test_a_synthesiser_that_does_not_read_what_was_found_is_refused_at_the_line() -> None:
    """Nothing is written from nothing: an agent sees only what its prompt names (S3.5)."""
    blind = Agent("editor", "editor", prompt="{task}")
    with pytest.raises(DeclarationError, match="does not read results or outcomes") as caught:
        patterns.fan_out(worker=researcher(), synthesiser=blind)
    assert caught.value.where[0].file == __file__
