"""The state a run starts with, as typed: ``key=value``, ``key=@file``, ``key=@-`` and ``--input``.

Everything is refused before anything runs: unknown fields with the nearest name, missing ones with their type.
"""

from __future__ import annotations

import glob
import json
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from graphflow.cli.values import element_of, meant, read_list, read_value
from graphflow.core.plan import Plan
from graphflow.errors import TargetNotFound, UsageError, nearest, shown, unknown_name
from graphflow.graph.shapes import annotation_text


@dataclass(frozen=True, slots=True)
class Given:
    """One ``key=value``: the text it stands for, and whether that was typed or read from somewhere."""

    key: str
    text: str
    is_typed: bool


class StandardInput:
    """Standard input, which can be read once."""

    def __init__(self) -> None:
        self._reader = ""

    def read(self, reader: str) -> str:
        """All of it, for the argument that names it. Raises UsageError for a second one."""
        if self._reader:
            raise UsageError(
                f"Both {self._reader} and {reader} read standard input",
                code="GF524",
                why="It can be read once.",
                fix="Give one of them as a file.",
            )
        self._reader = reader
        return sys.stdin.read()


def start_state(plan: Plan, arguments: Sequence[str], source: str | None) -> dict[str, Any]:
    """The fields a run starts with. ``source`` is what ``--input`` names. Raises UsageError and TargetNotFound."""
    stdin = StandardInput()
    values = {} if source is None else _object_in(source, stdin)
    for name in values:
        _refuse_unknown(plan, name, "--input")
    values |= given_fields(plan, arguments, stdin)
    _refuse_missing(plan, values)
    return values


def some_fields(plan: Plan, arguments: Sequence[str]) -> dict[str, Any]:
    """What ``--start`` says of a state: ``key=value``, a JSON object, or ``@FILE`` with one. Raises as ``start_state``."""
    stdin = StandardInput()
    values: dict[str, Any] = {}
    pairs: list[str] = []
    for argument in arguments:
        if argument.startswith("@"):
            values |= _object_in(argument[1:], stdin, "--start @")
        elif argument.lstrip().startswith("{"):
            values |= _object_of(argument, f"--start {shown(argument)}")
        else:
            pairs.append(argument)
    for name in values:
        _refuse_unknown(plan, name, "--start")
    return values | given_fields(plan, pairs, stdin)


def given_fields(plan: Plan, arguments: Sequence[str], stdin: StandardInput | None = None) -> dict[str, Any]:
    """The fields that were typed as ``key=value``. Raises UsageError and TargetNotFound."""
    reading = StandardInput() if stdin is None else stdin
    given = [_given(argument, reading) for argument in arguments]
    for one in given:
        _refuse_unknown(plan, one.key, f"{one.key}=...")
    keys = dict.fromkeys(one.key for one in given)
    return {key: _value(plan, key, [one for one in given if one.key == key]) for key in keys}


def split_pair(argument: str, form: str) -> tuple[str, str]:
    """``key=value`` as its two parts. Raises UsageError."""
    key, equals, text = argument.partition("=")
    if not equals or not key.strip():
        raise UsageError(
            f"{argument!r} is not of the form {form}",
            why="After TARGET come fields of the state, each with its value." if form.startswith("key") else "",
            fix=f"Write {form}; a value with spaces stands in quotes: topic='night owls'."
            if form.startswith("key")
            else f"Write {form}, the node that asks and its answer: --answer {key.strip() or 'approve'}=yes.",
        )
    return key.strip(), text


def _given(argument: str, stdin: StandardInput) -> Given:
    key, text = split_pair(argument, "key=value")
    if text.startswith("@@"):
        return Given(key, text[1:], is_typed=True)
    if text.startswith("@"):
        read = stdin.read(argument) if text == "@-" else _text_of(text[1:], f"{key}=@")
        return Given(key, read, is_typed=False)
    return Given(key, text, is_typed=True)


def _value(plan: Plan, key: str, given: list[Given]) -> Any:
    annotation = plan.schema.fields[key].annotation
    texts = [one.text for one in given]
    try:
        if element_of(annotation) is not None:
            return read_list(texts, annotation, may_be_json=given[0].is_typed)
        if len(texts) > 1:
            raise _given_twice(plan, key, texts)
        return read_value(texts[0], annotation)
    except ValueError as error:
        takes = annotation_text(annotation)
        raise UsageError(
            f"{key}={shown(texts[-1])} does not fit the field {key!r}",
            code="GF522",
            why=f"{key} is {takes}. {error}.",
            fix=_example(key, annotation, texts[-1]),
        ) from None


def _given_twice(plan: Plan, key: str, texts: list[str]) -> UsageError:
    return UsageError(
        f"{key} is given {len(texts)} times",
        code="GF522",
        why=f"{key} is {annotation_text(plan.schema.fields[key].annotation)}; only a list takes several values.",
        fix=f"Leave one: {key}={shown(texts[-1])}",
    )


def _example(key: str, annotation: Any, text: str) -> str:
    close = meant(text, annotation)
    if close is not None:
        return f"Did you mean {key}={close}?"
    if element_of(annotation) is not None:
        return f"One element each: {key}=... {key}=..., or a whole JSON list: {key}='[...]'."
    plain = {
        int: f"Write a whole number: {key}=3",
        float: f"Write a number: {key}=0.5",
        bool: f"Write {key}=true or {key}=false.",
    }
    return plain.get(annotation, f"Write a JSON value, or a text that reads as {annotation_text(annotation)}.")


def _text_of(name: str, asking: str) -> str:
    """The text of a file that was named behind ``asking``. Raises TargetNotFound and UsageError."""
    file = Path(name)
    if file.is_dir():
        inside = sorted(path.name for path in file.iterdir() if path.is_file())[:2]
        fix = " ".join(f"{asking}{file / one}" for one in inside) or "There are no files in it."
        raise UsageError(
            f"{name!r} is a folder", code="GF524", why="A value is the text of one file.", fix=f"Name its files: {fix}"
        )
    try:
        return file.read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        raise TargetNotFound(
            f"There is no file {name!r}",
            code="GF524",
            why=f"{asking}FILE reads a file; it was looked for in {file.parent.resolve()}.",
            fix=_nearest_name(file) or _no_file_fix(asking, name),
        ) from None
    except (OSError, UnicodeDecodeError) as error:
        reason = "It is no UTF-8 text." if isinstance(error, UnicodeDecodeError) else f"{error.strerror}."
        raise UsageError(
            f"The file {name!r} cannot be read", code="GF524", why=reason, fix="Give a text file."
        ) from None


def _no_file_fix(asking: str, name: str) -> str:
    if not asking.endswith("=@"):
        return "Name a file that holds a JSON object, or - for standard input."
    return f"A text that begins with @ is written with two: {asking}@{name}"


def _nearest_name(file: Path) -> str:
    if not file.parent.is_dir():
        return ""
    files = [path.name for path in file.parent.iterdir() if path.is_file()]
    close = nearest(file.name, files) or next((name for name in sorted(files) if Path(name).stem == file.stem), None)
    if close is not None:
        return f"Did you mean {str(file.parent / close)!r}?"
    below = sorted(path for depth in ("*", "*/*") for path in file.parent.glob(f"{depth}/{glob.escape(file.name)}"))
    return f"Did you mean {str(below[0])!r}?" if below else ""


def _object_in(source: str, stdin: StandardInput, option: str = "--input ") -> dict[str, Any]:
    """The JSON object in the file that an option names. Raises UsageError and TargetNotFound."""
    text = stdin.read(f"{option}-") if source == "-" else _text_of(source, option)
    return _object_of(text, f"{option}{source}")


def _object_of(text: str, named: str) -> dict[str, Any]:
    """The JSON object that a text is. Raises UsageError."""
    fix = 'A JSON object of the state\'s fields: {"topic": "owls"}'
    try:
        data = json.loads(text)
    except ValueError as error:
        raise UsageError(f"{named} is no JSON", code="GF524", why=f"{error}.", fix=fix) from None
    if not isinstance(data, dict):
        raise UsageError(f"{named} is no JSON object", code="GF524", why=f"It is {shown(data)}.", fix=fix)
    return cast("dict[str, Any]", data)


def _refuse_unknown(plan: Plan, name: str, source: str) -> None:
    fields = plan.schema.fields
    if name not in fields:
        raise UsageError(
            f"There is no field {name!r} in the state of graph {plan.name!r}",
            code="GF521",
            why=f"{source} sets a field of {plan.state.__name__}: {', '.join(fields)}.",
            fix=unknown_name(name, fields),
        )


def _refuse_missing(plan: Plan, values: Mapping[str, Any]) -> None:
    missing = [spec for spec in plan.schema.fields.values() if spec.required and spec.name not in values]
    if not missing:
        return
    names = ", ".join(repr(spec.name) for spec in missing)
    listed = ", ".join(f"{spec.name}: {annotation_text(spec.annotation)}" for spec in missing)
    example = " ".join(f"{spec.name}=..." for spec in missing)
    raise UsageError(
        f"Graph {plan.name!r} needs {names}",
        code="GF523",
        why=f"These fields of {plan.state.__name__} have no default: {listed}.",
        fix=f"Add {example}   ({missing[0].name}=@file reads a file)",
    )
