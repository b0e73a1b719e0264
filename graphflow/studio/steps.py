"""The entries of a journal as steps that people read: where, what, in one line."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Literal, TypeGuard

from graphflow.core.journal import SNAPSHOT, Entry
from graphflow.core.plan import Plan
from graphflow.core.reading import step_of, under_plans
from graphflow.core.tokens import masked
from graphflow.service.spots import spot_of
from graphflow.studio.histories import History
from graphflow.views import standing
from graphflow.views.drawing import card_id
from graphflow.views.measures import duration

Tone = Literal["plain", "good", "bad", "warn", "ask"]
_LONGEST = 240

_WORDS: dict[str, tuple[str, Tone]] = {
    "started": ("began", "plain"),
    "finished": ("finished", "good"),
    "answered": ("answered", "good"),
    "left": ("finished", "good"),
    "chosen": ("went on", "plain"),
    "timer": ("time over", "warn"),
    "woke": ("again", "plain"),
    "due": ("time over", "warn"),
    "asked": ("asked", "ask"),
    "withdrawn": ("withdrawn", "plain"),
    "waiting": ("waiting", "ask"),
    "early": ("answered early", "plain"),
    "refused": ("not taken", "warn"),
    "began": ("began", "plain"),
    "entered": ("entered", "plain"),
    "joined": ("joined", "good"),
    "spent": ("spent", "plain"),
    "cancelled": ("cancelled", "warn"),
    "resumed": ("resumed", "plain"),
    "rerun": ("rerun", "plain"),
    "wrapped": ("wrapped up", "warn"),
    "migrated": ("moved", "plain"),
    SNAPSHOT: ("pruned", "plain"),
}
_ENDS: dict[str, Tone] = {"done": "good", "failed": "bad", "cancelled": "warn", "exhausted": "warn"}


def steps_of(history: History, after: int, limit: int) -> list[dict[str, Any]]:
    """The steps behind entry ``after``, ``limit`` at most."""
    begin = max(0, after - history.pruned)
    entries = history.entries[begin : begin + limit]
    return [_step(entry, plan, history) for entry, plan in _under_plans(history, begin, entries)]


def step_at(history: History, seq: int) -> dict[str, Any]:
    """One step. Raises StudioRefused where there is none."""
    history.check(seq)
    return steps_of(history, seq - 1, 1)[0]


def plan_at(history: History, seq: int) -> Plan:
    """The plan under which an entry was made (S16)."""
    place = seq - history.first
    return next(plan for _, plan in _under_plans(history, place, history.entries[place : place + 1]))


def _under_plans(history: History, begin: int, entries: list[Entry]) -> Iterator[tuple[Entry, Plan]]:
    if len(history.plans) == 1:
        [plan] = history.plans.values()
        return ((entry, plan) for entry in entries)
    every = list(under_plans(history.plans, history.entries[: begin + len(entries)]))
    return iter(every[begin:])


def _step(entry: Entry, plan: Plan, history: History) -> dict[str, Any]:
    shown: Entry = masked(entry)
    label, tone = _label(shown)
    cursor = shown.get("at", "")
    return {
        "seq": entry["seq"],
        "t": entry["t"],
        "kind": entry["kind"],
        "node": step_of(plan, entry).node if cursor else "",
        "cursor": cursor,
        "spot": str(spot_of(cursor)) if cursor else "",
        "card": _card(plan, cursor, history),
        "arrow": history.moments.ways.get(entry["seq"], ""),
        "label": label,
        "text": one_line(_text(shown, plan)),
        "tone": tone,
        "attempt": entry.get("attempt"),
    }


def _card(plan: Plan, cursor: str, history: History) -> str:
    """The card that shows a cursor: its node's, or that of the folded sub-graph it is in."""
    path = standing.path_at(plan, cursor) if cursor else None
    while path:
        if card_id(path) in history.cards:
            return card_id(path)
        path = path.rpartition("/")[0]
    return ""


def _label(entry: Entry) -> tuple[str, Tone]:
    kind = entry["kind"]
    if kind == "ended":
        return entry["status"], _ENDS.get(entry["status"], "plain")
    if kind == "failed":
        return "failed", "warn" if {"due", "edge"} & set(entry) or entry.get("collected") else "bad"
    if kind == "decided":
        return ("approved", "good") if entry.get("approved") else ("refused", "warn")
    if kind == "effect":
        return _call_of(entry), "warn" if entry.get("error") else "plain"
    if kind == "finished" and entry.get("at") == "START:1":
        return "began", "plain"
    return _WORDS.get(kind, (kind, "plain"))


def _call_of(entry: Entry) -> str:
    return {"model": "model call", "tool": "tool call", "once": "once"}.get(entry["key"].split(" ", 1)[0], "call")


def _text(entry: Entry, plan: Plan) -> str:
    kind = entry["kind"]
    if kind == "failed":
        return _failure(entry, plan)
    if kind == "effect":
        return entry.get("error") or told_value(entry["value"])
    if kind == "asked":
        return str(entry["question"])
    if kind in ("ended", "refused") and entry.get("error"):
        return reason_of(entry["error"])
    if kind in ("ended", "wrapped"):
        return str(entry.get("why", ""))
    return _way(entry, plan)


def _way(entry: Entry, plan: Plan) -> str:
    """Where an entry led, and which fields it changed."""
    to = step_of(plan, entry).to if "at" in entry and "edge" in entry else ()
    changed = dict.fromkeys(name.lstrip("=") for update in entry.get("updates", ()) for name in update)
    parts = [f"→ {', '.join(to)}"] if to else []
    if "items" in entry:
        parts[:] = [f"→ {', '.join(to)} ×{len(entry['items'])}"]
    return " · ".join([*parts, *([", ".join(changed)] if changed else [])])


def _failure(entry: Entry, plan: Plan) -> str:
    number = f"attempt {entry['attempt']}: " if entry.get("attempt") else ""
    became = ""
    if "due" in entry:
        became = f"; again after {duration(entry['due'] - entry['t'])}"
    elif entry.get("collected"):
        became = "; kept for the join"
    elif "edge" in entry:
        became = f"; → {', '.join(step_of(plan, entry).to)}"
    return f"{number}{reason_of(entry['error'])}{became}"


def reason_of(error: dict[str, Any]) -> str:
    """An error in one line."""
    return one_line(f"{error.get('type', 'error')}: {error.get('what', '')}".rstrip(": "))


def told_value(value: Any) -> str:
    """What a recorded call gave, in words: a model's text or the tools it wants called, a tool's text."""
    if is_record(value):
        known = value
        calls = [str(call.get("name", "")) for call in known.get("tool_calls", ())]
        if calls:
            return f"calls {', '.join(calls)}"
        if "text" in known:
            return str(known["text"])
        if "approved" in known:
            return "approved" if known["approved"] else "not approved"
    return "" if value is None else str(value)


def is_record(value: object) -> TypeGuard[dict[str, Any]]:
    """Whether a value out of a journal is an object."""
    return isinstance(value, dict)


def one_line(text: str) -> str:
    """A text in one line, cut where it gets too long for one.

    >>> one_line("two\\n lines")
    'two lines'
    """
    line = " ".join(text[: 4 * _LONGEST].split())
    return line if len(line) <= _LONGEST else line[: _LONGEST - 1] + "…"
