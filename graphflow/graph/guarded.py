"""The node of a function or agent with guardrails: they are asked around what it calls (S8.4). Without any it is as it was."""

from __future__ import annotations

import asyncio
import dataclasses
import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from graphflow.core.plan import Node
from graphflow.errors import Place
from graphflow.graph.context import Handoff
from graphflow.graph.guardrails import Guardrail, ask_all, ask_now


def guarded(node: Node, guardrails: tuple[Guardrail, ...], place: Place) -> Node:
    """The node of a function or agent with its guardrails around what it calls: it costs nothing without any."""
    if not guardrails:
        return node
    call = _Guarded(node, guardrails, place)
    return dataclasses.replace(
        node,
        call=call.in_turn if call.mode == "async" else call.now,
        mode=call.mode,
        arguments=call.arguments,
        guardrails=tuple(guardrail.rail() for guardrail in guardrails),
    )


@dataclass(slots=True, eq=False)
class _Guarded:
    """What is called in place of a node's work. ``arguments`` are those of the work, and what guardrails need."""

    node: Node
    guardrails: tuple[Guardrail, ...]
    place: Place
    mode: Literal["async", "sync", "blocking"] = "sync"
    arguments: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        own = self.node.arguments
        is_async = any(guardrail.is_async for guardrail in self.guardrails)
        self.mode = "async" if is_async else self.node.mode
        with_context = any(guardrail.takes_context for guardrail in self.guardrails) or "ctx" in own
        self.arguments = ("state", *(("item",) if "item" in own else ()), *(("ctx",) if with_context else ()))

    def now(self, *given: Any) -> Any:
        """Guardrails and work are plain functions."""
        named = dict(zip(self.arguments, given, strict=True))
        ctx, of = named.get("ctx"), f"node {self.node.name!r}"
        ask_now(self.guardrails, "input", (named["state"],), ctx, of, self.place)
        result = self._work()(*self._own(named))
        for checked in self._results(result):
            ask_now(self.guardrails, "output", (checked,), ctx, of, self.place)
        return result

    async def in_turn(self, *given: Any) -> Any:
        """Some of them are async."""
        named = dict(zip(self.arguments, given, strict=True))
        ctx, of = named.get("ctx"), f"node {self.node.name!r}"
        await ask_all(self.guardrails, "input", (named["state"],), ctx, of, self.place)
        result = await self._performed(self._own(named))
        for checked in self._results(result):
            await ask_all(self.guardrails, "output", (checked,), ctx, of, self.place)
        return result

    async def _performed(self, own: list[Any]) -> Any:
        if self.node.mode == "blocking":
            return await asyncio.to_thread(self._in_thread, own)
        result = self._work()(*own)
        return await result if self.node.mode == "async" else result

    def _in_thread(self, own: list[Any]) -> Any:
        try:
            return self._work()(*own)
        except StopIteration as stop:  # a future cannot hold one
            raise RuntimeError("a node raised StopIteration") from stop

    def _own(self, named: Mapping[str, Any]) -> list[Any]:
        return [named[name] for name in self.node.arguments]

    def _work(self) -> Callable[..., Any]:
        assert self.node.call is not None
        return self.node.call

    def _results(self, result: Any) -> tuple[Any, ...]:
        """What there is to check: the result; of a handoff its update. What it carries is for the edge's guardrails.

        None, which changes nothing, is no result, and something that must be awaited is refused later.
        """
        if isinstance(result, Handoff):
            return () if result.update is None else (result.update,)
        if (result is None and self.node.writes.kind != "value") or inspect.isawaitable(result):
            return ()
        return (result,)
