"""What agents, people and functions that are not run may say, for an explorer: one answer per region (S4.4).

A field that a condition looks at gets one value between each two constants it is compared with; every other field one
valid value. ``agents=`` says otherwise for some nodes. What is not covered so is noted: then nothing is proved, it is
explored.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice, product
from math import gcd, prod
from typing import Annotated, Any, cast

from pydantic import BaseModel, ValidationError
from pydantic.fields import FieldInfo

from graphflow.core import reading
from graphflow.core.annotations import stripped
from graphflow.core.plan import Edge, Guard, Node, Plan
from graphflow.core.schema import FieldSpec, adapter
from graphflow.core.scopes import Scope
from graphflow.errors import GraphflowError, UpdateInvalid
from graphflow.errors.testing import NothingGenerated
from graphflow.graph.context import Handoff
from graphflow.graph.demands import Demand
from graphflow.graph.evaluation import Test, compiled
from graphflow.graph.representatives import domain_of
from graphflow.graph.shapes import Shape, fields_of, shape_of
from graphflow.graph.terms import Term, atoms, reads
from graphflow.testing.exploring.control import guards_of
from graphflow.testing.exploring.declared import declared_errors, demands_of
from graphflow.testing.exploring.given import Answers
from graphflow.testing.playing.play import Move, Option
from graphflow.testing.values.sampling import NoSample, filled, sample

MOST_ANSWERS = 64
MOST_COMBINED = 5_000


@dataclass(slots=True)
class Answering:
    """The moves that may be made at an option, but for functions that are run for real.

    ``given`` are the answers of ``agents=``, by node; ``looked`` the control fields, by plan, ``seen`` those of them that
    functions look at. ``notes`` says what was left out, each once.
    """

    plans: Sequence[Plan]
    given: Mapping[int, Answers] = field(default_factory=dict[int, Answers])
    claims: Sequence[Guard] = ()
    has_failures: bool = True
    looked: Mapping[int, frozenset[str]] = field(default_factory=dict[int, "frozenset[str]"])
    seen: Mapping[int, frozenset[str]] = field(default_factory=dict[int, "frozenset[str]"])
    notes: dict[str, None] = field(default_factory=dict[str, None])
    _demands: dict[int, Demand] = field(init=False, default_factory=dict[int, Demand])
    _known: dict[int, tuple[Any, ...]] = field(init=False, default_factory=dict[int, "tuple[Any, ...]"])
    _errors: dict[int, tuple[Exception, ...]] = field(init=False, default_factory=dict[int, "tuple[Exception, ...]"])

    def __post_init__(self) -> None:
        self._demands = demands_of(self.plans, self.claims)
        for plan in self.plans:
            if any(guard.expression is None for guard in guards_of(plan)):
                self.notes["a condition is a plain predicate that cannot be read"] = None

    def replies(self, option: Option, view: Callable[[], Any]) -> Iterator[Move]:
        """What a node that is not run for real, or a person, may say."""
        node, scope = option.node, option.scope
        if option.kind == "question":
            for value in self._values(scope, view):
                yield Move("answer", option.cursor, node.name, value)
            return
        must_hand_off = bool(node.handoffs) and not node.exits
        if not must_hand_off or id(node) in self.given:
            for value in self._values(scope, view):
                yield _said(option, value)
        if id(node) not in self.given:
            for edge in reading.offers(scope) if node.handoffs else ():
                yield from self._handoff(option, scope.plan, edge)

    def failures(self, option: Option, plan: Plan) -> Iterator[Move]:
        """Failures that somebody around the node has declared to deal with: retry, error edge, collecting join."""
        if self.has_failures and option.kind == "node":
            node = option.node
            if id(node) not in self._errors:
                self._errors[id(node)] = tuple(declared_errors(plan, node))
            for error in self._errors[id(node)]:
                yield Move("fail", option.cursor, node.name, error)

    # -- values ----------------------------------------------------------------------------------------------------

    def is_injected(self, move: Move) -> bool:
        """Whether a move is a failure of this module's making, and not the graph's own."""
        known = {_what(error) for errors in self._errors.values() for error in errors}
        return move.kind == "fail" and _what(move.value) in known

    def _values(self, scope: Scope, view: Callable[[], Any]) -> Sequence[Any]:
        node = scope.node
        given = self.given.get(id(node))
        if given is not None:
            return given(view()) if callable(given) else given
        known = self._known.get(id(node))
        if known is None:
            known = self._known[id(node)] = self._worked_out(scope.plan, node)
        return known

    def _worked_out(self, plan: Plan, node: Node) -> tuple[Any, ...]:
        writes = node.writes
        self._note_tools(plan, node)
        annotation = node.ask.answer if node.ask is not None else node.returns
        if writes.kind == "value":
            return tuple(self._of_field(plan, node, writes.fields[0], annotation, ()))
        if writes.kind == "tuple":
            values = [self._of_field(plan, node, name, Any, ()) for name in writes.fields]
            return self._combined(plan, node, writes.fields, values, tuple)
        names = written_names(plan, node, annotation)
        if names is None:
            return (self._anything(node, annotation),)
        infos: dict[str, FieldInfo] = annotation.model_fields if is_model(annotation) else {}
        parts = [
            self._of_field(plan, node, own, infos[name].annotation, infos[name].metadata)
            if name in infos
            else self._of_field(plan, node, own, Any, ())
            for name, own in names.items()
        ]
        make = cast("type[BaseModel]", annotation) if infos else None
        own = tuple(names.values())
        found = self._combined(plan, node, own, parts, lambda row: _result(make, dict(zip(names, row, strict=True))))
        kept = tuple(one for one in found if one is not _REFUSED)
        if not kept:
            raise self._nothing(node)
        return kept

    def _note_tools(self, plan: Plan, node: Node) -> None:
        """What an agent's tools write by ctx.update (S3.7) is not tried, and that is said where it matters."""
        facts: Any = getattr(node.work, "facts", None)
        if node.kind != "agent" or facts is None or not facts().tools:
            return
        returned = {*node.writes.fields, *(own for own, _ in node.writes.sources)}
        returned |= set(node.returns.model_fields) if is_model(node.returns) else set()
        may_write = node.writes.declared if node.writes.declared is not None else frozenset(plan.schema.fields)
        for name in sorted((may_write - returned) & self.looked.get(id(plan), frozenset())):
            self.notes[f"what tools of {node.name!r} may write to {name} was not tried"] = None

    def _anything(self, node: Node, annotation: Any) -> Any:
        """One answer of a node of which nothing more is known."""
        self.notes[f"{node.name!r} is tried with one answer: what becomes of it cannot be told"] = None
        if annotation is Any:
            return None
        try:
            return sample(annotation)
        except NoSample:
            raise self._nothing(node) from None

    def _combined(
        self,
        plan: Plan,
        node: Node,
        names: Sequence[str],
        parts: Sequence[Sequence[Any]],
        make: Callable[[Any], Any],
    ) -> tuple[Any, ...]:
        """Answers of several fields: all there are, or of too many those that conditions tell apart."""
        rows = list(islice(product(*parts), MOST_ANSWERS + 1))
        if len(rows) > MOST_ANSWERS:
            self.notes[
                f"{node.name!r} has more than {MOST_ANSWERS} different answers; those that conditions tell apart were tried"
            ] = None
            rows = self._telling(plan, names, parts)
        return tuple(make(row) for row in rows)

    def _telling(self, plan: Plan, names: Sequence[str], parts: Sequence[Sequence[Any]]) -> list[tuple[Any, ...]]:
        """One answer for each way in which the conditions can come out, then others, as many as are tried."""
        terms = [guard.expression for guard in (*guards_of(plan), *self.claims)]
        tests = [compiled(term) for term in terms if isinstance(term, Term) and reads(term) <= set(names)]
        first: dict[tuple[bool | None, ...], tuple[Any, ...]] = {}
        more: list[tuple[Any, ...]] = []
        for row in spread(parts, MOST_COMBINED):
            values = dict(zip(names, row, strict=True))
            if first.setdefault(tuple([_says(test, values) for test in tests]), row) is not row:
                more.append(row)
        return [*first.values(), *more][:MOST_ANSWERS]

    def _of_field(self, plan: Plan, node: Node, name: str, annotation: Any, metadata: Sequence[Any]) -> Sequence[Any]:
        """What goes to one field: a value per region of what conditions ask; a few where functions look; else one."""
        spec = plan.schema.fields.get(name)
        if spec is None:  # the run says so, in better words
            return (self._anything(node, annotation),)
        if annotation is Any:
            annotation, metadata = spec.change_type, spec.metadata if spec.reducer is None else ()
        shape = shape_of(annotation, metadata)
        if spec.reducer is None and not shape.is_known:
            shape = fields_of(plan.state)[name]
        demand, is_asked = self._demand(plan, spec, shape)
        domain = domain_of(shape, demand)
        first = _sample(annotation, metadata)
        tried = [*domain.values, *first] if is_asked else [*first, *domain.values]
        values = list(_accepted(plan, spec, shape, tried, _Takes(annotation, metadata, is_text_of_agent(node))))
        if is_asked and spec.reducer is None and self._is_for_conditions_only(plan, name):
            values = self._one_per_region(plan, name, values)
        if not values:
            raise self._nothing(node)
        if not is_asked:
            return values[: _FEW if name in self.looked.get(id(plan), ()) else 1]
        if spec.reducer is not None:
            self.notes[f"what is added to {name} is tried in a few ways only"] = None
        elif not domain.is_exact:
            self.notes[f"not every value of {name} that makes a difference is known"] = None
        return values[:MOST_ANSWERS]

    def _is_for_conditions_only(self, plan: Plan, name: str) -> bool:
        """Whether nothing but the plan's own conditions tells values of a field apart."""
        is_nested = len(self.plans) > 1  # another graph may know it by another name
        is_mapped = any(edge.over is not None and edge.over.field in (name, None) for edge in plan.edges)
        return not (is_nested or is_mapped or name in self.seen.get(id(plan), ()))

    def _one_per_region(self, plan: Plan, name: str, values: Sequence[Any]) -> list[Any]:
        return one_per_region([*guards_of(plan), *self.claims], name, values)

    def _demand(self, plan: Plan, spec: FieldSpec, shape: Shape) -> tuple[Demand, bool]:
        """What is asked of what a node gives for a field, and whether conditions ask it."""
        known = self._demands[id(plan)].below.get(spec.name)
        is_container = any(kind.is_sized and not kind.choices for kind in shape.kinds)
        if known is None:
            looked = spec.name in self.looked.get(id(plan), ())
            return Demand(sizes=[0, 1] if looked and is_container else []), False
        if spec.reducer is None:
            return known, True
        added = Demand(sizes=[0, 1] if is_container else [])
        added.members.extend(known.members)
        if not is_container:
            added.constants.extend([*known.members, *known.constants])
        return added, True

    def _handoff(self, option: Option, plan: Plan, edge: Edge) -> Iterator[Move]:
        target: str = plan.nodes[edge.target].name
        if edge.takes is None:
            yield Move("handoff", option.cursor, option.node.name, target)
            return
        try:
            data = sample(edge.takes)
        except NoSample:
            raise self._nothing(option.node) from None
        self.notes[f"the data of a handoff to {target!r} are tried with one value"] = None
        yield Move("handoff", option.cursor, option.node.name, Handoff(target, None, data))

    def _nothing(self, node: Node) -> NothingGenerated:
        return NothingGenerated(
            f"No answer of {node.name!r} could be made up",
            why="What it returns has validators, or types, that refuse every simple value.",
            fix=f"Say what it may answer: explore(graph, agents={{{node.name!r}: [...]}}).",
            where=() if node.place is None else (node.place,),
        )


def one_per_region(guards: Iterable[Guard], name: str, values: Sequence[Any]) -> list[Any]:
    """The first of the values of a field about which all conditions say the same; all, where one cannot be read."""
    terms = [guard.expression for guard in guards]
    parts = {atom for term in terms if isinstance(term, Term) for atom in atoms(term) if name in reads(atom)}
    if any(term is None for term in terms) or any(reads(atom) != frozenset((name,)) for atom in parts):
        return list(values)
    tests = [compiled(atom) for atom in parts]
    kept: dict[tuple[bool | None, ...], Any] = {}
    for value in values:
        kept.setdefault(tuple([_says(test, {name: value}) for test in tests]), value)
    return list(kept.values())


def spread(parts: Sequence[Sequence[Any]], most: int) -> Iterator[tuple[Any, ...]]:
    """Combinations of one value from each part, the first ones first; of very many some from everywhere.

    >>> list(spread([[1, 2], "ab"], 10))
    [(1, 'a'), (2, 'a'), (1, 'b'), (2, 'b')]
    """
    total = prod(map(len, parts))
    stride = 1
    if total > most:
        stride = int(total * 0.618)
        while gcd(stride, total) > 1:
            stride += 1
    for number in range(min(total, most)):
        left, row = number * stride % total, list[Any]()
        for part in parts:
            left, index = divmod(left, len(part))
            row.append(part[index])
        yield tuple(row)


def _says(test: Test, values: dict[str, Any]) -> bool | None:
    try:
        return bool(test(values, ()))
    except Exception:  # a condition that raises is a way to answer, too
        return None


_REFUSED = object()
_FEW = 3


def _what(error: Exception) -> tuple[type[Exception], str]:
    return type(error), error.what if isinstance(error, GraphflowError) else str(error)


def _said(option: Option, value: Any) -> Move:
    """An answer of ``agents=``: an exception is a failure, a Handoff a handoff, all else a reply."""
    if isinstance(value, Exception):
        return Move("fail", option.cursor, option.node.name, value)
    return Move("handoff" if isinstance(value, Handoff) else "reply", option.cursor, option.node.name, value)


def _result(model: type[BaseModel] | None, values: dict[str, Any]) -> Any:
    """An instance of what the node returns, or a dict where that is no model; _REFUSED by its validators."""
    if model is None:
        return values
    try:
        rest = {
            name: sample(info.annotation, info.metadata)
            for name, info in model.model_fields.items()
            if info.is_required() and name not in values
        }
        return model.model_validate({**rest, **values}, by_alias=False, by_name=True)
    except (ValidationError, NoSample):
        return _REFUSED


def _sample(annotation: Any, metadata: Sequence[Any]) -> list[Any]:
    try:
        return [sample(annotation, metadata)]
    except NoSample:
        return []


class _Takes:
    """Whether a value is one that a node may return at this place."""

    def __init__(self, annotation: Any, metadata: Sequence[Any], is_said: bool) -> None:
        self.is_said = is_said
        for mark in metadata:
            annotation = Annotated[annotation, mark]
        self.adapter = adapter(annotation)

    def __call__(self, value: Any) -> bool:
        if self.is_said and isinstance(value, str) and not value.strip():
            return False
        try:
            self.adapter.validate_python(value)
        except ValidationError:
            return False
        return True


def _accepted(
    plan: Plan, spec: FieldSpec, shape: Shape, tried: Iterable[Any], takes: Callable[[Any], bool]
) -> Iterator[Any]:
    """The values that the state takes, each once, with real ones in the place of stand-ins."""
    seen: list[Any] = []
    for value in tried:
        try:
            made = filled(value, shape)
            plan.schema.update({spec.name: made})
        except (NoSample, UpdateInvalid):
            continue
        if takes(made) and not any(type(made) is type(other) and made == other for other in seen):
            seen.append(made)
            yield made


def is_text_of_agent(node: Node) -> bool:
    """Whether a node says plain text, which is never empty: a model that says nothing is asked again."""
    return node.kind == "agent" and stripped(node.returns) is str


def is_model(annotation: Any) -> bool:
    """Whether what a node returns has fields of its own."""
    return isinstance(annotation, type) and issubclass(annotation, BaseModel)


def written_names(plan: Plan, node: Node, annotation: Any) -> Mapping[str, str] | None:
    """The fields of the result that are written -> those of the state; None where that is not known."""
    writes = node.writes
    if writes.kind == "mapped":
        named = {source: own for own, source in writes.sources if isinstance(source, str)}
        return named if len(named) == len(writes.sources) else None
    if is_model(annotation):
        return {name: name for name in annotation.model_fields if name in plan.schema.fields}
    if writes.declared is not None:
        return {name: name for name in sorted(writes.declared)}
    return None
