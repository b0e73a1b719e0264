"""A driver's hands for tests: records effects by what was asked, as S11.1 says, and counts what was performed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Awaitable, Callable
from typing import Any, Literal

from pydantic_core import to_json

from graphflow.graph.context import Context, Effect, Offer, Reserve
from graphflow.graph.holding import Held


class FakeHands:
    """``records`` may be handed to another one: that is a resume."""

    def __init__(self, records: dict[tuple[str, bytes, int], Effect] | None = None) -> None:
        self.records = {} if records is None else records
        self.performed: list[str] = []
        self.requests: list[Any] = []
        self.reserves: list[Reserve | None] = []
        self.shown = ""
        self.updates: list[dict[str, Any]] = []
        self.held = Held()
        self._asked: Counter[tuple[str, bytes]] = Counter()

    async def effect(
        self,
        kind: Literal["model", "tool", "once"],
        request: Any,
        call: Callable[[], Awaitable[Effect]],
        reserve: Reserve | None,
    ) -> Effect:
        asked = (kind, to_json(request))
        key = (*asked, self._asked[asked])
        self._asked[asked] += 1
        if key not in self.records:
            self.performed.append(kind)
            self.requests.append(request)
            self.reserves.append(reserve)
            effect = await call()
            to_json(effect.value)
            self.records[key] = effect
        return self.records[key]

    def update(self, changes: dict[str, Any]) -> None:
        self.updates.append(changes)

    is_watched = True
    caller = None
    driver = None

    def emit(self, text: str, *, tool: str = "", call: int = 0, under: str = "") -> None:
        self.shown += text


def context(
    hands: FakeHands | None = None,
    *,
    model: Any = None,
    handoffs: tuple[Offer, ...] = (),
    must_hand_off: bool = False,
    deps: Any = None,
    item: Any = None,
) -> Context[Any]:
    return Context(
        run_id="run",
        cursor="write:1",
        node="write",
        visit=1,
        attempt=1,
        deps=deps,
        item=item,
        items=() if item is None else (item,),
        handoffs=handoffs,
        must_hand_off=must_hand_off,
        model=model,
        hands=hands or FakeHands(),
    )
