"""A plan's fingerprint: names, edges, conditions, policies and the state's schema, but not the code of functions (S1.3)."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from dataclasses import asdict
from typing import Any, cast

from pydantic import BaseModel
from pydantic.errors import PydanticInvalidForJsonSchema, PydanticUserError
from pydantic.json_schema import GenerateJsonSchema, JsonSchemaWarningKind

from graphflow.core.plan import Edge, Guard, Node, Plan, Rail, Retry, Writes
from graphflow.graph.shapes import annotation_text
from graphflow.graph.signatures import name_of


class QuietSchema(GenerateJsonSchema):
    """Defaults that JSON cannot hold, a secret's among them, are left out without a warning: the user can do nothing."""

    ignored_warning_kinds: set[JsonSchemaWarningKind] = {"skipped-choice", "non-serializable-default"}


def fingerprint_of(plans: Iterable[Plan]) -> str:
    """The sha256, in hex, of a plan and all plans in it; the same in every process."""
    described = [_described(plan) for plan in plans]
    return hashlib.sha256(json.dumps(described, sort_keys=True).encode()).hexdigest()


def _described(plan: Plan) -> dict[str, Any]:
    names = [node.name for node in plan.nodes]
    shared: dict[int, int] = {}  # Limit object -> number, in the order met
    return {
        "name": plan.name,
        "state": _state(plan),
        "nodes": [_node(node) for node in plan.nodes],
        "edges": [_edge(edge, names, shared) for edge in plan.edges],
        "limits": asdict(plan.limits),
        "on_budget": None if plan.on_budget is None else names[plan.on_budget],
    }


def _node(node: Node) -> list[Any]:
    graph = node.graph
    return [
        node.name,
        node.kind,
        list(node.arguments),
        _sorted(node.reads),
        _writes(node.writes),
        _retry(node.retry),
        node.timeout_s,
        node.at_once,
        node.mode == "blocking",
        None if node.ask is None else [node.ask.template, annotation_text(node.ask.answer)],
        None if graph is None else [graph.name, graph.inward, graph.outward],
        *_rails(node.guardrails),
    ]


def _edge(edge: Edge, names: list[str], shared: dict[int, int]) -> list[Any]:
    limit = None
    if edge.limit is not None:
        limit = [shared.setdefault(id(edge.limit), len(shared)), edge.limit.at_most, edge.limit.name]
    return [
        edge.kind,
        names[edge.source],
        [names[target] for target in edge.targets],
        _label(edge.guard),
        [_label(guard) for guard in edge.branch_guards],
        [edge.at_most, limit, edge.unbounded],
        None if edge.over is None else [edge.over.label, annotation_text(edge.over.item_type)],
        None if edge.join is None else names[edge.join],
        [edge.need.kind, str(edge.need), edge.failures, edge.at_once, edge.shared],
        [f"{error.__module__}.{error.__qualname__}" for error in edge.errors],
        edge.after_s,
        edge.description if edge.kind == "handoff" else "",
        None if edge.takes is None else annotation_text(edge.takes),
        None if edge.takes_writes is None else _writes(edge.takes_writes),
        *_rails(edge.guardrails),
    ]


def _rails(guardrails: tuple[Rail, ...]) -> list[Any]:
    """Names and moments of guardrails. Nothing without any: plans of earlier versions had none, and stay equal."""
    return [[[rail.name, rail.on] for rail in guardrails]] if guardrails else []


def _label(guard: Guard | None) -> str | None:
    return None if guard is None else guard.label


def _retry(retry: Retry | None) -> Any:
    if retry is None:
        return None
    classes = retry.on if isinstance(retry.on, tuple) else (retry.on,)
    numbers = [retry.attempts, retry.first_s, retry.factor, retry.max_s, retry.jitter]
    return [*numbers, *(f"{one.__module__}.{one.__qualname__}" for one in classes)]


def _writes(writes: Writes) -> list[Any]:
    sources = [
        [name, source if isinstance(source, str) else name_of(source) or "a function"]
        for name, source in writes.sources
    ]
    return [writes.kind, list(writes.fields), sources, _sorted(writes.declared)]


def _sorted(names: frozenset[str] | None) -> list[str] | None:
    return None if names is None else sorted(names)


def _state(plan: Plan) -> dict[str, Any]:
    """The state's schema: as pydantic describes it, with the reducers, which it does not know."""
    return {
        "class": plan.state.__name__,
        "fields": {
            name: [
                annotation_text(spec.annotation),
                None if spec.reducer is None else spec.reducer.name,
                spec.is_local,
                spec.required,
            ]
            for name, spec in plan.schema.fields.items()
        },
        "json": _json_schema(plan.state),
    }


def _json_schema(state: type[BaseModel]) -> Any:
    try:
        return without_texts(state.model_json_schema(schema_generator=QuietSchema))
    except (PydanticInvalidForJsonSchema, PydanticUserError):
        return None  # a type of the user's own with no schema to show; its name stands above


def without_texts(schema: Any) -> Any:
    """Titles and descriptions change nothing of what is valid."""
    if isinstance(schema, dict):
        found = cast("dict[str, Any]", schema)
        return {
            key: without_texts(value)
            for key, value in found.items()
            if not (key in ("title", "description") and isinstance(value, str))
        }
    if isinstance(schema, list):
        return list(map(without_texts, cast("Iterable[Any]", schema)))
    return schema
