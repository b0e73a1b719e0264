"""A simulated run told line by line: who began, who came to what meanwhile, and where the process died."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import count
from typing import Any

from graphflow.core.plan import Node, Plan
from graphflow.errors import GraphflowError, shown
from graphflow.graph.context import Handoff
from graphflow.testing.playing.naming import start_told
from graphflow.testing.playing.play import target_name
from graphflow.testing.simulating.runs import Trial
from graphflow.testing.simulating.staging import Happened
from graphflow.testing.values.answers import all_plans
from graphflow.testing.walking.telling import labelled
from graphflow.testing.walking.walk import Breach

_MOST_LINES = 60
_FIRST_LINES = 20


def account(plan: Plan, name: str, breach: Breach, trial: Trial) -> str:
    """What is told but for the last line: which law, the run, how it is broken, how to mend it."""
    given = start_told(plan, trial.script.start)
    lines = [f"{name!r} does not hold in graph {plan.name!r}", *([f"         start {given}"] if given else [])]
    lines += _run_lines(plan, trial.stage.log)
    lines += [f"  {line}" for line in breach.lines]
    if breach.fix:
        lines += labelled("fix", breach.fix)
    return "\n".join(line.rstrip() for line in lines)


def _run_lines(plan: Plan, log: Sequence[Happened]) -> list[str]:
    nodes = {node.name: node for inner in all_plans(plan) for node in inner.nodes}
    places = {(one.node, _index(one)) for one in log}
    maps = {node for node, number in Counter(node for node, _ in places).items() if number > 1}
    told = [(_place(one, maps), _what(nodes, one)) for one in _telling(log)]
    width = max((len(place) for place, _ in told), default=0)
    numbers = count(1)
    lines = [
        f"  {next(numbers):>5}. {place:<{width}}  {what}" if place else f"         -- {what} --" for place, what in told
    ]
    if len(lines) > _MOST_LINES:
        left = len(lines) - _MOST_LINES
        lines = [*lines[:_FIRST_LINES], f"         ... {left} more ...", *lines[_FIRST_LINES + left :]]
    return lines


def _telling(log: Sequence[Happened]) -> Iterator[Happened]:
    """That a node begins is left out if its end is the next thing that happens."""
    for number, one in enumerate(log):
        following = log[number + 1] if number + 1 < len(log) else None
        if one.what != "begins" or following is None or following.cursor != one.cursor:
            yield one


def _place(one: Happened, maps: set[str]) -> str:
    """The node, with its branch if there are several, and its visit after the first."""
    if one.what == "note":
        return ""
    visit = one.cursor.rpartition(":")[2]
    return f"{one.node}{_index(one) if one.node in maps else ''}" + (f" ({visit})" if visit != "1" else "")


def _index(one: Happened) -> str:
    """The innermost branch that a node is in: ``[2]``."""
    branch = one.cursor.rpartition("/")[0]
    return branch[branch.rfind("[") :] if branch.endswith("]") else ""


def _what(nodes: dict[str, Node], one: Happened) -> str:
    value: Any = one.value
    match one.what:
        case "note":
            return str(value)
        case "says":
            return f"says {shown(value)}"
        case "returns":
            return _returned(nodes.get(one.node), value)
        case "raises":
            text = value.what if isinstance(value, GraphflowError) else str(value)
            return f"raises {type(value).__name__}" + (f": {text}" if text else "")
        case "hands off":
            return f"hands off to {target_name(value.target if isinstance(value, Handoff) else value)}"
        case "swallows":
            return "is cancelled, and goes on to its end"
        case "takes too long":
            return f"takes too long{value}"
        case "is forgotten":
            return "was cut off, is not cancelled, and goes on to its end"
        case _:
            return one.what


def _returned(node: Node | None, value: Any) -> str:
    """What a function wrote, field by field where that can be told."""
    if value is None:
        return "returns"
    if node is not None and node.writes.kind == "value":
        return f"{node.writes.fields[0]}={shown(value)}"
    if isinstance(value, dict):
        return ", ".join(f"{name}={shown(one)}" for name, one in value.items())  # pyright: ignore
    return f"returns {shown(value)}"
