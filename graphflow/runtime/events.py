"""What observers of a run are told, typed. Made from journal entries after they are committed, plus what is only shown.

Folding the updates of ``NodeFinished`` along the cursors gives the run's path and state again. What happens in a graph
that is called as a tool is told, too, under the cursor of the call; it is no part of the run's own path, and so is only
shown, with ``seq`` 0 (S12.2).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from graphflow.core import reading
from graphflow.core.journal import Entry
from graphflow.core.plan import Plan


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happened at ``cursor``. ``seq`` numbers committed entries, 0 for what is only shown. ``t`` in s."""

    seq: int
    cursor: str
    node: str
    t: float


@dataclass(frozen=True, slots=True)
class RunStarted(Event):
    """The run began with this (JSON-able) state."""

    run_id: str
    graph: str
    state: dict[str, Any] = field(repr=False)


@dataclass(frozen=True, slots=True)
class NodeStarted(Event):
    """An attempt began, of ``attempts`` at most, by ``agent`` if one performs the node. Not journalled."""

    attempt: int
    attempts: int = field(default=1, repr=False)
    agent: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True)
class NodeFinished(Event):
    """A node is done: its validated updates, in order, and where its cursor went."""

    updates: tuple[dict[str, Any], ...]
    edge: int | None
    to: tuple[str, ...]
    width: int = 1  # branches of a fork or map
    items: tuple[Any, ...] | None = field(default=None, repr=False)  # what a map's branches were started for


@dataclass(frozen=True, slots=True)
class NodeFailed(Event):
    """An attempt failed. ``due`` is when the next one starts, ``to`` where an error edge led, else it climbed.

    ``level`` is the cursor around at which it was settled, if it climbed.
    """

    attempt: int
    error: dict[str, Any]
    due: float | None
    to: tuple[str, ...]
    is_collected: bool
    level: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True)
class NodeLeft(Event):
    """An attempt is over, also one that was stopped and of which nothing came. Only a ``Watch`` is told."""

    attempt: int


@dataclass(frozen=True, slots=True)
class Joined(Event):
    """A join fired: the branches that counted, and the node it is."""

    members: tuple[int, ...] | None  # None: all
    to: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Asked(Event):
    """A question is open. ``id`` is what an answer names: its cursor, or with ``tool`` the call it is about (S10.4)."""

    question: str
    id: str = ""
    tool: str = ""


@dataclass(frozen=True, slots=True)
class Decided(Event):
    """The question ``id`` was answered: whether a tool may be called (S10.4)."""

    id: str
    is_approved: bool


@dataclass(frozen=True, slots=True)
class TimerFired(Event):
    """A retry is due, a timer edge was taken, or a fork's time is over."""

    to: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class EffectRecorded(Event):
    """A model call, tool call or ``ctx.once`` returned. ``kind`` is ``model``, ``tool`` or ``once``.

    ``error`` says which tool failed and how, in full; its model was told in general terms.
    """

    kind: str
    usage: dict[str, Any]
    error: str = ""


@dataclass(frozen=True, slots=True)
class TextStreamed(Event):
    """A piece of text from ``ctx.emit``, or of a model's answer as it is written. Not journalled (S11.3).

    With ``tool``, it is a piece of the arguments of the answer's ``call``-th tool call. An attempt that fails and is
    made again streams anew, after its own NodeStarted.
    """

    text: str
    tool: str = ""
    call: int = 0


@dataclass(frozen=True, slots=True)
class CallWaits(Event):
    """A model call stands in line before it is sent, and why: its model's limiter lets it through later.

    Not journalled. The wait counts as time of its node and of the run's budget, not as time of the model.
    """

    why: str


@dataclass(frozen=True, slots=True)
class Changed(Event):
    """Any other entry: cancelled, resumed, migrated, wrapped, entered, early, withdrawn, waiting."""

    kind: str


@dataclass(frozen=True, slots=True)
class RunEnded(Event):
    """The run rests: ``done``, ``failed``, ``cancelled`` or ``exhausted``."""

    status: str
    error: dict[str, Any] | None


def event_of(entry: Entry, plan: Plan) -> Event:
    """The typed event of a journal entry."""
    kind, seq, t = entry["kind"], entry["seq"], entry["t"]
    if kind == "started":
        return RunStarted(seq, "", "", t, entry["run"], entry["graph"], entry["state"])
    if kind == "ended":
        return RunEnded(seq, entry.get("at", ""), "", t, entry["status"], entry.get("error"))
    if "at" not in entry:
        return Changed(seq, "", "", t, kind)
    step = reading.step_of(plan, entry)
    place = (seq, step.cursor, step.node, t)
    if kind in ("finished", "answered", "left", "chosen"):
        width = len(entry["items"]) if "items" in entry else max(1, len(step.to))
        items = tuple(entry["items"]) if "items" in entry else None
        return NodeFinished(*place, step.updates, step.edge, step.to, width, items)
    if kind == "failed":
        attempt = entry.get("attempt", 0)
        is_collected, level = entry.get("collected", False), entry.get("level", "")
        return NodeFailed(*place, attempt, entry["error"], entry.get("due"), step.to, is_collected, level)
    if kind == "joined":
        members = tuple(entry["members"]) if "members" in entry else None
        return Joined(*place, members, step.to)
    if kind == "asked":
        return Asked(*place, entry["question"], entry.get("id", step.cursor), entry.get("call", {}).get("tool", ""))
    if kind == "decided":
        return Decided(*place, entry["id"], entry["approved"])
    if kind in ("woke", "timer", "due"):
        return TimerFired(*place, step.to)
    if kind == "effect":
        return EffectRecorded(*place, entry["key"].split(" ", 1)[0], entry.get("usage", {}), entry.get("error", ""))
    return Changed(*place, kind)
