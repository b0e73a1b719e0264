"""One law for any graph: its run is a fold of its journal, and can be stopped and resumed anywhere (S14.2, S15.2)."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from copy import deepcopy
from typing import Any

from graphflow import Graph, RunFailed
from graphflow.core import reading
from graphflow.core.journal import Brief, decode
from graphflow.core.machine import Machine
from graphflow.core.replay import replay
from graphflow.graph.answers import Answer
from graphflow.runtime.run import Run
from graphflow.stores import MemoryStore
from graphflow.testing.virtual import EPOCH_S, run_virtual
from tests.snapshot_law import assert_law

Standing = dict[str, Any]
Respond = Callable[[Run[Any]], Sequence[Answer]]


class Watched(MemoryStore):
    """A store that notes where the machine stands after each commit."""

    machine: Machine

    def __init__(self) -> None:
        super().__init__()
        self.moments: dict[int, Standing] = {}

    def append(self, run_id: str, entries: Sequence[bytes | Brief]) -> None:
        super().append(run_id, entries)
        self.moments[self.machine.seq] = standing(self.machine)


def standing(machine: Machine) -> Standing:
    """Where a run stands, scope by scope: what replay promises (S15.2)."""
    scopes = machine.scopes()
    return {
        "status": machine.status,
        "state": reading.state_of(machine).model_dump(),
        "frontier": sorted(reading.frontier(machine)),
        "questions": sorted(scope.path for scope in scopes if scope.question and scope.status == "waiting"),
        "scopes": {
            scope.prefix: deepcopy((scope.node.name, scope.read(), scope.taken or {}, scope.items))
            for scope in scopes
            if machine.status not in ("done", "cancelled")
        },
    }


def drive(graph: Graph[Any], state: Any, respond: Respond = lambda run: (), **options: Any) -> tuple[Run[Any], Watched]:
    """Run on the virtual clock to its end, answering what it asks; every commit is watched."""
    store = Watched()

    async def main() -> Run[Any]:
        live = graph.start(state, store=store, **options)
        store.machine = live._machine  # pyright: ignore[reportPrivateUsage]
        return await ended(live.drive())

    return to_the_end(graph, run_virtual(main()), respond), store


async def ended(run: Any) -> Run[Any]:
    try:
        found: Run[Any] = await run
    except RunFailed as failed:
        return failed.run  # type: ignore[no-any-return]
    return found


def to_the_end(graph: Graph[Any], run: Run[Any], respond: Respond, **options: Any) -> Run[Any]:
    """Answer what is asked until nothing is."""
    while run.status in ("waiting", "exhausted") and (answers := respond(run)):
        run = later(graph, run, answers=answers, **options)
    return run


def later(graph: Graph[Any], run: Run[Any], **options: Any) -> Run[Any]:
    """Resume a run on a clock that goes on from its last entry."""

    async def main() -> Run[Any]:
        loop: Any = asyncio.get_running_loop()
        loop.advance(run.journal[-1]["t"] - EPOCH_S)
        return await ended(graph.resume(run, **options))

    return run_virtual(main())


def result(run: Run[Any]) -> Mapping[str, Any]:
    """What two equal runs share (S15.4)."""
    cause = None if run.error is None else getattr(run.error, "type", type(run.error).__name__)
    return {"status": run.status, "state": run.state.model_dump(), "path": run.path, "error": cause}


def assert_recovers(graph: Graph[Any], state: Any, respond: Respond = lambda run: (), **options: Any) -> Run[Any]:
    """Replay stands where the run stood, and a run stopped after any entry comes to the same end. Gives the run."""
    run, store = drive(graph, state, respond, **options)
    entries = [decode(text) for text in store.read(run.id)]
    for seq, stood in store.moments.items():
        folded = standing(replay(run.plans, entries, until=seq))
        scopes = stood.pop("scopes")
        assert {prefix: scopes.get(prefix) for prefix in folded["scopes"]} == folded.pop("scopes"), seq
        assert folded == stood, seq
    assert_law(run.plans, entries)
    last = next((entry["seq"] for entry in entries if entry["kind"] == "ended"), run.seq)
    for seq in range(1, last):
        past = run.at(seq)
        again = to_the_end(graph, later(graph, past, **options), respond)
        assert result(again) == result(run), f"stopped after {seq}: {entries[seq - 1]}"
    return run
