"""Fields that are read though nothing can have written them (S3.4).

Only empty defaults are looked at: a telling one is a setting. What the input may give is never an error.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from pydantic.fields import FieldInfo

from graphflow.core.plan import START_INDEX, Edge, Guard
from graphflow.errors import Finding
from graphflow.graph.check.structure import Structure, Way, path_to, walked
from graphflow.graph.check.wording import Wording
from graphflow.graph.check.writers import Writers, carried, writes_of


def check_reads(structure: Structure) -> Iterator[Finding]:
    """Findings GF172 and GF173."""
    words = Wording(structure.plan)
    writers = Writers(structure)
    readers = _readers(structure)
    for name, info in structure.plan.state.model_fields.items():
        if name not in readers or info.is_required():
            continue
        default = _default(info)
        if not _is_empty(default):
            continue
        if not writers.of(name):
            yield _never_written(structure, words, name, default, readers[name])
        else:
            yield from _too_early(structure, words, name, default, readers[name], writers)


def _default(info: FieldInfo) -> object:
    """What a field has without input. Factories other than the plain containers are not called: they may do anything."""
    made: dict[object, object] = {list: [], dict: {}, set: set[object]()}
    factory: object = info.default_factory
    return made.get(factory, info.default) if isinstance(factory, type) else info.default


def _is_empty(default: object) -> bool:
    return default is None or (isinstance(default, str | list | dict | set | frozenset | tuple) and not default)


def _guards(edge: Edge) -> Iterator[Guard]:
    for guard in (edge.guard, *edge.branch_guards, edge.need.guard):
        if guard is not None:
            yield guard


def _readers(structure: Structure) -> dict[str, list[int]]:
    """For every field the nodes that declare to read it and do not write it themselves."""
    readers: dict[str, list[int]] = {}
    for node in structure.work:
        if node.index in structure.reached:
            for name in (node.reads or frozenset()) - (writes_of(node) or frozenset()):
                readers.setdefault(name, []).append(node.index)
    return readers


def _never_written(structure: Structure, words: Wording, name: str, default: object, readers: list[int]) -> Finding:
    return words.finding(
        "GF172",
        "advice",
        f"Nothing writes {name!r}, which {words.names(readers)} read{'s' if len(readers) == 1 else ''}",
        where=[structure.plan.nodes[reader].place for reader in readers],
        why=f"No node declares it in its writes, so it stays {default!r} unless the input gives it. (S3.4)",
        fix=f"If it is input, declare it without a default. Else write it: graph.node(..., writes=fields({structure.plan.state.__name__}).{name})",
        nodes=readers,
    )


def _too_early(
    structure: Structure, words: Wording, name: str, default: object, readers: list[int], writers: Writers
) -> Iterator[Finding]:
    may_write = writers.of(name)
    later = walked(sorted({way.target for node in may_write for way in structure.out[node]}), structure.out)
    before = [reader for reader in readers if reader not in later]
    if before:
        yield _before_any(structure, words, name, default, before, writers)
    if default is not None or len(before) == len(readers):
        return
    unwritten = _unwritten(structure, name, may_write)
    for reader in readers:
        if reader in later and reader in unwritten and may_write.isdisjoint(walked([reader], structure.out)):
            yield _on_some_path(structure, words, name, reader, path_to(reader, unwritten))
            return


def _unwritten(structure: Structure, name: str, may_write: set[int]) -> dict[int, Way | None]:
    """The nodes that can be come to before the field was written, with the ways there.

    What would only look so is left out: a condition that looks at the field knows that it may be empty, and where a
    branch writes the field the join has it.
    """
    covered = {region.fork.index for region in structure.regions if not may_write.isdisjoint(region.nodes)}

    def is_open(way: Way) -> bool:
        edge = way.edge
        if name in carried(edge) or any(_looks_at(guard, name) for guard in _guards(edge)):
            return False
        if way.source in may_write and edge.kind not in ("error", "timer"):
            return False  # a node that fails or is left by a timer has written nothing (S8.2)
        region = structure.region_of[way.source]
        return not (way.role == "straight" and edge.index in covered) and (region is None or way.target != region.join)

    return walked([START_INDEX], _filtered(structure, is_open))


def _looks_at(guard: Guard, name: str) -> bool:
    return guard.reads is None or name in guard.reads


def _filtered(structure: Structure, keep: Callable[[Way], bool]) -> Any:
    return [[way for way in ways if keep(way)] for ways in structure.out]


def _before_any(
    structure: Structure, words: Wording, name: str, default: object, before: list[int], writers: Writers
) -> Finding:
    declared = sorted(writers.by_field.get(name, set()))
    by = f" {words.names(declared)}" if declared else " what writes it"
    return words.finding(
        "GF173",
        "warning" if default is None else "advice",
        f"{words.names(before)} read{'s' if len(before) == 1 else ''} {name!r} before anything can have written it",
        where=[structure.plan.nodes[node].place for node in (*before, *declared)],
        why=f"No path leads from{by} to the reading, so it sees {default!r} unless the input gives the field. (S3.4)",
        fix="If it is input, declare it without a default. Else lead there from a node that writes it.",
        nodes=[*before, *declared],
    )


def _on_some_path(structure: Structure, words: Wording, name: str, reader: int, path: list[int]) -> Finding:
    return words.finding(
        "GF173",
        "advice",
        f"{words.name(reader)} can read {name!r} before it is written",
        where=[structure.plan.nodes[reader].place],
        why=f"On the path {words.path(path)} nothing writes it, so it is None unless the input gives it. (S3.4)",
        fix=f"Write {name} on that path too, or guard the way there with fields({structure.plan.state.__name__}).{name} != None.",
        nodes=[reader],
    )
