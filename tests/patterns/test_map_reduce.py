"""Map-reduce over documents: condensed one by one, merged in groups until one text is left."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from graphflow import RunFailed
from graphflow.errors import AuthError
from graphflow.models import Request, ScriptedModel
from graphflow.testing.virtual import run_virtual
from tests.patterns.asked import prompt
from tests.patterns.ready import TEXTS, ready

piles = ready("map_reduce")


def condensing(failing: frozenset[int] = frozenset(), delays_s: dict[str, float] | None = None) -> ScriptedModel:
    """Digests `document 3` to `3`, and merges texts by joining them."""

    async def answer(request: Request) -> Any:
        body = prompt(request).partition(":\n")[2]
        await asyncio.sleep((delays_s or {}).get(body, 0))
        if not body.startswith("document"):
            return "+".join(line.removeprefix("- ") for line in body.splitlines())
        number = body.removeprefix("document ")
        if int(number) in failing:
            raise AuthError("cannot be read")
        return number

    return ScriptedModel(answer)


def pile(count: int) -> Any:
    return piles.Pile(topic="t", documents=[f"document {n}" for n in range(count)])


def merges(count: int) -> int:
    """How many merges it takes to make one text of so many."""
    groups = -(-count // piles.GROUP)
    return 0 if count <= 1 else groups + merges(groups)


@settings(max_examples=25)
@given(st.integers(1, 40))
def test_every_document_is_in_the_text_in_its_place(count: int) -> None:
    model = condensing()
    run = run_virtual(piles.graph.run(pile(count), model=model))
    assert run.state.texts == ["+".join(str(n) for n in range(count))]
    assert len(model.requests) == run.usage.model_calls == count + merges(count)


def test_no_prompt_holds_more_than_a_group() -> None:
    model = condensing()
    run_virtual(piles.graph.run(pile(27), model=model))
    assert max(prompt(request).count("\n- ") + prompt(request).count("document") for request in model.requests) == 3


@pytest.mark.parametrize("slow", range(5))
def test_whoever_comes_last_stands_in_its_place(slow: int) -> None:
    """S6.4."""
    run = run_virtual(piles.graph.run(pile(5), model=condensing(delays_s={f"document {slow}": 9})))
    assert run.state.texts == ["0+1+2+3+4"]


@pytest.mark.parametrize("failing", [frozenset({0}), frozenset({1, 3}), frozenset({0, 1, 2, 3})], ids=str)
def test_what_cannot_be_read_is_counted_and_left_out(failing: frozenset[int]) -> None:
    run = run_virtual(piles.graph.run(pile(5), model=condensing(failing)))
    assert run.state.texts == ["+".join(str(n) for n in range(5) if n not in failing)]
    assert run.state.missing == len(failing)


@pytest.mark.parametrize("count", [0, 3])
def test_nothing_is_made_of_nothing(count: int) -> None:
    with pytest.raises(RunFailed, match="no document could be read"):
        run_virtual(piles.graph.run(pile(count), model=condensing(frozenset(range(count)))))


def test_offline_one_text_comes_of_three() -> None:
    run = run_virtual(piles.graph.run(piles.Pile(topic="storing power for the grid", documents=TEXTS)))
    [text] = run.state.texts
    assert 3 <= text.count(". ") + 1 <= 6
