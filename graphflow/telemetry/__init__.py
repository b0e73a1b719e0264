"""Runs as OpenTelemetry traces: ``graph.run(state, observers=[Spans()])``. Needs the extra ``otel``.

What is told of a run, by default, is names, numbers and codes: no state, no prompt, no answer, no message of an error.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from graphflow.core.machine import Machine
from graphflow.errors import ArgumentInvalid, TelemetryMissing, shown
from graphflow.graph.places import caller
from graphflow.telemetry import tracing

if TYPE_CHECKING:
    from opentelemetry.trace import TracerProvider


class Spans:
    """Makes a trace of every run that it is given to as an observer, by the semantic conventions for generative AI.

    >>> import pytest; _ = pytest.importorskip("opentelemetry.sdk")
    >>> from opentelemetry.sdk.trace import TracerProvider
    >>> from opentelemetry.sdk.trace.export import SimpleSpanProcessor
    >>> from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
    >>> provider, exporter = TracerProvider(), InMemorySpanExporter()
    >>> provider.add_span_processor(SimpleSpanProcessor(exporter))
    >>> from pydantic import BaseModel
    >>> from graphflow import END, START, Graph, fields
    >>> class Count(BaseModel):
    ...     n: int = 0
    >>> graph = Graph("count", Count)
    >>> @graph.node(writes=fields(Count).n)
    ... def up(state: Count) -> int:
    ...     return state.n + 1
    >>> graph.edge(START, up)
    >>> graph.edge(up, END)
    >>> run = graph.run_sync(Count(), observers=[Spans(provider)])
    >>> [span.name for span in exporter.get_finished_spans()]
    ['invoke_node up', 'invoke_workflow count']

    - ``tracer_provider``: where spans go; the one that the program has set (``trace.set_tracer_provider``) unless given.
    - ``payload``: True adds what is said: messages, arguments and results of tools, updates, questions and answers, the
      texts of errors. They are as the journal has them, long ones cut, and may be anything that a model or user wrote.

    The spans, and what is under them:

    - ``invoke_workflow <graph>``: the run while it is driven, under the caller's current span. ``graphflow.graph.structure``
      holds nodes and edges as JSON, of at most 8,192 characters. A resume is another trace or span, linked to the one before
      if that was made in this process. A sub-graph is another such span under it.
    - ``invoke_node <node>``, ``invoke_agent <agent>``: one visit of a node, whatever was tried. A node with a Retry has an
      ``attempt <n>`` for each attempt under it, and a ``graphflow.retry`` event for each wait.
    - ``chat <model>``, ``execute_tool <tool>``, ``approve <tool>``, ``once``: calls that are made. What is on record is not
      made again, and so has none. What a tool does inside is under its span.
    - ``ask <node>``: a question, while it is open.

    Spans that a node makes itself are under its visit, also in threads and tasks that it starts. What fails has status
    ERROR, ``error.type`` (the class) and ``graphflow.error.code``; what was stopped on the way or waits has no error, and
    says so in ``graphflow.outcome``. ``gen_ai.usage.*`` is on calls alone, so that nothing is counted twice: runs and visits
    have their sums as ``graphflow.usage.*``.

    Without it nothing is done. With it a step of a node that does nothing, measured in a loop of 2,000 (6 us each), takes
    about 65 us longer with the SDK and an exporter that drops what it gets, 40 us where the SDK samples none, and 20 us
    without an SDK; a map's branches are no longer driven in one go, as with any observer.

    Raises TelemetryMissing without the extra, and ArgumentInvalid for what is no provider.
    """

    def __init__(self, tracer_provider: TracerProvider | None = None, *, payload: bool = False) -> None:
        if not tracing.IS_INSTALLED:
            raise TelemetryMissing(
                "Spans needs the package opentelemetry-api",
                why="It is not installed: telemetry is an extra.",
                fix="pip install 'graphflow-agents[otel]'",
                where=(caller(),),
            )
        given: object = tracer_provider
        if given is not None and (isinstance(given, type) or not callable(getattr(given, "get_tracer", None))):
            raise ArgumentInvalid(
                f"Spans({shown(given)}): that is no tracer provider",
                why="Spans are made by the tracer of a provider.",
                fix="Give opentelemetry.sdk.trace.TracerProvider(), or nothing for the one that the program has set.",
                where=(caller(),),
            )
        self._provider = tracer_provider
        self._payload = payload

    def watch(self, machine: Machine) -> tracing.RunSpans:
        """A driver calls this when it begins to drive a run."""
        return tracing.RunSpans(machine, self._provider, payload=self._payload)


__all__ = ["Spans"]
