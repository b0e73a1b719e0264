"""An output type filled from text: for each field of its JSON schema the part of the text that fits it best.

What cannot be found is not made up: a required field without anything to go by is a refusal, an optional one is left
out. Constraints of the schema (lengths, bounds, counts, patterns) are kept.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, cast

from graphflow.agents.offline.material import Material, Sentence
from graphflow.agents.offline.picking import CannotFill, boolean, number, option, text, texts
from graphflow.agents.offline.subjects import likely_subjects
from graphflow.agents.offline.terms import about, numbers
from graphflow.agents.offline.wishes import Wish
from graphflow.agents.offline.words import stems

_DEEPEST = 6  # models within models: a type that contains itself ends there
_USUAL, _MOST = 5, 12  # elements of a list
_NAMES = ("name", "title", "subject", "topic", "rival", "company", "product", "item", "entity", "person", "label")

Schema = Mapping[str, Any]


def fill(schema: Schema, material: Material) -> Any:
    """A value of the schema, taken from the text. Raises CannotFill."""
    return _Filling(schema, material.task).value(schema, Wish("", "", material.task), material, 0)


@dataclass(frozen=True, slots=True)
class _Filling:
    root: Schema
    task: str

    def value(self, schema: Schema, wish: Wish, material: Material, depth: int, *, is_required: bool = True) -> Any:
        if depth > _DEEPEST:
            raise CannotFill(wish.name, "it goes too deep")
        schema = self._resolved(schema)
        if "const" in schema:
            return schema["const"]
        if "enum" in schema:
            return option(list(schema["enum"]), wish, material)
        for union in ("anyOf", "oneOf"):
            if union in schema:
                return self._first(schema[union], wish, material, depth, is_required)
        match schema.get("type"):
            case "object":
                return self._object(schema, wish, material, depth)
            case "array":
                return self._array(schema, wish, material, depth)
            case "string":
                return text(schema, wish, material)
            case "integer" | "number":
                return number(schema, wish, material, is_required=is_required)
            case "boolean":
                return boolean(wish, material, is_required=is_required)
            case "null":
                return None
            case _:
                return text({}, wish, material)  # anything goes

    def _resolved(self, schema: Schema) -> Schema:
        seen = 0
        while "$ref" in schema or len(schema.get("allOf", ())) == 1:
            inner = schema["allOf"][0] if "allOf" in schema else self._definition(schema["$ref"])
            schema = {**inner, **{key: value for key, value in schema.items() if key not in ("$ref", "allOf")}}
            seen += 1
            if seen > _DEEPEST:
                raise CannotFill("", "its schema goes round in circles")
        return schema

    def _definition(self, reference: str) -> Schema:
        found: Any = self.root
        for part in reference.removeprefix("#/").split("/"):
            found = found[part]
        return cast("Schema", found)

    def _first(self, options: list[Schema], wish: Wish, material: Material, depth: int, is_required: bool) -> Any:
        """The first form that can be filled; nothing only if no other can."""
        reasons: list[CannotFill] = []
        for schema in sorted(options, key=lambda one: one.get("type") == "null"):
            try:
                return self.value(schema, wish, material, depth + 1, is_required=is_required)
            except CannotFill as reason:
                reasons.append(reason)
        raise reasons[0]

    def _object(self, schema: Schema, wish: Wish, material: Material, depth: int) -> dict[str, Any]:
        properties = cast("dict[str, Schema]", schema.get("properties", {}))
        if not properties:
            return self._mapping(schema, material, depth)
        required = set(schema.get("required", ()))
        made: dict[str, Any] = {}
        for name, one in properties.items():
            inner = Wish.of(name, self._resolved(one), self.task)
            try:
                made[name] = self.value(one, inner, material, depth + 1, is_required=name in required)
            except CannotFill:
                if name in required:
                    raise
        return made

    def _mapping(self, schema: Schema, material: Material, depth: int) -> dict[str, Any]:
        """A dict with any keys: the subjects of the text, each with what is said of it."""
        values = schema.get("additionalProperties")
        if not isinstance(values, dict):
            return {}
        made: dict[str, Any] = {}
        for term in likely_subjects(material.sentences, material.wanted)[:_USUAL]:
            try:
                narrowed = material.narrowed(about(term, material.sentences))
                made[term.text] = self.value(cast("Schema", values), Wish("", "", ""), narrowed, depth + 1)
            except CannotFill:
                continue
        if len(made) < schema.get("minProperties", 0):
            raise CannotFill("", "the text names too little")
        return made

    def _array(self, schema: Schema, wish: Wish, material: Material, depth: int) -> list[Any]:
        least, most = int(schema.get("minItems", 0)), schema.get("maxItems")
        asked = wish.count() or most or _USUAL
        count = max(least, min(asked if most is None else min(asked, int(most)), _MOST))
        if "prefixItems" in schema:
            made = [self.value(one, wish, material, depth + 1) for one in schema["prefixItems"]]
        else:
            made = self._elements(schema, wish, material, depth, count)
        if schema.get("uniqueItems"):
            made = [one for number, one in enumerate(made) if one not in made[:number]]
        if len(made) < least:
            raise CannotFill(wish.name, f"the text holds {len(made)}, and {least} are wanted")
        return made[:count]

    def _elements(self, schema: Schema, wish: Wish, material: Material, depth: int, count: int) -> list[Any]:
        items = self._resolved(schema.get("items") or {"type": "string"})
        if items.get("type") == "string" and not items.keys() & {"enum", "const", "format", "pattern"}:
            return texts(items, wish, material, count)
        if items.get("type") in ("integer", "number"):
            whole = items["type"] == "integer"
            found = [one for one in numbers(material.text) if one.is_integer() or not whole]
            return [int(one) if whole else one for one in dict.fromkeys(found)][:count]
        if "enum" in items:
            said = set(stems(material.text))
            return [one for one in items["enum"] if said & set(stems(str(one).replace("_", " ")))][:count]
        made: list[Any] = []
        for part in self._parts(items, material, count):
            try:
                made.append(self.value(items, wish, part, depth + 1))
            except CannotFill:
                continue
        return made

    def _parts(self, items: Schema, material: Material, count: int) -> list[Material]:
        """The material of each element: what is said of one subject, or one passage."""
        properties = cast("dict[str, Schema]", items.get("properties", {}))
        if any(name in _NAMES for name in properties):
            terms = likely_subjects(material.sentences, material.wanted)[:count]
            found: list[Material] = []
            for term in terms:
                part = material.narrowed(about(term, material.sentences))
                part.facts = [(name, term.text) for name in _NAMES]
                found.append(part)
            return found
        passages: dict[int, list[Sentence]] = {}
        for one in material.sentences:
            passages.setdefault(one.passage, []).append(one)
        return [material.narrowed(sentences) for sentences in list(passages.values())[:count]]
