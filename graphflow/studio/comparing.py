"""Two runs side by side: drawn on their graph, where they part, and which fields of their states differ."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from graphflow.core.plan import Plan
from graphflow.core.tokens import masked
from graphflow.errors import DrawingError
from graphflow.service.differing import difference
from graphflow.service.spots import spot_of
from graphflow.studio.histories import History
from graphflow.studio.rows import Rows
from graphflow.studio.stage import StageTheme, picture_of
from graphflow.studio.steps import one_line
from graphflow.views.comparing import GLYPHS, Difference, compared_runs
from graphflow.views.drawing import Drawing
from graphflow.views.folding import overlay_of
from graphflow.views.overlay import Overlay

_MOST_WORDS = 200


def comparison_of(first: History, second: History, rows: Rows, theme: StageTheme) -> dict[str, Any]:
    """What differs between two runs. Of two graphs, the fields are compared and nothing is drawn."""
    found = difference(first.kept(), second.kept())
    svg, drawn, hint = _drawn(first, second, theme)
    data: dict[str, Any] = masked(
        {
            "a": rows.row(first.now()),
            "b": rows.row(second.now()),
            "svg": svg,
            "hint": hint,
            "is_equal": found["is_equal"],
            "same_until": _same_until(first, found["first_difference"]),
            "words": [*_words(found, drawn)][:_MOST_WORDS],
            "fields": [{"field": name, "a": pair[0], "b": pair[1]} for name, pair in found["state"].items()],
            "counts": found["counts"],
            "secrets_compared": found["secrets_compared"],
        }
    )
    return data


def _drawn(first: History, second: History, theme: StageTheme) -> tuple[str | None, tuple[Difference, ...], str]:
    """Both on the graph as the second was run, if they are of one graph and something here draws."""
    if first.row.graph != second.row.graph:
        return None, (), f"They are runs of two graphs, {first.row.graph} and {second.row.graph}: states are compared."
    drawing = second.drawing
    shown, differences = compared_runs(drawing, *(_overlay(one, second.plan, drawing) for one in (first, second)))
    try:
        return picture_of(shown, theme), differences, ""
    except DrawingError as error:
        return None, differences, f"{error.what}. {error.fix}"


def _overlay(one: History, drawn: Plan, drawing: Drawing) -> Overlay:
    if one.plan.fingerprint == drawn.fingerprint:
        return one.moments.overlay(one.last)
    return overlay_of(one.plans, one.entries, one.last, drawing, drawn)


def _words(found: dict[str, Any], differences: tuple[Difference, ...]) -> list[str]:
    parting = found["first_difference"]
    if found["is_equal"]:
        return ["The runs are equal: same steps, same state."]
    words: list[str] = []
    if parting is None:
        words.append("They went the same way.")
    else:
        after = f", after {spot_of(parting['after'])}" if parting["after"] else ""
        words.append(f"They part at step {parting['number']}{after}.")
        for run, step in zip(found["runs"], parting["steps"], strict=True):
            words.append(f"{run}: {_step(step)}")
    return words + [_difference(one, found["runs"]) for one in differences]


def _difference(one: Difference, runs: Sequence[str]) -> str:
    if one.change == "changed":
        became = f"{one.before} → {one.after}"
    else:
        became = f"only in {runs[one.change == 'added']}"
    return one_line(f"{GLYPHS[one.change]} {one.kind} {one.name}: {became}")


def _step(step: dict[str, Any] | None) -> str:
    if step is None:
        return "has no further step"
    written = "; ".join(
        f"{name.lstrip('=')} = {one_line(repr(masked(value)))}"
        for update in step["updates"]
        for name, value in update.items()
    )
    to = f" → {', '.join(step['to'])}" if step["to"] else ""
    return f"{spot_of(step['at'])}{to}{f'  {written}' if written else ''}"


def _same_until(first: History, parting: dict[str, Any] | None) -> int | None:
    """The last entry of the first run up to which both did the same; None where they differ from the beginning."""
    if parting is None:
        return first.last
    ends = ("finished", "answered", "left", "timer", "chosen")
    found = [entry["seq"] for entry in first.entries if entry["kind"] in ends and entry.get("at") == parting["after"]]
    return found[-1] if found else None
