"""What an annotation tells about its values: can they change under us, how to copy them, how they stand in JSON.

Answers err on the safe side: an unknown type counts as changeable, is copied deeply and goes through pydantic.
"""

from __future__ import annotations

import copy
import datetime
import decimal
import enum
import inspect
import types
import uuid
from collections.abc import Callable
from typing import Annotated, Any, Literal, TypeVar, Union, get_args, get_origin

from pydantic import BaseModel, BeforeValidator, PlainValidator, SecretBytes, SecretStr, WrapValidator

_IMMUTABLE = (
    str,
    int,
    float,
    bool,
    bytes,
    complex,
    type(None),
    datetime.date,
    datetime.time,
    datetime.timedelta,
    decimal.Decimal,
    uuid.UUID,
    enum.Enum,
    SecretStr,
    SecretBytes,
)
_NATIVE = (str, int, float, bool, type(None))


def own_copy(value: Any) -> Any:
    """A value that is the receiver's own: altering it changes nothing elsewhere. Plain ones are given as they are."""
    return value if type(value) in _IMMUTABLE else copy.deepcopy(value)


def stripped(annotation: Any) -> Any:
    """The annotation without ``Annotated`` around it, and with type aliases looked through."""
    while True:
        if get_origin(annotation) is Annotated:
            annotation = get_args(annotation)[0]
        elif hasattr(annotation, "__value__") and not isinstance(annotation, type):
            annotation = annotation.__value__
        else:
            return annotation


def is_immutable(annotation: Any) -> bool:
    """Whether no value of this type can be altered in place."""
    annotation = stripped(annotation)
    origin = get_origin(annotation)
    if origin is Literal:
        return True
    if origin in (Union, types.UnionType, tuple, frozenset):
        return all(is_immutable(part) for part in get_args(annotation) if part is not Ellipsis)
    return isinstance(annotation, type) and issubclass(annotation, _IMMUTABLE)


def is_native(annotation: Any) -> bool:
    """Whether a value of this type is the same after a round trip through JSON without any help."""
    annotation = stripped(annotation)
    origin = get_origin(annotation)
    if origin is Literal:
        return all(type(value) in _NATIVE for value in get_args(annotation))
    if origin in (Union, types.UnionType, list):
        return all(is_native(part) for part in get_args(annotation))
    if origin is dict:
        key, value = get_args(annotation)
        return stripped(key) is str and is_native(value)
    return annotation in _NATIVE


def early_validators(state: type[BaseModel], name: str) -> list[Any]:
    """A field's own validators that see a value before its type does, and need nothing but the value (S3.2)."""
    kinds: dict[str, Any] = {"before": BeforeValidator, "wrap": WrapValidator, "plain": PlainValidator}
    found: list[Any] = []
    decorators: Any = state.__pydantic_decorators__
    for each in decorators.field_validators.values():
        if name in each.info.fields and each.info.mode in kinds:
            taken = len(inspect.signature(each.func).parameters)
            if taken == (2 if each.info.mode == "wrap" else 1):
                found.append(kinds[each.info.mode](each.func))
    return found


def holds_anything(annotation: Any, depth: int = 8) -> bool:
    """Whether values of this type may hold what nothing is said about: what goes to JSON may come back otherwise."""
    annotation = stripped(annotation)
    if annotation is Any or annotation is object or isinstance(annotation, TypeVar):
        return True
    parts: list[Any] = list(get_args(annotation))
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        parts = [info.annotation for info in annotation.model_fields.values()]
    elif annotation in (list, set, dict, tuple, frozenset):
        return True
    return depth > 0 and any(holds_anything(part, depth - 1) for part in parts if part is not Ellipsis)


def copier(annotation: Any) -> Callable[[Any], Any] | None:
    """How to copy a value of this type so that altering the copy changes nothing; None if no copy is needed."""
    annotation = stripped(annotation)
    if is_immutable(annotation):
        return None
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin in (list, set, dict) and all(is_immutable(part) for part in arguments):
        return copy.copy
    return copy.deepcopy
