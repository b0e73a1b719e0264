"""What a user of a graph gives it: the fields that no node writes (S3.1, S3.5).

Where nodes declare what they write, that counts, and else what ``agents=`` says in their place. Of a function that does not say, its code is read: a field that stands
there neither as a text nor as the name of an argument, nor in the functions it calls, is none that it writes.
"""

from __future__ import annotations

import dis
from collections.abc import Collection, Iterable, Iterator, Mapping
from types import CodeType, FunctionType
from typing import Any, TypeGuard

from pydantic import BaseModel, ValidationError

from graphflow.core.inputs import input_invalid
from graphflow.core.plan import Node, Plan
from graphflow.graph.check.writers import carried, writes_of
from graphflow.graph.context import Handoff

_DEEPEST = 3


Said = Mapping[int, frozenset[str] | None]
"""By node: the fields that are written by what is said in its place; None if that is not known."""

_NOTHING_SAID: Said = {}


def inputs_of(plan: Plan, said: Said = _NOTHING_SAID) -> tuple[str, ...]:
    """The fields that no node of a graph writes, in their order.

    >>> from pydantic import BaseModel, ValidationError
    >>> from graphflow import END, START, Graph
    >>> class Note(BaseModel):
    ...     topic: str = "owls"
    ...     text: str = ""
    >>> graph = Graph("note", Note)
    >>> graph.chain(START, graph.node(lambda state: {"text": state.topic}, name="write"), END)
    >>> inputs_of(graph.plan())
    ('topic',)
    """
    written = _written(plan, said, set())
    return tuple(name for name in plan.schema.fields if name not in written)


def fields_said(value: object) -> frozenset[str] | None:
    """The fields that a value writes, if a node that declares nothing returns it; None if that is not known.

    >>> fields_said({"text": "x"}), fields_said(TimeoutError()), fields_said(["x"])
    (frozenset({'text'}), frozenset(), None)
    """
    if isinstance(value, Handoff):
        return fields_said(value.update) if value.update is not None else frozenset()
    if value is None or isinstance(value, Exception):
        return frozenset()
    if _is_mapping(value):
        return frozenset(map(str, value))
    return frozenset(type(value).model_fields) if isinstance(value, BaseModel) else None


def check_given(plan: Plan, given: Mapping[str, Any]) -> None:
    """Refuse a value that is none of its field, and a field that is not there, at once. Raises InputInvalid."""
    unknown = [name for name in given if name not in plan.schema.fields]
    if unknown:
        raise input_invalid(plan, None, unknown)
    validator = plan.state.__pydantic_validator__
    for name, value in given.items():
        try:
            validator.validate_assignment(plan.state.model_construct(), name, value)
        except ValidationError as error:
            if any(one["loc"][:1] == (name,) for one in error.errors(include_url=False)):
                raise input_invalid(plan, error) from None
        except Exception:  # a validator that needs the other fields; the whole is validated when it is made
            continue


def start_words(plan: Plan, given: Collection[str], made_up: Collection[str], varied: Collection[str]) -> str:
    """Where runs started, for a report.

    >>> from pydantic import BaseModel, ValidationError
    >>> from graphflow import END, START, Graph
    >>> class Note(BaseModel):
    ...     topic: str
    ...     tags: list[str] = []
    ...     text: str = ""
    >>> graph = Graph("note", Note)
    >>> graph.chain(START, graph.node(lambda state: {"text": state.topic}, name="write"), END)
    >>> start_words(graph.plan(), (), ("topic",), ("tags",))
    'topic made up, tags made up or as declared, the rest as declared'
    """
    told_how = ((given, "as given"), (made_up, "made up"), (varied, "made up or as declared"))
    parts = [f"{', '.join(names)} {how}" for names, how in told_how if names]
    told = {*given, *made_up, *varied}
    if not parts:
        return "as declared"
    return ", ".join([*parts, *(["the rest as declared"] if plan.schema.fields.keys() - told else [])])


def _is_mapping(value: object) -> TypeGuard[Mapping[Any, Any]]:
    return isinstance(value, Mapping)


def _written(plan: Plan, said: Said, seen: set[int]) -> frozenset[str]:
    if id(plan) in seen:  # a graph may contain itself (S12.2)
        return frozenset()
    seen.add(id(plan))
    found: set[str] = set()
    for node in plan.nodes:
        declared = writes_of(node)
        found |= _read_off(node, plan, said, seen) if declared is None else declared
        for edge in node.handoffs:
            found |= carried(edge)
            if edge.takes is not None and (edge.takes_writes is None or edge.takes_writes.declared is None):
                return frozenset(plan.schema.fields)
    return frozenset(found)


def _read_off(node: Node, plan: Plan, said: Said, seen: set[int]) -> frozenset[str]:
    """What a node may write that did not say."""
    every = frozenset(plan.schema.fields)
    if node.graph is not None:
        return _written(node.graph.plan(), said, seen) & every
    names = said[id(node)] if id(node) in said else names_in(node.work) if node.kind == "function" else None
    return every if names is None else every & names


def names_in(work: object) -> frozenset[str] | None:
    """The texts in a function's code, and in that of functions it calls: keys, arguments' names; None if it is no function.

    >>> sorted(names_in(lambda state: {"text": state.topic} | dict(title=state.topic)))
    ['text', 'title']
    """
    if not isinstance(work, FunctionType):
        return None
    return frozenset(_names((work,), _DEEPEST, set()))


def _names(functions: Iterable[Any], depth: int, seen: set[int]) -> Iterator[str]:
    for function in functions:
        if not isinstance(function, FunctionType) or id(function) in seen:
            continue
        seen.add(id(function))
        for code in _nested(function.__code__):
            yield from _texts_in(code.co_consts)
            yield from (str(one.argval) for one in dis.get_instructions(code) if one.opname == "STORE_ATTR")
            if depth:
                yield from _names((function.__globals__.get(name) for name in code.co_names), depth - 1, seen)
        if depth:
            yield from _names((_content(cell) for cell in function.__closure__ or ()), depth - 1, seen)


def _nested(code: CodeType) -> Iterator[CodeType]:
    yield code
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from _nested(constant)


def _texts_in(constants: Iterable[Any]) -> Iterator[str]:
    for constant in constants:
        if isinstance(constant, str):
            yield constant
        elif isinstance(constant, tuple | frozenset):
            yield from _texts_in(constant)  # pyright: ignore[reportUnknownArgumentType]


def _content(cell: Any) -> Any:
    try:
        return cell.cell_contents
    except ValueError:  # not yet filled
        return None
