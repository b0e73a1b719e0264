"""What a node's function looks at, read off its bytecode: which fields of its state, what of its context.

A parameter that is only ever followed by a dot tells all. One that is handed on, unpacked or assigned may be looked at
in any way, and so may that of something that is no plain function: then everything counts.
"""

from __future__ import annotations

import dis
from collections.abc import Iterator
from dataclasses import dataclass, field
from inspect import signature, unwrap
from types import CodeType, FunctionType
from typing import Any

_CLOSURES = ("LOAD_CLOSURE", "COPY_FREE_VARS", "MAKE_CELL")


@dataclass(frozen=True, slots=True)
class Looks:
    """``attributes`` of a parameter that are used; None: any. ``names`` are all attributes used in the function.

    ``calls_out``: it uses something of its module or of a function around, which may look at what it is handed.
    """

    attributes: dict[str, frozenset[str] | None] = field(default_factory=dict[str, "frozenset[str] | None"])
    names: frozenset[str] | None = None
    calls_out: bool = True

    def at(self, parameter: str) -> frozenset[str] | None:
        """The attributes of a parameter that are used, none if there is no such parameter; None: any."""
        return self.attributes.get(parameter, frozenset())

    def may_name(self, *names: str) -> bool:
        """Whether one of these attributes may be used, of whatever, here or by what it calls."""
        return self.names is None or self.calls_out or not self.names.isdisjoint(names)


def looks_of(work: object, parameters: tuple[str, ...]) -> Looks:
    """What a function looks at. ``parameters`` says what its positional parameters are given, in order.

    >>> def far(state, ctx): return state.score + sum(1 for branch in ctx.branches if state.ok)
    >>> sorted(looks_of(far, ("state", "ctx")).at("state")), sorted(looks_of(far, ("state", "ctx")).at("ctx"))
    (['ok', 'score'], ['branches'])
    >>> print(looks_of(lambda state: len(state), ("state",)).at("state"))
    None
    """
    function = unwrap(work) if callable(work) else work
    if not isinstance(function, FunctionType) or function is not work:
        return Looks(dict.fromkeys(parameters))
    names = list(signature(function).parameters)
    if len(names) < len(parameters):
        return Looks(dict.fromkeys(parameters))
    code = function.__code__
    codes = list(_nested(code))
    used = {name for one in codes for name in one.co_names}
    return Looks(
        {given: _attributes(codes, name) for given, name in zip(parameters, names, strict=False)},
        frozenset(used),
        bool(code.co_freevars) or any(name in function.__globals__ for name in used),
    )


def _nested(code: CodeType) -> Iterator[CodeType]:
    yield code
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from _nested(constant)


def _attributes(codes: list[CodeType], name: str) -> frozenset[str] | None:
    """The attributes of a variable that the codes use; None if it is used in another way."""
    found: set[str] = set()
    for code in codes:
        is_captured = name in code.co_cellvars
        instructions = [one for one in dis.get_instructions(code) if one.opname not in ("CACHE", "EXTENDED_ARG")]
        for one, following in zip(instructions, [*instructions[1:], None], strict=True):
            argument: Any = one.argval
            given = _as_tuple(argument)
            if name not in given or one.opname in _CLOSURES or "CONST" in one.opname or _is_attribute(one):
                continue
            if one.opname.startswith("LOAD_FAST") and is_captured:
                continue  # handed to a closure; what that does with it is looked at there
            is_read = one.opname.startswith(("LOAD_FAST", "LOAD_DEREF"))
            if not is_read or given[-1] != name or given.count(name) > 1 or not _is_attribute(following):
                return None
            assert following is not None
            found.add(str(following.argval))
    return frozenset(found)


def _as_tuple(argument: Any) -> tuple[object, ...]:
    """Instructions that do two things at once name two variables."""
    return tuple(argument) if isinstance(argument, tuple) else (argument,)  # pyright: ignore[reportUnknownArgumentType, reportUnknownVariableType]


def _is_attribute(instruction: dis.Instruction | None) -> bool:
    return instruction is not None and instruction.opname in ("LOAD_ATTR", "LOAD_METHOD")
