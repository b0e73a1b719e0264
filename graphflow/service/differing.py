"""How two runs differ: where they part, which fields of their states, what each has spent. Times are not compared."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from graphflow.core.reading import under_plans
from graphflow.core.tokens import MARK, SEALED, without_sealed
from graphflow.runtime.events import Event, NodeFinished, event_of
from graphflow.runtime.run import Run
from graphflow.service.standings import status_of
from graphflow.service.stored_runs import StoredRun, values_of

_COUNTS = ("steps", "model_calls", "tool_calls", "input_tokens", "output_tokens", "usd")


def difference(first: StoredRun, second: StoredRun) -> dict[str, Any]:
    """How two runs differ; ``is_equal`` where they do not (S15.4)."""
    runs = (first.run(), second.run())
    is_sealed = any(SEALED.encode() in line for kept in (first, second) for line in kept.journal if MARK in line)
    statuses = [_status(kept) for kept in (first, second)]
    steps = _first_step(*map(_steps, runs))
    state = _state(*runs)
    counts = {name: [getattr(run.usage, name) for run in runs] for name in _COUNTS}
    return {
        "runs": [run.id for run in runs],
        "graphs": [run.graph for run in runs],
        "is_equal": statuses[0] == statuses[1] and steps is None and not state,
        "status": statuses,
        "first_difference": steps,
        "state": state,
        "counts": counts,
        "secrets_compared": not is_sealed,
    }


def _status(kept: StoredRun) -> str:
    return status_of(kept.row) if kept.machine.status == "running" else kept.machine.status


def _steps(run: Run[Any]) -> dict[str, dict[str, Any]]:
    """What each cursor did, in the order of the path."""
    done = {
        event.cursor: {
            "at": event.cursor,
            "updates": without_sealed(list(event.updates)),
            "to": list(event.to),
            "width": event.width,
        }
        for event in _events(run)
        if isinstance(event, NodeFinished)
    }
    return {cursor: done[cursor] for cursor in run.path if cursor in done}


def _first_step(one: dict[str, dict[str, Any]], other: dict[str, dict[str, Any]]) -> dict[str, Any] | None:
    """The first place at which they part; None where they do not, as far as both have come."""
    pairs = list(zip([*one, None], [*other, None], strict=False))
    for number, (first, second) in enumerate(pairs):
        if first == second and (first is None or one[first] == other[first]):
            continue
        steps = [one.get(first or ""), other.get(second or "")]
        return {"number": number + 1, "after": pairs[number - 1][0] if number else None, "steps": steps}
    return None


def _state(one: Run[Any], other: Run[Any]) -> dict[str, list[Any]]:
    states = [without_sealed(run.plan.schema.dump_state(values_of(run))) for run in (one, other)]
    names = dict.fromkeys([*states[0], *states[1]])
    return {
        name: [state.get(name) for state in states]
        for name in names
        if states[0].get(name) != states[1].get(name) or (name in states[0]) != (name in states[1])
    }


def _events(run: Run[Any]) -> Iterator[Event]:
    for entry, plan in under_plans(run.plans, run.journal):
        yield event_of(entry, plan)
