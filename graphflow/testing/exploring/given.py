"""``agents=`` as an explorer takes it: for some nodes every answer they may give, or a function of their view.

The words are those of walks: a value is said, ``says(...)`` and strategies mean each of their values, where those can
be told one by one. Hypothesis itself is not needed for that, unless the user brought it.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any, cast

from pydantic import ValidationError

from graphflow.core.annotations import stripped
from graphflow.core.plan import Node, Plan
from graphflow.core.schema import adapter
from graphflow.errors import shown, unknown_name
from graphflow.errors.testing import AnswersInvalid
from graphflow.graph.context import Handoff
from graphflow.graph.handles import Handle
from graphflow.graph.shapes import annotation_text

Answers = Sequence[Any] | Callable[[Any], Sequence[Any]]
"""What a node may say: each of some values, or of those that a function of its view gives."""


def given_answers(plans: Sequence[Plan], agents: Mapping[Any, Any] | None) -> dict[int, Answers]:
    """``agents=`` by node. Raises AnswersInvalid for an unknown node, and for answers that cannot be tried one by one."""
    found: dict[int, Answers] = {}
    for key, said in (agents or {}).items():
        for node in nodes_named(plans, key):
            found[id(node)] = _answers(node, said)
    return found


def nodes_named(plans: Sequence[Plan], key: object) -> list[Node]:
    """The nodes that answer of a name, a handle, or an agent or function. Raises AnswersInvalid if there are none."""
    every = [(plan, node) for plan in plans for node in plan.nodes if node.is_performed or node.kind == "ask"]
    if isinstance(key, str):
        found = [node for _, node in every if node.name == key]
    elif isinstance(key, Handle):
        found = [node for plan, node in every if node.name == key.name and plan.name == key.graph.name]
    else:
        found = [node for _, node in every if node.work is key]
    if found:
        return found
    name = key if isinstance(key, str) else str(getattr(key, "name", shown(key)))
    raise AnswersInvalid(
        f"agents= says something of {name!r}, which graph {plans[0].name!r} does not have",
        why="The keys are nodes that answer: of agents, functions and questions, also in graphs inside.",
        fix=unknown_name(name, {node.name for _, node in every}),
    )


@dataclass(frozen=True, slots=True)
class Asked:
    """A function of the view that says what a node answers."""

    node: Node
    function: Callable[[Any], Any]

    def __call__(self, view: Any) -> Sequence[Any]:
        return [_checked(self.node, value) for value in _values(self.node, self.function(view))]


def _answers(node: Node, said: object) -> Answers:
    if callable(said) and not isinstance(said, type) and not _is_strategy(said):
        return Asked(node, cast("Callable[[Any], Any]", said))
    return [_checked(node, value) for value in _values(node, said)]


def _values(node: Node, said: object) -> Sequence[Any]:
    """Every value that is meant."""
    if _is_says(said):
        parts: Mapping[str, Any] = cast("Any", said).parts
        what: Any = cast("Any", said).what
        if not parts:
            return _values(node, what) if _is_strategy(what) or isinstance(what, type) else (what,)
        rows = product(*(_each(node, part) for part in parts.values()))
        return [what(**dict(zip(parts, row, strict=True))) for row in rows]
    if isinstance(said, type) and issubclass(said, BaseException):
        return (said(f"said by a test: {said.__name__}"),)
    if isinstance(said, type):
        raise _endless(node, said)
    return _each(node, said)


def _each(node: Node, said: object) -> Sequence[Any]:
    if not _is_strategy(said):
        return (said,)
    from graphflow.testing.values.choices import listed

    values = list(listed(said))
    if not values:
        raise _endless(node, said)
    return values


def _checked(node: Node, value: Any) -> Any:
    """An agent gives nothing on that is not valid (S3.3); of a function anything may be said."""
    annotation = node.ask.answer if node.ask is not None else node.returns
    if stripped(annotation) is Any or node.kind == "function" or isinstance(value, Exception | Handoff):
        return value
    try:
        return adapter(annotation).validate_python(value)
    except ValidationError as error:
        raise AnswersInvalid(
            f"{node.name!r} is said to answer {shown(value)}, which is no {annotation_text(annotation)}",
            why=f"{error.errors(include_url=False)[0]['msg']}. An agent gives nothing on that is not valid. (S3.3)",
            fix=f"Let it say a value of its output type: says({annotation_text(annotation)}, ...).",
            where=() if node.place is None else (node.place,),
        ) from None


def _endless(node: Node, said: object) -> AnswersInvalid:
    return AnswersInvalid(
        f"agents= gives {node.name!r} {shown(said)}, whose values cannot be tried one by one",
        why="explore() tries every answer, from a short list; walks draw from any strategy.",
        fix=f"agents={{{node.name!r}: says(st.sampled_from([...]))}}, or leave it out: one answer per region is tried.",
        where=() if node.place is None else (node.place,),
    )


def _is_strategy(said: object) -> bool:
    module = sys.modules.get("hypothesis.strategies")
    return module is not None and isinstance(said, module.SearchStrategy)


def _is_says(said: object) -> bool:
    module = sys.modules.get("graphflow.testing.values.answers")
    return module is not None and isinstance(said, module.Says)
