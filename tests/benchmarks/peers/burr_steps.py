"""Burr: pydantic actions and typed state, no tracker, no persister. Its synchronous ``run`` is the faster one."""

from __future__ import annotations

import asyncio
from itertools import pairwise
from typing import Any

from burr.core import ApplicationBuilder, State, action, default, expr
from burr.core.parallelism import MapStates
from burr.integrations.pydantic import PydanticTypingSystem
from pydantic import BaseModel, Field
from timing import CHAIN, LOOP, MAP, report


class Count(BaseModel):
    n: int = Field(default=0, ge=0)
    word: str = ""


def up(state: Count) -> Count:
    return Count(n=state.n + 1, word=state.word)  # a new instance is validated; an altered one would not be


def pydantic_action() -> Any:
    return action.pydantic(reads=["n", "word"], writes=["n", "word"])(up)


def application(names: list[str], transitions: list[Any]) -> Any:
    return (
        ApplicationBuilder()
        .with_actions(**{name: pydantic_action() for name in names})
        .with_transitions(*transitions)
        .with_typing(PydanticTypingSystem(Count))
        .with_state(Count())
        .with_entrypoint(names[0])
        .build()
    )


def chain() -> Any:
    names = [f"node{index}" for index in range(CHAIN)]
    return application(names, list(pairwise(names)))


def loop() -> Any:
    return application(["up", "end"], [("up", "up", expr(f"n < {LOOP - 1}")), ("up", "end", default)])


@action(reads=["item"], writes=["result"])
async def double(state: State) -> State:
    return state.update(result=2 * state["item"])


class Doubles(MapStates):
    def is_async(self) -> bool:
        return True

    def action(self, state: State, inputs: dict[str, Any]) -> Any:
        return double

    async def states(self, state: State, context: Any, inputs: dict[str, Any]) -> Any:
        for item in range(MAP):
            yield state.update(item=item)

    async def reduce(self, state: State, states: Any) -> State:
        results = [one["result"] async for one in states]
        return state.update(results=results)

    @property
    def reads(self) -> list[str]:
        return []

    @property
    def writes(self) -> list[str]:
        return ["results"]


def mapped() -> Any:
    return (
        ApplicationBuilder().with_actions(doubles=Doubles()).with_entrypoint("doubles").with_state(results=[]).build()
    )


class Fresh:
    """An application runs once, so each run needs one that was built before the clock started."""

    def __init__(self, build: Any, count: int = 4) -> None:
        self.built = [build() for _ in range(count)]

    def run(self, last: str) -> None:
        self.built.pop().run(halt_after=[last])

    def run_async(self, last: str) -> None:
        asyncio.run(self.built.pop().arun(halt_after=[last]))


chains, loops, maps = Fresh(chain), Fresh(loop), Fresh(mapped)
report(
    "apache-burr",
    {
        "chain": (lambda: chains.run(f"node{CHAIN - 1}"), CHAIN),
        "loop": (lambda: loops.run("end"), LOOP),
        "map": (lambda: maps.run_async("doubles"), MAP),
    },
)
