"""Where a secret of the state may not go: into prompts and questions, conditions with a value beside it, answers.

A prompt is sent to a provider and recorded, and a secret in it would be asterisks; a value to compare a secret with
would stand in labels, drawings and stored plans; answers travel through terminals and stores. Each is a mistake at its
line, with the way that remains (S3.5, S5.2, S10.1).
"""

from __future__ import annotations

import types
from collections.abc import Iterable, Mapping
from typing import Any, Union, get_args, get_origin

from pydantic import BaseModel
from pydantic.errors import PydanticSchemaGenerationError, PydanticUserError

from graphflow.core.annotations import is_native, stripped
from graphflow.core.plan import Writes
from graphflow.core.schema import Schema, adapter
from graphflow.core.sealing import SECRETS, holds_secret
from graphflow.errors import DeclarationError, Place
from graphflow.graph.mistakes import mistake
from graphflow.graph.shapes import Shape, annotation_text


def refuse_in_text(what: str, slots: Iterable[tuple[str, ...]], schema: Schema, place: Place) -> None:
    """Raises DeclarationError if something in braces holds a secret. ``what`` is ``Agent 'clerk'``, or a question."""
    for slot in slots:
        spec = schema.fields.get(slot[0])
        if spec is None or not spec.is_secret or not _is_secret_at(spec.annotation, slot[1:]):
            continue
        named = ".".join(slot)
        raise mistake(
            "GF139",
            f"{what} names {{{named}}}, which holds a secret",
            "What a text names is sent to a model or shown to people, and a secret is neither. (S3.5)",
            "Leave it out, or name a field beside it. What needs the secret is a function or a tool, which calls "
            f"state.{named}.get_secret_value()."
            if len(slot) > 1 or not _is_model(spec.annotation)
            else "Name its fields that are no secrets. What needs the secret is a function or a tool, by get_secret_value().",
            place,
        )


def refuse_answer(name: str, annotation: Any, place: Place) -> None:
    """Raises DeclarationError if answers to a question are secrets."""
    if is_secret_type(annotation):
        raise mistake(
            "GF139",
            f"The question {name!r} asks for a secret",
            "An answer is typed in a terminal, left in a store and journalled as it is. (S10.1)",
            "Ask where it is found instead, and let a node fetch it; or give it to the run: graph.run(state, deps=...).",
            place,
        )


def refuse_from_outside(
    who: str, says: Any, writes: Writes, schema: Schema, place: Place, *, besides: frozenset[str] = frozenset()
) -> None:
    """Raises DeclarationError if what a model or a person says is a secret, or becomes one in the state.

    ``who`` begins a sentence, ``Agent 'clerk'``; ``besides`` are fields that are written by something else.
    """
    names = sorted((writes.declared or frozenset[str]()) & frozenset(schema.secret_names) - besides)
    if names:
        what = f"{who} writes into {', '.join(map(repr, names))}, where secrets are kept"
    elif is_secret_type(says):
        what = f"{who} gives a secret: {annotation_text(says)}"
    else:
        return
    raise mistake(
        "GF139",
        what,
        "What a model or a person says is recorded as it is, before it is part of the state: it would not be secret. (S11.1)",
        "Let a function fetch the secret and return it, or a tool call ctx.update(...); or write into a field that holds none.",
        place,
    )


def refuse_comparison(what: str, *shapes: Shape) -> None:
    """Raises DeclarationError if a secret is compared with a value."""
    if any(is_secret_shape(shape) for shape in shapes):
        raise _compared(what)


def is_secret_shape(shape: Shape) -> bool:
    """Whether its values are secrets themselves."""
    return any(kind.base is not None and issubclass(kind.base, SECRETS) for kind in shape.kinds)


def is_secret_type(annotation: Any) -> bool:
    """Whether values of a type hold secrets, at any depth."""
    if is_native(annotation):
        return False
    try:
        return holds_secret(adapter(annotation).core_schema)
    except (PydanticSchemaGenerationError, PydanticUserError):
        return False


def _is_secret_at(annotation: Any, path: tuple[str, ...]) -> bool:
    for name in path:
        found = [_below(part, name) for part in _alternatives(annotation)]
        annotation = Union[tuple(one for one in found if one is not None) or (Any,)]  # noqa: UP007
    return is_secret_type(annotation)


def _is_model(annotation: Any) -> bool:
    return any(isinstance(part, type) and issubclass(part, BaseModel) for part in _alternatives(annotation))


def _alternatives(annotation: Any) -> tuple[Any, ...]:
    annotation = stripped(annotation)
    return get_args(annotation) if get_origin(annotation) in (Union, types.UnionType) else (annotation,)


def _below(annotation: Any, name: str) -> Any:
    annotation = stripped(annotation)
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        info = annotation.model_fields.get(name)
        return None if info is None else info.annotation
    arguments = get_args(annotation)
    if get_origin(annotation) in (dict, Mapping) and len(arguments) == 2:
        return arguments[1]
    return None


def _compared(what: str) -> DeclarationError:
    return mistake(
        "GF139",
        f"{what} compares a secret",
        "What it is compared with would stand in labels, drawings and stored plans. (S5.2)",
        "Ask whether it is there, with == None or != None; or let a node look, and write what it found into a bool field.",
    )
