"""How a graph with a state of its own meets the outer one: what it is given, and what it hands over (S12.1)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, cast

from graphflow.core.schema import Schema
from graphflow.errors import DeclarationError, Place, shown
from graphflow.graph.drafts import Parts
from graphflow.graph.expressions import Expression, field_name
from graphflow.graph.mistakes import mistake
from graphflow.graph.results import is_unfit, one_field
from graphflow.graph.shapes import annotation_text

Pairs = tuple[tuple[str, str], ...]


def mappings(
    name: str, inner: Parts, reads: object, writes: object, parts: Parts, place: Place
) -> tuple[Pairs | None, Pairs | None]:
    """``reads={"own": outer.field}`` and ``writes={"outer": "own"}`` of a graph with a state of its own (S12.1)."""
    own, outer = inner.schema, parts.schema
    if reads is None and writes is None:
        if own.state is outer.state:
            return None, None
        raise mistake(
            "GF125",
            f"Graph {inner.name!r} has a state of its own, {own.state.__name__}, and is not told how it meets {outer.state.__name__}",
            "With a state of its own reads= says what it is given and writes= what it hands over. (S12.1)",
            _mapping_to_write(inner, parts),
            place,
        )
    given: dict[str, object] = {"reads": reads, "writes": writes}
    if not isinstance(reads, Mapping) or not isinstance(writes, Mapping):
        wrong = "reads" if not isinstance(reads, Mapping) else "writes"
        raise mistake(
            "GF125",
            f"{wrong}={shown(given[wrong])} of graph {inner.name!r} is no mapping",
            "For a graph both map fields: reads={its field: outer field}, writes={outer field: its field}. (S12.1)",
            _mapping_to_write(inner, parts),
            place,
        )
    _refuse_swapped("reads", cast("Mapping[object, object]", reads), own, outer, place)
    _refuse_swapped("writes", cast("Mapping[object, object]", writes), outer, own, place)
    inward = tuple(
        (one_field(key, "reads", own, place), one_field(value, "reads", outer, place))
        for key, value in cast("Mapping[object, object]", reads).items()
    )
    outward = tuple(
        (one_field(key, "writes", outer, place), _own_field(value, own, place))
        for key, value in cast("Mapping[object, object]", writes).items()
    )
    _check_mappings(name, inward, outward, inner, parts, place)
    return inward, outward


def _refuse_swapped(option: str, given: Mapping[object, object], keys: Schema, values: Schema, place: Place) -> None:
    """A mapping whose keys are fields of the state that its values should be of, and the other way round."""
    pairs = [(key, value if isinstance(value, str) else str(value)) for key, value in given.items()]
    is_swapped = any(key in values.fields and key not in keys.fields and value in keys.fields for key, value in pairs)
    if not is_swapped:
        return
    sides = "{its field: outer field}" if option == "reads" else "{outer field: its field}"
    right = ", ".join(f'"{value}": "{key}"' for key, value in pairs)
    raise mistake(
        "GF125",
        f"The keys of {option}= are fields of {values.state.__name__}, and its values of {keys.state.__name__}: swapped?",
        f"It is {option}={sides}. (S12.1)",
        f"Write {option}={{{right}}}.",
        place,
    )


def _own_field(value: object, own: Any, place: Place) -> str:
    return (
        field_name(value, own.state, place) if isinstance(value, Expression) else one_field(value, "writes", own, place)
    )


def _check_mappings(name: str, inward: Pairs, outward: Pairs, inner: Parts, parts: Parts, place: Place) -> None:
    own, outer = inner.schema, parts.schema
    given = {field for field, _ in inward}
    missing = [field for field, spec in own.fields.items() if spec.required and field not in given]
    if missing:
        raise mistake(
            "GF125",
            f"Graph {inner.name!r} is not given {', '.join(map(repr, missing))}",
            f"{own.state.__name__} has no default for {'it' if len(missing) == 1 else 'them'}. (S12.1)",
            _whole_to_write(missing, inward, outward, inner, parts),
            place,
        )
    unfit = [(o, f) for f, o in inward if is_unfit(outer.fields[o].annotation, own.specs["=" + f])]
    for source, target in unfit:
        raise _unfit(name, source, outer.fields[source].annotation, target, own.fields[target].annotation, place)
    for target, source in outward:
        if is_unfit(own.fields[source].change_type, outer.fields[target]):
            raise _unfit(name, source, own.fields[source].change_type, target, outer.fields[target].change_type, place)


def _unfit(name: str, source: str, given: Any, target: str, taken: Any, place: Place) -> DeclarationError:
    return mistake(
        "GF125",
        f"In graph node {name!r} {source!r} gives {annotation_text(given)}, but {target!r} takes {annotation_text(taken)}",
        "What comes back are the graph's own updates, folded again by the outer field's reducer. (S12.1)",
        "Map fields of one type, with the same reducer or none.",
        place,
    )


def _mapping_to_write(inner: Parts, parts: Parts) -> str:
    """Both mappings as they may be meant: fields of the same name, else of the same type."""
    own, outer = inner.schema, parts.schema
    needed = [name for name, spec in own.fields.items() if name in outer.fields or spec.required]
    taken: set[str] = set()
    results = [(_partner(name, own, outer, taken), name) for name, spec in own.fields.items() if not spec.required]
    writes = [f'"{field}": "{name}"' for field, name in results if field is not None]
    return (
        f"Write reads={{{', '.join(_pairs_to_write(needed, own, outer))}}}, writes={{{', '.join(writes) or '...'}}}, "
        f"with outer = fields({outer.state.__name__}). Keys of reads= are its own fields, keys of writes= the outer ones."
    )


def _whole_to_write(missing: list[str], inward: Pairs, outward: Pairs, inner: Parts, parts: Parts) -> str:
    """Both mappings as they were given, with what is missing."""
    reads = [*(_pair(*pair) for pair in inward), *_pairs_to_write(missing, inner.schema, parts.schema)]
    writes = [f'"{field}": "{name}"' for field, name in outward]
    return (
        f"Write reads={{{', '.join(reads)}}}, writes={{{', '.join(writes)}}}, "
        f"with outer = fields({parts.schema.state.__name__})."
    )


def _pairs_to_write(names: Iterable[str], own: Schema, outer: Schema) -> list[str]:
    return [_pair(name, _partner(name, own, outer, set(), is_input=True)) for name in names]


def _pair(name: str, field: str | None) -> str:
    return f'"{name}": {"..." if field is None else "outer." + field}'


def _partner(name: str, own: Schema, outer: Schema, taken: set[str], *, is_input: bool = False) -> str | None:
    """The outer field that one of the inner graph most likely goes with; what is input there is not written."""
    if name in outer.fields:
        return name
    wanted = own.fields[name].annotation
    for field, spec in outer.fields.items():
        if field not in taken and spec.annotation == wanted and (is_input or not spec.required):
            taken.add(field)
            return field
    return None
