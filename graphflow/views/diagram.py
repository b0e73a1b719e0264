"""A drawing as users hold it: look at it in a notebook, print it, take it as text, save it.

Every format is written when it is asked for, once, from one drawing model.
"""

from __future__ import annotations

import hashlib
import os
import shlex
from collections import Counter
from collections.abc import Callable, Collection
from functools import cached_property
from pathlib import Path
from typing import Any, Literal, TypeVar, get_args

from graphflow.core.plan import Plan
from graphflow.errors import DrawingError, shown, unknown_name
from graphflow.runtime.arguments import checked_run
from graphflow.runtime.run import Run
from graphflow.views.animation import Animation, animated
from graphflow.views.dot import dot_of
from graphflow.views.drawing import Detail, Direction, Drawing
from graphflow.views.extraction import extract
from graphflow.views.folding import overlay_of, overlays_of
from graphflow.views.marking import Heat, told
from graphflow.views.mermaid import mermaid_of
from graphflow.views.overlay import Overlay
from graphflow.views.rendering import HINT, rendered
from graphflow.views.svg import finished
from graphflow.views.text import text_of
from graphflow.views.theme import THEMES, ThemeName

T = TypeVar("T")
_MOST_FRAMES = 120
_given: Counter[str] = Counter()  # how many drawings of each content were made: their ids must differ in one page


def draw(
    plan: Plan,
    run: Run[Any] | None = None,
    *,
    step: int | None = None,
    heat: Heat = "time",
    detail: Detail = "cards",
    direction: Direction | Literal["auto"] = "auto",
    expand: int | str | Collection[str] = 0,
    theme: ThemeName = "auto",
) -> Diagram:
    """The picture of a graph, or of a run on it.

    ``run`` is drawn as it stands after entry ``step``, the last unless given: status, figures, the way it took; the
    layout is the same for every step. The bar on each card is its share of the run's ``heat``: ``"time"``, ``"cost"``
    or ``"tokens"``.

    ``detail`` is ``"names"``, ``"cards"`` or ``"full"`` (with what each node reads and writes). ``direction`` is
    ``"TB"`` (down), ``"LR"`` (to the right), or chosen by the graph's shape. ``expand`` unfolds sub-graphs down to a
    depth, or those named. ``theme="auto"`` is light, and an SVG turns dark by itself where its surroundings are.

    Raises DrawingError (GF515, GF516) for an option or a name in ``expand`` that there is not and for a run of another
    graph (GF517), RunError for a step that the run has not.
    """
    _refuse("heat", heat, get_args(Heat))
    _refuse("detail", detail, get_args(Detail))
    _refuse("direction", direction, ("auto", *get_args(Direction)))
    _refuse("theme", theme, get_args(ThemeName))
    if isinstance(expand, str):
        expand = (expand,)
    elif not isinstance(expand, int | Collection):
        _refuse("expand", expand, ("a depth", "names of sub-graphs"))
    if run is None:
        if step is not None:
            raise DrawingError(
                f"step={shown(step)} says when, but not of which run",
                code="GF515",
                why="A graph alone has no steps.",
                fix=f"Write graph.draw(run, step={shown(step)}).",
            )
        return Diagram(extract(plan, detail=detail, direction=direction, expand=expand), theme)
    past = checked_run(run)
    if past.graph != plan.name:
        raise DrawingError(
            f"The run {past.id!r} is one of graph {past.graph!r}, not of {plan.name!r}",
            code="GF517",
            why="What a run did is drawn on the graph that it is a run of.",
            fix="Draw it with that graph: other_graph.draw(run).",
        )
    drawing = extract(past.plan, detail=detail, direction=direction, expand=expand)
    return Diagram(drawing, theme, heat=heat, run=past).at(past.seq if step is None else step)


def _refuse(name: str, value: object, known: tuple[str, ...]) -> None:
    if value not in known:
        raise DrawingError(
            f"{name}={shown(value)} is no way to draw",
            code="GF515",
            why=f"{name} is one of {', '.join(map(repr, known))}.",
            fix=unknown_name(value if isinstance(value, str) else "", known),
        )


class Diagram:
    """One drawing of one graph, in every format. The last line of a notebook cell shows it; ``print`` does too."""

    def __init__(
        self,
        drawing: Drawing,
        theme: ThemeName = "auto",
        *,
        overlay: Overlay | None = None,
        heat: Heat = "time",
        run: Run[Any] | None = None,
    ) -> None:
        self.drawing = drawing if overlay is None else told(drawing, overlay)
        self.theme: ThemeName = theme
        self.overlay = overlay
        """What a run did, None for the graph alone."""
        self._heat: Heat = heat
        self._run = run
        self._plain = drawing

    def at(self, step: int) -> Diagram:
        """The same drawing of the run as it was after entry ``step``. Raises RunError for a step it has not."""
        run = self._run
        if run is None:
            raise _no_steps(f"at({step})")
        run.check_moment(step)
        overlay = overlay_of(run.plans, run.journal, step, self._plain, run.plan)
        return self._over(overlay)

    def _over(self, overlay: Overlay) -> Diagram:
        return Diagram(self._plain, self.theme, overlay=overlay, heat=self._heat, run=self._run)

    @cached_property
    def steps(self) -> tuple[int, ...]:
        """The entries at which the run went on: what ``at`` can show, first to last; none for a graph alone."""
        run = self._run
        if run is None:
            return ()
        shown_at = {entry["seq"] for entry in run.journal if entry["kind"] not in ("effect", "spent", "due")}
        return tuple(sorted(shown_at | {run.seq}))

    def animation(self, step_s: float = 0.8) -> Animation:
        """The run as one SVG that plays, ``step_s`` seconds a step. Of a long run some steps are left out.

        It is text; the last line of a notebook cell shows it playing.

        Raises DrawingError without Graphviz (GF510), and for a graph alone.
        """
        run, steps = self._run, self.steps
        if run is None:
            raise _no_steps("animation()")
        kept = [steps[round(k * (len(steps) - 1) / (_MOST_FRAMES - 1))] for k in range(_MOST_FRAMES)]
        chosen = steps if len(steps) <= _MOST_FRAMES else list(dict.fromkeys(kept))
        prefix = self._prefix()
        overlays = overlays_of(run.plans, run.journal, chosen, self._plain, run.plan)
        return animated([self._over(overlay)._svg(prefix) for overlay in overlays], step_s)

    @cached_property
    def dot(self) -> str:
        """The drawing in Graphviz's language; the same graph gives the same text."""
        return dot_of(self.drawing, THEMES[self.theme], self.overlay, self._heat)

    @cached_property
    def mermaid(self) -> str:
        """The drawing as a Mermaid flowchart, as Markdown pages show it."""
        return mermaid_of(self.drawing, THEMES[self.theme], self.overlay)

    @cached_property
    def text(self) -> str:
        """The drawing in characters, for a terminal."""
        return text_of(self.drawing, overlay=self.overlay)

    @cached_property
    def svg(self) -> str:
        """The drawing as SVG: no outside references, ids of its own. Raises DrawingError without Graphviz (GF510)."""
        return self._svg(self._prefix())

    def _prefix(self) -> str:
        """What the ids of one drawing begin with, so that several fit in one page."""
        content = hashlib.sha256(self.dot.encode()).hexdigest()[:8]
        _given[content] += 1
        return f"gf{content}" + (f"-{_given[content]}" if _given[content] > 1 else "")

    def _svg(self, prefix: str) -> str:
        return finished(rendered(self.dot, "svg"), self.drawing, self.theme, prefix)

    @cached_property
    def png(self) -> bytes:
        """The drawing as PNG, at 144 dots an inch. Raises DrawingError without Graphviz (GF510)."""
        return rendered(self.dot, "png")

    @cached_property
    def pdf(self) -> bytes:
        """The drawing as PDF. Raises DrawingError without Graphviz (GF510)."""
        return rendered(self.dot, "pdf")

    def save(self, path: str | os.PathLike[str], *, plays: bool = False) -> Path:
        """Write the drawing in the format that the name ends in: .svg, .png, .pdf, .dot, .mmd or .txt.

        ``plays=True`` writes a run as an SVG that plays, see ``animation``. Returns the path. Raises DrawingError: no Graphviz for a picture (GF510), unknown suffix (GF512), no such
        folder (GF513), not writable (GF514). Nothing is written then.
        """
        file = Path(path)
        make = self._format_of(file)
        if plays and file.suffix.lower() != ".svg":
            raise DrawingError(
                f"{file.name!r} cannot play a run",
                code="GF512",
                why="Only an SVG can.",
                fix=f"Write .save({file.stem + '.svg'!r}, plays=True).",
            )
        content = self.animation() if plays else make()
        data = content.encode() if isinstance(content, str) else content
        if not file.parent.is_dir():
            raise DrawingError(
                f"There is no folder {str(file.parent)!r} to save {file.name!r} in",
                code="GF513",
                why="A drawing is saved into a folder that exists.",
                fix=f"Make it first: mkdir -p {shlex.quote(str(file.parent))}",
            )
        try:
            file.write_bytes(data)
        except OSError as error:
            raise DrawingError(
                f"{str(file)!r} cannot be written",
                code="GF514",
                why=error.strerror or str(error),
                fix="Save under another name, or make it writable.",
            ) from error
        return file

    def _format_of(self, file: Path) -> Callable[[], str | bytes]:
        formats: dict[str, Callable[[], str | bytes]] = {
            ".svg": lambda: self.svg,
            ".png": lambda: self.png,
            ".pdf": lambda: self.pdf,
            ".dot": lambda: self.dot,
            ".mmd": lambda: self.mermaid,
            ".txt": lambda: self.text,
        }
        suffix = file.suffix.lower()
        if suffix not in formats:
            given = f"{suffix!r} is none of them" if suffix else "the name has no suffix"
            meant = file.name.rstrip(".").removesuffix(file.suffix) + ".svg"
            raise DrawingError(
                f"{file.name!r} does not say in which format to save",
                code="GF512",
                why=f"The suffix decides: {', '.join(formats)}; {given}.",
                fix=f"Did you mean {meant!r}?" if file.name else "Write .save('graph.svg').",
            )
        return formats[suffix]

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, str]:
        """What a notebook shows: the picture where it can be drawn, and always the text. It never raises."""
        bundle = {"text/plain": _or_none(lambda: self.text) or repr(self)}
        picture = _or_none(lambda: self.svg)
        if picture is not None:
            bundle["text/html"] = f"<div>{picture}</div>"  # within the page, where the notebook's theme reaches it
            bundle["image/svg+xml"] = picture
        else:
            bundle["text/plain"] += f"\n\n(drawn as text: {HINT} draws it as a picture)"
        return bundle

    def __str__(self) -> str:
        return self.text

    def __repr__(self) -> str:
        drawing = self.drawing
        declared = sum(arrow.is_declared for arrow in drawing.arrows)
        return f"<diagram of {drawing.name!r}: {len(drawing.cards)} nodes, {declared} edges>"


def _no_steps(call: str) -> DrawingError:
    return DrawingError(
        "A drawing of a graph alone has no steps",
        code="GF515",
        why="Steps are those of a run.",
        fix=f"Write graph.draw(run).{call}.",
    )


def _or_none(make: Callable[[], T]) -> T | None:
    try:
        return make()
    except Exception:  # a display must not take the cell's result with it
        return None
