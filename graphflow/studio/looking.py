"""What can be looked at: runs, one run, its stage, its moments, its steps, two runs. Nothing here changes anything."""

from __future__ import annotations

import shutil
import threading
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from importlib.util import find_spec
from typing import Any

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from graphflow import __version__
from graphflow.errors import JournalInvalid, StoreInvalid, StudioRefused, unknown_name
from graphflow.service.standings import STATUSES, newest
from graphflow.stores.store import RunRow
from graphflow.studio.addresses import asked, number_of
from graphflow.studio.comparing import comparison_of
from graphflow.studio.desk import Desk
from graphflow.studio.histories import Histories, History
from graphflow.studio.inspecting import inspected
from graphflow.studio.marks import marks_at
from graphflow.studio.replies import error_data, json_reply
from graphflow.studio.rows import Rows
from graphflow.studio.run_page import page_of, page_without_history
from graphflow.studio.stage import STAGE_THEMES, StageTheme, stage_of
from graphflow.studio.steps import steps_of
from graphflow.studio.stream import EventStream
from graphflow.studio.telling import MOST_RUNS, Telling
from graphflow.studio.timeline import timeline_of
from graphflow.views.drawing import Drawing

HINT = "pip install graphflow-agents[studio]"
_MOST_LISTED = 5_000
_MOST_STEPS = 5_000
_MOST_STAGES = 32


@dataclass(frozen=True, slots=True)
class Looking:
    """Everything that requests to look share."""

    desk: Desk
    histories: Histories
    rows: Rows
    stages: Stages
    telling: Telling

    @staticmethod
    def over(desk: Desk) -> Looking:
        histories, rows = Histories(desk), Rows(desk)
        return Looking(desk, histories, rows, Stages(), Telling(desk, histories, rows))

    def routes(self) -> list[Route]:
        """What is asked with GET, and answered with data."""
        run = "/api/runs/{id:name}"
        return [
            Route("/api/studio", self.studio),
            Route("/api/runs", self.runs),
            Route("/api/events", self.events_of_all),
            Route("/api/compare", self.compare),
            Route(run, self.run),
            Route(f"{run}/stage.svg", self.stage),
            Route(f"{run}/at/{{seq}}", self.at),
            Route(f"{run}/steps", self.steps),
            Route(f"{run}/steps/{{seq}}", self.step),
            Route(f"{run}/timeline", self.timeline),
            Route(f"{run}/events", self.events_of_run),
        ]

    # -- the studio and its runs ---------------------------------------------------------------------------------------

    def studio(self, request: Request) -> Response:
        desk = self.desk
        can_draw = has_renderer()
        return json_reply(
            {
                "name": "graphflow",
                "version": __version__,
                "store": desk.place,
                "read_only": desk.is_read_only,
                "start": desk.start,
                "graphs": [
                    {"name": one.graph.name, "target": one.text, "purpose": one.graph.plan().purpose}
                    for one in desk.targets
                ],
                "unusable": [{"target": one.text, "error": error_data(one.error)} for one in desk.unusable],
                "can_draw": can_draw,
                "hint": "" if can_draw else f"Nothing here lays graphs out. {HINT} brings what does.",
            }
        )

    def runs(self, request: Request) -> Response:
        query, store = request.query_params, self.desk.store
        statuses = [part for text in query.getlist("status") for part in text.split(",") if part]
        for status in statuses:
            if status not in STATUSES:
                raise StudioRefused(
                    f"There is no status {status[:40]!r}", code="GF545", fix=unknown_name(status, STATUSES)
                )
        graph, text = query.get("graph") or None, query.get("text", "").casefold()
        last = asked(request, "last", MOST_RUNS, _MOST_LISTED)
        found = newest(store, statuses or None, graph, None if text else max(last, 1_000))
        if text:
            found = [row for row in found if text in row.run.casefold() or text in row.graph.casefold()]
        is_whole = not (statuses or graph or text)
        names = [row.graph for row in found] + [target.graph.name for target in self.desk.targets]
        return json_reply(
            {
                "runs": [self.rows.row(row) for row in found[:last]],
                "total": len(store.ids()) if is_whole else len(found),
                "graphs": sorted(dict.fromkeys(names)),
            }
        )

    async def events_of_all(self, request: Request) -> Response:
        return EventStream(self.telling.of_all()) if request.method == "GET" else _EVENTS

    def compare(self, request: Request) -> Response:
        query = request.query_params
        for name in ("a", "b"):
            if not query.get(name):
                raise StudioRefused(
                    "Two runs are compared", code="GF545", why=f"No run {name} was named.", fix="Choose two runs."
                )
        theme = _theme(request)
        return json_reply(
            self.histories.use_two(query["a"], query["b"], lambda a, b: comparison_of(a, b, self.rows, theme))
        )

    # -- one run -------------------------------------------------------------------------------------------------------

    def run(self, request: Request) -> Response:
        run_id = request.path_params["id"]
        try:
            return json_reply(self.histories.use(run_id, lambda history: page_of(history, self.desk, self.rows)))
        except (JournalInvalid, StoreInvalid, StudioRefused) as error:
            row = self.desk.store.row(run_id)
            return json_reply(page_without_history(row, error, self.desk, self.rows))

    def stage(self, request: Request) -> Response:
        theme = _theme(request)
        key, drawing = self._use(request, lambda history: (history.plan.fingerprint, history.drawing))
        svg = self.stages.of(key, drawing, theme)
        return Response(svg, headers={"Cache-Control": "no-store"}, media_type="image/svg+xml")

    def at(self, request: Request) -> Response:
        return json_reply(self._use(request, lambda history: marks_at(history, _seq(request, history))))

    def steps(self, request: Request) -> Response:
        after, limit = asked(request, "after", 0), asked(request, "limit", 2_000, _MOST_STEPS)

        def told(history: History) -> dict[str, Any]:
            steps = steps_of(history, after, limit)
            reached = steps[-1]["seq"] if steps else max(after, history.pruned)
            return {"steps": steps, "last": history.last, "more": bool(steps) and reached < history.last}

        return json_reply(self._use(request, told))

    def step(self, request: Request) -> Response:
        return json_reply(self._use(request, lambda history: inspected(history, _seq(request, history))))

    def timeline(self, request: Request) -> Response:
        return json_reply(self._use(request, timeline_of))

    async def events_of_run(self, request: Request) -> Response:
        run_id = request.path_params["id"]
        after = request.headers.get("Last-Event-ID") or request.query_params.get("after")
        number = None if after is None else number_of(after, "Last-Event-ID", 0)
        await run_in_threadpool(self._row, run_id)  # one that there is not is told at once, and not waited for
        return EventStream(self.telling.of_run(run_id, number)) if request.method == "GET" else _EVENTS

    def _row(self, run_id: str) -> RunRow:
        return self.desk.store.row(run_id)

    def _use(self, request: Request, work: Callable[[History], Any]) -> Any:
        return self.histories.use(request.path_params["id"], work)


class Stages:
    """The stages that were laid out last: runs of one graph share theirs."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._drawn: OrderedDict[tuple[str, StageTheme], str] = OrderedDict()

    def of(self, fingerprint: str, drawing: Drawing, theme: StageTheme) -> str:
        """The SVG of a plan's drawing. Raises DrawingError."""
        key = (fingerprint, theme)
        with self._lock:
            known = self._drawn.get(key)
        if known is None:
            known = stage_of(drawing, theme)
            with self._lock:
                self._drawn[key] = known
                while len(self._drawn) > _MOST_STAGES:
                    self._drawn.popitem(last=False)
        return known


@cache
def has_renderer() -> bool:
    """Whether something here lays graphs out; nothing is drawn to find out."""
    return shutil.which("dot") is not None or find_spec("pygraphviz") is not None


def _theme(request: Request) -> StageTheme:
    asked_for = request.query_params.get("theme", "auto")
    for theme in STAGE_THEMES:
        if theme == asked_for:
            return theme
    raise StudioRefused(
        f"There is no theme {asked_for[:40]!r}", code="GF545", fix=unknown_name(asked_for, STAGE_THEMES)
    )


def _seq(request: Request, history: History) -> int:
    text = request.path_params["seq"]
    return history.last if text == "last" else number_of(text, "seq", history.last)


_EVENTS = Response(headers={"Cache-Control": "no-store"}, media_type="text/event-stream")
