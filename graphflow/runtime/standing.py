"""What a store is told of a run besides its journal: where it stands, for lists, workers and people (S10)."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from pydantic.errors import PydanticInvalidForJsonSchema

from graphflow.core import answering, reading, timing
from graphflow.core.discretion import described
from graphflow.core.machine import Machine
from graphflow.core.schema import adapter
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
    questions = tuple(map(_question, answering.open_questions(machine)))
    owed = [due for due, _, _ in machine.owed_timers()]
    if machine.is_waiting:  # of a timer that would change nothing nobody need be woken (S10.3)
        owed = [question["due"] for question in questions if question["due"] is not None]
    return Standing(
        machine.seq,
        machine.status,
        wake_at=min(owed, default=None),
        frontier=reading.frontier(machine)[:_WIDEST],
        questions=questions,
        usage=usage,
        state=schema.dump_state(machine.root.read()),
        error=None if machine.error is None else described(machine.error, machine.scopes()),
    )


def _question(question: answering.OpenQuestion) -> dict[str, Any]:
    data = {
        "id": question.id,
        "node": question.scope.node.name,
        "text": question.text,
        "schema": _schema(question.answer),
        "due": timing.deadline(question.scope),
    }
    return data if question.call is None else data | {"call": question.call}


@lru_cache(maxsize=256)
def _schema(answer: Any) -> Any:
    try:
        return adapter(answer).json_schema()
    except PydanticInvalidForJsonSchema:
        return {}
