"""What the stage shows of a run after one of its entries, as data for the page: words, figures, colours by status."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from graphflow.service.standings import status_of
from graphflow.studio.histories import History
from graphflow.views.drawing import Drawing
from graphflow.views.marking import GLYPHS, figures, shares
from graphflow.views.overlay import Mark, Overlay, Status

_MOST_CELLS = 28
_MOST_NUMBERS = 6


def marks_at(history: History, seq: int) -> dict[str, Any]:
    """The run after entry ``seq``. Raises StudioRefused for an entry there is not."""
    entry = history.entry(seq)
    overlay = history.moments.overlay(seq)
    is_now = seq == history.last
    status = status_of(history.now()) if is_now else overlay.status
    return {
        "seq": seq,
        "last": history.last,
        "status": status,
        "t": entry["t"],
        "nodes": _nodes(overlay, history.drawing),
        "edges": {
            arrow: {"numbers": list(numbers[-_MOST_NUMBERS:]), "times": len(numbers)}
            for arrow, numbers in overlay.taken.items()
        },
    }


def _nodes(overlay: Overlay, drawing: Drawing) -> dict[str, Any]:
    part_of = shares(overlay, "time")
    found: dict[str, Any] = {}
    for card in drawing.cards:
        mark = overlay.marks.get(card.id)
        if mark is not None and (mark.status != "not run" or mark.cells):
            found[card.id] = _node(mark, card.purpose, part_of.get(card.id))
    return found


def _node(mark: Mark, purpose: str, share: float | None) -> dict[str, Any]:
    is_few = 0 < len(mark.cells) <= _MOST_CELLS
    return {
        "status": mark.status,
        "visits": mark.visits,
        "line": f"{GLYPHS[mark.status]} {mark.status}",
        "figures": figures(mark, purpose),
        "note": mark.note,
        "share": None if share is None else round(share, 4),
        "cells": list(mark.cells) if is_few else None,
        "counts": _counts(mark.cells) if mark.cells else None,
    }


def _counts(cells: Sequence[Status]) -> dict[str, int]:
    return {status: count for status in GLYPHS if (count := cells.count(status))}
