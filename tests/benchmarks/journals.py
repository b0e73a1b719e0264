"""What is kept of a run and made of it again: bytes of a step, replay, copies of a machine."""

from __future__ import annotations

from statistics import mean
from typing import Annotated

from branches import Work, map_over
from measuring import Measured, compare, timed
from pydantic import BaseModel
from pydantic_core import from_json, to_json
from steps import Count, loop_of

from graphflow import END, START, Graph, Limits, append, fields, size
from graphflow.core.copying import copy
from graphflow.core.journal import decode
from graphflow.core.machine import Machine
from graphflow.core.replay import replay


class Notes(BaseModel):
    lines: Annotated[list[str], append] = []


def entries_of_growing_list(steps: int) -> list[bytes]:
    graph = Graph("notes", Notes, limits=Limits(steps=100_000))
    notes = fields(Notes)

    @graph.node(writes=notes.lines)
    async def write(state: Notes) -> str:
        return "a line of some length"

    graph.edge(START, write)
    graph.edge(write, END, when=size(notes.lines) >= steps)
    graph.edge(write, write, at_most="unbounded")
    return [text for text in graph.run_sync(Notes()).raw_journal if b'"finished"' in text and b'"updates"' in text]


def journal_bytes() -> Measured:
    entries = entries_of_growing_list(2_000)
    beside = mean(len(text) - len(to_json(from_json(text)["updates"])) for text in entries)
    return Measured(beside, note="mean of 2,000 entries")


def journal_flat() -> Measured:
    entries = entries_of_growing_list(2_000)
    return Measured(mean(map(len, entries[-100:])) / mean(map(len, entries[50:150])))


def replaying() -> Measured:
    graph = loop_of(10_000)
    journal = graph.run_sync(Count()).raw_journal
    plan = graph.plan()

    def parse() -> None:
        for text in journal:
            from_json(text)

    return compare(timed(lambda: replay(plan, map(decode, journal))), timed(parse), len(journal))


def machine_with(cursors: int) -> Machine:
    """A machine in whose map so many branches are running."""
    plan = map_over(cursors).plan()
    machine = Machine(plan)
    machine.start(Work())
    scope = machine.take()
    assert scope is not None
    machine.finish(scope, scope.turn, list(range(cursors)))
    for _ in range(cursors):
        machine.take()
    machine.entries.clear()
    return machine


def copies(cursors: int) -> Measured:
    machine = machine_with(cursors)
    values = dict.fromkeys(map(str, range(30)))
    times = 2_000 // cursors
    floor = timed(lambda: [values.copy() for _ in range(cursors)], 20 * times)
    return compare(timed(lambda: copy(machine), times), floor)


MEASURES = {
    "journal_bytes": journal_bytes,
    "journal_flat": journal_flat,
    "replay": replaying,
    "copy_1": lambda: copies(1),
    "copy_100": lambda: copies(100),
}
