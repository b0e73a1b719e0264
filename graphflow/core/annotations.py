"""What an annotation tells about its values: can they change under us, how to copy them, how they stand in JSON.

Answers err on the safe side: an unknown type counts as changeable, is copied deeply and goes through pydantic.
"""

from __future__ import annotations

import copy
import datetime
import decimal
import enum
import types
import uuid
from collections.abc import Callable
from typing import Annotated, Any, Literal, Union, get_args, get_origin

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
)
_NATIVE = (str, int, float, bool, type(None))


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


def copier(annotation: Any) -> Callable[[Any], Any] | None:
    """How to copy a value of this type so that altering the copy changes nothing; None if no copy is needed."""
    annotation = stripped(annotation)
    if is_immutable(annotation):
        return None
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin in (list, set, dict) and all(is_immutable(part) for part in arguments):
        return copy.copy
    return copy.deepcopy
