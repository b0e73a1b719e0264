"""From a text, as typed, to a value of a type: fields of the state, and answers to questions.

A text type takes the text as it is. Any other takes JSON, or a text that pydantic reads as that type.
"""

from __future__ import annotations

import collections.abc
import types
from enum import Enum
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from pydantic import ValidationError

from graphflow.core.schema import adapter
from graphflow.errors import nearest

_LISTS = (list, set, frozenset, tuple, collections.abc.Sequence, collections.abc.Set)


def read_value(text: str, annotation: Any) -> Any:
    """The value a text stands for. Raises ValueError that says why it is none.

    >>> read_value("3", int), read_value("3", str), read_value("[1, 2]", list[int]), read_value("yes", bool)
    (3, '3', [1, 2], True)
    """
    known = adapter(annotation)
    if not takes_text(annotation):
        try:
            return known.validate_json(text)
        except ValidationError as error:
            if text.lstrip()[:1] in ("{", "["):  # meant as JSON: its own message helps most
                raise ValueError(reasons(error)) from None
    try:
        return known.validate_python(text)
    except ValidationError as error:
        raise ValueError(reasons(error)) from None


def read_list(texts: list[str], annotation: Any, *, may_be_json: bool) -> Any:
    """The value of a list type, one element per text; a single text may be the whole list as JSON."""
    element = element_of(annotation)
    if texts == [""] and may_be_json:  # files= empties the list
        texts = []
    if len(texts) == 1 and (may_be_json or not takes_text(element)):
        try:
            return adapter(annotation).validate_json(texts[0])
        except ValidationError:
            pass  # then it is an element
    elements = [read_value(text, element) for text in texts]
    try:
        return adapter(annotation).validate_python(elements)
    except ValidationError as error:
        raise ValueError(reasons(error)) from None


def takes_text(annotation: Any) -> bool:
    """Whether any text is a value of this type: ``str``, ``str | None``, ``Annotated[str, ...]``."""
    origin = get_origin(annotation)
    if origin is Annotated:
        return takes_text(get_args(annotation)[0])
    if origin in (Union, types.UnionType):
        parts = [part for part in get_args(annotation) if part is not type(None)]
        return all(map(takes_text, parts))
    return annotation is str


def element_of(annotation: Any) -> Any:
    """What a list, set or tuple of any length is made of; None for every other type.

    >>> element_of(list[int]), element_of(tuple[str, ...]), element_of(dict[str, int])
    (<class 'int'>, <class 'str'>, None)
    """
    origin, parts = get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        return element_of(parts[0])
    if origin in (Union, types.UnionType):
        rest = [part for part in parts if part is not type(None)]
        return element_of(rest[0]) if len(rest) == 1 else None
    if annotation in (list, set, frozenset):
        return Any
    if origin not in _LISTS or (origin is tuple and parts[1:] != (...,)):
        return None
    return parts[0]


def meant(text: str, annotation: Any) -> str | None:
    """The choice that a text is most like, where the type is one of some words: a Literal or an Enum.

    >>> meant("refnd", Literal["refund", "question"]), meant("refnd", list[Literal["refund"]]), meant("refnd", str)
    ('refund', 'refund', None)
    """
    choices = _choices_of(element_of(annotation) or annotation)
    lowered = {choice.lower(): choice for choice in choices}
    close = nearest(text.strip().strip("\"'").lower(), lowered)
    return None if close is None else lowered[close]


def _choices_of(annotation: Any) -> list[str]:
    origin = get_origin(annotation)
    if origin is Annotated:
        return _choices_of(get_args(annotation)[0])
    if origin in (Union, types.UnionType):
        return [choice for part in get_args(annotation) for choice in _choices_of(part)]
    if origin is Literal:
        return [str(choice) for choice in get_args(annotation)]
    if isinstance(annotation, type) and issubclass(annotation, Enum):
        return [str(choice.value) for choice in annotation]
    return []


def reasons(error: ValidationError) -> str:
    """What pydantic says, in one line."""
    parts: list[str] = []
    for detail in error.errors(include_url=False, include_input=False, include_context=False)[:5]:
        place = ".".join(map(str, detail["loc"]))
        parts.append(f"{place}: {detail['msg']}" if place else detail["msg"])
    return "; ".join(parts)
