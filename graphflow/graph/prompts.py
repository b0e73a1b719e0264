"""Prompts: texts that name fields of the state in braces, ``"Topic: {topic}"`` (S3.5, S6.1).

A template is read once, at the line that declares it, and says which fields it names: an agent's prompt so *is* what
its node reads. Nothing in it is evaluated: a name is a field of the state, or after a dot a field of a model or a key
of a dict, and never an attribute of an object.

How values are written: text as it is; None, and whatever would be looked up in None, as nothing; numbers plainly;
``true`` and ``false``; a list, tuple, set or dict one element per line after "- " (on lines of its own, sets sorted);
models, and containers inside containers, as JSON. ``{draft:2000}`` is cut to 2,000 characters.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterable, Mapping, Sequence, Set
from dataclasses import dataclass
from enum import Enum
from typing import Any, cast

from pydantic import BaseModel
from pydantic_core import PydanticSerializationError, from_json, to_json

from graphflow.errors import Place, PromptInvalid, shown, unknown_name
from graphflow.graph.cutting import MARK, cut
from graphflow.graph.places import caller

ITEM_NAME = "item"
"""The one name that is no field: the item of the branch under a map (S6.1)."""

_BRACES = re.compile(r"\{\{|\}\}|\{([^{}]*)\}|[{}]")
_SLOT = re.compile(r"\s*([^\W\d]\w*(?:\.[^\W\d]\w*)*)\s*(?::\s*(\d+)\s*)?")


@dataclass(frozen=True, slots=True)
class Slot:
    """One field in braces: its ``path`` (``("review", "score")``) and its ``limit`` in characters, None for no limit."""

    path: tuple[str, ...]
    limit: int | None = None

    def __str__(self) -> str:
        return "{" + ".".join(self.path) + ("" if self.limit is None else f":{self.limit}") + "}"


class Template:
    """A prompt with fields of the state in braces. Raises PromptInvalid where it is declared if it cannot be read.

    ``names`` are the top-level fields of the state that it names, ``uses_item`` whether it names the item of a map,
    ``slots`` everything in braces, in order.

    >>> prompt = Template("On {topic}: {draft:9} {{sic}}")
    >>> sorted(prompt.names)
    ['draft', 'topic']
    >>> prompt.render({"topic": "owls", "draft": "Owls hunt at night."})
    'On owls: Owls hun… {sic}'
    """

    __slots__ = ("_parts", "names", "place", "slots", "text", "uses_item")

    def __init__(self, text: str, *, place: Place | None = None) -> None:
        self.text = text
        self.place = caller() if place is None else place
        self._parts = _read(text, self.place)
        self.slots = tuple(part for part in self._parts if isinstance(part, Slot))
        self.names = frozenset(slot.path[0] for slot in self.slots if slot.path[0] != ITEM_NAME)
        self.uses_item = any(slot.path[0] == ITEM_NAME for slot in self.slots)

    def __repr__(self) -> str:
        return f"Template({self.text!r})"

    def render(self, view: Any, items: Sequence[Any] = ()) -> str:
        """The text for one state: ``view`` is a view, a state or a mapping, ``items`` those of the maps around.

        Raises PromptInvalid if a name is no field there, or if ``{item}`` is named outside a map.
        """
        written = ""
        for part in self._parts:
            if isinstance(part, str):
                written += part
                continue
            value = self._value(part, view, items)
            if type(value) is str and part.limit is None:  # nearly every one
                written += value
                continue
            text = value_text(value)
            if _is_listed(value) and text and written.rpartition("\n")[2].strip():
                written = written.rstrip(" ") + "\n"  # a list begins on a line of its own
            written += text if part.limit is None else _cut(value, text, part.limit)
        return written

    def _value(self, slot: Slot, view: Any, items: Sequence[Any]) -> Any:
        name, *rest = slot.path
        if name == ITEM_NAME:
            if not items:
                raise PromptInvalid(
                    "A prompt names {item} where there is no item",
                    why="Only nodes between a map and its join have an item. (S6.1)",
                    fix="Lead to this node by graph.map(...), or name a field of the state.",
                    where=(self.place,),
                )
            value = items[-1]
        else:
            value = self._look_up(view, name, slot)
        for step in rest:
            if value is None:
                return None
            value = self._look_up(value, step, slot)
        return value

    def _look_up(self, value: Any, name: str, slot: Slot) -> Any:
        if isinstance(value, BaseModel) and name in type(value).__pydantic_fields__:  # nearly every one
            return getattr(value, name)
        names = _names_in(value)
        if name not in names:
            raise PromptInvalid(
                f"The prompt names {slot}, and there is no {name!r} in {_kind_text(value)}",
                why="A prompt names fields of the state, of a model or of a dict. (S3.5)",
                fix=unknown_name(name, names) if names else f"Name the value itself, without .{name}.",
                where=(self.place,),
            )
        if isinstance(value, Mapping):
            return cast("Mapping[str, Any]", value)[name]
        return getattr(value, name)


_WORTH_CUTTING = 20
"""Characters: less of an element says nothing."""


def _cut(value: Any, text: str, limit: int) -> str:
    """The text of a value within its limit: of a list the first elements, the next one cut, a mark for the others."""
    if len(text) <= limit or not _is_listed(value):
        return cut(text, limit)
    lines = _element_lines(value)
    kept: list[str] = []
    left = limit
    for number, line in enumerate(lines):
        comma = 1 if kept else 0
        ending = 0 if number == len(lines) - 1 else 1 + len(MARK)
        if len(line) + comma + ending <= left:
            kept.append(line)
            left -= len(line) + comma
            continue
        bullet, _, element = line.partition(" ")
        room = left - comma - ending - len(bullet) - 1
        if room >= _WORTH_CUTTING and room < len(element):
            kept += [f"{bullet} {cut(element, room)}", *([MARK] if ending else [])]
        else:
            kept.append(MARK)
        break
    return "\n".join(kept) if kept != [MARK] else cut(text, limit)


def value_text(value: Any) -> str:
    """A value as prompts write it; see the head of this module.

    >>> value_text(["red", "blue"])
    '- red\\n- blue'
    """
    return "\n".join(_element_lines(value)) if _is_listed(value) else _inner_text(value)


def _element_lines(value: Any) -> list[str]:
    """The elements of a list, set or dict, each after "- "."""
    if isinstance(value, Mapping):
        pairs = cast("Mapping[object, object]", value).items()
        return [f"- {_inner_text(key)}: {_inner_text(item)}" for key, item in pairs]
    if isinstance(value, Set):
        return _lines(sorted(map(_inner_text, cast("Set[object]", value))))
    return _lines(map(_inner_text, cast("Sequence[object]", value)))


def _lines(texts: Iterable[str]) -> list[str]:
    return ["- " + text.replace("\n", "\n  ") for text in texts]


def _inner_text(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, Enum):
        return _inner_text(value.value)
    if isinstance(value, str):
        return str(value)
    try:
        text = to_json(value, by_alias=False, inf_nan_mode="strings").decode()
    except (PydanticSerializationError, ValueError) as error:
        raise PromptInvalid(
            f"A prompt cannot show {shown(value)}",
            why=f"A {type(value).__name__} has no form as text: {error}",
            fix="Name a field of it, or give the agent a function of the view as prompt.",
        ) from error
    return cast("str", from_json(text)) if text.startswith('"') else text  # a date, a path: its text


def _is_listed(value: Any) -> bool:
    return isinstance(value, Mapping | Set | list | tuple)


def _names_in(value: Any) -> list[str]:
    """What may stand after a dot: fields of a model or dataclass, keys of a dict; nothing of any other object."""
    if isinstance(value, Mapping):
        return [key for key in cast("Mapping[object, object]", value) if isinstance(key, str)]
    if isinstance(value, BaseModel):
        kind = type(value)
        return [*kind.model_fields, *kind.model_computed_fields]
    if dataclasses.is_dataclass(value):
        return [field.name for field in dataclasses.fields(value)]
    return []


def _kind_text(value: Any) -> str:
    return "the dict" if isinstance(value, Mapping) else f"a {type(value).__name__}"


def _read(text: str, place: Place) -> tuple[str | Slot, ...]:
    if not isinstance(text, str):
        raise _invalid(f"A prompt is text, not {shown(text)}", "Write a text, with {field} for a field.", place)
    parts: list[str | Slot] = []
    literal, end = "", 0
    for found in _BRACES.finditer(text):
        literal += text[end : found.start()]
        end = found.end()
        if found[0] in ("{{", "}}"):
            literal += found[0][0]
            continue
        parts += [literal, _slot(found, place)]
        literal = ""
    parts.append(literal + text[end:])
    return tuple(part for part in parts if part != "")


def _slot(found: re.Match[str], place: Place) -> Slot:
    inside = found[1]
    if inside is None:
        raise _invalid(
            f"A single {found[0]!r} in a prompt, at character {found.start() + 1}",
            f"Write {found[0] * 2} for a brace, or {{field}} for a field.",
            place,
        )
    slot = _SLOT.fullmatch(inside)
    if slot is None:
        known = re.match(r"\s*([^\W\d][\w.]*)\s*[!:]", inside)
        fix = f"Write {{{known[1]}}} or {{{known[1]}:2000}}" if known else "Write {field} or {field:2000}"
        raise _invalid(f"{found[0]} in a prompt names no field", f"{fix}; {{{{ and }}}} are braces.", place)
    path = tuple(slot[1].split("."))
    for name in path:
        if name.startswith("_"):
            raise _invalid(f"{found[0]} in a prompt names {name!r}, which is no field", "Name a field.", place)
    limit = None if slot[2] is None else int(slot[2]) if len(slot[2]) < 16 else 10**15
    if limit == 0:
        raise _invalid(f"{found[0]} in a prompt would show nothing", "A limit is at least 1 character.", place)
    return Slot(path, limit)


def _invalid(what: str, fix: str, place: Place) -> PromptInvalid:
    why = "A prompt names fields of the state in braces, {topic}, {review.score}, {draft:2000}. (S3.5)"
    return PromptInvalid(what, why=why, fix=fix, where=(place,))
