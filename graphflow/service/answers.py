"""What an answer is for, and whether the run would take it, asked before it is left in the store (S10.1).

With the run's graph at hand everything is checked as the run itself will; without it, by the question's JSON schema.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Literal, Union, cast
from urllib.parse import unquote

from pydantic.errors import PydanticInvalidForJsonSchema

from graphflow.core import answering, migrating, reading
from graphflow.core.plan import Plan
from graphflow.core.schema import adapter
from graphflow.errors import AnswerInvalid
from graphflow.service.standings import standing_now
from graphflow.service.stored_runs import StoredRun
from graphflow.stores.store import Store


@dataclass(frozen=True, slots=True)
class Asked:
    """What an answer is for. ``key`` is the question's id if it is open, else what was typed. ``answer`` is its type."""

    key: str
    node: str
    answer: Any
    is_open: bool


def asked_by(kept: StoredRun, key: str) -> Asked:
    """The question that a node's name or an id means. Raises AnswerInvalid for one of several, and for none."""
    machine = kept.machine
    known = answering.open_questions(machine)
    found = [question for question in known if key in (question.id, unquote(question.id))]
    found = found or [question for question in known if key in (question.scope.node.name, question.scope.path)]
    if len(found) > 1:
        raise AnswerInvalid(
            f"Node {key!r} has {len(found)} open questions",
            cursor=key,
            why="An answer by the node's name is enough while one is open. (S10.1)",
            fix="Name one by its id: " + ", ".join(question.id for question in found[:10]),
        )
    if found:
        [question] = found
        schema = next(one["schema"] for one in standing_now(kept).questions if one["id"] == question.id)
        return Asked(question.id, question.scope.node.name, _type_of(question.answer, schema), is_open=True)
    nodes = {node.name: node for plan in machine.plans() for node in plan.nodes if node.ask is not None}
    at = reading.node_at(machine.plan, key)
    node = nodes.get(key) or (at if at is not None and at.ask is not None else None)
    if node is None:
        machine.answer(key, None)  # which says that nothing asks it
    assert node is not None
    assert node.ask is not None
    return Asked(key, node.name, _type_of(node.ask.answer, {}), is_open=False)


def _type_of(annotation: Any, schema: Any) -> Any:
    """The type itself; where the graph is not at hand, which shows in that anything would do, what its schema tells."""
    try:
        is_any = adapter(annotation).json_schema() == {}
    except PydanticInvalidForJsonSchema:
        is_any = False
    return annotation_of(schema) if is_any else annotation


def refuse_unfit(store: Store, kept: StoredRun, plan: Plan | None, asked: Asked, value: Any) -> None:
    """Raises AnswerInvalid for an answer that the run would not take: a second or late one, or one it cannot write."""
    left = store.answers(kept.row.run)
    if asked.is_open and any(other.key in (asked.key, asked.node) for other in left):
        raise AnswerInvalid(
            f"{asked.key!r} has an answer already",
            cursor=asked.key,
            why="The first one counts; it lies in the store until the run is driven. Nothing was changed. (S10.1)",
            fix=f"graphflow runs resume {kept.row.run} goes on with it.",
        )
    if plan is not None:
        put_on(kept, plan)
    elif asked.is_open:
        return
    machine = kept.machine
    for other in left:
        with suppress(AnswerInvalid):
            machine.answer(other.key, other.value)
    machine.answer(asked.key, value)


def put_on(kept: StoredRun, plan: Plan) -> None:
    """The run's machine goes on under the graph as it is now. Raises GraphChanged; the store is not told."""
    machine = kept.machine
    if machine.plan.fingerprint == plan.fingerprint:
        machine.adopt(plan)
    else:
        migrating.migrate(machine, plan)
    if machine.status not in ("done", "cancelled", "failed"):
        machine.resume()


def refuse_beaten(store: Store, run_id: str, asked: Asked, value: Any) -> None:
    """Raises AnswerInvalid if another process has answered otherwise at the same moment, and was first."""
    first = next((left for left in store.answers(run_id) if left.key == asked.key), None)
    if first is not None and first.value != value:
        raise not_taken(run_id, asked.key)


def not_taken(run_id: str, key: str) -> AnswerInvalid:
    """The error for an answer that came too late."""
    return AnswerInvalid(
        f"The answer to {key!r} was not taken",
        cursor=key,
        why="Another answer, or its time, came first. Nothing was changed. (S10.1)",
        fix=f"graphflow runs show {run_id} shows what became of it.",
    )


_TYPES: dict[str, Any] = {
    "boolean": bool,
    "string": str,
    "integer": int,
    "number": float,
    "null": type(None),
    "object": dict[str, Any],
}


def annotation_of(schema: Any) -> Any:
    """The type of what a JSON schema allows, as far as a typed text needs to know.

    >>> annotation_of({"type": "boolean"}), annotation_of({"type": "array", "items": {"type": "integer"}})
    (<class 'bool'>, list[int])
    >>> annotation_of({"enum": ["yes", "later"], "type": "string"})
    typing.Literal['yes', 'later']
    """
    if not isinstance(schema, dict):
        return Any
    known = cast("dict[str, Any]", schema)
    if "enum" in known or "const" in known:
        return Literal[tuple(known.get("enum", [known.get("const")]))]
    if "anyOf" in known:
        return Union[tuple(map(annotation_of, known["anyOf"]))]  # noqa: UP007  # of a tuple made at run time
    if known.get("type") == "array":
        element = annotation_of(known.get("items"))
        return list[element]  # type: ignore[valid-type]  # a type that is known at run time only
    return _TYPES.get(known.get("type", ""), Any)
