"""The two streams there are: what one run does, and what becomes of the runs of the store."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator
from typing import Any

from starlette.concurrency import run_in_threadpool

from graphflow.service.standings import newest
from graphflow.stores.store import RunRow
from graphflow.studio.desk import Desk
from graphflow.studio.histories import Histories, History
from graphflow.studio.marks import marks_at
from graphflow.studio.rows import Rows
from graphflow.studio.run_page import questions_of
from graphflow.studio.steps import steps_of
from graphflow.studio.stream import Closing, Seen, Watch, Watches, event, events_of

_MOST_STEPS = 500
MOST_RUNS = 200


class Telling:
    """Makes the streams of a desk. ``close`` ends them all."""

    def __init__(self, desk: Desk, histories: Histories, rows: Rows) -> None:
        self._desk = desk
        self._histories = histories
        self._rows = rows
        self.closing = Closing()
        self.runs: Watches[list[RunRow]] = Watches(lambda _: Watch(self._look_at_all, _is_any_driven))
        self.single: Watches[RunRow] = Watches(
            lambda run: Watch(lambda: desk.store.row(run), lambda row: row.is_driven)
        )

    def of_run(self, run_id: str, after: int | None) -> AsyncGenerator[bytes, None]:
        """What a run does behind entry ``after``; without it from now on."""
        teller = _RunTeller(self._histories, self._rows, run_id, after)
        return events_of(self.single, run_id, self.closing, teller.tell)

    def of_all(self) -> AsyncGenerator[bytes, None]:
        """The newest runs as they are, and from then on those that change."""
        return events_of(self.runs, "", self.closing, _ListTeller(self._rows).tell)

    def _look_at_all(self) -> list[RunRow]:
        return newest(self._desk.store, None, None, MOST_RUNS)


def _is_any_driven(rows: list[RunRow]) -> bool:
    return any(row.is_driven for row in rows)


class _RunTeller:
    """What one listener has been told of a run."""

    def __init__(self, histories: Histories, rows: Rows, run_id: str, after: int | None) -> None:
        self._histories = histories
        self._rows = rows
        self._run_id = run_id
        self._after = after
        self._row: dict[str, Any] = {}

    async def tell(self, seen: Seen[RunRow], is_first: bool) -> AsyncIterator[bytes]:
        row = seen.what
        if row is None:
            return
        if not row.standing.seq:  # it never began, or is about to
            yield event("row", {"row": await run_in_threadpool(self._rows.row, row), "questions": []})
            return
        has_more = is_always = is_first
        while True:
            data = await run_in_threadpool(self._histories.use, self._run_id, self._data)
            has_more = data.pop("more")
            if data["steps"] or is_always:
                yield event("steps", data, self._after)
            elif data["row"] != self._row:
                yield event("row", {"row": data["row"], "questions": data["questions"]})
            self._row, is_always = data["row"], False
            if not has_more:
                return

    def _data(self, history: History) -> dict[str, Any]:
        """What is new since the listener was told last."""
        after = history.last if self._after is None else min(self._after, history.last)
        steps = steps_of(history, after, _MOST_STEPS)
        self._after = steps[-1]["seq"] if steps else after
        return {
            "steps": steps,
            "at": marks_at(history, history.last),
            "row": self._rows.row(history.now()),
            "questions": questions_of(history.now()),
            "more": self._after < history.last,
        }


class _ListTeller:
    """What one listener has been told of all runs."""

    def __init__(self, rows: Rows) -> None:
        self._rows = rows
        self._told: dict[str, dict[str, Any]] = {}

    async def tell(self, seen: Seen[list[RunRow]], is_first: bool) -> AsyncIterator[bytes]:
        found = await run_in_threadpool(self._rows_of, seen.what or [])
        changed = [row for run, row in found.items() if self._told.get(run) != row]
        removed = [run for run in self._told if run not in found] if len(found) < MOST_RUNS else []
        self._told = found
        if changed or removed or is_first:
            yield event("runs", {"runs": changed, "removed": removed})

    def _rows_of(self, rows: list[RunRow]) -> dict[str, dict[str, Any]]:
        return {row.run: self._rows.row(row) for row in rows}
