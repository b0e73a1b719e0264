"""The spans of one run while it is driven, made from its events and calls.

What is under what: a call is under the current span, which is its attempt's unless the node has made one of its own; a
visit is under the call that its graph answers, else under the innermost sub-graph's visit around it, else under the run.
Times are the run's own (seconds since 1970). Whatever is open when the driver ends is ended then.
"""

from __future__ import annotations

import asyncio
import re
import threading
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib import metadata
from typing import TYPE_CHECKING, Any

from graphflow.core import reading
from graphflow.core.discretion import clearing
from graphflow.core.journal import expand
from graphflow.core.machine import Machine
from graphflow.core.usage import Usage
from graphflow.graph.suspending import Suspended, Unanswered
from graphflow.runtime import events
from graphflow.runtime.events import Event
from graphflow.runtime.watching import Call, CallEnd
from graphflow.telemetry import attributes, calls
from graphflow.telemetry.attributes import Attributes, Clear

IS_INSTALLED = True
if TYPE_CHECKING:
    from opentelemetry import context, trace
    from opentelemetry.trace import Link, Span, SpanContext, SpanKind, Status, StatusCode, Tracer, TracerProvider
else:
    try:
        from opentelemetry import context, trace
        from opentelemetry.trace import Link, SpanKind, Status, StatusCode
    except ImportError:  # Spans says so, with the line that installs it; the module can be read without
        IS_INSTALLED = False

_AGAIN = re.compile(r"(:\d+)~\d+$")
_MOST_TRACES = 4_096
_traces: OrderedDict[str, SpanContext] = OrderedDict()  # by run: the latest, for a resume in this process
_traces_lock = threading.Lock()


@dataclass(slots=True, eq=False)
class _Visit:
    """A node's visit: its span, that of its attempt now, and the call that its graph answers."""

    cursor: str
    span: Span
    agent: str = ""
    call: int = 0
    attempt: Span | None = None
    number: int = 0
    is_idle: bool = False  # between attempts, or waiting
    usage: Usage = field(default_factory=Usage)


class RunSpans:
    """Follows one run. Nothing of a trace is made of another run: each has its own."""

    reads_text = False

    def __init__(self, machine: Machine, provider: TracerProvider | None, *, payload: bool) -> None:
        self._machine = machine
        self._payload = payload
        self._tracer: Tracer = trace.get_tracer("graphflow", _version(), provider)
        self._visits: dict[str, _Visit] = {}
        self._calls: set[int] = set()  # open ones, by their span's id
        plan = machine.plan
        self._root = self._tracer.start_span(
            f"invoke_workflow {attributes.name_of(plan.name)}",
            attributes={
                **attributes.workflow(plan),
                "graphflow.run.id": attributes.name_of(machine.run_id),
                "graphflow.graph.fingerprint": plan.fingerprint,
            },
            links=self._links(),
            start_time=_ns(machine.now),
        )
        if self._root.is_recording():
            self._root.set_attribute("graphflow.graph.structure", attributes.structure(plan))
        self._context = trace.set_span_in_context(self._root)
        context.attach(self._context)  # in the context of the run's nodes, which is a copy

    def _links(self) -> list[Link]:
        """To the trace of the run so far, or of the run that this one is a rerun of."""
        machine = self._machine
        before = [machine.run_id] if machine.seq > len(machine.entries) else []
        entries = [expand(entry) for entry, _ in machine.entries]
        before = [entry["of"] for entry in entries if entry["kind"] == "rerun"] or before
        with _traces_lock:
            return [Link(_traces[run_id]) for run_id in before if run_id in _traces]

    # -- events ----------------------------------------------------------------------------------------------------

    def __call__(self, event: Event) -> None:
        match event:
            case events.NodeStarted():
                self._started(event)
            case events.NodeFinished():
                self._finished(event)
            case events.NodeLeft():
                self._left(event)
            case events.NodeFailed():
                self._failed(event)
            case events.EffectRecorded():
                self._recorded(event)
            case events.Asked():
                self._asked(event)
            case events.Decided():
                self._decided(event)
            case events.Joined():
                self._end_below(event.cursor, event.t)
            case events.CallWaits():
                self._waits(event)
            case events.Changed():
                self._changed(event)
            case _:
                pass

    def _started(self, event: events.NodeStarted) -> None:
        visit = self._visits.get(event.cursor)
        if visit is None:
            operation, name = ("invoke_agent", event.agent) if event.agent else ("invoke_node", event.node)
            told: Attributes = {"gen_ai.operation.name": operation, "gen_ai.agent.name": name} if event.agent else {}
            visit = self._begin(event, f"{operation} {attributes.name_of(name)}", told)
            visit.agent = event.agent
        visit.is_idle = False
        if event.attempts > 1 and visit.number != event.attempt:
            visit.attempt = self._tracer.start_span(
                f"attempt {event.attempt}",
                context=trace.set_span_in_context(visit.span),
                attributes={"graphflow.attempt": event.attempt},
                start_time=_ns(event.t),
            )
        visit.number = event.attempt
        context.attach(trace.set_span_in_context(visit.attempt or visit.span))  # of this node: others get a clean one

    def _begin(self, event: Event, name: str, told: Attributes) -> _Visit:
        parent, call = self._around(event.cursor)
        told |= {"graphflow.node.name": attributes.name_of(event.node), "graphflow.cursor": event.cursor}
        span = self._tracer.start_span(name, context=parent, attributes=told, start_time=_ns(event.t))
        visit = self._visits[event.cursor] = _Visit(event.cursor, span, call=call)
        return visit

    def _around(self, cursor: str) -> tuple[context.Context, int]:
        """What a visit is under, and the call that it is in."""
        current = trace.get_current_span().get_span_context().span_id
        if current in self._calls:
            return context.get_current(), current
        around = cursor
        while around := _outer(around):
            visit = self._visits.get(around)
            if visit is not None:
                return trace.set_span_in_context(visit.span), visit.call
        return self._context, 0

    def _finished(self, event: events.NodeFinished) -> None:
        visit = self._visits.get(event.cursor)
        if visit is not None:
            visit.span.set_attribute("graphflow.to", [attributes.name_of(name) for name in event.to])
            if self._payload:
                visit.span.set_attribute("graphflow.updates", attributes.json_of(event.updates, self._clear()))
            self._end(visit, event.t)

    def _failed(self, event: events.NodeFailed) -> None:
        level = event.level or event.cursor
        if event.due is not None:
            self._end_below(level, event.t)
            self._retried(event, level, event.due)
            return
        visit = self._visits.get(event.cursor)
        if visit is None:
            self._nearest(event.cursor).add_event("graphflow.failure", attributes.error(event.error), _ns(event.t))
        else:
            self._end(visit, event.t, event.error)
        if event.level:
            self._end_below(level, event.t)
            around = self._visits.get(level)
            if around is not None:
                self._end(around, event.t, event.error)

    def _retried(self, event: events.NodeFailed, at: str, due: float) -> None:
        wait: Attributes = {"graphflow.attempt": event.attempt, "graphflow.wait_s": round(due - event.t, 6)}
        self._nearest(at).add_event("graphflow.retry", attributes.error(event.error) | wait, _ns(event.t))
        visit = self._visits.get(at)
        if visit is not None:
            visit.is_idle = True
            if visit.attempt is not None:
                self._fail(visit.attempt, event.error)
                visit.attempt.end(_ns(event.t))
                visit.attempt = None

    def _left(self, event: events.NodeLeft) -> None:
        """An attempt is over: if nothing has come of it, and it does not wait, it was stopped."""
        visit = self._visits.get(event.cursor)
        if visit is not None and visit.number == event.attempt and not visit.is_idle:
            self._stop(visit, event.t)

    def _asked(self, event: events.Asked) -> None:
        told: Attributes = {"graphflow.question.id": attributes.name_of(event.id)}
        if self._payload:
            told["graphflow.question"] = attributes.text_of(event.question, self._clear())
        visit = self._visits.get(event.cursor)
        if event.tool:
            told["gen_ai.tool.name"] = attributes.name_of(event.tool)
            self._nearest(event.cursor).add_event("graphflow.asked", told, _ns(event.t))
            if visit is not None:
                visit.is_idle = True
        elif visit is None:
            self._begin(event, f"ask {attributes.name_of(event.node)}", told).is_idle = True

    def _decided(self, event: events.Decided) -> None:
        told: Attributes = {"graphflow.question.id": attributes.name_of(event.id)}
        told["graphflow.is_approved"] = event.is_approved
        self._nearest(event.cursor).add_event("graphflow.decided", told, _ns(event.t))

    def _waits(self, event: events.CallWaits) -> None:
        told: Attributes = {"graphflow.why": attributes.text_of(event.why, self._clear())} if self._payload else {}
        self._nearest(event.cursor).add_event("graphflow.call_waits", told, _ns(event.t))

    def _recorded(self, event: events.EffectRecorded) -> None:
        visit = self._visits.get(event.cursor)
        if visit is not None and event.usage:
            visit.usage += Usage(**event.usage)

    def _changed(self, event: events.Changed) -> None:
        if event.kind == "entered" and event.cursor not in self._visits:
            node = reading.node_at(self._machine.plan, event.cursor)
            name = event.node if node is None or node.graph is None else node.graph.name
            told: Attributes = {"gen_ai.operation.name": "invoke_workflow", "gen_ai.workflow.name": name}
            self._begin(event, f"invoke_workflow {attributes.name_of(name)}", told).is_idle = True
        elif event.kind == "cancelled" and event.cursor:
            self._end_below(event.cursor, event.t)
            visit = self._visits.get(event.cursor)
            if visit is not None:
                self._stop(visit, event.t)

    # -- calls -----------------------------------------------------------------------------------------------------

    def begin_call(self, call: Call) -> Callable[[CallEnd], None]:
        """A span for a call, the current one while it is made."""
        under, request = attributes.asked(call.request)
        visit = self._visits.get(call.cursor)
        name, told = calls.described(call.kind, request, visit.agent if visit is not None and not under else "")
        told["graphflow.cursor"] = under or call.cursor
        if self._payload:
            told |= calls.given(call.kind, request, self._clear())
        kind = SpanKind.CLIENT if call.kind == "model" else SpanKind.INTERNAL
        span = self._tracer.start_span(name, self._caller(visit), kind, told, start_time=_ns(call.t))
        own = span.get_span_context().span_id
        self._calls.add(own)
        token = context.attach(trace.set_span_in_context(span))

        def ended(end: CallEnd) -> None:
            context.detach(token)
            self._calls.discard(own)
            for inner in [one for one in self._visits.values() if one.call == own]:
                self._stop(inner, end.t)
            self._end_call(span, call.kind, request, end)

        return ended

    def _caller(self, visit: _Visit | None) -> context.Context:
        """The current span, where it is of this trace: a thread of the user's may have none."""
        current = trace.get_current_span().get_span_context()
        if current.trace_id == self._root.get_span_context().trace_id or visit is None:
            return context.get_current()
        return trace.set_span_in_context(visit.attempt or visit.span)

    def _end_call(self, span: Span, kind: str, request: Any, end: CallEnd) -> None:
        effect, error = end.effect, end.error
        if effect is not None:
            span.set_attributes(calls.outcome(kind, request, effect))
            if self._payload:
                span.set_attributes(calls.result(kind, request, effect, self._clear()))
            if kind == "tool" and effect.error and "approval" not in request:
                said = attributes.text_of(effect.error, self._clear()) if self._payload else "tool_error"
                span.set_status(Status(StatusCode.ERROR, said))
        elif isinstance(error, asyncio.CancelledError | Suspended):
            span.set_attribute("graphflow.outcome", "waiting" if isinstance(error, Unanswered) else "stopped")
        elif error is not None:
            spent = getattr(error, "usage", None)
            if isinstance(spent, Usage):
                span.set_attributes(attributes.tokens(spent))
            self._fail(span, error)
        span.end(_ns(end.t))

    # -- ends ------------------------------------------------------------------------------------------------------

    def close(self, t: float, error: BaseException | None) -> None:
        """The run is driven no more: nothing of it stays open."""
        machine, root = self._machine, self._root
        for visit in reversed(list(self._visits.values())):
            self._stop(visit, t, "waiting" if machine.status == "waiting" else "stopped")
        status = "stopped" if machine.status == "running" else machine.status
        spent = machine.spent
        root.set_attributes({"graphflow.run.status": status, "graphflow.run.seq": machine.seq})
        root.set_attributes({"graphflow.usage.steps": spent.steps, **attributes.usage(spent.usage)})
        failure = machine.error if machine.status == "failed" else error
        if isinstance(failure, Exception):
            self._fail(root, failure)
        root.end(_ns(t))
        own = root.get_span_context()
        if own.is_valid:
            with _traces_lock:
                _traces[machine.run_id] = own
                _traces.move_to_end(machine.run_id)
                while len(_traces) > _MOST_TRACES:
                    _traces.popitem(last=False)

    def _end(self, visit: _Visit, t: float, error: Mapping[str, Any] | None = None) -> None:
        del self._visits[visit.cursor]
        if visit.usage != Usage():
            visit.span.set_attributes(attributes.usage(visit.usage))
        for span in (visit.attempt, visit.span):
            if span is not None:
                if error is not None:
                    self._fail(span, error)
                span.end(_ns(t))

    def _stop(self, visit: _Visit, t: float, outcome: str = "stopped") -> None:
        visit.span.set_attribute("graphflow.outcome", outcome)
        self._end(visit, t)

    def _end_below(self, path: str, t: float) -> None:
        """What was still open in a scope that is over: branches that a join did not wait for, or under an error."""
        inside = (f"{path}/", f"{path}[", f"{path}~")
        for cursor in [cursor for cursor in self._visits if cursor.startswith(inside)]:
            self._stop(self._visits[cursor], t)

    def _nearest(self, cursor: str) -> Span:
        """The span of a visit, else of the innermost sub-graph around it, else of the run."""
        while cursor:
            visit = self._visits.get(cursor)
            if visit is not None:
                return visit.span
            cursor = _outer(cursor)
        return self._root

    def _clear(self) -> Clear:
        """What takes the secrets of the run's state out of the texts of a payload, before they are cut (S3.8)."""
        return clearing(self._machine.scopes())

    def _fail(self, span: Span, error: BaseException | Mapping[str, Any]) -> None:
        told = attributes.error(error)
        span.set_attributes(told)
        said = str(told.get("graphflow.error.code", told["error.type"]))
        if self._payload:
            said = attributes.message(error, self._clear())
        span.set_status(Status(StatusCode.ERROR, said))


@cache
def _version() -> str | None:
    try:
        return metadata.version("graphflow-agents")
    except metadata.PackageNotFoundError:  # from a checkout that is not installed
        return None


def _outer(cursor: str) -> str:
    """The cursor around it: of the sub-graph's visit, whichever attempt at it.

    >>> _outer("intel:1~2/scout:1"), _outer("intel:1")
    ('intel:1', '')
    """
    return _AGAIN.sub(r"\1", cursor.rpartition("/")[0])


def _ns(t: float) -> int:
    """To the microsecond, as entries of the journal are: nothing ends before it began."""
    return round(t * 1e6) * 1_000
