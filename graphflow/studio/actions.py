"""What can be done to runs from a page: answer, resume, stop, rerun, start. Each is asked for, and none does more.

Everything is checked before anything changes, and again by the run itself. What is wrong with a value is said by field.
A button that is pressed twice does once what it says. Only here is a user's graph imported; ``safety`` has seen to it
that whoever asks may act.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Coroutine, Mapping
from contextlib import suppress
from typing import Any, cast

from pydantic import ValidationError
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from graphflow.core.plan import Plan
from graphflow.core.schema import adapter
from graphflow.errors import (
    AnswerInvalid,
    GraphflowError,
    InputInvalid,
    RunBusy,
    RunError,
    StudioRefused,
    TargetNotFound,
    UpdateInvalid,
    unknown_name,
)
from graphflow.flow import Graph
from graphflow.runtime.run import Run
from graphflow.service.answers import asked_by, refuse_beaten, refuse_unfit
from graphflow.service.locating import graph_of, refuse_lost
from graphflow.service.naming import WORDS, is_run_id, new_run_id
from graphflow.service.stored_runs import read_run, stored_run
from graphflow.service.targets import split
from graphflow.stores.store import RunRow, Store
from graphflow.studio.desk import Desk
from graphflow.studio.driving import Driving, read_only
from graphflow.studio.forms import NO_SUCH_FIELD, told_wrong, typed, wrong_answer, wrong_changes
from graphflow.studio.replies import error_reply, json_reply
from graphflow.studio.rows import Rows
from graphflow.studio.starting import change_form_at, graph_named, start_form_of

_TWICE_S = 3.0
"""What is asked for again so soon after, and in the same words, is the same button pressed twice."""

Body = Mapping[str, Any]
Action = Callable[[str, Body], Response]
Driven = Coroutine[Any, Any, Run[Any]]


def action_routes(desk: Desk) -> list[BaseRoute]:
    """What is asked with POST, and the forms for it."""
    actions = Actions(desk)
    run, graph = "/api/runs/{id:name}", "/api/graphs/{id:name}"
    return [
        Route(f"{run}/answer", _posted(actions.answer), methods=["POST"]),
        Route(f"{run}/resume", _posted(actions.resume), methods=["POST"]),
        Route(f"{run}/stop", _posted(actions.stop), methods=["POST"]),
        Route(f"{run}/rerun", _posted(actions.rerun), methods=["POST"]),
        Route(f"{run}/rerun/{{seq}}", actions.rerun_form),
        Route(f"{graph}/form", actions.start_form),
        Route(f"{graph}/start", _posted(actions.start), methods=["POST"]),
    ]


def _posted(action: Action) -> Callable[[Request], Coroutine[Any, Any, Response]]:
    async def endpoint(request: Request) -> Response:
        body = await _body(request)
        return await run_in_threadpool(action, request.path_params["id"], body)

    return endpoint


async def _body(request: Request) -> Body:
    try:
        body: Any = await request.json()
    except ValueError:
        body = None
    if not isinstance(body, dict):
        raise _refused("What was sent is no JSON object", "The studio's page never sends that.")
    return cast("Body", body)


class Actions:
    """What a desk's runs can be asked for. Methods may be called from any thread."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._rows = Rows(desk)
        self._answering = threading.Lock()
        self._beginning = threading.Lock()
        self._given: dict[tuple[str, str], Any] = {}  # the last answer to a question that was left from here
        self._begun: tuple[Body, str, float] | None = None  # what was started or rerun last, as which run, and when

    # -- people --------------------------------------------------------------------------------------------------------

    def answer(self, run_id: str, body: Body) -> Response:
        """Leave an answer for the run's driver; where it has none, go on with it here (S10.1).

        An answer to what has not been asked yet is kept until it is.
        """
        question, value = _text(body, "question"), body.get("value")
        row = self._acting().row(run_id)
        graph = self._graph_if_needed(row)
        with self._answering:  # of two at once the second is told
            if self._was_given(run_id, question, value):
                return self._row(run_id)
            left = self._leave(row, graph, question, value)
        if isinstance(left, Response):
            return left
        if left is not None:
            with suppress(RunBusy):  # it was gone on with, and came to rest, while this answer was looked at
                if not self._driving().drive(run_id, lambda: left):
                    left.close()
        if graph is not None and (left is not None or row.is_driven):
            self._driving().attend(run_id, lambda: self._resumed(graph, row))
        return self._row(run_id)

    def _leave(self, row: RunRow, graph: Graph[Any] | None, question: str, value: Any) -> Response | Driven | None:
        """Check an answer, and leave it. What is said if it is none, else what goes on with the run, if it needs that."""
        store, plan = self._acting(), None if graph is None else graph.plan()
        kept = read_run(store, row.run, plan)
        work: Driven | None = None
        try:
            asked = asked_by(kept, question)
            wrong = wrong_answer(asked.answer, value)
            if wrong:
                return error_reply(_no_answer(wrong), fields=wrong)
            told = adapter(asked.answer)
            dumped = told.dump_python(told.validate_python(value), mode="json")
            refuse_unfit(store, kept, plan, asked, dumped)
            if graph is not None and asked.is_open and not row.is_driven:
                work = self._resumed(graph, row)  # before anything changes: it may not be possible
            store.answer(row.run, asked.key, dumped)
            if asked.is_open:
                refuse_beaten(store, row.run, asked, dumped)
        except BaseException as error:
            if work is not None:
                work.close()
            if isinstance(error, AnswerInvalid):
                error.fix = "The page shows what is asked now, and what became of the rest."
            raise
        self._given[row.run, question] = value
        return work

    def _was_given(self, run_id: str, question: str, value: Any) -> bool:
        """Whether this very answer was left from here, and waits to be taken or was."""
        if self._given.get((run_id, question), ...) != value:
            return False
        store = self._acting()
        is_open = any(one["id"] == question for one in store.row(run_id).standing.questions)
        return not is_open or any(left.key == question for left in store.answers(run_id))

    def _graph_if_needed(self, row: RunRow) -> Graph[Any] | None:
        """The run's graph; None where another process drives the run, and the graph is not to be had here."""
        try:
            return self._graph(row)
        except GraphflowError:
            if not row.is_driven:
                raise
            return None

    # -- runs ----------------------------------------------------------------------------------------------------------

    def resume(self, run_id: str, body: Body) -> Response:
        """Go on with a stopped, waiting, failed or exhausted run (S14.3)."""
        store, driving = self._acting(), self._driving()
        row = store.row(run_id)
        if run_id in driving.runs():
            return self._row(run_id)
        if row.standing.status in ("done", "cancelled"):
            raise RunError(
                f"Run {run_id!r} is {row.standing.status}",
                why="Only a stopped, waiting, failed or exhausted run goes on. Nothing was changed. (S14.3)",
                fix="Rerun it from an earlier step: that is a new run.",
            )
        if row.is_driven:
            raise RunBusy(
                f"Run {run_id!r} is driven by another process",
                why="A run has one driver at a time. Nothing was changed. (S18)",
                fix="Look on: the page shows what it does.",
            )
        graph = self._graph(row)
        driving.drive(run_id, lambda: self._resumed(graph, row))
        return self._row(run_id, 202 if run_id in driving.runs() and not driving.has_begun(run_id) else 200)

    def stop(self, run_id: str, body: Body) -> Response:
        """Put a run down that is driven here; it can be resumed."""
        store = self._acting()
        row = store.row(run_id)
        is_stopped = self._driving().stop(run_id)
        if is_stopped is False and row.is_driven:
            raise StudioRefused(
                f"Run {run_id!r} is not driven by this studio",
                code="GF547",
                status=409,
                why="Another process drives it: a worker, a program, or graphflow run. Nothing was changed.",
                fix="Stop it there.",
            )
        return self._row(run_id, 202 if is_stopped is None else 200)

    def rerun(self, run_id: str, body: Body) -> Response:
        """A new run from a step of an old one, which stays as it is (S15.3)."""
        store = self._acting()
        seq, changes = body.get("seq"), _object(body, "state")
        if not isinstance(seq, int) or isinstance(seq, bool):
            raise _refused("A rerun goes on from a step", "No entry was named.")
        row = store.row(run_id)
        graph = self._graph(row)
        plan = graph.plan()
        changes = typed(plan, changes)
        wrong = wrong_changes(plan, changes)
        if wrong:
            return error_reply(_no_state(plan, wrong), fields=wrong)
        earlier: Run[Any] = stored_run(store, run_id, plan)

        def driven(new_id: str) -> Driven:
            try:
                return graph.rerun(
                    earlier, at=seq, state=changes, store=store, run_id=new_id, deps=self._desk.deps, model=self._model(row)
                )  # fmt: skip
            except UpdateInvalid as error:  # of validators that look at the whole state
                raise InputInvalid(
                    error.what, why=error.why, fix="Nothing was started; mend it, and start again."
                ) from None

        return self._began("rerun", run_id, body, driven)

    def rerun_form(self, request: Request) -> Response:
        """The state at a step, as a form; a look, for which nothing is imported."""
        return json_reply(change_form_at(self._desk, request.path_params["id"], request.path_params["seq"]))

    # -- new runs ------------------------------------------------------------------------------------------------------

    def start_form(self, request: Request) -> Response:
        """The state that a graph starts with, as a form."""
        return json_reply(start_form_of(graph_named(self._desk, request.path_params["id"]).graph))

    def start(self, name: str, body: Body) -> Response:
        """A new run of a graph that the studio was started with."""
        store = self._acting()
        graph = graph_named(self._desk, name).graph
        plan = graph.plan()
        state = typed(plan, _object(body, "state"))
        wrong = {
            name: f"{NO_SUCH_FIELD} {unknown_name(name, plan.schema.fields)}"
            for name in state
            if name not in plan.schema.fields
        }
        try:
            plan.schema.start(state)
        except ValidationError as error:
            wrong |= told_wrong(error, has_secrets=bool(plan.schema.secret_names))
        if wrong:
            return error_reply(_no_state(plan, wrong), fields=wrong)

        def driven(new_id: str) -> Driven:
            return graph.run(state, store=store, run_id=new_id, deps=self._desk.deps, model=self._desk.model)

        return self._began("start", name, body, driven)

    def _began(self, what: str, of: str, body: Body, driven: Callable[[str], Driven]) -> Response:
        """A new run, under way; the one that was begun a moment ago if that was asked for in the same words."""
        asked = {**body, "what": what, "of": of}
        given = _run_id(body)
        with self._beginning:
            if self._begun is not None and self._begun[0] == asked and time.monotonic() - self._begun[2] < _TWICE_S:
                return json_reply({"run": self._begun[1]})
            new_id = given or new_run_id()
            self._driving().drive(new_id, lambda: driven(new_id))
            self._begun = (asked, new_id, time.monotonic())
        return json_reply({"run": new_id})

    # -- what they share -----------------------------------------------------------------------------------------------

    def _acting(self) -> Store:
        store = self._desk.acting
        if store is None:
            raise read_only()
        return store

    def _driving(self) -> Driving:
        if self._desk.driving is None:
            raise read_only()
        return self._desk.driving

    def _graph(self, row: RunRow) -> Graph[Any]:
        """The run's graph: that at the place recorded with it; if that is gone or not told, the one given by its name."""
        graphs = [target.graph for target in self._desk.targets]
        recorded = next((graph for graph in graphs if row.target and graph.found_at == row.target), None)
        if recorded is not None:
            return recorded
        given = [graph for graph in graphs if graph.name == row.graph]
        return given[0] if len(given) == 1 and not _is_recorded(row) else graph_of(row, None).graph

    def _model(self, row: RunRow) -> str | None:
        return self._desk.model or row.model or None

    def _resumed(self, graph: Graph[Any], row: RunRow) -> Driven:
        return graph.resume(row.run, store=self._acting(), deps=self._desk.deps, model=self._model(row))

    def _row(self, run_id: str, status: int = 200) -> Response:
        return json_reply({"row": self._rows.row(self._acting().row(run_id))}, status)


def _is_recorded(row: RunRow) -> bool:
    """Whether it is known which variable of which file holds the run's graph, and the file is there."""
    try:
        refuse_lost(row)
    except TargetNotFound:
        return False
    return bool(split(row.target)[1])


def _no_answer(wrong: Mapping[str, str]) -> AnswerInvalid:
    return AnswerInvalid(
        "That answer cannot be taken",
        why="\n".join(f"{path}: {words}" if path else words for path, words in wrong.items()),
        fix="Nothing was changed; mend it, and answer again. (S10.1)",
    )


def _no_state(plan: Plan, wrong: Mapping[str, str]) -> InputInvalid:
    return InputInvalid(
        f"That is no valid {plan.state.__name__}",
        why="\n".join(f"{path}: {words}" if path else words for path, words in wrong.items()),
        fix="Nothing was started; mend it, and start again. (S1.1)",
    )


def _text(body: Body, name: str) -> str:
    value = body.get(name)
    if not isinstance(value, str):
        raise _refused(f"{name!r} is missing", "The studio's page sends it as a text.")
    return value


def _object(body: Body, name: str) -> dict[str, Any]:
    value: Any = body.get(name) or {}
    if not isinstance(value, dict):
        raise _refused(f"{name!r} is no object", "The studio's page sends the fields of a state.")
    return cast("dict[str, Any]", value)


def _run_id(body: Body) -> str:
    """What the new run is to be called, empty if nobody says."""
    given = body.get("id")
    if given is None or given == "":
        return ""
    if not isinstance(given, str) or not is_run_id(given):
        raise _refused(f"{str(given)[:80]!r} cannot be the name of a run", f"A name is {WORDS}.")
    return given


def _refused(what: str, why: str) -> StudioRefused:
    return StudioRefused(what, code="GF548", status=422, why=f"{why} Nothing was changed.")
