"""What was given to ``graph.ask`` becomes a node that waits for an answer (S10.1)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, cast

from graphflow.core.plan import Ask, Node
from graphflow.errors import DeclarationError, Place, shown, unknown_name
from graphflow.graph.drafts import Parts
from graphflow.graph.edges import is_type
from graphflow.graph.maps import taking_view
from graphflow.graph.mistakes import mistake
from graphflow.graph.options import check_text
from graphflow.graph.prompts import Template
from graphflow.graph.results import writes_of
from graphflow.graph.secrecy import refuse_answer, refuse_from_outside, refuse_in_text
from graphflow.graph.work import new_name

Asking = Callable[[Any, tuple[Any, ...]], str]


def ask_node(
    name: object, question: object, answer: Any, writes: object, purpose: object, parts: Parts, place: Place
) -> Node:
    """The node of a question. Raises DeclarationError."""
    checked = new_name(name, parts, place)
    if not is_type(answer):
        raise mistake(
            "GF126",
            f"answer={shown(answer)} is no type",
            "An answer is validated before it counts. (S10.1)",
            "Give the type of a valid answer: answer=bool, answer=Literal['yes', 'no'], or a pydantic model.",
            place,
        )
    refuse_answer(checked, answer, place)
    asking, reads, template = _question(question, parts, place)
    slots = template.slots if template is not None else ()
    written = writes_of(
        writes,
        answer,
        parts.schema,
        result=f"The question {checked!r} is answered with",
        may_update=False,
        updates=None,
        place=place,
        reads=reads,
    )
    refuse_from_outside(f"The question {checked!r}", answer, written, parts.schema, place)
    return Node(
        index=len(parts.nodes) + 1,
        name=checked,
        kind="ask",
        reads=reads,
        writes=written,
        returns=answer,
        slots=tuple(slot.path for slot in slots),
        ask=Ask(asking, answer, "" if template is None else template.text),
        purpose=check_text("purpose", purpose, place),
        place=place,
    )


def _question(question: object, parts: Parts, place: Place) -> tuple[Asking, frozenset[str] | None, Template | None]:
    if isinstance(question, str):
        return _templated(question, parts, place)
    if callable(question) and not isinstance(question, type):
        return taking_view(cast("Callable[..., Any]", question), "question", place), None, None
    raise mistake(
        "GF126",
        f"{shown(question)} is no question",
        "A question is a text with {fields} of the state in it, or a function of the view. (S10.1)",
        'Write graph.ask("approve", "Send this?\\n\\n{reply}", answer=bool, writes=...).',
        place,
    )


def _templated(question: str, parts: Parts, place: Place) -> tuple[Asking, frozenset[str], Template]:
    if not question.strip():
        raise mistake(
            "GF126", "The question is empty", "Somebody has to know what is asked. (S10.1)",
            'Write what to ask: "Send this?\\n\\n{reply}".', place,
        )  # fmt: skip
    template = Template(question, place=place)
    for name in sorted(template.names):
        if name not in parts.schema.fields:
            raise _unknown_field(name, parts, place)
    refuse_in_text("The question", (slot.path for slot in template.slots), parts.schema, place)
    return template.render, frozenset(template.names), template


def _unknown_field(name: str, parts: Parts, place: Place) -> DeclarationError:
    return mistake(
        "GF126",
        f"The question names {name!r}, which {parts.schema.state.__name__} does not have",
        f"Its fields are {', '.join(parts.schema.fields)}. Braces that are meant as such are doubled: {{{{ }}}}. (S10.1)",
        unknown_name(name, parts.schema.fields),
        place,
    )
