"""When the nodes of a run were at work: a lane for each, and the stretches in between in which nothing was."""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from typing import Any
from urllib.parse import unquote

from graphflow.studio.histories import History
from graphflow.views.drawing import card_id
from graphflow.views.marking import GLYPHS
from graphflow.views.spans import Span

_MOST_SPANS = 200
_SHORTEST_IDLE_S = 1.0
_SQUEEZED, _SQUEEZED_MOST = 0.05, 0.35  # of the width: for one idle stretch, and for all of them
_AT_REST = ("waiting", "retrying")
_NO_WORK = ("START", "END")


def timeline_of(history: History) -> dict[str, Any]:
    """The lanes of a run's nodes, in the order in which they began. Of a rerun only what it did itself (S15.3)."""
    since = history.own_since
    spans = [span for span in history.spans if span.path.rpartition("/")[2] not in _NO_WORK and span.begin >= since]
    machine = history.moments.machine
    is_at_work = history.row.is_driven and machine.status == "running"
    begin: float = min([machine.spent.began, *(span.begin for span in spans)])
    end: float = max(machine.now, time.time()) if is_at_work else machine.now
    by_path: dict[str, list[Span]] = {}
    for span in sorted(spans, key=lambda one: one.begin):
        by_path.setdefault(span.path, []).append(span)
    lanes = [_lane(path, found, history, end if is_at_work else None) for path, found in by_path.items()]
    idle = _idle(spans, begin, end)
    return {"t0": begin, "t1": end, "lanes": lanes, "idle": idle, "pieces": pieces_of(begin, end, idle)}


def pieces_of(begin: float, end: float, idle: Sequence[Sequence[float]]) -> list[dict[str, Any]]:
    """Time, and the place from 0 to 1 that it takes, in pieces that are each straight: idle stretches are squeezed.

    >>> [(one["left"], one["right"], one["is_idle"]) for one in pieces_of(0, 100, [[5, 95]])]
    [(0.0, 0.475, False), (0.475, 0.525, True), (0.525, 1.0, False)]
    """
    squeezed = min(_SQUEEZED, _SQUEEZED_MOST / max(1, len(idle)))
    busy = (end - begin - sum(to - start for start, to in idle)) or 1.0
    pieces: list[dict[str, Any]] = []
    reached, left = begin, 0.0
    for start, to in [*idle, (end, end)]:
        right = left + (1 - squeezed * len(idle)) * (start - reached) / busy
        pieces.append({"from": reached, "to": start, "left": left, "right": right, "is_idle": False})
        if to > start:
            pieces.append({"from": start, "to": to, "left": right, "right": right + squeezed, "is_idle": True})
        reached, left = to, right + squeezed
    return pieces


def _lane(path: str, spans: Sequence[Span], history: History, now: float | None) -> dict[str, Any]:
    lane: dict[str, Any] = {"node": _name(path), "card": _card(path, history), "spans": []}
    if len(spans) > _MOST_SPANS:
        counts = {status: count for status in GLYPHS if (count := sum(span.status == status for span in spans))}
        whole = {"from": spans[0].begin, "to": max(span.end for span in spans)}
        return lane | {"many": {"n": len(spans), **whole, "counts": counts}}
    lane["spans"] = [
        {
            "from": span.begin,
            "to": span.end if span.seq or now is None else now,
            "status": span.status,
            "attempt": span.attempt,
            "cursor": span.cursor,
            "seq": span.seq or history.last,
        }
        for span in spans
    ]
    return lane


def _name(path: str) -> str:
    return "/".join(unquote(part, errors="replace") for part in path.split("/"))


def _card(path: str, history: History) -> str:
    while path and card_id(path) not in history.cards:
        path = path.rpartition("/")[0]
    return card_id(path) if path else ""


def _idle(spans: Iterable[Span], begin: float, end: float) -> list[list[float]]:
    """Stretches of more than a second in which no cursor was at work; a sub-graph's own time is that of what is in it."""
    spans = list(spans)
    around = {cursor for span in spans for cursor in _around(span.cursor)}
    busy = sorted((span.begin, span.end) for span in spans if span.status not in _AT_REST and span.cursor not in around)
    found: list[list[float]] = []
    reached = begin
    for start, stop in [*busy, (end, end)]:
        if start - reached > _SHORTEST_IDLE_S:
            found.append([reached, start])
        reached = max(reached, stop)
    return found


def _around(cursor: str) -> list[str]:
    """The cursors of the sub-graphs that a cursor is in; of a repeated one also without its repetition."""
    parts = cursor.split("/")[:-1]
    whole = ["/".join(parts[: count + 1]) for count in range(len(parts))]
    return whole + [one.rpartition("~")[0] for one in whole if "~" in one]
