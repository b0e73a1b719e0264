"""Answers as typed: what their texts stand for (S10.1)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, cast

from pydantic import BaseModel

from graphflow.cli.questions import valid_is
from graphflow.cli.values import element_of, read_list, read_value
from graphflow.core.schema import adapter
from graphflow.errors import AnswerInvalid
from graphflow.service.answers import Asked


def value_of(asked: Asked, texts: Sequence[str]) -> Any:
    """What the texts stand for, as JSON-able data. Raises AnswerInvalid."""
    annotation = asked.answer
    try:
        value = _read(list(texts), annotation)
    except ValueError as error:
        raise AnswerInvalid(
            f"{' '.join(texts)!r} is no answer to {asked.key!r}",
            cursor=asked.key,
            why=f"{error}. Nothing was changed. (S10.1)",
            fix=valid_is(" ".join(texts), annotation),
        ) from None
    return adapter(annotation).dump_python(value, mode="json")


def _read(texts: list[str], annotation: Any) -> Any:
    pairs = [text.partition("=") for text in texts]
    record = _record(annotation)
    if record is not None and all(name.isidentifier() and equals for name, equals, _ in pairs):
        types = {name: field.annotation for name, field in record.model_fields.items()}
        values = {name: read_value(text, types.get(name, str)) for name, _, text in pairs}
        return adapter(annotation).validate_python(values)
    if element_of(annotation) is not None:
        return read_list(texts, annotation, may_be_json=True)
    return read_value(" ".join(texts), annotation)


def _record(annotation: Any) -> type[BaseModel] | None:
    """The model an answer is to be, None for every other type."""
    is_model = isinstance(annotation, type) and issubclass(annotation, BaseModel)
    return cast("type[BaseModel]", annotation) if is_model else None
