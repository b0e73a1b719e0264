"""A plan as plain data: what a store on disk keeps beside a journal (S15.2, S16).

What cannot be data is left out: functions, conditions (their labels stay) and types, of which the JSON schema is told.
``restored`` makes a plan of it again.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from pydantic import PydanticSchemaGenerationError, TypeAdapter
from pydantic.errors import PydanticInvalidForJsonSchema, PydanticUserError
from pydantic_core import CoreSchema, core_schema

from graphflow.core.plan import Edge, Guard, Node, Over, Plan, Rail, Retry, Writes
from graphflow.core.schema import FieldSpec
from graphflow.errors import Place
from graphflow.graph.fingerprints import QuietSchema, without_texts
from graphflow.graph.shapes import annotation_text

FORMAT = 1
"""The version of stored plans."""

JsonObject = dict[str, Any]


class Unknown:
    """The base of types that only their name and JSON schema are known of: their values stay the JSON they are."""

    told: Any = None

    @classmethod
    def __get_pydantic_core_schema__(cls, source: object, handler: object) -> CoreSchema:
        return core_schema.any_schema()


def data_of(plan: Plan) -> JsonObject:
    """A plan and all plans in it as JSON-able data."""
    every = plans_in(plan)
    numbers = {id(one): number for number, one in enumerate(every)}
    return {"format": FORMAT, "plans": [_described(one, numbers) for one in every]}


def plans_in(plan: Plan) -> list[Plan]:
    """The plan and those it holds, each once: a graph may contain itself."""
    found, known = [plan], {id(plan)}
    for one in found:
        for node in one.nodes:
            inner = None if node.graph is None else node.graph.plan()
            if inner is not None and id(inner) not in known:
                known.add(id(inner))
                found.append(inner)
    return found


def _described(plan: Plan, numbers: Mapping[int, int]) -> JsonObject:
    shared: dict[int, int] = {}
    return {
        "name": plan.name,
        "state": plan.state.__name__,
        "fields": {name: _field(spec) for name, spec in plan.schema.fields.items()},
        "nodes": [_node(node, numbers) for node in plan.nodes],
        "edges": [_edge(edge, shared) for edge in plan.edges],
        "limits": asdict(plan.limits),
        "on_budget": plan.on_budget,
        "fingerprint": plan.fingerprint,
        "purpose": plan.purpose,
        "regions": [[index, sorted(members)] for index, members in plan.regions.items()],
        "place": _place(plan.place),
    }


def _field(spec: FieldSpec) -> JsonObject:
    return {
        "type": annotation_text(spec.annotation),
        "json": json_schema(spec.annotation),
        "reducer": None if spec.reducer is None else spec.reducer.name,
        "is_local": spec.is_local,
        "required": spec.required,
    }


def json_schema(annotation: Any) -> Any:
    """The JSON schema of a type, without texts; None for one that has none. Of a restored type, the one it was told by."""
    restored: Any = annotation if isinstance(annotation, type) else None
    if restored is not None and issubclass(restored, Unknown):
        return restored.told  # of a plan that was restored: it is told again as it was
    try:
        return without_texts(TypeAdapter(annotation).json_schema(schema_generator=QuietSchema))
    except (PydanticInvalidForJsonSchema, PydanticUserError, PydanticSchemaGenerationError):
        return None


def _node(node: Node, numbers: Mapping[int, int]) -> JsonObject:
    graph = node.graph
    told: JsonObject = {
        "name": node.name,
        "kind": node.kind,
        "mode": node.mode,
        "arguments": node.arguments,
        "reads": None if node.reads is None else sorted(node.reads),
        "writes": _writes(node.writes),
        "retry": None if node.retry is None else _retry(node.retry),
        "timeout_s": node.timeout_s,
        "at_once": node.at_once,
        "ask": None if node.ask is None else [node.ask.template, annotation_text(node.ask.answer)],
        "graph": None if graph is None else [numbers[id(graph.plan())], graph.name, graph.inward, graph.outward],
        "reason": node.reason,
        "purpose": node.purpose,
        "badges": node.badges,
        "role": node.role,
        "region": node.region,
        "guardrails": tuple(map(_rail, node.guardrails)),
        "place": _place(node.place),
    }
    return {name: value for name, value in told.items() if value not in (None, "", ())}


def _writes(writes: Writes) -> JsonObject:
    return {
        "kind": writes.kind,
        "fields": writes.fields,
        "declared": None if writes.declared is None else sorted(writes.declared),
    }


def _retry(retry: Retry) -> JsonObject:
    classes = retry.on if isinstance(retry.on, tuple) else (retry.on,)
    numbers = (retry.attempts, retry.first_s, retry.factor, retry.max_s, retry.jitter)
    return {"numbers": numbers, "on": [one.__name__ for one in classes]}


def _edge(edge: Edge, shared: dict[int, int]) -> JsonObject:
    limit = None
    if edge.limit is not None:
        limit = [shared.setdefault(id(edge.limit), len(shared)), edge.limit.at_most, edge.limit.name]
    told: JsonObject = {
        "kind": edge.kind,
        "source": edge.source,
        "targets": edge.targets,
        "guard": _guard(edge.guard),
        "branch_guards": tuple(map(_guard, edge.branch_guards)),
        "at_most": edge.at_most,
        "limit": limit,
        "unbounded": edge.unbounded or None,
        "over": None if edge.over is None else _over(edge.over),
        "join": edge.join,
        "need": [edge.need.kind, edge.need.count, edge.need.within_s, _guard(edge.need.guard)],
        "failures": edge.failures,
        "at_once": edge.at_once,
        "shared": edge.shared or None,
        "errors": tuple(error.__name__ for error in edge.errors),
        "after_s": edge.after_s,
        "description": edge.description,
        "takes": None if edge.takes is None else annotation_text(edge.takes),
        "guardrails": tuple(map(_rail, edge.guardrails)),
        "place": _place(edge.place),
    }
    return {name: value for name, value in told.items() if value not in (None, "", ())}


def _guard(guard: Guard | None) -> JsonObject | None:
    if guard is None:
        return None
    reads = None if guard.reads is None else sorted(guard.reads)
    return {"label": guard.label, "reads": reads, "uses_item": guard.uses_item}


def _rail(rail: Rail) -> list[Any]:
    return [rail.name, rail.on]


def _over(over: Over) -> JsonObject:
    item = {"type": annotation_text(over.item_type), "json": json_schema(over.item_type)}
    return {"label": over.label, "field": over.field, "item": item}


def _place(place: Place | None) -> list[Any] | None:
    return None if place is None else [place.file, place.line]
