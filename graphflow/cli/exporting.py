"""``graphflow runs export``: a run as JSON lines, to be kept elsewhere or sent to somebody."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import Any

from graphflow.cli import exits
from graphflow.cli.arguments import Parser, add_common
from graphflow.cli.opening import add_store, opened
from graphflow.cli.output import print_json
from graphflow.errors import UsageError
from graphflow.graph.stored import data_of
from graphflow.service.standings import standing_now
from graphflow.service.stored_runs import read_run
from graphflow.stores.exports import FORMAT, KIND
from graphflow.stores.store import Store

_DESCRIPTION = """\
Write a run as JSON lines: a header with its plans and origin, then the entries
of its journal. A run that is driven is written as it stands now. States are in
it as they are: what a node wrote can be read there. Secrets (SecretStr) stay
sealed: who has the key goes on with the run, wherever it is imported."""

_EXAMPLES = (
    "graphflow runs export owls-1 --store runs.db > owls-1.jsonl",
    "graphflow runs export owls-1 -o owls-1.jsonl --store runs.db",
)


def make_parser() -> Parser:
    """The arguments of ``graphflow runs export``."""
    parser = Parser("runs export ID", _DESCRIPTION, _EXAMPLES)
    parser.add_argument("run", metavar="ID", help="the run, as graphflow runs list names it")
    parser.add_argument("-o", dest="output", metavar="FILE", help="write to FILE, which must not be there yet")
    add_store(parser)
    add_common(parser)
    return parser


def run(given: argparse.Namespace) -> int:
    """Carry the action out. Returns its exit code."""
    with opened(given.store, is_sealed=True) as store:
        lines = exported(store, given.run)
    text = "\n".join(lines) + "\n"
    if given.output is None:
        sys.stdout.write(text)
        return exits.DONE
    try:
        with Path(given.output).open("x", encoding="utf-8") as file:
            file.write(text)
    except FileExistsError:
        raise UsageError(
            f"{given.output} is there already", why="Nothing is written over.", fix="Name another file, or remove it."
        ) from None
    except OSError as error:
        raise UsageError(f"{given.output} cannot be written", why=f"{error.strerror}.", fix="Name another.") from None
    if given.json:
        print_json({"schema": "graphflow.file/1", "run": given.run, "file": given.output, "entries": len(lines) - 1})
    else:
        print(f"wrote {given.output}, {len(lines) - 1:,} entries", file=sys.stderr)
    return exits.DONE


def exported(store: Store, run_id: str) -> list[str]:
    """The lines of an export. Raises RunNotFound, and JournalInvalid for a run that cannot be folded."""
    kept = read_run(store, run_id)
    row = kept.row
    first = json.loads(kept.journal[0])["fingerprint"]
    plans = sorted(kept.plans, key=lambda fingerprint: fingerprint != first)
    header: dict[str, Any] = {
        "kind": KIND,
        "format": FORMAT,
        "run": run_id,
        "graph": row.graph,
        "entries": len(kept.journal),
        "target": row.target,
        "model": row.model,
        "parent": row.parent,
        "status": row.standing.status,
        "questions": list(standing_now(kept).questions),
        "answers": [[left.key, left.value] for left in store.answers(run_id)],
        "plans": [data_of(kept.plans[fingerprint]) for fingerprint in plans],
    }
    return [json.dumps(header), *(_ascii(text) for text in kept.journal)]


def _ascii(entry: bytes) -> str:
    """An entry in ASCII: any text survives whatever it is sent through."""
    return entry.decode() if entry.isascii() else json.dumps(json.loads(entry), separators=(",", ":"))
