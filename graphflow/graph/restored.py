"""A stored plan again: what a journal is folded under that was made with a plan of before (S15.2, S16).

A journal is folded under the plan it was made with, so a run can be replayed, drawn and moved to a changed graph in a
process that has only the new one, or none. A type is taken from the plan at hand where that still says the same of the
field; else its values stay the JSON they are. A restored plan folds and draws; nothing can be started under it.
"""

from __future__ import annotations

import builtins
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Annotated, Any, cast

from pydantic import Field, create_model

import graphflow.errors
from graphflow.core import reducers
from graphflow.core.plan import Ask, Edge, Guard, Limit, Limits, Need, Node, Over, Plan, Rail, Retry, SubGraph, Writes
from graphflow.core.schema import FieldSpec, Schema
from graphflow.errors import Internal, Place, StoreInvalid
from graphflow.graph.shapes import annotation_text
from graphflow.graph.stored import FORMAT, JsonObject, Unknown, json_schema, plans_in


def plan_of(data: Mapping[str, Any], like: Plan | None = None) -> Plan:
    """The plan that ``data_of`` told of. ``like`` is the graph as it is now: types that are still the same come from it.

    Raises StoreInvalid for data of another format.
    """
    if data.get("format") != FORMAT:
        raise StoreInvalid(
            f"A stored plan has format {data.get('format')!r}",
            why=f"This version of graphflow reads format {FORMAT}.",
            fix="Open the store with the version that wrote it, or a newer one.",
        )
    described: list[JsonObject] = data["plans"]
    made: dict[int, Plan] = {}
    for number, found in _paired(described, like).items():
        made[number] = _Restoring(described[number], found, made).plan()
    return made[0]


def is_exact(plan: Plan) -> bool:
    """Whether a plan folds a journal to just what the run had. One that was restored may lack types and reducers."""
    specs = (spec for one in plans_in(plan) for spec in one.schema.fields.values())
    return all(
        _is_known(spec.annotation) and (spec.reducer is None or spec.reducer.fold is not _shown_last) for spec in specs
    )


def _is_known(annotation: Any) -> bool:
    return not (isinstance(annotation, type) and issubclass(annotation, Unknown))


def _paired(described: list[JsonObject], like: Plan | None) -> dict[int, Plan | None]:
    """For each stored plan, by its number, the plan of now that stands in its place: of nodes with the same name."""
    found: dict[int, Plan | None] = {0: like}
    stack = [0]
    while stack:
        number = stack.pop()
        now = found[number]
        graphs = {} if now is None else {node.name: node.graph for node in now.nodes if node.graph is not None}
        for node in described[number]["nodes"]:
            inner: int | None = node["graph"][0] if "graph" in node else None
            if inner is not None and inner not in found:
                twin = graphs.get(node["name"])
                found[inner] = None if twin is None else twin.plan()
                stack.append(inner)
    return found


@dataclass(slots=True)
class _Restoring:
    """One plan on its way back."""

    data: JsonObject
    like: Plan | None
    made: dict[int, Plan]

    def plan(self) -> Plan:
        data = self.data
        limits: dict[int, Limit] = {}
        edges = tuple(self._edge(index, one, limits) for index, one in enumerate(data["edges"]))
        nodes = tuple(self._with_edges(self._node(index, one), edges) for index, one in enumerate(data["nodes"]))
        schema = Schema(self._state())
        known = {name: value for name, value in data["limits"].items() if name in Limits.__dataclass_fields__}
        return Plan(
            name=data["name"],
            state=schema.state,
            schema=schema,
            nodes=nodes,
            edges=edges,
            limits=Limits(**known),
            on_budget=data["on_budget"],
            fingerprint=data["fingerprint"],
            purpose=data["purpose"],
            regions={index: frozenset(members) for index, members in data["regions"]},
            place=_as_place(data["place"]),
        )

    def _state(self) -> Any:
        given: dict[str, Any] = {name: self._field(name, told) for name, told in self.data["fields"].items()}
        return create_model(self.data["state"], **given)

    def _field(self, name: str, told: JsonObject) -> tuple[Any, Any]:
        now = None if self.like is None else self.like.schema.fields.get(name)
        is_same = now is not None and _says(now.annotation, told)
        annotation: Any = now.annotation if now is not None and is_same else _unknown_type(told["type"], told["json"])
        marks: list[Any] = [reducers.local] if told["is_local"] else []
        if told["reducer"] is not None:
            marks.append(_reducer(told["reducer"], now if is_same else None))
        default = Field() if told["required"] else Field(default=None)
        return (Annotated[(annotation, *marks)] if marks else annotation), default

    def _node(self, index: int, told: JsonObject) -> Node:
        twin = None if self.like is None else _named(self.like, told["name"])
        ask = None
        if "ask" in told:
            current = None if twin is None or twin.ask is None else twin.ask.answer
            is_same = current is not None and annotation_text(current) == told["ask"][1]
            ask = Ask(_cannot, current if is_same else _unknown_type(told["ask"][1]), told["ask"][0])
        return Node(
            index,
            told["name"],
            told["kind"],
            mode=told["mode"],
            arguments=tuple(told.get("arguments", ())),
            reads=_as_names(told.get("reads")),
            writes=_as_writes(told["writes"]),
            retry=_as_retry(told["retry"]) if "retry" in told else None,
            timeout_s=told.get("timeout_s"),
            at_once=told.get("at_once"),
            ask=ask,
            graph=self._graph(told["graph"]) if "graph" in told else None,
            reason=told.get("reason", ""),
            purpose=told.get("purpose", ""),
            badges=tuple(told.get("badges", ())),
            role=told.get("role", ""),
            region=told.get("region"),
            guardrails=_as_rails(told),
            place=_as_place(told.get("place")),
        )

    def _graph(self, told: list[Any]) -> SubGraph:
        number, name, inward, outward = told
        return SubGraph(lambda: self.made[number], name, _as_pairs(inward), _as_pairs(outward))

    def _edge(self, index: int, told: JsonObject, limits: dict[int, Limit]) -> Edge:
        limit = None
        if "limit" in told:
            number, most, name = told["limit"]
            limit = limits.setdefault(number, Limit(most, name))
        kind, count, within_s, guard = told["need"]
        return Edge(
            index,
            told["kind"],
            told["source"],
            tuple(told["targets"]),
            guard=_as_guard(told.get("guard")),
            branch_guards=tuple(map(_as_guard, told.get("branch_guards", ()))),
            at_most=told.get("at_most"),
            limit=limit,
            unbounded=told.get("unbounded", False),
            over=self._over(told["over"]) if "over" in told else None,
            join=told.get("join"),
            need=Need(kind, count, within_s, _as_guard(guard)),
            failures=told["failures"],
            at_once=told.get("at_once"),
            shared=told.get("shared", False),
            errors=tuple(map(_as_error, told.get("errors", ()))),
            after_s=told.get("after_s"),
            description=told.get("description", ""),
            takes=_unknown_type(told["takes"]) if "takes" in told else None,
            guardrails=_as_rails(told),
            place=_as_place(told.get("place")),
        )

    def _over(self, told: JsonObject) -> Over:
        overs = () if self.like is None else (edge.over for edge in self.like.edges if edge.over is not None)
        types = (
            over.item_type for over in overs if over.label == told["label"] and _says(over.item_type, told["item"])
        )
        return Over(
            _cannot,
            next(types, _unknown_type(told["item"]["type"], told["item"]["json"])),
            told["label"],
            told["field"],
        )

    def _with_edges(self, node: Node, edges: Iterable[Edge]) -> Node:
        own = [edge for edge in edges if edge.source == node.index]
        of: Callable[[str], tuple[Edge, ...]] = lambda kind: tuple(edge for edge in own if edge.kind == kind)  # noqa: E731
        exits = tuple(edge for edge in own if edge.kind in ("edge", "fork", "map"))
        return replace(node, exits=exits, handoffs=of("handoff"), error_edges=of("error"), timer_edges=of("timer"))


def _says(annotation: Any, told: JsonObject) -> bool:
    """Whether a type of now is what was stored, as far as JSON can tell."""
    return bool(annotation_text(annotation) == told["type"] and json_schema(annotation) == told["json"])


def _reducer(name: str, now: FieldSpec | None) -> reducers.Reducer:
    """The reducer of a name. A function of the user's that is gone cannot be told: the last change is shown."""
    if now is not None and now.reducer is not None and now.reducer.name == name:
        return now.reducer
    ours = getattr(reducers, name, None)
    gone = replace(reducers.keep_last, name=name, fold=_shown_last)
    found = ours if isinstance(ours, reducers.Reducer) else gone
    if now is not None:
        return found
    fold = _unite if found is reducers.union else found.fold
    return replace(found, name=name, fold=fold, takes=_anything, absorb=None, absorb_all=None)


def _shown_last(old: Any, change: Any) -> Any:
    return change


def _anything(annotation: object) -> Any:
    return Any


def _unite(old: Iterable[Any], change: Iterable[Any]) -> list[Any]:
    """What ``union`` does to sets, on the lists that JSON has for them."""
    members = list(old)
    return members + [member for member in change if member not in members]


def _named(plan: Plan, name: str) -> Node | None:
    return next((node for node in plan.nodes if node.name == name), None)


def _unknown_type(text: str, told: Any = None) -> Any:
    native = {
        "str": str,
        "int": int,
        "float": float,
        "bool": bool,
        "list[str]": list[str],
        "dict[str, str]": dict[str, str],
    }
    return native.get(text) or type(text, (Unknown,), {"told": told})


def _as_error(name: str) -> type[BaseException]:
    found = getattr(builtins, name, None) or getattr(graphflow.errors, name, None)
    is_error = isinstance(found, type) and issubclass(found, BaseException)
    return cast("type[BaseException]", found if is_error else type(name, (Exception,), {}))


def _as_retry(told: JsonObject) -> Retry:
    attempts, first_s, factor, max_s, jitter = told["numbers"]
    return Retry(attempts, first_s, factor, max_s, jitter, tuple(map(_as_error, told["on"])))


def _as_guard(told: JsonObject | None) -> Guard | None:
    return (
        None if told is None else Guard(_cannot, told["label"], _as_names(told["reads"]), uses_item=told["uses_item"])
    )


def _as_rails(told: JsonObject) -> tuple[Rail, ...]:
    return tuple(Rail(name, on, _cannot) for name, on in told.get("guardrails", ()))


def _as_writes(told: JsonObject) -> Writes:
    return Writes(told["kind"], tuple(told["fields"]), declared=_as_names(told["declared"]))


def _as_names(names: Iterable[str] | None) -> frozenset[str] | None:
    return None if names is None else frozenset(names)


def _as_pairs(pairs: Iterable[Iterable[str]] | None) -> tuple[tuple[str, str], ...] | None:
    return None if pairs is None else tuple((inner, outer) for inner, outer in pairs)


def _as_place(place: list[Any] | None) -> Place | None:
    return None if place is None else Place(place[0], place[1])


def _cannot(*_: object) -> Any:
    raise Internal("A stored plan was asked to decide: it holds no functions, and only folds what was decided (S15.2).")
