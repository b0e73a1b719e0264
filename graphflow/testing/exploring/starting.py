"""Where an explorer starts runs: as given, and else one state per region of what a user of the graph gives it.

Fields without a default, and those that no node writes and something looks at, are given a few values each: as declared
first, then one after the other changed by itself, then some together. All others start as declared. What was not tried is
noted: then nothing is proved.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from math import prod
from typing import Any, cast

from graphflow.core.annotations import stripped
from graphflow.core.machine import Machine
from graphflow.core.plan import Guard, Plan
from graphflow.errors import InputInvalid
from graphflow.errors.testing import ExploringInvalid, NothingGenerated
from graphflow.graph.demands import Demand
from graphflow.graph.representatives import domain_of
from graphflow.graph.shapes import Shape, fields_of
from graphflow.testing.exploring.answering import one_per_region, spread
from graphflow.testing.exploring.control import guards_of
from graphflow.testing.exploring.declared import demands_of
from graphflow.testing.exploring.given import Answers, Asked
from graphflow.testing.values.inputs import Said, check_given, fields_said, inputs_of, names_in, start_words
from graphflow.testing.values.pools import pool_of
from graphflow.testing.values.sampling import NoSample, filled, sample

MOST_STARTS = 16
_MOST_VALUES = 8
_FEW = 3
_AS_DECLARED = object()
_NOTHING = object()


@dataclass(frozen=True, slots=True)
class Starts:
    """The states to start from. ``words`` says which fields were made up, ``notes`` what was left out."""

    states: Sequence[Any]
    words: str
    notes: tuple[str, ...] = ()


def starts_of(
    plan: Plan,
    given: Any,
    claims: Sequence[Guard],
    looked: frozenset[str],
    seen: frozenset[str] = frozenset(),
    answers: Mapping[int, Answers] | None = None,
) -> Starts:
    """The states to start from. ``given`` is one, a list of them, some fields, or None.

    ``looked`` are control fields, ``seen`` those of them of which functions and maps may tell all values apart; ``answers``
    is what ``agents=`` says, by node.

    Raises InputInvalid for a state that is none, ExploringInvalid for no states at all, NothingGenerated where none could be
    made up.
    """
    machine = Machine(plan)
    if given is not None and not isinstance(given, Mapping):
        states: list[Any] = list(given) if isinstance(given, list) else [given]  # pyright: ignore[reportUnknownArgumentType]
        if not states:
            raise ExploringInvalid(
                "start= is an empty list", why="A run starts from a state.", fix="Leave it out, or give one state."
            )
        for one in states:
            machine.check_input(one)
        return Starts(states, "as given")
    fixed = cast("Mapping[str, Any]", given or {})
    check_given(plan, fixed)
    parts, notes = _parts(plan, fixed, claims, (looked, seen), _said(answers or {}))
    if not parts:
        machine.check_input(dict(fixed))
        made = plan.state.model_validate(dict(fixed), by_alias=False, by_name=True)
        return Starts([made], start_words(plan, tuple(fixed), (), ()))
    found, is_all = _made(plan, machine, fixed, parts)
    if not found:
        raise NothingGenerated(
            f"No {plan.state.__name__} to start from could be made up",
            why=f"{', '.join(parts)} were given simple values, and its validators refuse them all.",
            fix=f"Say where runs start: start={plan.state.__name__}(...).",
        )
    if not is_all:
        notes = [*notes, f"of all ways to start only {len(found)} were tried, in which each of these values stands"]
    required = tuple(name for name in parts if plan.schema.fields[name].required)
    varied = tuple(name for name in parts if name not in required)
    words = start_words(plan, tuple(fixed), required, varied)
    count = f" ({len(found)} ways)" if len(found) > 1 else ""
    return Starts(found, words + count, tuple(notes))


def _parts(
    plan: Plan,
    fixed: Mapping[str, Any],
    claims: Sequence[Guard],
    matters: tuple[frozenset[str], frozenset[str]],
    said: Said,
) -> tuple[dict[str, list[Any]], list[str]]:
    """The values that each field is given, the simplest first; and what is left out with them."""
    demands, shapes = demands_of([plan], claims)[id(plan)].below, fields_of(plan.state)
    looked, seen = matters
    inputs = looked.intersection(inputs_of(plan, said))
    parts: dict[str, list[Any]] = {}
    has_inner = len(Machine(plan).plans()) > 1  # where another graph may look at it by another name
    few: list[str] = []
    none: list[str] = []
    for name, spec in plan.schema.fields.items():
        if name in fixed or not (spec.required or name in inputs):
            continue
        values, is_exact = _values(plan, name, shapes[name], demands.get(name), name in looked)
        if not values and not spec.required:
            none.append(name)
            continue
        if name in looked and not shapes[name].choices and (name in seen or not is_exact):
            few.append(name)
        default = _NOTHING if spec.required else _default_of(plan, name)
        tried = [*([] if default is _NOTHING else [default]), *(one for one in values if not _is_same(one, default))]
        if name not in seen and not has_inner:
            tried = one_per_region([*guards_of(plan), *claims], name, tried)
        parts[name] = [_AS_DECLARED if one is default else one for one in tried]
    notes = [f"runs were started with a few values of {', '.join(few)} only: start= says what else"] if few else []
    notes += [f"runs were started with {', '.join(none)} as declared only: start= says where else"] if none else []
    return parts, notes


def _said(answers: Mapping[int, Answers]) -> Said:
    """What is written by what is said, by node."""
    found: dict[int, frozenset[str] | None] = {}
    for place, one in answers.items():
        if isinstance(one, Asked):
            found[place] = names_in(one.function)
            continue
        fields = [fields_said(value) for value in cast("Sequence[Any]", one)]
        known = [names for names in fields if names is not None]
        found[place] = frozenset[str]().union(*known) if len(known) == len(fields) else None
    return found


def _values(plan: Plan, name: str, shape: Shape, asked: Demand | None, is_looked_at: bool) -> tuple[list[Any], bool]:
    """Values for one field, and whether one stands for all that conditions tell apart."""
    spec = plan.schema.fields[name]
    found: list[Any] = []
    with suppress(NoSample):
        found.append(sample(spec.annotation, spec.metadata))
    is_container = any(kind.is_sized and not kind.choices for kind in shape.kinds)
    if asked is None and not is_looked_at:
        return found[:1], True
    if is_container and found and isinstance(found[0], list) and stripped(shape.element) is str:
        texts = pool_of(plan).texts  # what other fields are compared with: names of stages, kinds
        found += [texts] if texts and _takes(plan, name, texts) else []
    demand = asked or Demand(sizes=[0, 1] if is_container else [])
    domain = domain_of(shape, demand)
    for value in domain.values:
        with suppress(NoSample):
            made = filled(value, shape)
            if not any(_is_same(made, other) for other in found):
                found.append(made)
    most = _MOST_VALUES if asked is not None or shape.choices else _FEW
    return found[:most], asked is not None and domain.is_exact and len(found) <= most


def _takes(plan: Plan, name: str, value: Any) -> bool:
    try:
        plan.schema.fields[name].validate(value)
    except ValueError:
        return False
    return True


def _default_of(plan: Plan, name: str) -> Any:
    return plan.state.model_fields[name].get_default(call_default_factory=True, validated_data={})


def _is_same(one: object, other: object) -> bool:
    return type(one) is type(other) and one == other


def _made(
    plan: Plan, machine: Machine, fixed: Mapping[str, Any], parts: Mapping[str, Sequence[Any]]
) -> tuple[list[Any], bool]:
    """The states, at most so many; and whether these are all combinations."""
    found: list[Any] = []
    tried = 0
    for row in _rows(list(parts.values())):
        tried += 1
        if len(found) >= MOST_STARTS or tried > 8 * MOST_STARTS:
            return found, False
        values = {name: value for name, value in zip(parts, row, strict=True) if value is not _AS_DECLARED}
        try:
            machine.check_input({**fixed, **values})
        except InputInvalid:
            continue
        found.append(plan.state.model_validate({**fixed, **values}, by_alias=False, by_name=True))
    return found, tried >= prod(map(len, parts.values()))


def _rows(parts: Sequence[Sequence[Any]]) -> Iterator[tuple[Any, ...]]:
    """The first value of each, each other value by itself, and then combinations of them, each once."""
    first = tuple(part[0] for part in parts)
    yield first
    told = {tuple(0 for _ in parts)}
    for place, part in enumerate(parts):
        for number in range(1, len(part)):
            told.add(tuple(number if other == place else 0 for other in range(len(parts))))
            yield (*first[:place], part[number], *first[place + 1 :])
    for numbers in spread([range(len(part)) for part in parts], 8 * MOST_STARTS):
        if numbers not in told:
            told.add(numbers)
            yield tuple(part[number] for part, number in zip(parts, numbers, strict=True))
