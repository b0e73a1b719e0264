"""What declaring a node gives back: a handle, to lead edges to and from.

A handle belongs to the graph that made it. That of a function is still callable, with the function's own types.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any, Generic, ParamSpec, Protocol, TypeAlias, TypeVar

from graphflow.errors import Place
from graphflow.graph.answers import Answer
from graphflow.graph.ends import End, Fail, Start

P = ParamSpec("P")
R = TypeVar("R")
A = TypeVar("A")


class Handle:
    """One node of one graph. ``name`` is unique in it; ``work`` is what was declared: an agent, function or graph."""

    def __init__(self, name: str, *, graph: Any, work: Any, place: Place) -> None:
        self._name = name
        self._graph = graph
        self._work = work
        self._place = place

    @property
    def name(self) -> str:
        """The node's name, as it stands in paths, drawings and journals."""
        return self._name

    @property
    def graph(self) -> Any:
        """The graph that this is a node of."""
        return self._graph

    @property
    def work(self) -> Any:
        """What was declared as this node; None for an ask or a point."""
        return self._work

    @property
    def place(self) -> Place:
        """The line that declared it."""
        return self._place

    def __repr__(self) -> str:
        return f"<node {self._name!r} of graph {self._graph.name!r}>"


class NodeHandle(Handle, Generic[P, R]):
    """The node of a function, and still that function: ``await widen(Essay(topic="owls"))`` (for tests, say)."""

    def __init__(self, name: str, *, graph: Any, work: Callable[P, R], place: Place) -> None:
        super().__init__(name, graph=graph, work=work, place=place)
        functools.update_wrapper(self, work, updated=())  # its docstring, name and signature

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> R:
        """Call the function itself, outside any run."""
        result: R = self._work(*args, **kwargs)
        return result


class NodeDecorator(Protocol):
    """What ``graph.node(writes=...)`` gives back: a decorator that makes a function a node."""

    def __call__(self, work: Callable[P, R], /) -> NodeHandle[P, R]: ...


class AskHandle(Handle, Generic[A]):
    """The node of a question; ``answer`` makes what answers it."""

    def answer(self, value: A) -> Answer:
        """An answer to give to the run: ``graph.resume(run_id, answers=[approve.answer(True)])``."""
        return Answer(self._name, value)


Source: TypeAlias = Handle | Start | str
"""What an edge leads from: a handle, START, or the name of a node that may be declared later."""

Target: TypeAlias = Handle | End | Fail | str
"""What an edge leads to: a handle, END, FAIL, or the name of a node that may be declared later."""

Reference: TypeAlias = Handle | Start | End | Fail | str
"""A source or a target."""
