"""The shapes of the decisions API: an answer to each closed question, with probabilities."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, cast

from pydantic import BaseModel

from graphflow.agents.messages import JsonObject
from graphflow.core.usage import Usage
from graphflow.errors import ScriptMismatch, shown
from graphflow.testing.fake_openai.asked import WireRequest
from graphflow.testing.fake_openai.replies import Said
from graphflow.testing.fake_openai.response_shapes import usage_shape

_SURE = 0.9  # how likely an answer is of which the script says no more


def body(said: Said, request: WireRequest, usage: Usage) -> JsonObject:
    """The answers. Raises ScriptMismatch if what the script gives answers none of the questions."""
    questions = cast("list[JsonObject]", request.body.get("questions") or [])
    values = [said.value] * len(questions)
    if len(questions) > 1 and isinstance(said.value, list | tuple):
        values = list(cast("Sequence[object]", said.value))
    if len(values) != len(questions):
        raise ScriptMismatch(f"{len(values)} answers are given to {len(questions)} questions")
    answers = [
        {"type": "refusal", "name": question.get("name")} if said.refusal else _answer(question, value)
        for question, value in zip(questions, values, strict=True)
    ]
    answered = {"answers": answers, "model": request.model}
    return {**answered, "usage": usage_shape(usage)} if said.tells_usage else answered


def _answer(question: JsonObject, value: object) -> JsonObject:
    kind = question.get("type")
    if value is None:
        value = _first(question)
    named = {"type": kind, "name": question.get("name")}
    if kind == "predicate" and isinstance(value, bool | int | float) and 0 <= value <= 1:
        sure = (_SURE if value else 1 - _SURE) if isinstance(value, bool) else float(value)
        return {**named, "probability": round(sure, 6)}
    if kind == "score":
        return {**named, **_score(cast("list[JsonObject]", question.get("levels") or []), value)}
    if kind == "choice":
        choices = [one.get("value") for one in cast("list[JsonObject]", question.get("choices") or [])]
        likely = _likely(choices, value)
        best = max(likely, key=lambda one: one[1])
        told = [{"value": one, "probability": round(p, 6)} for one, p in likely]
        return {**named, "choice": best[0], "confidence": round(best[1], 6), "probabilities": told}
    raise _unanswered(question, value)


def _first(question: JsonObject) -> object:
    """Some answer that fits."""
    if question.get("type") != "choice":
        return 0
    choices = cast("list[JsonObject]", question.get("choices") or [{}])
    return choices[0].get("value")


def _score(levels: list[JsonObject], value: object) -> JsonObject:
    """The level that is named, by its label or its index."""
    labels = [str(level.get("label")) for level in levels]
    likely = _likely(labels, labels[value] if type(value) is int and 0 <= value < len(labels) else value)
    told = [{"label": label, "value": n, "probability": round(p, 6)} for n, (label, p) in enumerate(likely)]
    score = sum(n * p for n, (_, p) in enumerate(likely))
    return {"score": round(score, 6), "confidence": round(max(p for _, p in likely), 6), "probabilities": told}


def _likely(choices: list[Any], value: object) -> list[tuple[Any, float]]:
    """How likely each choice is: as a mapping says, or one surely and the others hardly."""
    given: object = value.model_dump(mode="json") if isinstance(value, BaseModel) else value
    if isinstance(given, Mapping):
        told = cast("Mapping[object, float]", given)
        if set(told) == {"value"} and "value" not in choices:  # as it would stand in a structured output
            return _likely(choices, told["value"])
        if told and all(one in choices and isinstance(p, int | float) for one, p in told.items()):
            return [(one, float(told.get(one, 0.0))) for one in choices]
    elif any(type(one) is type(value) and one == value for one in choices):
        rest = (1 - _SURE) / max(1, len(choices) - 1)
        return [(one, _SURE if type(one) is type(value) and one == value else rest) for one in choices]
    raise _unanswered({"choices": choices}, value)


def _unanswered(question: JsonObject, value: object) -> ScriptMismatch:
    return ScriptMismatch(
        f"{shown(value)} answers no closed question",
        why=f"It is asked: {shown(question)}",
        fix="Give one of its choices, {choice: probability}, the name of a tool, or a probability.",
    )
