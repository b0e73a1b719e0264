"""What single nodes ask for that they cannot have: a timeout, an item, a name in a prompt, a number made of a text.

Types are believed as they are written, and only where no value of the type could have what is asked for.
"""

from __future__ import annotations

import dataclasses
import types
from collections.abc import Iterator
from typing import Any, Literal, Union, cast, get_args, get_origin

from pydantic import BaseModel
from typing_extensions import is_typeddict

from graphflow.core.annotations import early_validators, stripped
from graphflow.core.plan import Node
from graphflow.errors import Finding, unknown_name
from graphflow.graph.check.structure import Structure, item_type
from graphflow.graph.check.wording import Wording
from graphflow.graph.prompts import ITEM_NAME
from graphflow.graph.results import is_doubtful
from graphflow.graph.shapes import annotation_text

_PLAIN = (str, int, float, list, tuple, set, frozenset, type(None))
"""Classes whose values have nothing that a prompt could name after a dot."""


def check_work(structure: Structure) -> Iterator[Finding]:
    """Findings GF175, GF176 and GF178."""
    words = Wording(structure.plan)
    for node in structure.work:
        if node.writes.kind == "value":
            yield from _doubtful(structure, words, node)
        if node.timeout_s is not None and node.kind == "function" and node.mode == "sync":
            yield _never_timed(words, node)
        for slot in dict.fromkeys(node.slots):
            yield from _unnamed(structure, words, node, slot)


def check_items(structure: Structure) -> Iterator[Finding]:
    """Findings GF177, for a graph that no map is known to lead to."""
    words = Wording(structure.plan)
    for node in structure.work:
        named = any(slot[0] == ITEM_NAME for slot in node.slots)
        if (named or ITEM_NAME in node.arguments) and item_type(structure, node.index) is None:
            yield words.finding(
                "GF177",
                "advice",
                f"{words.name(node.index)} {'names {item} in its prompt' if named else 'takes an item'}, and no map leads to it",
                where=[node.place],
                why="Between a map and its join a node has the item of its branch; elsewhere there is none, unless this "
                "graph is itself a node under a map. (S6.1)",
                fix=f"graph.map(..., {words.written(node.index)}, over=..., join=...)",
                nodes=[node.index],
            )


def _doubtful(structure: Structure, words: Wording, node: Node) -> Iterator[Finding]:
    name = node.writes.fields[0]
    spec = structure.plan.schema.fields[name]
    if not is_doubtful(node.returns, spec) or early_validators(structure.plan.state, name):
        return
    takes = annotation_text(spec.change_type)
    does = "is answered with" if node.kind == "ask" else "returns"
    yield words.finding(
        "GF175",
        "warning",
        f"{words.name(node.index)} {does} {annotation_text(node.returns)}, and {name!r} takes {takes}",
        where=[node.place],
        why=f"A text that reads as {takes} is taken, any other fails at the node. (S3.3)",
        fix={"ask": f"Ask for it: answer={takes}.", "agent": f"Ask for it: Agent(..., output={takes})."}.get(
            node.kind, f"Return {takes}, or name a field that takes a text."
        ),
        nodes=[node.index],
    )


def _never_timed(words: Wording, node: Node) -> Finding:
    return words.finding(
        "GF176",
        "warning",
        f"The timeout of {words.name(node.index)} can never strike",
        where=[node.place],
        why=f"A plain function holds the event loop until it returns, so nothing can stop it after {node.timeout_s:g} s. (S8.1)",
        fix=f"Write async def {words.written(node.index)}, or run it in a thread: graph.node(..., blocking=True)",
        nodes=[node.index],
    )


def _unnamed(structure: Structure, words: Wording, node: Node, slot: tuple[str, ...]) -> Iterator[Finding]:
    """The first name of a slot that no value of the type before it can have."""
    first, *rest = slot
    infos = structure.plan.state.model_fields
    if first == ITEM_NAME:
        annotation: Any = item_type(structure, node.index)
    else:
        annotation = infos[first].annotation if first in infos else None
    if annotation is None:
        return
    for count, name in enumerate(rest, 1):
        known = _names_in(annotation)
        if known is None:
            return
        if name not in known:
            yield _not_there(words, node, slot, ".".join(slot[:count]), name, annotation, known)
            return
        annotation = known[name]


def _not_there(
    words: Wording, node: Node, slot: tuple[str, ...], holder: str, name: str, annotation: Any, known: dict[str, Any]
) -> Finding:
    severity: Literal["error", "warning"] = "warning" if known else "error"  # an instance of a subclass may have more
    return words.finding(
        "GF178",
        severity,
        f"The prompt of {words.name(node.index)} names {{{'.'.join(slot)}}}, and {holder} has no {name!r}",
        where=[node.place],
        why=f"{holder} is of type {annotation_text(annotation)}. A prompt names fields of models and keys of dicts. (S3.5)",
        fix=unknown_name(name, known) if known else f"Name the value itself: {{{holder}}}",
        nodes=[node.index],
    )


def _names_in(annotation: Any) -> dict[str, Any] | None:
    """What values of a type have after a dot, with its type; None if that is not known."""
    annotation = stripped(annotation)
    if get_origin(annotation) in (Union, types.UnionType):
        every = [_names_in(part) for part in get_args(annotation) if part is not type(None)]
        known = [one for one in every if one is not None]
        merged = {name: Any if len(known) > 1 else one[name] for one in known for name in one}
        return merged if len(known) == len(every) else None
    origin: Any = get_origin(annotation) or annotation
    if is_typeddict(origin):
        return dict(origin.__annotations__)
    if not isinstance(origin, type):
        return {} if origin is Literal else None
    return _names_of(cast("type[object]", origin))


def _names_of(origin: type[object]) -> dict[str, Any] | None:
    if issubclass(origin, BaseModel):
        computed = dict.fromkeys(origin.model_computed_fields, Any)
        return {name: info.annotation for name, info in origin.model_fields.items()} | computed
    if dataclasses.is_dataclass(origin):
        return {field.name: Any for field in dataclasses.fields(origin)}
    return {} if issubclass(origin, _PLAIN) else None
