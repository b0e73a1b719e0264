"""What a class must be to be the shared state: it survives a round trip through JSON and hides nothing (S1.1).

Found here by looking at the class alone, when the graph is declared: a value that cannot be stored would be lost, or
come back as something else, only when a run is resumed.

A field may hold secrets (``SecretStr``, ``SecretBytes``, ``Secret[...]``), at any depth: they are shown as asterisks,
stand as tokens in what is journalled, and need a store with a cipher (``graphflow.stores.FernetCipher``) to be kept on
disk. What need not outlive the process is better given to the run: ``graph.run(state, deps=...)`` (S3.8).
"""

from __future__ import annotations

import secrets
from collections.abc import Iterator, Mapping
from typing import Any, cast, get_args, get_origin

from pydantic import BaseModel, TypeAdapter, ValidationError
from pydantic.errors import PydanticUndefinedAnnotation, PydanticUserError
from pydantic.fields import FieldInfo
from pydantic_core import to_json

from graphflow.core.annotations import stripped
from graphflow.core.reducers import reducer_in
from graphflow.core.refusals import value_shown
from graphflow.core.schema import Schema
from graphflow.core.sealing import all_texts, holds_secret, is_secret, own_serializer_around, scrubbed
from graphflow.core.tokens import hold
from graphflow.errors import DeclarationError, Place, shown
from graphflow.graph.mistakes import mistake
from graphflow.graph.shapes import annotation_text

hold(secrets.token_bytes(64))  # of this process: the core reads no chance


def schema_of(state: object, place: Place) -> Schema:
    """The schema of a state class. Raises DeclarationError naming the field that cannot be stored, and the mend."""
    checked = _model(state, place)
    _refuse_hidden(checked, place)
    for name, info in checked.model_fields.items():
        _check_field(checked, name, info, place)
    try:
        schema = Schema(checked)
    except TypeError as error:
        raise _wrong_reducer(checked, str(error), place) from None
    for name in checked.model_fields:
        _check_default(schema, name, place)
    return schema


def _model(given: object, place: Place) -> type[BaseModel]:
    state: Any = given
    if not (isinstance(given, type) and issubclass(given, BaseModel)) or given is BaseModel:
        is_instance = isinstance(given, BaseModel)
        is_users = isinstance(given, type) and given.__module__ not in (
            "builtins",
            "typing",
            "collections",
            "pydantic.main",
        )
        name = type(given).__name__ if is_instance else state.__name__ if is_users else "State"
        raise mistake(
            "GF110",
            f"The state of a graph cannot be {given.__name__ if isinstance(given, type) else shown(state)}",
            "The shared state is a pydantic model class: its fields are what nodes read and write. (S1.1)",
            f"Give the class {name}; a run is given the instance." if is_instance
            else f"Write class {name}(BaseModel): ... with a field for each thing that nodes share.",
            place,
        )  # fmt: skip
    if given.__pydantic_root_model__:
        raise mistake(
            "GF110",
            f"The state {given.__name__} is a RootModel, which has no fields",
            "Nodes change fields, one by one. (S3.1)",
            f"Write class {given.__name__}(BaseModel): with its value as a field.",
            place,
        )
    try:
        given.model_rebuild()
    except (PydanticUndefinedAnnotation, PydanticUserError) as error:
        raise mistake(
            "GF110",
            f"The state {given.__name__} is not complete: {str(error).splitlines()[0]}",
            "A type in its annotations is not known where the class was made.",
            f"Define that type before, or call {given.__name__}.model_rebuild() before declaring the graph.",
            place,
        ) from None
    return given


def _refuse_hidden(state: type[BaseModel], place: Place) -> None:
    """Private attributes, extra values and excluded fields: no node could write them, no journal would keep them."""
    private = next(iter(state.__private_attributes__), None)
    if private is not None:
        raise mistake(
            "GF112",
            f"The state {state.__name__} has a private attribute {private!r}",
            "The state is what is journalled and shown; a private attribute would be lost at the first step. (S1.1)",
            f"Make it a field: {private.lstrip('_')}. A client or connection is given to the run: graph.run(state, "
            "deps=...), read as ctx.deps. (S3.8)",
            place,
        )
    if state.model_config.get("extra") == "allow":
        raise mistake(
            "GF112",
            f"The state {state.__name__} allows extra values",
            "Only fields are validated, folded and journalled; with extra='allow' a misspelt one would be kept too. (S3.3)",
            "Leave extra='allow' out of its model_config, and keep open data in a field: notes: dict[str, str] = {}.",
            place,
        )
    excluded = next((name for name, info in state.model_fields.items() if info.exclude), None)
    if excluded is not None:
        raise mistake(
            "GF112",
            f"The field {excluded!r} of {state.__name__} is excluded from JSON",
            "A field with exclude=True would be missing when the run is resumed. (S1.1)",
            "Leave exclude=True out; what must not be stored is given to the run: graph.run(state, deps=...). (S3.8)",
            place,
        )


def _check_field(state: type[BaseModel], name: str, info: FieldInfo, place: Place) -> None:
    for annotation in _annotations_in(info.annotation):
        if isinstance(annotation, type) and issubclass(annotation, BaseModel):
            _refuse_lost(state, name, annotation, place)
    adapter: TypeAdapter[Any] = TypeAdapter(state)
    field_schema = _fields_schema(cast("dict[str, Any]", adapter.core_schema)).get(name)
    if field_schema is not None and own_serializer_around(field_schema):
        raise _own_serializer(state, name, place)
    reason = None if field_schema is None else _unstorable(field_schema, state)
    if reason is not None:
        raise mistake(
            "GF111",
            f"The field {name!r} of {state.__name__} cannot be stored: {annotation_text(info.annotation)}",
            f"{reason} The state must survive a round trip through JSON. (S1.1)",
            _mend(reason),
            place,
        )


def _own_serializer(state: type[BaseModel], name: str, place: Place) -> DeclarationError:
    return mistake(
        "GF111",
        f"The field {name!r} of {state.__name__} holds a secret, and a serializer of its own writes it",
        "A secret is sealed where it is stored, and what a serializer makes of it could not be opened again. (S1.1)",
        "Leave the serializer out; where the text is needed, a node calls get_secret_value().",
        place,
    )


def _refuse_lost(state: type[BaseModel], name: str, nested: type[BaseModel], place: Place) -> None:
    """What a nested model would lose on the way through a journal."""
    private = next(iter(nested.__private_attributes__), None)
    excluded = next((field for field, info in nested.model_fields.items() if info.exclude), None)
    if private is None and excluded is None:
        return
    raise mistake(
        "GF112",
        f"The field {name!r} of {state.__name__} holds a {nested.__name__}, whose {private or excluded!r} would be lost",
        f"It is {'a private attribute' if private else 'excluded from JSON'}, and the state must survive a round trip. (S1.1)",
        f"Make it an ordinary field of {nested.__name__}, or leave it out.",
        place,
    )


def _mend(reason: str) -> str:
    if reason == _BYTES:
        return 'Write model_config = ConfigDict(ser_json_bytes="base64", val_json_bytes="base64"), or use Base64Bytes.'
    if reason == _KEYS:
        return "Use texts or numbers as keys, or a list of pairs."
    if reason == _LAZY:
        return "Use list[...]."
    if reason == _JSON:
        return "Annotate it with what is in the JSON: Json[list[int]] becomes list[int]."
    return (
        "Keep plain data in the state (texts, numbers, lists, models). A client, connection or function is given to the "
        "run: graph.run(state, deps=...), read as ctx.deps. (S3.8)"
    )


def _annotations_in(annotation: Any) -> Iterator[Any]:
    """An annotation and all within it, through the fields of nested models."""
    seen: set[int] = set()
    queue: list[Any] = [annotation]
    while queue:
        one = stripped(queue.pop())
        if id(one) in seen:
            continue
        seen.add(id(one))
        yield get_origin(one) or one
        queue.extend(get_args(one))
        if isinstance(one, type) and issubclass(one, BaseModel):
            queue.extend(info.annotation for info in one.model_fields.values())


_Core = dict[str, Any]

_BYTES = "Bytes that are no UTF-8 text have no form in JSON."
_KEYS = "A key of a JSON object is a text, and these keys would not come back as they were."
_LAZY = "It yields its values once, so there is nothing to store."
_JSON = "It is made of JSON text, and what was made cannot be validated again."
_REASONS: dict[str, str] = {
    "is-instance": "It holds objects that have no form in JSON.",
    "is-subclass": "It holds classes, which have no form in JSON.",
    "callable": "It holds functions, which have no form in JSON.",
    "generator": _LAZY,
    "json": _JSON,
}
_BELOW = (
    "schema",
    "items_schema",
    "keys_schema",
    "values_schema",
    "extras_schema",
    "json_schema",
    "lax_schema",
    "choices",
    "steps",
    "fields",
    "definitions",
)
_SOUND_KEYS = {
    "str", "int", "float", "bool", "decimal", "date", "datetime", "time", "timedelta", "uuid", "enum", "literal", "any",
    "url", "multi-host-url",
}  # fmt: skip


def _fields_schema(core: _Core) -> dict[str, _Core]:
    """The schemas of a model's fields; definitions they refer to are put beside them."""
    definitions: list[_Core] = []
    while core.get("type") != "model-fields":
        if core["type"] == "definitions":
            definitions = core["definitions"]
        below = core.get("schema")
        if core["type"] == "definition-ref":
            below = next((one for one in definitions if one.get("ref") == core["schema_ref"]), None)
        if not isinstance(below, dict):
            return {}
        core = cast("_Core", below)
    fields = cast("dict[str, _Core]", core["fields"])
    return {name: {"type": "definitions", "schema": one, "definitions": definitions} for name, one in fields.items()}


def _unstorable(core: _Core, state: type[BaseModel]) -> str | None:
    """Why values of a core schema do not survive JSON; None if they do, as far as can be told."""
    queue: list[tuple[_Core, bool]] = [(core, _is_base64(state.model_config))]
    while queue:
        one, has_base64 = queue.pop()
        kind = one.get("type", "")
        if "serialization" in one and kind.startswith("function"):
            continue  # it has a way of its own, which the default value tries
        if kind == "model":
            has_base64 = _is_base64(one["cls"].model_config)
        if is_secret(one):
            has_base64 = True  # what is in a secret is sealed as a whole
        reason = _REASONS.get(kind) or (_BYTES if kind == "bytes" and not has_base64 else None)
        if kind == "dict" and not _are_keys_sound(one.get("keys_schema")):
            reason = _KEYS
        if reason is not None:
            return reason
        if kind == "json-or-python":
            queue.append((one["json_schema"], has_base64))
            continue
        for name in _BELOW:
            if name == "definitions" and one is not core:
                continue
            queue.extend((below, has_base64) for below in _schemas_in(one.get(name)))
    return None


def _is_base64(config: Mapping[str, Any]) -> bool:
    return config.get("ser_json_bytes") == "base64" and config.get("val_json_bytes") == "base64"


def _schemas_in(value: Any) -> Iterator[_Core]:
    if isinstance(value, dict):
        table = cast("dict[str, Any]", value)
        if isinstance(table.get("type"), str):
            yield table
        else:
            for part in table.values():
                yield from _schemas_in(part)
    elif isinstance(value, list | tuple):
        for part in cast("list[Any]", value):
            yield from _schemas_in(part)


def _are_keys_sound(keys: _Core | None) -> bool:
    if keys is None:
        return True
    if keys["type"] == "union":
        kinds = {one["type"] for one in _schemas_in(keys["choices"])}
        return len(kinds) == 1 and kinds <= _SOUND_KEYS
    if holds_secret(keys):
        return False
    if keys["type"].startswith("function") or keys["type"] in ("definition-ref", "json-or-python", "lax-or-strict"):
        return True
    return keys["type"] in _SOUND_KEYS


def _check_default(schema: Schema, name: str, place: Place) -> None:
    """The default of a field through JSON and back, exactly as a journal does it."""
    info = schema.state.model_fields[name]
    if info.is_required() or info.default_factory_takes_validated_data:
        return
    value = info.get_default(call_default_factory=True, validated_data=None)
    spec = schema.specs["=" + name]
    try:
        spec.validate(value)
    except ValidationError as error:
        reason = error.errors(include_url=False)[0]["msg"]
        raise _wrong_default(schema, name, value, f"It does not validate: {reason}.", place) from None
    try:
        dumped = value if spec.dump is None else spec.dump(value)
        revived = (spec.revive or _same)(dumped)
        to_json(dumped, inf_nan_mode="constants")
    except Exception as error:
        raise _wrong_default(schema, name, value, f"{type(error).__name__}: {error}", place) from None
    if type(revived) is not type(value) or (revived != value and repr(revived) != repr(value)):
        raise _wrong_default(
            schema, name, value, f"It comes back from JSON as {value_shown(schema.fields[name], revived)}.", place
        )


def _same(data: Any) -> Any:
    return data


def _wrong_default(schema: Schema, name: str, value: object, reason: str, place: Place) -> DeclarationError:
    annotation, spec = annotation_text(schema.fields[name].annotation), schema.fields[name]
    if spec.is_secret:
        reason = scrubbed(reason, all_texts(value))
    fix = f"Give {name} a default of type {annotation}, or none."
    if annotation in ("Any", "object"):
        fix = f"Annotate {name} with the type of its values, or keep texts, numbers, lists and dicts in it."
    if value is None:
        fix = f"Write {name}: {annotation} | None = None, or give it a default of type {annotation}."
    return mistake(
        "GF111",
        f"The default of {name!r} in {schema.state.__name__} does not survive: {value_shown(spec, value)}",
        f"{reason} The state must survive a round trip through JSON. (S1.1)",
        fix,
        place,
    )


def _wrong_reducer(state: type[BaseModel], reason: str, place: Place) -> DeclarationError:
    for name, info in state.model_fields.items():
        try:
            reducer = reducer_in(info.metadata)
            if reducer is not None:
                reducer.takes(info.annotation)
        except TypeError as error:
            what = f"The reducer of {name!r} in {state.__name__} {error}"
            why = f"{name} is {annotation_text(info.annotation)}. (S7.1)"
            return mistake(
                "GF135", what, why, "append and extend fold lists, union sets, merge dicts; one reducer a field.", place
            )
    return mistake(
        "GF135", f"A reducer of {state.__name__} does not fit: {reason}", "(S7.1)", "See the reducers.", place
    )
