"""Forms for what a page is to type: made of JSON schemas, so that nothing of a user's has to be imported to show one.

What comes back is checked by pydantic, and what is wrong is said field by field.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Literal, TypeGuard

from pydantic import ValidationError
from pydantic.errors import PydanticInvalidForJsonSchema, PydanticUserError

from graphflow.core.plan import Plan
from graphflow.core.schema import FieldSpec, adapter
from graphflow.core.sealing import all_texts, scrubbed
from graphflow.errors import unknown_name
from graphflow.graph.fingerprints import QuietSchema
from graphflow.graph.stored import json_schema

FieldKind = Literal["text", "long", "number", "integer", "bool", "choice", "list", "json"]
JsonSchema = Mapping[str, Any]

_KINDS: dict[str, FieldKind] = {"boolean": "bool", "integer": "integer", "number": "number", "string": "text"}
_ELEMENTS = ("string", "integer", "number")
_MOST_CHOICES = 200
_LIMITS = (
    ("minimum", "maximum", ""),
    ("minLength", "maxLength", " characters"),
    ("minItems", "maxItems", " elements"),
)
_PLAIN = {
    "missing": "This is required.",
    "int": "This has to be a whole number.",
    "float": "This has to be a number.",
    "bool": "This has to be yes or no.",
    "string": "This has to be a text.",
    "list": "This has to be a list.",
    "model": "This has to be an object with fields.",
    "dict": "This has to be an object with fields.",
}
"""Of pydantic's kinds of errors those that a person meets most, by what they begin with."""
_KINDS_OF_WRONG = ("type", "parsing", "from_float", "attributes_type")
_SECRET = "A secret: it is shown nowhere. Left empty it stays as it is."
NO_SUCH_FIELD = "There is no such field."


def form_of(schema: JsonSchema) -> dict[str, Any]:
    """The form for a value of this JSON schema: one field for each property of an object, else one for the whole.

    >>> form_of({"type": "boolean"})["fields"][0]["kind"]
    'bool'
    >>> form_of({"type": "object", "properties": {"stars": {"type": "integer"}}, "required": ["stars"]})["one"]
    False
    """
    definitions: Mapping[str, JsonSchema] = _mapping(schema.get("$defs"))
    whole = _resolved(schema, definitions)
    properties: Mapping[str, JsonSchema] = _mapping(whole.get("properties"))
    if whole.get("type") != "object" or not properties:
        return {"fields": [_field("value", whole, definitions, is_required=True, is_alone=True)], "one": True}
    required = _list(whole.get("required"))
    fields = [_field(name, told, definitions, is_required=name in required) for name, told in properties.items()]
    return {"fields": fields, "one": False}


def start_form(plan: Plan) -> dict[str, Any]:
    """The form for the state that a run of a graph starts with."""
    try:
        form = form_of(adapter(plan.state).json_schema(by_alias=False, schema_generator=QuietSchema))
    except (PydanticInvalidForJsonSchema, PydanticUserError):
        form = change_form(plan)
    specs = plan.schema.fields
    fields = [_hushed(field, specs[field["name"]]) for field in form["fields"] if field["name"] in specs]
    return {"fields": [field for field in fields if not specs[field["name"]].is_local], "one": False}


def change_form(plan: Plan) -> dict[str, Any]:
    """The form for changing the state that a run has come to: of a stored plan too, from which types may be missing."""
    fields: list[dict[str, Any]] = []
    for name, spec in plan.schema.fields.items():
        schema: JsonSchema = json_schema(spec.annotation) or {}
        fields.append(_hushed(_field(name, schema, schema.get("$defs", {}), is_required=False), spec))
    return {"fields": fields, "one": False}


def _hushed(field: dict[str, Any], spec: FieldSpec) -> dict[str, Any]:
    """The field as it may be shown: of a secret nothing, not even where it begins."""
    if not spec.is_secret:
        return field
    kind = "text" if field["kind"] in ("text", "long") else "json"
    return {**field, "kind": kind, "default": None, "choices": None, "help": _SECRET}


def _field(
    name: str, schema: JsonSchema, definitions: Mapping[str, JsonSchema], *, is_required: bool, is_alone: bool = False
) -> dict[str, Any]:
    whole = _resolved(schema, definitions)
    told, may_be_none = _without_none(whole, definitions)
    kind, choices = _kind(told, definitions, is_alone)
    return {
        "name": name,
        "title": str(whole.get("title") or name) if is_alone else name,
        "kind": kind,
        "required": is_required and not may_be_none,
        "default": whole.get("default"),
        "choices": choices,
        "help": _help(str(schema.get("description") or whole.get("description") or ""), told),
    }


def _help(described: str, schema: JsonSchema) -> str:
    """What a field is for, and what it has to keep to.

    >>> _help("How good it is", {"minimum": 1, "maximum": 5})
    'How good it is (1 to 5)'
    """
    limits = ", ".join(
        words for low, high, unit in _LIMITS if (words := _limit(schema.get(low), schema.get(high), unit))
    )
    more = [
        f"{word} {schema[name]}"
        for name, word in (("exclusiveMinimum", "more than"), ("exclusiveMaximum", "less than"))
        if name in schema
    ]
    limits = ", ".join([*([limits] if limits else []), *more])
    if not limits:
        return described
    return f"{described} ({limits})" if described else limits[0].upper() + limits[1:]


def _limit(low: Any, high: Any, unit: str) -> str:
    if low is None and high is None:
        return ""
    if low is None or high is None:
        return f"at least {low}{unit}" if high is None else f"at most {high}{unit}"
    return f"{low} to {high}{unit}"


def _mapping(value: object) -> dict[str, Any]:
    """A schema may also be true or false; then nothing is known of the value."""
    return value if _is_dict(value) else {}


def _list(value: object) -> list[Any]:
    return value if _is_list(value) else []


def _is_dict(value: object) -> TypeGuard[dict[str, Any]]:
    return isinstance(value, dict)


def _is_list(value: object) -> TypeGuard[list[Any]]:
    return isinstance(value, list)


def _resolved(schema: Any, definitions: Mapping[str, JsonSchema]) -> dict[str, Any]:
    """The schema with a reference of its own followed; what stands beside the reference counts first."""
    found = dict(_mapping(schema))
    for _ in range(len(definitions) + 1):
        reference = found.pop("$ref", None)
        if isinstance(reference, str):
            found = {**_mapping(definitions.get(reference.rpartition("/")[2])), **found}
        elif len(_list(found.get("allOf"))) == 1:
            found = {**_mapping(found.pop("allOf")[0]), **found}
        else:
            break
    return found


def _without_none(schema: JsonSchema, definitions: Mapping[str, JsonSchema]) -> tuple[JsonSchema, bool]:
    """What is left of a schema that allows null besides one other thing, and whether it does."""
    either = [_mapping(one) for one in _list(schema.get("anyOf"))]
    others = [one for one in either if one.get("type") != "null"]
    if len(others) == len(either):
        return schema, False
    return (_resolved(others[0], definitions) if len(others) == 1 else schema), True


def _kind(
    schema: JsonSchema, definitions: Mapping[str, JsonSchema], is_alone: bool
) -> tuple[FieldKind, list[Any] | None]:
    choices = _list(schema.get("enum", [schema["const"]] if "const" in schema else None))
    if 0 < len(choices) <= _MOST_CHOICES:
        return "choice", choices
    kind = str(schema.get("type"))
    if kind == "array":
        element = _resolved(schema.get("items"), definitions)
        is_plain = "prefixItems" not in schema and "enum" not in element and element.get("type") in _ELEMENTS
        return ("list" if is_plain else "json"), None
    if kind == "string" and is_alone:
        return "long", None
    return _KINDS.get(kind, "json"), None


def wrong_fields(annotation: Any, value: Any, *, has_secrets: bool = False) -> dict[str, str]:
    """What is wrong with a value of this type, by the path of the field; "" stands for the whole. Empty if it is valid.

    >>> wrong_fields(int, "many")
    {'': 'This has to be a whole number.'}
    """
    try:
        adapter(annotation).validate_python(value)
    except ValidationError as error:
        return told_wrong(error, has_secrets=has_secrets)
    return {}


def wrong_answer(annotation: Any, value: Any) -> dict[str, str]:
    """What is wrong with an answer of this type, by the names that the fields of its form have; empty if it is valid."""
    wrong = wrong_fields(annotation, value)
    if wrong and form_of(_schema_of(annotation))["one"]:
        return {f"value.{path}" if path else "value": words for path, words in wrong.items()}
    return {path or "value": words for path, words in wrong.items()}


def _schema_of(annotation: Any) -> JsonSchema:
    try:
        return adapter(annotation).json_schema(schema_generator=QuietSchema)
    except (PydanticInvalidForJsonSchema, PydanticUserError):
        return {}


def typed(plan: Plan, values: Mapping[str, Any]) -> dict[str, Any]:
    """What was typed of a state: an empty field of a secret says that it stays as it is."""
    hidden = plan.schema.secret_names
    return {name: value for name, value in values.items() if not (name in hidden and value in ("", None))}


def wrong_changes(plan: Plan, changes: Mapping[str, Any]) -> dict[str, str]:
    """What is wrong with new values of single fields, by field."""
    found: dict[str, str] = {}
    for name, value in changes.items():
        spec = plan.schema.specs.get("=" + name)
        if spec is None:
            found[name] = f"{NO_SUCH_FIELD} {unknown_name(name, plan.schema.fields)}"
            continue
        try:
            spec.validate(value)
        except ValidationError as error:
            wrong = told_wrong(error, has_secrets=plan.schema.fields[name].is_secret)
            found |= {f"{name}.{path}" if path else name: words for path, words in wrong.items()}
    return found


def told_wrong(error: ValidationError, *, has_secrets: bool = False) -> dict[str, str]:
    """What pydantic found, by the path of the field."""
    found: dict[str, str] = {}
    for detail in error.errors(include_url=False, include_context=False):
        words = _plain(detail["type"], detail["msg"])
        if has_secrets:
            words = scrubbed(words, all_texts(detail["input"]))
        found.setdefault(_path(detail["loc"]), words)
    return found


def _plain(kind: str, words: str) -> str:
    """What pydantic says, in words for who fills in a form."""
    name, _, rest = kind.partition("_")
    if kind == "missing" or (name in _PLAIN and rest in _KINDS_OF_WRONG):
        return _PLAIN[name]
    return words.removeprefix("Value error, ").replace("Input should", "This has to").replace(" valid ", " ")


def _path(location: Iterable[int | str]) -> str:
    return ".".join(map(str, location))
