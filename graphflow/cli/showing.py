"""``graphflow runs show``: one run, as its store has it. The graph is not imported, and nothing runs."""

from __future__ import annotations

import argparse
import sys
import time
from typing import Any
from urllib.parse import unquote

from graphflow.cli import exits
from graphflow.cli.arguments import Parser, add_common
from graphflow.cli.opening import add_store, opened, store_option
from graphflow.cli.options import positive
from graphflow.cli.output import counted, is_unicode, one_line, print_data, print_json
from graphflow.cli.progress import Progress, decided, reason_of, spot_at
from graphflow.cli.questions import clock, form_of, indented
from graphflow.cli.reports import GoingOn, field_text, run_data, value_data
from graphflow.cli.story import told
from graphflow.cli.tables import plain_table
from graphflow.cli.tallies import Tally, tallies, times_resumed
from graphflow.cli.wording import age, path_line, spent, steps_in_time
from graphflow.core.journal import Entry
from graphflow.core.reading import under_plans
from graphflow.core.remembered import describe
from graphflow.runtime import events
from graphflow.runtime.events import Event
from graphflow.runtime.run import Run
from graphflow.service.answers import annotation_of
from graphflow.service.spots import spot_of
from graphflow.service.standings import is_due, questions_data, standing_now, status_of
from graphflow.service.stored_runs import StoredRun, read_run, values_of
from graphflow.views.measures import dollars, duration, has_cost

_DESCRIPTION = """\
Show one run: its status and how it goes on, its path, every step with the edge
it took, failures, open questions and how to answer them, and for each node how
often it ran and which recorded calls were used again rather than made again.

Needs neither the graph nor a model, nor the key of sealed secrets: it is read
from the store, and secrets are asterisks."""

_EXAMPLES = (
    "graphflow runs show owls-1 --store runs.db",
    "graphflow runs show owls-1 --store runs.db --state",
    "graphflow runs show owls-1 --store runs.db --at 5 --state --json",
)

_FEW = 40
_COLUMNS = ("node", "visits done", "visits failed", "attempts failed", "calls recorded", "used again", "cost")
_GLYPHS = {"done": "✓", "failed": "✗", "asked": "‖", "other": "·"}
_ASCII = {"done": "+", "failed": "x", "asked": "?", "other": "-"}


def make_parser() -> Parser:
    """The arguments of ``graphflow runs show``."""
    parser = Parser("runs show ID", _DESCRIPTION, _EXAMPLES)
    parser.add_argument("run", metavar="ID", help="the run, as graphflow runs list names it")
    parser.add_argument("--at", metavar="SEQ", type=positive, help="the run as it was after this entry")
    parser.add_argument("--state", action="store_true", help="the whole state, too")
    parser.add_argument("--last", metavar="N", type=positive, default=_FEW, help=f"so many steps (default: {_FEW})")
    add_store(parser)
    add_common(parser)
    return parser


def run(given: argparse.Namespace) -> int:
    """Carry the action out. Returns its exit code."""
    with opened(given.store, is_sealed=True) as store:
        kept = read_run(store, given.run)
    shown = kept.run() if given.at is None else kept.run().at(given.at)
    if given.json:
        print_json(_data(kept, shown))
        return exits.DONE
    going_on = GoingOn(kept.row.run, store_option(given.store))
    blocks = [_head(kept, shown, going_on), _steps(shown, given.last), _nodes(shown)]
    if shown.status != "done" and given.at is None:
        blocks.append(_questions(kept, going_on))
    if given.state:
        blocks.append(_state(shown))
    print_data("\n\n".join(block for block in blocks if block))
    return exits.DONE


def _status(kept: StoredRun, shown: Run[Any]) -> str:
    if shown.seq < kept.machine.seq:
        return f"as it was after entry {shown.seq:,} of {kept.machine.seq:,}"
    return _status_now(kept)


def _status_now(kept: StoredRun) -> str:
    status = kept.machine.status
    return status_of(kept.row) if status == "running" else status


def _head(kept: StoredRun, shown: Run[Any], going_on: GoingOn) -> str:
    row, arrow = kept.row, "→" if is_unicode(sys.stdout) else "->"
    lines = [("run", f"{row.run}  {row.graph}"), ("status", _with_hint(kept, shown, going_on))]
    if row.target:
        lines.append(("target", row.target))
    if row.parent:
        lines.append(("rerun of", _origin(row.parent, shown)))
    if row.model:
        lines.append(("model", row.model))
    resumed = times_resumed(shown.journal)
    again = f", resumed {counted(resumed, 'time')}" if resumed else ""
    lines.append(("began", f"{clock(row.created)}, {age(time.time() - row.created)} ago{again}"))
    if shown.pruned:
        told_of = "entry 1" if shown.pruned == 1 else f"entries 1 to {shown.pruned:,}"
        lines.append(("pruned", f"{told_of}: what is shown begins at entry {shown.pruned + 1:,}"))
    worked = steps_in_time(shown.usage.steps, shown.working_seconds, shown.idle_seconds)
    lines.append(("spent", " · ".join([worked, *spent(shown.usage)])))
    if shown.path:
        lines.append(("path", path_line(shown.path, arrow)))
    if shown.frontier and shown.status != "done":
        lines.append(("at", ", ".join(str(spot_of(cursor)) for cursor in shown.frontier[:8])))
    if shown.error is not None:
        lines.append(("error", one_line(shown.without_secrets(reason_of(describe(shown.error))), 200)))
    return "\n".join(f"{label:<11}{text}" for label, text in lines)


def _origin(parent: str, shown: Run[Any]) -> str:
    """Which run it is a rerun of, and what of it was that one's: steps and costs are counted on from there (S15.3)."""
    if shown.rerun_of is None or shown.rerun_of[1] <= shown.pruned:
        return parent
    seq = shown.rerun_of[1]
    steps = counted(shown.at(seq).usage.steps, "step")
    return f"{parent}, from entry {seq:,}: what is up to there is from {parent}, {steps} of those spent too"


def _with_hint(kept: StoredRun, shown: Run[Any], going_on: GoingOn) -> str:
    text = _status(kept, shown)
    if shown.seq < kept.machine.seq:
        return f"{text}; from there: graphflow runs rerun {kept.row.run} --at {shown.seq}{going_on.option}"
    if text == "stopped":
        return f"stopped: nobody drives it; {going_on.resume()} goes on"
    if text in ("failed", "exhausted"):
        more = " --budget-... N" if text == "exhausted" else ""
        return f"{text}; {going_on.resume(more)} goes on"
    if text == "waiting" and (is_due(kept.row) or kept.row.has_answers):
        why = "it was answered" if kept.row.has_answers else "its time is over"
        return f"waiting for a driver, as {why}; {going_on.resume()} goes on"
    return text


def _steps(shown: Run[Any], last: int) -> str:
    """Every step with the edge it took; of a long run, the last ones."""
    glyphs, arrow = (_GLYPHS, "→") if is_unicode(sys.stdout) else (_ASCII, "->")
    rows: list[tuple[str, str, str, str, str]] = []
    progress: Progress | None = None
    plans = under_plans(shown.plans, shown.journal)
    for (_, plan), (entry, event) in zip(plans, told(shown), strict=True):
        if progress is None or progress.plan is not plan:
            progress = Progress(plan)
        progress.observe(event)
        said = _said(progress, entry, event, arrow)
        if said is not None:
            glyph, what = said
            changed = ", ".join(dict.fromkeys(name.lstrip("=") for one in entry.get("updates", ()) for name in one))
            rows.append((f"{entry['seq']}", glyphs[glyph], str(spot_at(event)), what, changed))
    left_out = f"({counted(len(rows) - last, 'step')} before; --last N shows more)\n" if len(rows) > last else ""
    return left_out + plain_table(("entry", "", "step", "", "changed"), rows[-last:]) if rows else ""


def _said(progress: Progress, entry: Entry, event: Event, arrow: str) -> tuple[str, str] | None:
    """A step's glyph and what became of it; None for what is no step of a node."""
    found = progress.row_told(event)
    if found is None:
        return None
    row, _ = found
    if isinstance(event, events.NodeFinished):
        return "done", f"{arrow} {one_line(row.way, 60)}" if row.way else ""
    if isinstance(event, events.NodeFailed):
        again = f"; again after {duration(event.due - event.t)}" if event.due is not None else ""
        way = f"  {arrow} {', '.join(event.to)}" if event.to else ""
        number = f"attempt {event.attempt}: " if event.attempt else ""
        return "failed", f"{number}{one_line(reason_of(event.error), 80)}{again}{way}"
    if isinstance(event, events.Asked):
        return "asked", f"asks: {one_line(event.question, 60)}"
    if isinstance(event, events.Decided):
        return "asked", decided(event)
    if isinstance(event, events.TimerFired) and event.to:
        return "other", f"time is over  {arrow} {', '.join(event.to)}"
    return None


def _nodes(shown: Run[Any]) -> str:
    """How often each node ran, and what was not done twice."""
    found = _tallies(shown)
    if not found:
        return ""
    costs = shown.usage_by_node
    rows = [
        (
            tally.node,
            f"{tally.finished:,}",
            f"{tally.lost:,}",
            f"{tally.failed:,}",
            _calls(tally.calls),
            _calls(tally.reused),
            dollars(costs[tally.node].usd) if tally.node in costs and has_cost(costs[tally.node]) else "",
        )
        for tally in found
    ]
    table = plain_table(_COLUMNS, rows)
    repeated = [tally.node for tally in found if tally.repeated]
    if repeated:
        return f"{table}\nA finished step ran again at: {', '.join(repeated)}. Please report it."
    again = times_resumed(shown.journal)
    return f"{table}\nResumed {counted(again, 'time')}: no finished step ran again." if again else table


def _tallies(shown: Run[Any]) -> list[Tally]:
    return tallies(under_plans(shown.plans, shown.journal))


def _calls(counts: dict[str, int]) -> str:
    return ", ".join(f"{count:,} {kind}" for kind, count in counts.items())


def _questions(kept: StoredRun, going_on: GoingOn) -> str:
    asked = questions_data(standing_now(kept))
    blocks: list[str] = []
    for question in asked:
        form = form_of(annotation_of(question["answer"]))
        due = "" if question["due"] is None else f", until {clock(question['due'])}"
        several = sum(other["node"] == question["node"] for other in asked) > 1
        how = going_on.answer(question["id"] if several else question["node"], "VALUE")
        blocks.append(f"{unquote(question['id'])} asks ({form}{due}):\n{indented(question['text'])}\n  answer: {how}")
    return "\n\n".join(blocks)


def _state(shown: Run[Any]) -> str:
    values = values_of(shown)
    return "\n".join(["state:", *(field_text(name, value_data(shown, name, values[name])) for name in values)])


def _data(kept: StoredRun, shown: Run[Any]) -> dict[str, Any]:
    """The run as ``--json`` prints it: as ``graphflow run`` does, and what else the store knows."""
    row = kept.row
    data = run_data(shown, None) | {"schema": "graphflow.show/1"}
    is_now = shown.seq == kept.machine.seq
    if is_now:
        data["status"] = _status_now(kept)
        data["questions"] = questions_data(standing_now(kept))
    return data | {
        "seq": shown.seq,
        "pruned": shown.pruned,
        "target": row.target or None,
        "parent": row.parent or None,
        "parent_seq": None if shown.rerun_of is None else shown.rerun_of[1],
        "created": row.created,
        "updated": row.updated,
        "is_driven": row.is_driven,
        "has_answers": row.has_answers,
        "idle_seconds": round(shown.idle_seconds, 3),
        "resumed": times_resumed(shown.journal),
        "steps": [_step_data(entry, event) for entry, event in told(shown) if _is_step(event)],
        "nodes": [tally.as_data() for tally in _tallies(shown)],
    }


def _is_step(event: Event) -> bool:
    return bool(event.cursor) and isinstance(
        event,
        events.NodeFinished | events.NodeFailed | events.Asked | events.Decided | events.TimerFired | events.Joined,
    )


def _step_data(entry: Entry, event: Event) -> dict[str, Any]:
    return {
        "seq": entry["seq"],
        "at": entry["at"],
        "node": event.node,
        "kind": entry["kind"],
        "attempt": entry.get("attempt"),
        "to": list(getattr(event, "to", ())),
        "updates": entry.get("updates", []),
        "error": entry.get("error"),
        "t": entry["t"],
    }
