"""What a store is told of a run besides its journal: where it stands, for lists, workers and people (S10)."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from pydantic.errors import PydanticInvalidForJsonSchema

from graphflow.core import reading, timing
from graphflow.core.machine import Machine
from graphflow.core.remembered import describe
from graphflow.core.schema import adapter
from graphflow.core.scopes import Scope
from graphflow.stores.store import Standing

_WIDEST = 100  # cursors of a frontier that a list shows; the journal has them all


def standing_of(machine: Machine) -> Standing:
    """Where a run stands now, its state included."""
    spent, schema = machine.spent, machine.plan.schema
    usage = {"steps": spent.steps} | {
        name: value
        for name in spent.usage.__dataclass_fields__
        if name != "steps" and (value := getattr(spent.usage, name)) != 0
    }
    due = [due for due, _, _ in machine.owed_timers()]
    return Standing(
        machine.seq,
        machine.status,
        wake_at=min(due, default=None),
        frontier=reading.frontier(machine)[:_WIDEST],
        questions=tuple(map(_question, machine.questions())),
        usage=usage,
        state=schema.dump_state(machine.root.read()),
        error=None if machine.error is None else describe(machine.error),
    )


def _question(scope: Scope) -> dict[str, Any]:
    assert scope.node.ask is not None
    answer = scope.node.ask.answer
    return {
        "id": scope.path,
        "node": scope.node.name,
        "text": scope.question or "",
        "schema": _schema(answer),
        "due": timing.deadline(scope),
    }


@lru_cache(maxsize=256)
def _schema(answer: Any) -> Any:
    try:
        return adapter(answer).json_schema()
    except PydanticInvalidForJsonSchema:
        return {}
