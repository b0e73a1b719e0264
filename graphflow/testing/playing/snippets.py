"""A run as the line of Python that plays it again: ``replay(newsroom, start=News(), steps=[("plan",), ...])``.

What cannot be written so is left out rather than written wrongly: a snippet is evaluated before it is printed.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Mapping, Sequence
from enum import Enum
from typing import Any, cast

from pydantic import BaseModel

from graphflow.core.plan import Guard, Plan
from graphflow.core.usage import Budget
from graphflow.graph.context import Handoff
from graphflow.graph.terms import (
    And,
    Arithmetic,
    Attribute,
    Compare,
    Constant,
    Contains,
    Field,
    Given,
    Not,
    OneOf,
    Or,
    Size,
    Term,
)  # fmt: skip
from graphflow.testing import faults, properties
from graphflow.testing.playing.play import Move, Option, target_name
from graphflow.testing.playing.striking import Mark
from graphflow.testing.properties import Bound
from graphflow.testing.walking.folding import rounds

Step = tuple[Any, ...]

_MARKS: dict[str, Mark] = {"crash": faults.CRASH, "again": faults.AGAIN, "clock": faults.CLOCK, "cancel": faults.CANCEL}
_WIDTH = 100


class Unwritable(Exception):
    """There is no expression for a value."""


def step_of(move: Move, options: Sequence[Option], is_called: bool) -> Step:
    """A move as a step of ``replay``: ("plan",), ("web", "fact"), ("review", FIRE), (CRASH,)."""
    if move.kind in ("crash", "again", "clock", "cancel"):
        what = move.value if move.kind == "clock" else move.cursor
        return (_MARKS[move.kind], what) if what else (_MARKS[move.kind],)
    kind = {"fire": "timer", "answer": "question", "silence": "question"}.get(move.kind, "node")
    same = [option for option in options if option.kind == kind and option.node.name == move.node]
    place = move.node if same and same[0].cursor == move.cursor else move.cursor
    if move.kind == "fire":
        return (place, faults.FIRE)
    if move.kind == "silence":
        return (place, faults.SILENCE)
    return (place,) if is_called else (place, move.value)


class Writer:
    """Writes values as Python; ``names`` are those it used, with what they stand for."""

    def __init__(self) -> None:
        self.names: dict[str, Any] = {}

    def of(self, value: Any) -> str:
        """An expression for a value. Raises Unwritable."""
        if isinstance(value, Mark):
            return self.named("faults", faults, repr(value))
        if isinstance(value, Enum):
            return self.named(type(value).__name__, type(value), f"{type(value).__name__}.{value.name}")
        if isinstance(value, BaseModel):
            return self._model(value)
        if isinstance(value, Handoff):
            parts = [repr(target_name(value.target))]
            if value.update is not None or value.data is not None:
                parts.append(self.of(value.update))
            if value.data is not None:
                parts.append(self.of(value.data))
            return self.named("Handoff", Handoff, f"Handoff({', '.join(parts)})")
        if isinstance(value, Exception):
            return self._error(value)
        if isinstance(value, float) and (value != value or value in (float("inf"), float("-inf"))):
            return f"float({str(value)!r})"
        return self._plain(value)

    def _plain(self, value: Any) -> str:
        kind = value.__class__
        if kind in (list, tuple, set, frozenset):
            parts = [self.of(one) for one in cast("Iterable[Any]", value)]
            if kind is tuple:
                return f"({', '.join(parts)}{',' if len(parts) == 1 else ''})"
            if kind is list:
                return f"[{', '.join(parts)}]"
            inner = f"{{{', '.join(parts)}}}" if parts else ""
            return inner or "set()" if kind is set else f"frozenset({inner})"
        if kind is dict:
            pairs = cast("Mapping[Any, Any]", value)
            return "{" + ", ".join(f"{self.of(key)}: {self.of(one)}" for key, one in pairs.items()) + "}"
        if kind is str and len(value) > _WIDTH and len(set(value)) == 1:
            return f"{value[0]!r} * {len(value)}"
        text = repr(value)
        if kind.__module__ not in ("builtins", "__main__"):
            module = kind.__module__.partition(".")[0]
            if text.startswith(f"{module}."):
                return self.named(module, sys.modules[module], text)
            return self.named(kind.__name__, kind, text)
        return text

    def _model(self, value: BaseModel) -> str:
        kind = type(value)
        parts = [
            f"{name}={self.of(getattr(value, name))}"
            for name, info in kind.model_fields.items()
            if info.is_required()
            or getattr(value, name) != info.get_default(call_default_factory=True, validated_data={})
        ]
        return self.named(kind.__name__, kind, f"{kind.__name__}({', '.join(parts)})")

    def _error(self, error: Exception) -> str:
        kind = type(error)
        return self.named(kind.__name__, kind, f"{kind.__name__}({', '.join(self.of(one) for one in error.args)})")

    def named(self, name: str, value: Any, text: str) -> str:
        """A text that uses a name. Raises Unwritable if that stands for something else already."""
        if self.names.setdefault(name, value) is not value:
            raise Unwritable(f"two things are called {name}")
        if not name.isidentifier():
            raise Unwritable(name)
        return text

    def claim(self, guard: Guard, state: type[Any]) -> str:
        """A condition of a property as Python."""
        if isinstance(guard.expression, Term):
            from graphflow.graph.expressions import contains, fields, not_, one_of, size

            self.names.update(contains=contains, fields=fields, not_=not_, one_of=one_of, size=size)
            text = self._term(guard.expression, self.named(state.__name__, state, f"fields({state.__name__})"))
            return text[1:-1] if isinstance(guard.expression, Compare | And | Or) else text
        raise Unwritable(guard.label)

    def _term(self, term: Term, state: str) -> str:
        match term:
            case Field(name=name):
                return f"{state}.{name}"
            case Attribute(of=of, name=name):
                return f"{self._term(of, state)}.{name}"
            case Constant(value=value):
                return self.of(value)
            case Compare(sign=sign, left=left, right=right) | Arithmetic(sign=sign, left=left, right=right):
                return f"({self._term(left, state)} {sign} {self._term(right, state)})"
            case And(of=parts):
                return "(" + " & ".join(self._term(part, state) for part in parts) + ")"
            case Or(of=parts):
                return "(" + " | ".join(self._term(part, state) for part in parts) + ")"
            case Not(of=part):
                return f"not_({self._term(part, state)})"
            case Size(of=part):
                return f"size({self._term(part, state)})"
            case Contains(container=container, value=value):
                return f"contains({self._term(container, state)}, {self._term(value, state)})"
            case OneOf(of=part, choices=choices):
                return f"one_of({self._term(part, state)}, [{', '.join(self.of(one.value) for one in choices)}])"
            case Given(of=part):
                return self._term(part, state)
            case _:
                raise Unwritable(str(term))


def snippet(
    plan: Plan,
    graph: str,
    start: Any,
    steps: Sequence[Step],
    bound: Bound | None,
    budget: Budget | None,
    deps: str,
) -> tuple[str, dict[str, Any]]:
    """The call as text, and the names it uses. Raises Unwritable."""
    writer = Writer()
    written = [writer.of(step) for step in steps]
    written = [_repeated(written[one.first : one.first + one.length], one.times) for one in rounds(written)]
    parts = [graph, f"start={writer.of(_instance(plan, start))}", f"steps=[{', '.join(written)}]"]
    if bound is not None:
        claims = [bound.claim] if bound.then is None else [bound.claim, bound.then]
        name = bound.kind.replace(" ", "_")
        writer.names[name] = getattr(properties, name)
        text = ", ".join(writer.claim(one, plan.state) for one in claims)
        parts.append(f"properties=[{name}({text})]")
    if budget is not None:
        given = ", ".join(f"{name}={value:g}" for name, value in budget.as_json().items())
        parts.append(writer.named("Budget", Budget, f"budget=Budget({given})"))
    if deps:
        parts.append(f"deps={deps}")
    one_line = f"replay({', '.join(parts)})"
    if len(one_line) <= _WIDTH:
        return one_line, writer.names
    lines = _wrapped(written)
    rest = "".join(f", {part}" for part in parts[3:])
    return f"replay({parts[0]}, {parts[1]}, steps=[\n{lines}\n]{rest})", writer.names


def _repeated(steps: Sequence[str], times: int) -> str:
    return steps[0] if times == 1 else f"*[{', '.join(steps)}] * {times}"


def _wrapped(written: Sequence[str]) -> str:
    """Steps, as many to a line as fit."""
    lines: list[str] = []
    for text in written:
        if lines and len(lines[-1]) + len(text) + 2 <= _WIDTH:
            lines[-1] += f" {text},"
        else:
            lines.append(f"    {text},")
    return "\n".join(lines)


def _instance(plan: Plan, start: Any) -> Any:
    return start if isinstance(start, plan.state) else plan.schema.build(plan.schema.start(start))
