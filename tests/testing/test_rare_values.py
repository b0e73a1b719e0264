"""S5.2: edges whose conditions hold on a few values of very many are reached, and what is behind them is tried."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import BaseModel

from graphflow import END, START, Agent, Graph, fields, size
from graphflow.errors.testing import PropertyFailed
from graphflow.graph.expressions import one_of
from graphflow.testing import explore, never, verify
from graphflow.testing.walking.chance import used_by


class Call(BaseModel):
    tokens: int = 0
    code: str = ""
    ratio: float = 0.0
    tags: list[str] = []
    way: str = ""


class Reply(BaseModel):
    tokens: int
    code: str
    ratio: float
    tags: list[str]


call = fields(Call)

RARE: dict[str, Any] = {
    "full": call.tokens == 131_072,
    "old": (call.tokens > 900_000_000) & (call.tokens < 900_000_009),
    "limited": call.code == "E_RATE_LIMIT",
    "gone": one_of(call.code, ["E_410_GONE", "E_404_NOT_FOUND"]) & (call.tokens == -7),
    "exact": call.ratio == 0.333,
    "many": size(call.tags) == 5,
    "both": (call.tokens == 65_537) & (call.code == "E_TEAPOT") & (call.ratio > 12.5),
}


def rare() -> Graph[Call]:
    """A node that answers, and a way for each rare answer."""
    graph: Graph[Call] = Graph("rare", Call)
    ask = graph.node(Agent("ask", "Call it.", prompt="{way}", output=Reply))
    graph.edge(START, ask)
    for name, condition in RARE.items():
        node = graph.node(lambda state, name=name: {"way": name}, name=name)
        graph.edge(ask, node, when=condition)
        graph.edge(node, END)
    graph.edge(ask, END)
    return graph


@pytest.mark.parametrize("name", RARE)
def test_walks_take_every_rare_edge(name: str) -> None:
    with pytest.raises(PropertyFailed) as caught:
        verify(rare(), properties=[never(call.way == name)])
    assert f"{name}" in str(caught.value)


def test_an_exploration_takes_every_rare_edge() -> None:
    found = explore(rare())
    assert not found.never_taken
    for name in RARE:
        route = found.path_to(f"ask -> {name}")
        assert route is not None
        assert route.play().frontier == (f"{name}:1",)


def test_few_runs_take_them_all() -> None:
    """One run for each way, and one that takes none of them."""
    covering = explore(rare()).covering_runs()
    assert len(covering) == len(RARE) + 1
    ways = {route.play().values["way"] for route in covering}
    assert ways == {*RARE, ""}


def test_what_uses_the_clock_or_chance_is_seen() -> None:
    """S5.1: also in a function that the condition calls."""
    import random
    import time
    import uuid
    from datetime import UTC, date, datetime

    names = {"random": random, "time": time, "uuid": uuid, "datetime": datetime, "date": date, "UTC": UTC}
    outside = {
        "lambda state: random.random() < 0.5": "random.random",
        "lambda state: random.choice([True, False])": "random.choice",
        "lambda state: any(time.time() > t for t in state.times)": "time.time",
        "lambda state: datetime.now(UTC).hour < 12": "datetime.now",
        "lambda state: date.today().day == 1": "date.today",
        "lambda state: uuid.uuid4().int % 2": "uuid.uuid4",
    }
    pure = (
        "lambda state: state.time.time() < 3",
        "lambda state: time.gmtime(state.seconds).tm_hour < 12",
        "lambda state: datetime.fromisoformat(state.date).hour < 12",
        "lambda state: uuid.UUID(state.id).int % 2",
        "lambda state: random",
    )
    assert {text: used_by(eval(text, names)) for text in outside} == outside
    assert [text for text in pure if used_by(eval(text, names))] == []
    scope: dict[str, Any] = dict(names)
    exec("def is_late(state): return time.monotonic() > 3\ndef asks(state): return state.ok and is_late(state)", scope)
    assert used_by(scope["asks"]) == "time.monotonic"
    assert used_by(print) == ""
