"""What nodes answer in a test: ``agents={review: says(Review, score=st.integers(0, 10))}``, else anything they may.

A function node is called for real. An agent answers any valid value of its output type, or hands off along any enabled
edge; a question is answered by any valid answer.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from types import UnionType
from typing import Any, Protocol, get_origin

from pydantic import BaseModel, ValidationError

from graphflow.core import reading
from graphflow.core.annotations import stripped
from graphflow.core.plan import Edge, Guard, Node, Plan, Writes
from graphflow.core.schema import adapter
from graphflow.core.scopes import Scope
from graphflow.errors import Place, shown, unknown_name
from graphflow.errors.testing import AnswersInvalid
from graphflow.graph.context import Handoff
from graphflow.graph.demands import Demand
from graphflow.graph.places import caller
from graphflow.graph.shapes import annotation_text, fields_of
from graphflow.testing.exploring.control import Control, watched
from graphflow.testing.exploring.given import nodes_named
from graphflow.testing.exploring.looking import Looks, looks_of
from graphflow.testing.playing.performing import call_with
from graphflow.testing.playing.play import Move, Play
from graphflow.testing.values.choices import Choices
from graphflow.testing.values.chosen import Constant, FromStrategy, Maker, Model, Together, Values, is_strategy
from graphflow.testing.values.inputs import fields_said, inputs_of, names_in
from graphflow.testing.values.pools import pool_of

Agents = Mapping[Any, Any]
"""Node, agent or name -> what it says."""

Answer = tuple[Move, list[str]]
"""The move, and the fields whose value the node altered in its view."""


class Says:
    """What a node answers; made by ``says``."""

    def __init__(self, what: Any, parts: Mapping[str, Any], place: Place) -> None:
        self.what = what
        self.parts = parts
        self.place = place

    def __repr__(self) -> str:
        return f"says({shown(self.what)})"


def says(what: Any, /, **parts: Any) -> Says:
    """What a node answers in a test: a model with some fields said, a type, a strategy, a value, a handoff, an error.

    - ``says(Review, score=st.integers(0, 10))``: any valid Review whose score is that; a part may be a value, too.
    - ``says(st.sampled_from(["yes", "no"]))``, ``says("fact")``, ``says(Handoff(billing))``.
    - ``says(ConnectionError("down"))`` raises it; ``says(Review | None)`` any value of that type.

    Raises AnswersInvalid for a part that the model does not have.
    """
    place = caller()
    if parts:
        model = _model(what)
        if model is None:
            raise AnswersInvalid(
                f"says({shown(what)}, ...) was given parts, but is no model",
                why="Parts are fields of a pydantic model.",
                fix="Write says(Review, score=st.integers(0, 10)), or says(value) alone.",
                where=(place,),
            )
        for name in parts:
            if name not in model.model_fields:
                raise AnswersInvalid(
                    f"says({model.__name__}, {name}=...): {model.__name__} has no field {name!r}",
                    why=f"Its fields are {', '.join(model.model_fields)}.",
                    fix=unknown_name(name, model.model_fields),
                    where=(place,),
                )
    return Says(what, parts, place)


class Speaker(Protocol):
    """Answers for one node."""

    def answer(self, data: Choices, play: Play, scope: Scope) -> Answer: ...


@dataclass(slots=True, eq=False)
class Real:
    """A function node, called for real."""

    def answer(self, data: Choices, play: Play, scope: Scope) -> Answer:
        return call_with(play, scope, scope.node.call)


@dataclass(slots=True, eq=False)
class Scripted:
    """A function of the state in the place of the node. It may look at all of it, whatever the node declares."""

    function: Callable[..., Any]

    def answer(self, data: Choices, play: Play, scope: Scope) -> Answer:
        try:
            result = self.function(scope.plan.schema.snapshot(scope.read()))
        except Exception as error:
            return Move("fail", scope.path, scope.node.name, error), []
        if isinstance(result, Says):
            result = _values_of(result, _maker(scope.plan, ())).draw(data)
        elif is_strategy(result):
            result = data.draw(result)
        return move_of(scope, result), []


@dataclass(slots=True, eq=False)
class Spoken:
    """Values that were said."""

    values: Values
    check: Callable[[Any], Any]

    def answer(self, data: Choices, play: Play, scope: Scope) -> Answer:
        return move_of(scope, self.check(self.values.draw(data))), []


@dataclass(slots=True, eq=False)
class Anything:
    """An agent: any valid output, or any handoff that is enabled now (S9.1)."""

    node: Node
    output: Values | None
    data: Mapping[int, Values]  # of handoffs that take some, by edge
    tools: Mapping[str, Values]  # fields that its tools may write (S3.7)

    def answer(self, data: Choices, play: Play, scope: Scope) -> Answer:
        offers = reading.offers(scope) if self.node.handoffs else []
        first = 0 if self.output is None else 1
        number = first + len(offers)
        chosen = data.draw_integer(0, number - 1) if number > 1 else 0
        pending: tuple[dict[str, Any], ...] = ()
        if self.tools and data.draw_boolean(0.5):
            pending = tuple({name: values.draw(data)} for name, values in self.tools.items())
        if chosen < first or not offers:
            value = None if self.output is None else self.output.draw(data)
            return Move("reply", scope.path, self.node.name, value, pending), []
        edge = offers[chosen - first]
        carried = self.data[edge.index].draw(data) if edge.index in self.data else None
        handoff = Handoff(scope.plan.nodes[edge.target].name, None, carried)
        return Move("handoff", scope.path, self.node.name, handoff, pending), []


def move_of(scope: Scope, value: Any) -> Move:
    """What a node said, as a move: an exception is raised, a handoff taken, anything else returned."""
    if isinstance(value, Exception):
        return Move("fail", scope.path, scope.node.name, value)
    return Move("handoff" if isinstance(value, Handoff) else "reply", scope.path, scope.node.name, value)


class Cast:
    """Who answers at which node, over a plan and all graphs inside it. Raises AnswersInvalid."""

    def __init__(self, plan: Plan, agents: Agents | None, claims: tuple[Guard, ...] = ()) -> None:
        self.plans = all_plans(plan)
        self._makers = {id(one): _maker(one, claims if one is plan else ()) for one in self.plans}
        self._speakers: dict[int, Speaker] = {}
        self._questions: dict[int, Values] = {}
        self.notes: dict[Any, Any] = {}  # what laws have worked out of the plans
        for key, said in (agents or {}).items():
            named = nodes_named(self.plans, key)
            for inner in self.plans:
                for node in inner.nodes:
                    if any(node is one for one in named):
                        self._speakers[id(node)] = _speaker(said, inner, node, self._makers[id(inner)])

    def answer(self, data: Choices, play: Play, scope: Scope) -> Answer:
        """What a running node comes to."""
        speaker = self._speakers.get(id(scope.node))
        if speaker is None:
            speaker = self._speakers[id(scope.node)] = self._default(scope.plan, scope.node)
        return speaker.answer(data, play, scope)

    def reply(self, data: Choices, scope: Scope) -> Move:
        """What a person answers."""
        values = self._questions.get(id(scope.node))
        if values is None:
            said = self._speakers.get(id(scope.node))
            if isinstance(said, Spoken):
                values = said.values
            else:
                assert scope.node.ask is not None
                values = _output(scope.node, scope.node.ask.answer, scope.plan, self._makers[id(scope.plan)])
            self._questions[id(scope.node)] = values
        return Move("answer", scope.path, scope.node.name, values.draw(data))

    def maker(self, plan: Plan) -> Maker:
        """What makes values for a plan."""
        return self._makers[id(plan)]

    def is_called(self, node: Node) -> bool:
        """Whether a node is a function that is called for real."""
        return node.kind == "function" and not isinstance(self._speakers.get(id(node)), Scripted | Spoken)

    def looked_at(self, claims: Iterable[Guard] = ()) -> frozenset[str]:
        """The fields of the outermost state that a condition, a map, a function or a claim looks at."""
        looks: dict[int, Looks] = {}
        for plan in self.plans:
            for node in plan.nodes:
                said = self._speakers.get(id(node))
                if isinstance(said, Scripted):
                    looks[id(node)] = looks_of(said.function, ("state",))
                elif self.is_called(node) and node.call is not None:
                    looks[id(node)] = looks_of(node.work, node.arguments)
        control = Control(self.plans, looks, watched(self.plans[0], claims))
        return control.fields[id(self.plans[0])]

    def inputs(self) -> tuple[str, ...]:
        """The fields of the outermost state that no node writes, nor what is said in its place."""
        said: dict[int, frozenset[str] | None] = {}
        for place, one in self._speakers.items():
            if isinstance(one, Scripted):
                said[place] = names_in(one.function)
            elif isinstance(one, Spoken):
                said[place] = fields_said(one.values.value) if isinstance(one.values, Constant) else None
        return inputs_of(self.plans[0], said)

    def barren(self) -> Iterator[str]:
        """The strategies of ``agents=`` that were asked and never gave a value, as a message names them."""
        for plan in self.plans:
            for node in plan.nodes:
                said = self._speakers.get(id(node))
                values = said.values if isinstance(said, Spoken) else None
                parts = [values, *(values.fields.values() if isinstance(values, Model) else ())]
                for one in parts:
                    if isinstance(one, FromStrategy) and one.asked and not one.gave:
                        yield f"{node.name!r} in agents=: {one.strategy!r}"

    def _default(self, plan: Plan, node: Node) -> Speaker:
        if node.kind == "function":
            return Real()
        maker = self._makers[id(plan)]
        output = None if node.handoffs and not node.exits else _output(node, node.returns, plan, maker)
        carried = {edge.index: _carried(edge, plan, maker) for edge in node.handoffs if edge.takes is not None}
        return Anything(node, output, carried, _tool_fields(node, plan, maker))


def all_plans(plan: Plan) -> list[Plan]:
    """A plan and those of all graphs inside it, each once."""
    found = [plan]
    for one in found:
        for node in one.nodes:
            if node.graph is not None and not any(node.graph.plan() is known for known in found):
                found.append(node.graph.plan())
    return found


def _maker(plan: Plan, claims: tuple[Guard, ...]) -> Maker:
    return Maker(pool_of(plan, claims))


def _speaker(said: Any, plan: Plan, node: Node, maker: Maker) -> Speaker:
    if isinstance(said, Says):
        return Spoken(_values_of(said, maker), _checked(plan, node, said.place))
    if is_strategy(said):
        return Spoken(FromStrategy(said), _checked(plan, node, None))
    if callable(said) and not isinstance(said, type):
        return Scripted(said)
    checked = _checked(plan, node, None)
    if isinstance(said, type):
        return Spoken(maker.of(said), checked)
    return Spoken(Constant(said), checked)


def _values_of(said: Says, maker: Maker) -> Values:
    what: Any = said.what
    if is_strategy(what):
        return FromStrategy(what)
    model = _model(what)
    if model is not None:
        made = maker.of_model(model, maker.pool.fields)
        made.fields = {**made.fields, **{name: _part(part) for name, part in said.parts.items()}}
        return made
    error = _error_class(what)
    if error is not None:
        return Constant(error(f"said by a test: {error.__name__}"))
    is_annotation = isinstance(what, type | UnionType) or get_origin(what) is not None
    return maker.of(what) if is_annotation else Constant(what)


def _error_class(what: Any) -> type[Exception] | None:
    return what if isinstance(what, type) and issubclass(what, Exception) else None


def _part(part: Any) -> Values:
    return FromStrategy(part) if is_strategy(part) else Constant(part)


def _checked(plan: Plan, node: Node, place: Place | None) -> Callable[[Any], Any]:
    """What is said is what the node returns: an agent gives nothing else on (S3.3)."""
    if stripped(node.returns) is Any or node.kind == "function":
        return lambda value: value
    accepts = adapter(node.returns)

    def check(value: Any) -> Any:
        if isinstance(value, Exception | Handoff):
            return value
        try:
            return accepts.validate_python(value)
        except ValidationError as error:
            raise AnswersInvalid(
                f"{node.name!r} is said to answer {shown(value)}, which is no {annotation_text(node.returns)}",
                why=f"{error.errors(include_url=False)[0]['msg']}. An agent gives nothing on that is not valid. (S3.3)",
                fix=f"Let it say a value of its output type: says({annotation_text(node.returns)}, ...).",
                where=tuple(one for one in (place, node.place) if one is not None),
            ) from None

    return check


def _output(node: Node, annotation: Any, plan: Plan, maker: Maker) -> Values:
    """Any valid output of a node, around what its fields are compared with once they are in the state."""
    writes, fields = node.writes, plan.schema.fields
    model = _model(annotation)
    if writes.kind == "value" and writes.fields[0] in fields:
        return _any_of(annotation, node, maker, maker.pool.demand(writes.fields[0]))
    if writes.kind == "fields" and model is not None:
        return maker.of_model(model, maker.pool.fields)
    if writes.kind == "mapped" and model is not None:
        named = {source: name for name, source in writes.sources if isinstance(source, str)}
        return maker.of_model(model, {source: maker.pool.demand(name) for source, name in named.items()})
    if writes.kind == "tuple":
        specs = [fields[name] for name in writes.fields]
        return Together([maker.of(spec.change_type, (), maker.pool.demand(spec.name)) for spec in specs], tuple)
    if annotation is None or annotation is type(None):
        return Constant(None)
    return _any_of(annotation, node, maker)


def _any_of(annotation: Any, node: Node, maker: Maker, demand: Demand | None = None) -> Values:
    return maker.of_spoken(annotation, demand) if node.kind == "agent" else maker.of(annotation, (), demand)


def _model(annotation: Any) -> type[BaseModel] | None:
    found = stripped(annotation)
    return found if isinstance(found, type) and issubclass(found, BaseModel) else None


def _carried(edge: Edge, plan: Plan, maker: Maker) -> Values:
    writes = edge.takes_writes or Writes()
    if writes.kind == "value" and writes.fields:
        return maker.of(edge.takes, (), maker.pool.demand(writes.fields[0]))
    return maker.of(edge.takes)


def _tool_fields(node: Node, plan: Plan, maker: Maker) -> dict[str, Values]:
    """The fields that an agent's tools write by ``ctx.update``: declared, and not part of what it returns (S3.7)."""
    writes = node.writes
    if writes.declared is None:
        return {}
    returned = set(writes.fields) | {name for name, _ in writes.sources}
    model = _model(node.returns)
    if writes.kind == "fields" and model is not None:
        returned |= set(fields_of(model))
    facts: Any = getattr(node.work, "facts", None)
    returned |= {name for name, _ in facts().extends} if facts is not None else set()
    left = writes.declared - returned
    specs = plan.schema.fields
    return {name: maker.of(specs[name].change_type, (), maker.pool.demand(name)) for name in sorted(left)}
