"""The strict form of a JSON schema: every property required, nothing besides, as providers need it to constrain output.

A schema that has no such form (open objects, defaults that matter, tagged unions) is sent as it is, as a hint; what
comes back is validated by us in any case.
"""

from __future__ import annotations

import json
from functools import lru_cache
from typing import Any, cast

_KEPT_OUT = frozenset({"default", "title", "examples", "deprecated", "readOnly", "writeOnly"})
"""What says nothing about the shape, and is refused or ignored in strict schemas."""

_UNFIT = frozenset(
    {"oneOf", "allOf", "not", "if", "patternProperties", "prefixItems", "dependentSchemas", "uniqueItems"}
)


class _NoStrictForm(Exception):
    pass


def strict_schema(schema: dict[str, Any], *, may_require: bool = True) -> dict[str, Any] | None:
    """The strict form, or None if there is none. With ``may_require=False`` optional properties have none either.

    An agent sends the same schemas turn after turn, so what comes back is made once and not to be altered.

    >>> strict_schema({"type": "object", "properties": {"a": {"type": "integer", "default": 1}}})["required"]
    ['a']
    """
    return _strict_form(json.dumps(schema), may_require)


@lru_cache(maxsize=512)
def _strict_form(schema: str, may_require: bool) -> dict[str, Any] | None:
    try:
        return cast("dict[str, Any]", _strict(json.loads(schema), may_require))
    except _NoStrictForm:
        return None


def _strict(schema: Any, may_require: bool) -> Any:
    if not isinstance(schema, dict):
        raise _NoStrictForm  # `true`: anything goes
    given = cast("dict[str, Any]", schema)
    if not _UNFIT.isdisjoint(given) or not given.keys() & {"type", "$ref", "anyOf", "enum", "const"}:
        raise _NoStrictForm
    if "$ref" in given:
        return {"$ref": given["$ref"], **_definitions(given, may_require)}
    made = {key: value for key, value in given.items() if key not in _KEPT_OUT}
    for key in ("items", "additionalProperties"):
        if key == "additionalProperties" and made.get(key) in (None, False):
            continue
        if key in made:
            made[key] = _strict(made[key], may_require)
    if "anyOf" in made:
        made["anyOf"] = [_strict(option, may_require) for option in made["anyOf"]]
    if made.get("type") == "object":
        _close(made, may_require)
    if made.get("type") == "array" and "items" not in made:
        raise _NoStrictForm
    return {**made, **_definitions(given, may_require)}


def _close(made: dict[str, Any], may_require: bool) -> None:
    properties = cast("dict[str, Any]", made.get("properties", {}))
    if made.get("additionalProperties") not in (None, False):
        raise _NoStrictForm
    if "properties" not in made and made.get("additionalProperties") is None:
        raise _NoStrictForm  # a dict with any keys
    if not may_require and set(properties) - set(made.get("required", ())):
        raise _NoStrictForm
    made["properties"] = {name: _strict(one, may_require) for name, one in properties.items()}
    made["required"] = list(properties)
    made["additionalProperties"] = False


def _definitions(given: dict[str, Any], may_require: bool) -> dict[str, Any]:
    definitions = cast("dict[str, Any] | None", given.get("$defs"))
    if definitions is None:
        return {}
    return {"$defs": {name: _strict(one, may_require) for name, one in definitions.items()}}
