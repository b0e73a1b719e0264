"""Constants as labels show them, and back: text that tells apart what is different and reads like Python.

JSON-like values, enums, and the usual scalar types (``date("2026-11-21")``, ``Decimal("0.5")``) survive the way to
text and back. Any other value is shown by its ``repr`` and cannot be parsed.
"""

from __future__ import annotations

import ast
import math
from collections.abc import Callable, Mapping
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from enum import Enum
from typing import Any, cast
from uuid import UUID

_FROM_TEXT: dict[type, Callable[[str], Any]] = {
    float: float,
    Decimal: Decimal,
    date: date.fromisoformat,
    datetime: datetime.fromisoformat,
    time: time.fromisoformat,
    UUID: UUID,
}
_BY_NAME: dict[str, Callable[..., Any]] = {
    **{made.__name__: parse for made, parse in _FROM_TEXT.items()},
    "timedelta": timedelta,
    "set": set,
    "frozenset": frozenset,
}
CALLS = frozenset(_BY_NAME)
"""The names that stand for a constant when they are called in a label."""


def constant_text(value: Any) -> str:
    """A constant as written in a label.

    >>> constant_text("it's"), constant_text(-0.5), constant_text({2: "b"})
    ('"it\\'s"', '-0.5', '{2: "b"}')
    """
    match value:
        case Enum():
            return _enum_text(value)
        case str():
            return _quoted(value) if type(value) is str else repr(value)
        case float() if not math.isfinite(value):
            return f'float("{value}")'
        case timedelta():
            return f"timedelta({value.days}, {value.seconds}, {value.microseconds})"
        case datetime() | date() | time():
            return f'{type(value).__name__}("{value.isoformat()}")'
        case Decimal() | UUID():
            return f'{type(value).__name__}("{value}")'
        case _:
            return _container_text(value)


def _enum_text(value: Enum) -> str:
    name = type(value).__name__
    if value.name in type(value).__members__:
        return f"{name}.{value.name}"
    return f"{name}({constant_text(value.value)})"  # several flags together have no name of their own


def _quoted(text: str) -> str:
    """The text in double quotes, as code is written; in single ones where it holds double ones."""
    shown = repr(text)
    if shown[0] == "'" and '"' not in text:
        return '"' + shown[1:-1] + '"'
    return shown


def _container_text(value: object) -> str:
    kind = type(value)
    if kind is tuple:
        parts = [constant_text(part) for part in cast("tuple[Any, ...]", value)]
        return f"({parts[0]},)" if len(parts) == 1 else f"({', '.join(parts)})"
    if kind is list:
        return f"[{', '.join(constant_text(part) for part in cast('list[Any]', value))}]"
    if kind is dict:
        pairs = cast("dict[Any, Any]", value).items()
        return "{" + ", ".join(f"{constant_text(key)}: {constant_text(part)}" for key, part in pairs) + "}"
    if kind is set or kind is frozenset:
        # sorted: the order of a set differs from process to process, a label must not
        parts = sorted(constant_text(part) for part in cast("set[Any]", value))
        inner = "{" + ", ".join(parts) + "}" if parts else ""
        return (inner or "set()") if kind is set else f"frozenset({inner})"
    return repr(value)


def parsed_constant(node: ast.expr, enums: Mapping[str, type[Enum]]) -> Any:
    """The value that a piece of a label stands for. Raises ValueError where it stands for none."""
    match node:
        case ast.Constant(value=value) if value is not Ellipsis:
            return value
        case ast.UnaryOp(op=ast.USub(), operand=ast.Constant(value=int() | float() as number)):
            return -number
        case ast.Tuple(elts=parts):
            return tuple(parsed_constant(part, enums) for part in parts)
        case ast.List(elts=parts):
            return [parsed_constant(part, enums) for part in parts]
        case ast.Set(elts=parts):
            return {parsed_constant(part, enums) for part in parts}
        case ast.Dict(keys=keys, values=values) if None not in keys:
            pairs = zip(cast("list[ast.expr]", keys), values, strict=True)
            return {parsed_constant(key, enums): parsed_constant(value, enums) for key, value in pairs}
        case ast.Attribute(value=ast.Name(id=name), attr=member) if name in enums and member in enums[name].__members__:
            return enums[name][member]
        case ast.Call(func=ast.Name(id=name), args=arguments, keywords=[]) if name in enums:
            return enums[name](*(parsed_constant(argument, enums) for argument in arguments))
        case ast.Call(func=ast.Name(id=name), args=arguments, keywords=[]) if name in _BY_NAME:
            return _BY_NAME[name](*(parsed_constant(argument, enums) for argument in arguments))
        case _:
            raise ValueError(f"{ast.unparse(node)!r} is no constant")
