"""The strict form of a schema says the same, or is not given at all."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import pytest
from pydantic import BaseModel, Field, TypeAdapter

from graphflow.agents.strict_schemas import strict_schema


class Point(BaseModel):
    x: int = 1
    label: str | None = None


class Line(BaseModel):
    points: list[Point]
    kind: Literal["a", "b"]


class Cat(BaseModel):
    kind: Literal["cat"]


class Dog(BaseModel):
    kind: Literal["dog"]


def objects_in(schema: Any) -> list[dict[str, Any]]:
    if isinstance(schema, list):
        return [found for one in schema for found in objects_in(one)]
    if not isinstance(schema, dict):
        return []
    inner = [found for one in schema.values() for found in objects_in(one)]
    return [schema, *inner] if schema.get("type") == "object" else inner


def test_every_object_is_closed_and_asks_for_all_it_has() -> None:
    strict = strict_schema(TypeAdapter(Line).json_schema())
    assert strict is not None
    found = objects_in(strict)
    assert len(found) == 2
    for one in found:
        assert one["additionalProperties"] is False
        assert one["required"] == list(one["properties"])
    assert "default" not in str(strict)


@pytest.mark.parametrize(
    "kind",
    [
        dict[str, int],
        Any,
        list[Any],
        tuple[int, str],
        set[int],
        Annotated[Cat | Dog, Field(discriminator="kind")],
    ],
)
def test_what_has_no_strict_form_has_none(kind: Any) -> None:
    assert strict_schema(TypeAdapter(kind).json_schema()) is None


def test_a_tools_optional_parameters_stay_optional() -> None:
    schema = TypeAdapter(Point).json_schema()
    assert strict_schema(schema, may_require=False) is None
    assert (
        strict_schema({"type": "object", "properties": {}, "additionalProperties": False}, may_require=False)
        is not None
    )
