"""``graphflow runs import``: a run from the JSON lines of an export, as a whole or not at all."""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, cast

from graphflow.cli import exits
from graphflow.cli.arguments import Parser, add_common
from graphflow.cli.opening import add_store, opened
from graphflow.cli.output import print_json
from graphflow.core.journal import Entry, decode
from graphflow.core.machine import Machine
from graphflow.core.plan import Plan
from graphflow.core.replay import replay
from graphflow.errors import GraphflowError, TargetNotFound, UsageError
from graphflow.graph.restored import plan_of
from graphflow.runtime.standing import standing_of
from graphflow.stores.exports import FORMAT, KIND
from graphflow.stores.store import Origin, Store

_DESCRIPTION = """\
Read a run that graphflow runs export wrote, - for standard input. It is checked
first, all of it; a run of the same id, a line that is damaged, an end that is
missing or a newer format is refused, and then nothing is kept."""

_EXAMPLES = ("graphflow runs import owls-1.jsonl --store other.db",)


@dataclass(frozen=True, slots=True)
class _Export:
    """What a file holds, found to be sound."""

    run_id: str
    status: str
    origin: Origin
    plans: list[Plan]
    journal: list[bytes]
    answers: list[tuple[str, Any]]
    forms: dict[str, Any]  # by the id of an open question: the JSON schema of its answer
    machine: Machine


def make_parser() -> Parser:
    """The arguments of ``graphflow runs import``."""
    parser = Parser("runs import FILE", _DESCRIPTION, _EXAMPLES)
    parser.add_argument("file", metavar="FILE", help="what graphflow runs export wrote, or - for standard input")
    add_store(parser)
    add_common(parser)
    return parser


def run(given: argparse.Namespace) -> int:
    """Carry the action out. Returns its exit code."""
    export = _checked(_lines(given.file), given.file)
    with opened(given.store, may_make=True, is_sealed=True) as store:
        keep(store, export)
    if given.json:
        entries = len(export.journal)
        print_json({"schema": "graphflow.import/1", "run": export.run_id, "status": export.status, "entries": entries})
    else:
        print(f"imported {export.run_id}: {export.status}, {len(export.journal):,} entries", file=sys.stderr)
    return exits.DONE


def keep(store: Store, export: _Export) -> None:
    """Put the run into a store. Raises StoreError if its id is taken."""
    store.create(export.run_id, export.plans[0], export.origin, export.journal)
    try:
        for plan in export.plans[1:]:
            store.add_plan(export.run_id, plan)
        asyncio.run(_tell(store, export))
        for key, value in export.answers:
            store.answer(export.run_id, key, value)
    except BaseException:
        store.remove(export.run_id)
        raise


async def _tell(store: Store, export: _Export) -> None:
    """Tell the store where the run stands: that is not in a journal."""
    store.acquire(export.run_id)
    try:
        standing = standing_of(export.machine)
        asked = tuple(one | {"schema": export.forms.get(one["id"], {})} for one in standing.questions)
        ticket = store.append(export.run_id, (), replace(standing, status=export.status, questions=asked))
        if ticket is not None:
            await ticket
    finally:
        store.release(export.run_id)


def _lines(name: str) -> list[str]:
    try:
        text = sys.stdin.read() if name == "-" else Path(name).read_text(encoding="utf-8")
    except FileNotFoundError:
        raise TargetNotFound(
            f"There is no file {name!r}",
            code="GF531",
            why=f"It was looked for in {Path(name).parent.resolve()}.",
            fix="Name what graphflow runs export wrote.",
        ) from None
    except (OSError, UnicodeDecodeError) as error:
        raise _unsound(name, f"It cannot be read: {error}.") from None
    return [line for line in text.split("\n") if line]


def _checked(lines: list[str], name: str) -> _Export:
    header = _header(lines, name)
    entries: list[Entry] = []
    for number, line in enumerate(lines[1:], 2):
        try:
            entries.append(decode(line))
        except GraphflowError as error:
            raise _unsound(name, f"Line {number} is damaged: {error.why or error.what}") from None
    if len(entries) != header["entries"]:
        raise _unsound(name, f"It is to have {header['entries']} entries, and has {len(entries)}.")
    try:
        plans = [plan_of(data) for data in header["plans"]]
        machine = replay({plan.fingerprint: plan for plan in plans}, entries)
        origin = Origin(header["target"], header["model"], header["parent"])
        run_id, status = machine.run_id, header["status"]
        answers = [(str(key), value) for key, value in header["answers"]]
        forms = {question["id"]: question["schema"] for question in header["questions"]}
    except GraphflowError as error:
        raise _unsound(name, f"{error.what}. {error.why}") from error
    except (KeyError, TypeError, ValueError, IndexError, AttributeError) as error:
        raise _unsound(name, f"Something in it is not as it was written: {type(error).__name__}: {error}.") from error
    if run_id != header.get("run"):
        raise _unsound(name, f"Its header names run {header.get('run')!r}, its journal run {run_id!r}.")
    if machine.status != "running":
        status = machine.status
    journal = [line.encode() for line in lines[1:]]
    return _Export(run_id, status, origin, plans, journal, answers, forms, machine)


def _header(lines: list[str], name: str) -> dict[str, Any]:
    try:
        header: object = json.loads(lines[0]) if lines else None
    except ValueError:
        header = None
    if not isinstance(header, dict) or cast("dict[str, Any]", header).get("kind") != KIND:
        raise _unsound(name, "Its first line is no header of an export.")
    found = cast("dict[str, Any]", header)
    if found.get("format") != FORMAT:
        raise UsageError(
            f"{name} has format {found.get('format')!r}",
            code="GF531",
            why=f"This version of graphflow reads format {FORMAT}. Nothing was kept.",
            fix="Import it with the version that wrote it, or a newer one.",
        )
    return found


def _unsound(name: str, why: str) -> UsageError:
    return UsageError(
        f"{name} is no export that can be read",
        code="GF531",
        why=f"{why} Nothing was kept.",
        fix="Export the run again: graphflow runs export ID -o FILE",
    )
