"""The line that plays a simulated seed again: ``simulate(newsroom, seeds=[17], deps=Ledger)``.

Arguments are written out where they have a short text, and stand by the name of their parameter where they have none.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, TypeGuard

from graphflow.core.plan import Plan
from graphflow.core.usage import Budget
from graphflow.errors import GraphflowError
from graphflow.errors.testing import PropertyFailed
from graphflow.testing import faults, properties
from graphflow.testing.faults import Faults
from graphflow.testing.playing.snippets import Unwritable, Writer
from graphflow.testing.properties import Property
from graphflow.testing.values.chosen import is_strategy


@dataclass(frozen=True, slots=True)
class Call:
    """A call as text, and the names that it uses."""

    text: str
    names: Mapping[str, Any]


def calls(plan: Plan, graph: str, seed: int, given: Mapping[str, Any]) -> Iterator[Call]:
    """The call with its arguments written out, and with their names instead: whichever plays the seed again."""
    for is_written in (True, False):
        writer = Writer()
        parts = [graph, f"seeds=[{seed}]"]
        for name, value in given.items():
            text = _written(plan, writer, name, value) if is_written else ""
            if not text:
                stand_in = f"given_{name}" if name == "faults" else name  # that is what the module is called
                text = _named(writer, value) or stand_in
                writer.names[text] = value
            parts.append(f"{name}={text}")
        yield Call(f"simulate({', '.join(parts)})", dict(writer.names))


def fails_again(text: str, names: Mapping[str, Any], name: str, simulate: Callable[..., object]) -> bool:
    """Whether a call, played once more, breaks the property of that name."""
    try:
        eval(text, {**names, "simulate": simulate})
    except PropertyFailed as failure:
        return failure.name == name
    except Exception:  # a value whose repr is no expression: then that is no text of the call
        return False
    return False


def _named(writer: Writer, value: Any) -> str:
    """The name of a class or function; empty for other values."""
    name = getattr(value, "__qualname__", "")
    return name if name.isidentifier() and writer.names.get(name, value) is value else ""


def _written(plan: Plan, writer: Writer, name: str, value: Any) -> str:
    """An argument as Python; empty if there is no text of it that is short and certain."""
    before = dict(writer.names)
    try:
        return _WRITTEN[name](plan, writer, value)
    except (Unwritable, GraphflowError):
        writer.names = before
        return ""


def _is_mapping(value: object) -> TypeGuard[Mapping[Any, Any]]:
    return isinstance(value, Mapping)


def _start(plan: Plan, writer: Writer, value: Any) -> str:
    parts: list[Any] = list(value.values()) if _is_mapping(value) else [value]
    if any(map(is_strategy, parts)):
        raise Unwritable("a strategy")
    return writer.of(value)


def _properties(plan: Plan, writer: Writer, value: tuple[Property, ...]) -> str:
    texts: list[str] = []
    for one in value:
        bound = one.on(plan)
        name = bound.kind.replace(" ", "_")
        writer.names[name] = getattr(properties, name)
        claims = [bound.claim] if bound.then is None else [bound.claim, bound.then]
        texts.append(f"{name}({', '.join(writer.claim(claim, plan.state) for claim in claims)})")
    return f"[{', '.join(texts)}]"


def _faults(plan: Plan, writer: Writer, value: Faults) -> str:
    return writer.named("faults", faults, repr(value))


def _budget(plan: Plan, writer: Writer, value: Budget) -> str:
    given = ", ".join(f"{name}={amount:g}" for name, amount in value.as_json().items())
    return writer.named("Budget", Budget, f"Budget({given})")


def _plain(plan: Plan, writer: Writer, value: Any) -> str:
    return writer.of(value)


def _no_text(plan: Plan, writer: Writer, value: Any) -> str:
    return (value.__class__ is str and repr(value)) or ""


_WRITTEN: dict[str, Callable[[Plan, Writer, Any], str]] = {
    "properties": _properties,
    "agents": _no_text,
    "faults": _faults,
    "start": _start,
    "without": _plain,
    "budget": _budget,
    "deps": _no_text,
    "store": _no_text,
}
