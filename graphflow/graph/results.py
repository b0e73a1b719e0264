"""How a node's result becomes an update: ``writes=``, or what its return annotation says (S3.1).

Only what is certain is refused: a result that goes nowhere, a field that does not exist, a type that no field of that
kind can take. The rest is validated when the node runs (S3.3).
"""

from __future__ import annotations

import collections.abc
import types
import typing
from collections.abc import Mapping
from enum import Enum
from typing import Any, Literal, Union, cast, get_args, get_origin

from pydantic import BaseModel, BeforeValidator, PlainValidator, WrapValidator
from typing_extensions import is_typeddict

from graphflow.core.annotations import early_validators, stripped
from graphflow.core.plan import Writes
from graphflow.core.schema import FieldSpec, Schema
from graphflow.errors import DeclarationError, Place, nearest, shown, unknown_name
from graphflow.graph.context import Handoff
from graphflow.graph.expressions import Expression, field_name
from graphflow.graph.mistakes import mistake
from graphflow.graph.operators import Fields
from graphflow.graph.shapes import annotation_text
from graphflow.graph.signatures import UNKNOWN, is_generated

_NOTHING = (None, type(None), typing.NoReturn, typing.Never)


def one_field(given: object, option: str, schema: Schema, place: Place) -> str:
    """The name of one field of the state, given as an expression or a name. Raises DeclarationError."""
    if isinstance(given, str):
        if given in schema.fields:
            return given
        raise mistake(
            "GF117",
            f"{option}={given!r} names no field of {schema.state.__name__}",
            f"Its fields are {', '.join(schema.fields)}. (S3.3)",
            unknown_name(given, schema.fields),
            place,
        )
    if isinstance(given, Expression):
        return field_name(given, schema.state, place)
    raise _no_field(given, option, schema, place)


def _no_field(given: object, option: str, schema: Schema, place: Place) -> DeclarationError:
    what = shown(given)
    example = f"fields({schema.state.__name__}).{next(iter(schema.fields), 'field')}"
    if isinstance(given, list):
        fix = f"Write a tuple: {option}=({', '.join(map(str, cast('list[object]', given)))})."
    elif isinstance(given, Fields):
        fix = f"Name one of its fields: {option}={example}."
    else:
        fix = f"Write {option}={example}."
    return mistake(
        "GF117",
        f"{option}={what} names no field",
        f"{option} takes a field of fields({schema.state.__name__}), or a tuple of them. (S3.5)",
        fix,
        place,
    )


def several_fields(given: object, option: str, schema: Schema, place: Place) -> tuple[str, ...]:
    """The names of one field or a tuple of fields. Raises DeclarationError."""
    if not isinstance(given, tuple):
        return (one_field(given, option, schema, place),)
    names = tuple(one_field(one, option, schema, place) for one in cast("tuple[object, ...]", given))
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        raise mistake(
            "GF117",
            f"{option} names {twice!r} twice",
            "One update gives a field one change. (S3.1)",
            f"Name every field once in {option}.",
            place,
        )
    return names


def writes_of(
    given: Any,
    returns: Any,
    schema: Schema,
    *,
    result: str,
    may_update: bool,
    updates: object,
    place: Place,
    reads: frozenset[str] | None = None,
) -> Writes:
    """The Writes of a node from its ``writes=``, its ``updates=`` and its return annotation.

    ``result`` begins a sentence about it: ``Node 'review' returns``; ``reads`` are fields not to suggest for it.
    ``may_update``: it has a context, and so may change fields that its result does not show (S3.7).
    """
    more = frozenset(several_fields(updates, "updates", schema, place)) if updates is not None else frozenset[str]()
    if given is None:
        fields = _fields_returned(returns, schema, result, place, reads or frozenset())
        is_open = fields is None or (may_update and updates is None)
        return Writes(declared=None if is_open else (fields or frozenset()) | more)
    if isinstance(given, Mapping):
        return _mapped(cast("Mapping[object, object]", given), returns, schema, more, result, place)
    names = several_fields(given, "writes", schema, place)
    if not names:
        return Writes(declared=more)
    declared = frozenset(names) | more
    if isinstance(given, tuple):
        _check_tuple(names, returns, schema, result, place)
        return Writes("tuple", names, declared=declared)
    _check_value(names[0], returns, schema, result, place)
    return Writes("value", names, declared=declared)


def _mapped(
    given: Mapping[object, object], returns: Any, schema: Schema, more: frozenset[str], result: str, place: Place
) -> Writes:
    sources: list[tuple[str, Any]] = []
    known = _attributes_of(returns)
    for key, source in given.items():
        name = one_field(key, "writes", schema, place)
        if isinstance(source, Expression):
            source = field_name(source)
        if not (isinstance(source, str) or callable(source)):
            raise mistake(
                "GF117",
                f"writes={{{name!r}: {shown(source)}}} says nothing about the result",
                "A mapping reads: state field = what it takes, a name in the result or a function of the result. (S3.1)",
                f'Write writes={{"{name}": "..."}}.',
                place,
            )
        if isinstance(source, str) and known is not None and source not in known:
            raise mistake(
                "GF116",
                f"writes= takes {source!r} for {name!r}, which the result does not have",
                f"{result} {annotation_text(returns)}, with {', '.join(known) or 'nothing'} in it. (S3.1)",
                unknown_name(source, known),
                place,
            )
        sources.append((name, source))
    return Writes("mapped", tuple(n for n, _ in sources), tuple(sources), frozenset(n for n, _ in sources) | more)


def _attributes_of(annotation: Any) -> tuple[str, ...] | None:
    """The names a result is sure to have; None if that is not known."""
    annotation = stripped(annotation)
    if is_typeddict(annotation):
        return tuple(annotation.__annotations__)
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return (*annotation.model_fields, *annotation.model_computed_fields)
    return None


def _fields_returned(
    returns: Any, schema: Schema, result: str, place: Place, reads: frozenset[str]
) -> frozenset[str] | None:
    """The fields a result without ``writes=`` changes; None if its type does not say."""
    returns = stripped(returns)
    if returns in _NOTHING:
        return frozenset()
    if returns is UNKNOWN or isinstance(returns, str | typing.TypeVar) or returns in (Any, object, Handoff):
        return None
    if get_origin(returns) in (Union, types.UnionType):
        parts = [_fields_returned(part, schema, result, place, reads) for part in get_args(returns)]
        return None if None in parts else frozenset[str]().union(*(part for part in parts if part))
    origin = get_origin(returns) or returns
    if isinstance(origin, type) and issubclass(origin, BaseModel):
        return _fields_of_result(returns, tuple(origin.model_fields), schema, result, place)
    if is_typeddict(returns):
        return _fields_of_result(returns, tuple(returns.__annotations__), schema, result, place)
    if isinstance(origin, type) and issubclass(origin, collections.abc.Mapping):
        return None
    raise goes_nowhere(returns, schema, result, place, reads)


def _fields_of_result(
    returns: Any, names: tuple[str, ...], schema: Schema, result: str, place: Place
) -> frozenset[str]:
    if not is_typeddict(returns) and issubclass(schema.state, get_origin(returns) or returns) and names:
        raise mistake(
            "GF116",
            f"{result} a whole {returns.__name__}",
            "A node returns the fields that change; a whole state would overwrite what others wrote. (S3.6)",
            f"Say which field it writes, writes=fields({schema.state.__name__}).{names[0]}, and return its value.",
            place,
        )
    unknown = [name for name in names if name not in schema.fields]
    if not unknown:
        return frozenset(names)
    state = schema.state.__name__
    listed = ", ".join(map(repr, unknown))
    close = {name: found for name in unknown if (found := nearest(name, schema.fields))}
    mends = [f"{name!r} is called {found!r} there" for name, found in close.items()]
    whole = next((name for name, spec in schema.fields.items() if _holds(spec.change_type, returns)), None)
    pairs = ", ".join(
        f'"{close.get(name, name)}": "{name}"' for name in names if name in schema.fields or name in close
    )
    fix = f"Did you mean writes={{{pairs}}}? ({'; '.join(mends)})" if mends else (
        f"To keep the whole {annotation_text(returns)}: writes=fields({state}).{whole}." if whole
        else f"Give {state} these fields, or say what goes where: writes={{...: {unknown[0]!r}}}."
    )  # fmt: skip
    raise mistake(
        "GF116",
        f"{result} {annotation_text(returns)}, whose {listed} {state} does not have",
        f"Without writes= a result is written field by field. The fields of {state} are {', '.join(schema.fields)}. (S3.1)",
        fix,
        place,
    )


def _holds(change_type: Any, returns: Any) -> bool:
    change_type, returns = stripped(change_type), stripped(returns)
    if get_origin(change_type) in (Union, types.UnionType):
        return any(_holds(part, returns) for part in get_args(change_type))
    return bool(change_type == returns)


def goes_nowhere(
    returns: Any, schema: Schema, result: str, place: Place, reads: frozenset[str] = frozenset()
) -> DeclarationError:
    """A bare value without ``writes=``. The field suggested takes it, and is none of those that are read for it."""
    state = schema.state.__name__
    if is_generated(returns):
        why, fix = "It yields, and a node returns one update. (S3.1)", "Return the update."
    else:
        why = "A node returns the fields that change; a bare value needs to be told its field. (S3.1)"
        field = _field_for(returns, schema, reads)
        fix = (
            f"Write writes=fields({state}).{field}."
            if field is not None
            else f"No other field of {state} takes {annotation_text(returns)}: add a field to the state, and name it in writes=."
        )
    return mistake("GF116", f"{result} {annotation_text(returns)}, but not into which field it goes", why, fix, place)


def _field_for(returns: Any, schema: Schema, reads: frozenset[str]) -> str | None:
    """The field that a value of this type is most likely meant for: one that nobody has to give as input, first."""
    fitting = [spec for name, spec in schema.fields.items() if name not in reads and _holds(spec.change_type, returns)]
    return min(fitting, key=lambda spec: spec.required).name if fitting else None


def _check_tuple(names: tuple[str, ...], returns: Any, schema: Schema, result: str, place: Place) -> None:
    returns = stripped(returns)
    if get_origin(returns) is tuple and Ellipsis not in get_args(returns):
        parts = get_args(returns)
        if len(parts) != len(names):
            raise mistake(
                "GF131",
                f"{result} {len(parts)} values for the {len(names)} fields of its writes=",
                f"It returns {annotation_text(returns)}; writes= names {', '.join(names)}: one value each, in order. (S3.1)",
                "Name as many fields as there are values.",
                place,
            )
        for name, part in zip(names, parts, strict=True):
            _check_value(name, part, schema, result, place)
        return
    if _kind_of(returns) is not None or returns in _NOTHING:
        raise mistake(
            "GF131",
            f"{result} {annotation_text(returns)}, but writes= names a tuple of fields",
            "With a tuple of fields it returns a tuple of values, one each. (S3.1)",
            f"Return ({', '.join(names)}{',' if len(names) == 1 else ''}), or name one field without a tuple.",
            place,
        )


def _check_value(name: str, returns: Any, schema: Schema, result: str, place: Place) -> None:
    spec = schema.fields[name]
    returns = stripped(returns)
    if not is_unfit(returns, spec) or early_validators(schema.state, name):
        return
    takes = f"The reducer {spec.reducer} takes" if spec.reducer else f"{name} takes"
    change = annotation_text(spec.change_type)
    raise mistake(
        "GF131",
        f"{result} {annotation_text(returns)}, which {name!r} does not take",
        f"writes= makes the result the value of {name}. {takes} {change}. (S3.1, S7.2)",
        _mend_value(name, returns, spec),
        place,
    )


def _mend_value(name: str, returns: Any, spec: FieldSpec) -> str:
    if spec.reducer is not None and spec.reducer.name == "append" and _kind_of(returns) == "list":
        return f"To add several at once declare {name} with extend instead of append."
    if spec.reducer is not None and spec.reducer.name == "extend":
        return f"Return a list, or declare {name} with append to add one at a time."
    if returns in _NOTHING:
        return f"Return a value for {name}, or leave writes= out if the node writes nothing."
    if _kind_of(returns) == "model":
        return f'Take what belongs there from it: writes={{"{name}": "..."}}, or leave writes= out to write field by field.'
    return f"Return {annotation_text(spec.change_type)}, or name another field."


def is_unfit(returns: Any, spec: FieldSpec) -> bool:
    """Whether no value of type ``returns`` can be a change of the field. In doubt it is fit."""
    target = stripped(spec.change_type)
    parts = get_args(target) if get_origin(target) in (Union, types.UnionType) else (target,)
    kinds: list[_Kind | None] = [_kind_of(part) for part in parts if part is not type(None)]
    if returns is None or returns is type(None):
        return len(kinds) == len(parts) and None not in kinds
    given = _kind_of(returns)
    return (
        given is not None
        and not any(isinstance(one, _EARLY) for one in spec.metadata)
        and all(kind is not None and given not in _TAKES[kind] for kind in kinds)
    )


_EARLY = (BeforeValidator, PlainValidator, WrapValidator)
"""What sees a value before its type does, and may make anything of it."""


def is_doubtful(returns: Any, spec: FieldSpec) -> bool:
    """Whether a text is written to a number: pydantic reads one from "7", and fails for any other text."""
    target = stripped(spec.change_type)
    parts = get_args(target) if get_origin(target) in (Union, types.UnionType) else (target,)
    kinds = [_kind_of(part) for part in parts if part is not type(None)]
    return _kind_of(returns) == "text" and all(kind == "number" for kind in kinds) and not spec.metadata


_Kind = Literal["text", "number", "choice", "list", "dict", "model"]

_TAKES: dict[_Kind, tuple[_Kind, ...]] = {
    "text": ("text", "choice"),
    "number": ("number", "choice", "text"),  # pydantic reads numbers from texts
    "choice": ("choice", "text", "number"),
    "list": ("list",),
    "dict": ("dict",),
    "model": ("model", "dict"),
}


def _kind_of(annotation: Any) -> _Kind | None:
    """The rough kind of a type: what of it can never be taken for another; None where that is not sure."""
    annotation = stripped(annotation)
    origin: Any = get_origin(annotation) or annotation
    if is_typeddict(origin):
        return "dict"
    if origin is Literal:
        return "choice"
    if not isinstance(origin, type):
        return None
    if issubclass(origin, Enum):
        return "choice"
    if issubclass(origin, str):
        return "text"
    if issubclass(origin, int | float):
        return "number"
    if issubclass(origin, list | set | frozenset | tuple):
        return "list"
    if issubclass(origin, dict):
        return "dict"
    return "model" if issubclass(origin, BaseModel) and not _takes_more(origin) else None


def _takes_more(model: type[BaseModel]) -> bool:
    """Whether a model may be made of what is neither a dict nor a model."""
    decorators: Any = model.__pydantic_decorators__
    return bool(decorators.model_validators or decorators.root_validators) or model.__pydantic_root_model__
