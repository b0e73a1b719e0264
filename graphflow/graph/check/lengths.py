"""Text of any length in prompts: what some node writes, whose type says no length, and nothing cuts (S3.5).

What only the input gives is left alone, and so is what a function of the view makes of it, which may cut by itself.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from graphflow.core.plan import Node
from graphflow.errors import Finding
from graphflow.graph.check.agents import facts_of
from graphflow.graph.check.structure import Structure
from graphflow.graph.check.wording import Wording, listed
from graphflow.graph.check.writers import Writers
from graphflow.graph.prompts import ITEM_NAME
from graphflow.graph.shapes import CONTAINERS, Kind, Shape, fields_in, fields_of, shape_of

_LONG = 2_000  # characters: the limit that the mend shows
_LINES = 3


def check_lengths(structure: Structure) -> Iterator[Finding]:
    """Findings GF187: one for all prompts of a graph."""
    writers = Writers(structure)
    found: dict[int, list[str]] = {}
    for node in structure.work:
        facts = facts_of(node) if node.index in structure.reached else None
        for path in dict.fromkeys(facts.uncut if facts is not None else ()):
            if path[0] != ITEM_NAME and _may_be_long(structure, writers, path):
                found.setdefault(node.index, []).append(".".join(path))
    if found:
        yield _any_length(structure, Wording(structure.plan), writers, found)


def _may_be_long(structure: Structure, writers: Writers, path: tuple[str, ...]) -> bool:
    """Whether the value of a slot is written by a node and may be a text of any length."""
    name, *rest = path
    shape: Shape | None = fields_of(structure.plan.state).get(name)
    for step in rest:
        shape = None if shape is None else fields_in(shape).get(step)
    return shape is not None and is_long(shape) and bool(_long_writers(structure, writers, name))


def _long_writers(structure: Structure, writers: Writers, name: str) -> list[int]:
    """The nodes that declare to write a field, and whose result says no length either."""
    nodes = structure.plan.nodes
    return [index for index in sorted(writers.by_field.get(name, ())) if _gives_long(structure, nodes[index], name)]


def _gives_long(structure: Structure, node: Node, name: str) -> bool:
    if node.kind == "ask":
        return False  # a person writes what a person reads
    spec = structure.plan.schema.fields.get(name)
    if spec is None or spec.reducer is not None:
        return True  # it grows with every visit
    if node.writes.kind == "value" and node.writes.fields == (name,) and node.returns is not Any:
        return is_long(shape_of(node.returns))
    if node.writes.kind == "fields":
        given = fields_in(shape_of(node.returns)).get(name)
        return given is None or is_long(given)
    return True


def is_long(shape: Shape, within: frozenset[type[Any]] = frozenset()) -> bool:
    """Whether values of a shape may be, or hold, a text of any length. What is not known is not.

    >>> is_long(shape_of(str)), is_long(shape_of(list[str])), is_long(shape_of(dict[str, int]))
    (True, True, True)
    >>> is_long(shape_of(int | None)), is_long(shape_of(list[int]))
    (False, False)
    """
    return any(_is_long(kind, within) for kind in shape.kinds)


def _is_long(kind: Kind, within: frozenset[type[Any]]) -> bool:
    if kind.base is None or kind.choices is not None or kind.base in within:
        return False
    if issubclass(kind.base, str):
        return kind.bounds.max_size is None
    if issubclass(kind.base, CONTAINERS):
        parts = [shape_of(part) for part in kind.arguments if part is not Ellipsis]
        is_fixed = kind.base is tuple and Ellipsis not in kind.arguments
        is_bounded = is_fixed or kind.bounds.max_size is not None
        return any(is_long(part, within) or (not is_bounded and _holds_text(part)) for part in parts)
    return any(is_long(shape, within | {kind.base}) for shape in fields_of(kind.base).values())


def _holds_text(shape: Shape) -> bool:
    """Whether any number of them is a long text, however short each is."""
    return any(
        kind.base is not None
        and kind.choices is None
        and (issubclass(kind.base, (str, *CONTAINERS)) or bool(fields_of(kind.base)))
        for kind in shape.kinds
    )


def _any_length(structure: Structure, words: Wording, writers: Writers, found: dict[int, list[str]]) -> Finding:
    plan = structure.plan
    prompts = [f"{words.name(node)} {' '.join('{' + path + '}' for path in paths)}" for node, paths in found.items()]
    fields = dict.fromkeys(path.split(".")[0] for paths in found.values() for path in paths)
    written = [f"{name} by {words.names(_long_writers(structure, writers, name))}" for name in fields]
    places = [facts.place for node in found if (facts := facts_of(plan.nodes[node])) is not None]
    cuts = [f"{{{path}:{_LONG}}}" for path in dict.fromkeys(path for paths in found.values() for path in paths)]
    return words.finding(
        "GF187",
        "advice",
        f"{'A prompt names' if len(found) == 1 else f'{len(found)} prompts name'} text of any length: {listed(prompts)}",
        where=[place or plan.nodes[node].place for node, place in zip(found, places, strict=True)],
        why=f"Nodes write it, {listed(written)}, and neither its type nor the prompt says how long it may be. A prompt that "
        "has grown costs more at every call, until the model refuses it. (S3.5)",
        fix=f"Cut it where it is read, the state keeps all of it: {', '.join(cuts[:_LINES])}{', ...' if len(cuts) > _LINES else ''}\n"
        "Or limit the whole: Agent(..., max_input_tokens=20_000); or the field: Field(max_length=...).",
        nodes=list(found),
    )


__all__ = ["check_lengths", "is_long"]
