"""What ``ctx.deps`` hold, to be seen whether a node's call changed them: an effect that no record tells of (S11.1)."""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum
from typing import Any, cast

_DEEPEST = 6


def standing_of(deps: object) -> dict[str, object]:
    """What deps hold, part by part, to be compared with what they hold later.

    >>> ledger = {"paid": [40]}
    >>> before = standing_of(ledger)
    >>> ledger["paid"].append(40)
    >>> changed(before, standing_of(ledger))
    ['paid']
    """
    held: Any = deps
    kind = type(held).__name__
    if isinstance(held, dict):
        return {str(key): _frozen(value, _DEEPEST) for key, value in held.items()}  # pyright: ignore[reportUnknownVariableType, reportUnknownArgumentType]
    parts = _parts(deps)
    return (
        {kind: _frozen(deps, _DEEPEST)}
        if parts is None
        else {f"{kind}.{name}": _frozen(value, _DEEPEST) for name, value in parts.items()}
    )


def changed(before: Mapping[str, object], after: Mapping[str, object]) -> list[str]:
    """The parts that are not as they were."""
    return [name for name in {**before, **after} if before.get(name) != after.get(name)]


def _parts(value: object) -> dict[str, Any] | None:
    """The attributes of an instance of the user's; None of anything else."""
    found = getattr(value, "__dict__", None)
    return found if isinstance(found, dict) and not isinstance(value, type | Enum) else None  # pyright: ignore[reportUnknownVariableType]


def _frozen(value: Any, depth: int) -> object:
    if not depth:
        return id(value)
    if value.__class__ is dict:
        held: dict[Any, Any] = value
        return tuple((_frozen(key, depth - 1), _frozen(part, depth - 1)) for key, part in held.items())
    if isinstance(value, list | tuple):
        return tuple(_frozen(part, depth - 1) for part in cast("list[Any]", value))
    if isinstance(value, set | frozenset):
        return frozenset(_frozen(part, depth - 1) for part in cast("set[Any]", value))
    if value is None or isinstance(value, int | float | str | bytes):
        return value
    parts = _parts(value)
    return id(value) if parts is None else (id(value), tuple((k, _frozen(v, depth - 1)) for k, v in parts.items()))
