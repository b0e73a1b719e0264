"""What a condition uses besides the state: the clock and chance, read off its bytecode (S5.1).

Asked twice within a microsecond such a condition says the same, so that asking does not find it out.
"""

from __future__ import annotations

import dis
import random
from collections.abc import Iterator
from datetime import date
from types import CodeType, FunctionType, ModuleType
from typing import Any

_NOT_PURE = {
    "time": {"time", "time_ns", "monotonic", "monotonic_ns", "perf_counter", "perf_counter_ns", "process_time"},
    "uuid": {"uuid1", "uuid4"},
    "secrets": {"choice", "randbelow", "randbits", "token_bytes", "token_hex", "token_urlsafe"},
    "posix": {"urandom"},
    "nt": {"urandom"},
}
_NOW = {"now", "utcnow", "today"}
_DEEPEST = 3


def used_by(function: object) -> str:
    """What of the clock or of chance a function uses, as it is written there; empty if nothing is seen.

    >>> import random
    >>> used_by(lambda state: random.random() < 0.5), used_by(lambda state: state.score < 5)
    ('random.random', '')
    """
    return next(_used(function, _DEEPEST), "")


def _used(function: object, depth: int) -> Iterator[str]:
    if not isinstance(function, FunctionType) or not depth:
        return
    for code in _nested(function.__code__):
        for name, value in _reached(code, function.__globals__):
            if _is_outside(value):
                yield name
            elif value is not function:
                yield from _used(value, depth - 1)


def _nested(code: CodeType) -> Iterator[CodeType]:
    yield code
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from _nested(constant)


def _reached(code: CodeType, known: dict[str, Any]) -> Iterator[tuple[str, Any]]:
    """The globals that are used, each followed along its attributes: ``random.random``."""
    name, value = "", None
    for instruction in dis.get_instructions(code):
        if instruction.opname == "LOAD_GLOBAL":
            if name:
                yield name, value
            name = str(instruction.argval)
            value = known.get(name)
        elif name and instruction.opname in ("LOAD_ATTR", "LOAD_METHOD"):
            name = f"{name}.{instruction.argval}"
            value = _attribute(value, str(instruction.argval))
        elif name and instruction.opname not in ("CACHE", "EXTENDED_ARG"):
            yield name, value
            name = ""
    if name:
        yield name, value


def _attribute(value: Any, name: str) -> Any:
    """An attribute of a module, a class or a source of chance; of anything else asking might do something."""
    is_known = isinstance(value, ModuleType | random.Random) or value is None or issubclass(_class_of(value), date)
    return getattr(value, name, None) if is_known else None


def _class_of(value: Any) -> type[Any]:
    return value if isinstance(value, type) else type(None)


def _is_outside(value: Any) -> bool:
    owner = getattr(value, "__self__", None)
    if isinstance(owner, random.Random):
        return True
    name = getattr(value, "__name__", "")
    if isinstance(owner, type) and issubclass(owner, date):
        return name in _NOW
    return name in _NOT_PURE.get(getattr(value, "__module__", None) or "", ())
