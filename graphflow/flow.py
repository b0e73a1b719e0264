"""``Graph``: a declaration with its verbs. What it does is done below: declared in ``graph``, driven in ``runtime``,
drawn in ``views``. It stands above them all, so that every import points down."""

from __future__ import annotations

import os
from collections.abc import Coroutine, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal, TypeVar

from pydantic import BaseModel

from graphflow.core.plan import Plan
from graphflow.core.usage import Budget
from graphflow.errors import GraphError
from graphflow.graph.answers import Answer
from graphflow.graph.declaration import Declaration

if TYPE_CHECKING:  # running, drawing and models are imported when they are used: declaring a graph stays quick
    from graphflow.core.migrating import Migrate
    from graphflow.runtime.beginning import Surroundings
    from graphflow.runtime.driver import Observer
    from graphflow.runtime.live import Live
    from graphflow.runtime.run import Run
    from graphflow.stores.store import Store
    from graphflow.views import Diagram
    from graphflow.views.drawing import Detail, Direction
    from graphflow.views.theme import ThemeName

S = TypeVar("S", bound=BaseModel)


class Graph(Declaration[S]):
    """A directed graph over one shared, typed state: declare it, check it, draw it, run it.

    >>> from pydantic import BaseModel
    >>> from graphflow import END, START, Graph, fields
    >>> class Count(BaseModel):
    ...     n: int = 0
    >>> count = fields(Count)
    >>> graph = Graph("count", Count)
    >>> @graph.node(writes=count.n)
    ... def up(state: Count) -> int:
    ...     return state.n + 1
    >>> graph.edge(START, up)
    >>> graph.edge(up, END, when=count.n >= 3)
    >>> graph.edge(up, up, at_most=10)
    >>> graph.edge(up, END)
    >>> graph.run_sync(Count()).state.n
    3
    """

    def run(
        self,
        state: S | Mapping[str, Any],
        *,
        store: Store | str | None = None,
        budget: Budget | None = None,
        deps: Any = None,
        model: Any = None,
        run_id: str | None = None,
        observers: Sequence[Observer] = (),
    ) -> Coroutine[Any, Any, Run[S]]:
        """Run the graph from a state: ``run = await graph.run(Essay(topic="owls"))``.

        Graph and state are validated at the call, so that an error points at your line; then it returns the awaitable.
        ``deps`` is what nodes read as ``ctx.deps``, ``model`` what agents use that name none, ``budget`` what the run
        may spend. Raises GraphError, InputInvalid, StoreError at once, and RunFailed from the await.
        """
        return self._begin(state, store, budget, deps, model, run_id, observers).drive()

    def run_sync(
        self,
        state: S | Mapping[str, Any],
        *,
        store: Store | str | None = None,
        budget: Budget | None = None,
        deps: Any = None,
        model: Any = None,
        run_id: str | None = None,
        observers: Sequence[Observer] = (),
    ) -> Run[S]:
        """The same without ``await``. After Ctrl-C the KeyboardInterrupt carries the stopped run as ``run``."""
        from graphflow.runtime.driving import drive_now

        return drive_now(self._begin(state, store, budget, deps, model, run_id, observers))

    def start(
        self,
        state: S | Mapping[str, Any],
        *,
        store: Store | str | None = None,
        budget: Budget | None = None,
        deps: Any = None,
        model: Any = None,
        run_id: str | None = None,
        observers: Sequence[Observer] = (),
    ) -> Live[S]:
        """Run it and watch: ``async with graph.start(state) as live: async for event in live.events(): ...``."""
        return self._begin(state, store, budget, deps, model, run_id, observers)

    def resume(
        self,
        run: Run[S] | str,
        *,
        store: Store | str | None = None,
        answers: Sequence[Answer] = (),
        budget: Budget | None = None,
        deps: Any = None,
        model: Any = None,
        migrate: Migrate | None = None,
        observers: Sequence[Observer] = (),
    ) -> Coroutine[Any, Any, Run[S]]:
        """Go on with a stopped, waiting, failed or exhausted run: no finished node runs again (S14.3).

        ``answers`` are ``approve.answer(True)``; ``budget`` replaces the old one; ``migrate`` makes the new state from
        the old one's fields if the graph has changed (S16). Without ``model`` a Run goes on with the one it was given.
        Raises RunNotFound, GraphChanged, AnswerInvalid at once.
        """
        around = self._surroundings(deps, model, observers, run)
        from graphflow.runtime import beginning

        plan = self._sound_plan()
        return beginning.resume(plan, run, around, store=store, answers=answers, budget=budget, migrate=migrate).drive()

    def resume_sync(
        self,
        run: Run[S] | str,
        *,
        store: Store | str | None = None,
        answers: Sequence[Answer] = (),
        budget: Budget | None = None,
        deps: Any = None,
        model: Any = None,
        migrate: Migrate | None = None,
        observers: Sequence[Observer] = (),
    ) -> Run[S]:
        """The same without ``await``."""
        around = self._surroundings(deps, model, observers, run)
        from graphflow.runtime import beginning
        from graphflow.runtime.driving import drive_now

        plan = self._sound_plan()
        return drive_now(
            beginning.resume(plan, run, around, store=store, answers=answers, budget=budget, migrate=migrate)
        )

    def rerun(
        self,
        run: Run[S],
        *,
        at: int,
        state: Mapping[str, Any] | None = None,
        scope: str = "",
        store: Store | str | None = None,
        budget: Budget | None = None,
        deps: Any = None,
        model: Any = None,
        observers: Sequence[Observer] = (),
    ) -> Coroutine[Any, Any, Run[S]]:
        """A new run from entry ``at`` of an old one, with fields of a scope's state changed; the old one stays (S15.3)."""
        around = self._surroundings(deps, model, observers, run)
        from graphflow.runtime import beginning

        plan = self._sound_plan()
        return beginning.rerun(plan, run, around, at=at, state=state, scope=scope, store=store, budget=budget).drive()

    def draw(
        self,
        *,
        detail: Detail = "cards",
        direction: Direction | Literal["auto"] = "auto",
        expand: int | str | Sequence[str] = 0,
        theme: ThemeName = "auto",
    ) -> Diagram:
        """The graph as a picture: ``graph.draw().save("essay.svg")``, or just ``graph`` as a notebook cell's last line.

        ``expand`` shows what is in sub-graphs: a depth, or names. Raises DrawingError (GF510-GF516).
        """
        from graphflow.views import draw

        return draw(self.plan(), detail=detail, direction=direction, expand=expand, theme=theme)

    def _repr_mimebundle_(self, include: object = None, exclude: object = None) -> dict[str, Any]:
        try:
            return self.draw()._repr_mimebundle_(include, exclude)  # pyright: ignore[reportPrivateUsage]
        except Exception as error:  # a repr never raises: an unfinished graph is shown as text
            return {"text/plain": f"{self!r}\n{error}"}

    def _begin(
        self,
        state: S | Mapping[str, Any],
        store: Store | str | None,
        budget: Budget | None,
        deps: Any,
        model: Any,
        run_id: str | None,
        observers: Sequence[Observer],
    ) -> Live[S]:
        plan = self._sound_plan()
        from graphflow.runtime import beginning

        around = self._surroundings(deps, model, observers)
        return beginning.begin(plan, state, around, store=store, budget=budget, run_id=run_id)

    def _sound_plan(self) -> Plan:
        """The plan, refused if ``check`` finds an error in it (S1.2)."""
        findings = self.check()
        if any(finding.severity == "error" for finding in findings):
            raise GraphError(self.name, findings)
        return self.plan()

    def _surroundings(
        self, deps: Any, model: Any, observers: Sequence[Observer], earlier: Run[S] | str = ""
    ) -> Surroundings:
        from graphflow.runtime import arguments
        from graphflow.runtime.beginning import Surroundings

        arguments.check_observers(observers)
        if model is None and not isinstance(earlier, str):
            model = arguments.checked_run(earlier).given_model
        given, name = model, ""
        if _has_agents(self.plan()):
            from graphflow.agents import choose_model

            model = choose_model(None, model, os.environ)
            name = model.name
            given = None if given is None else model
        return Surroundings(deps, model, name, given, observers)


def _has_agents(plan: Plan, seen: frozenset[str] = frozenset()) -> bool:
    for node in plan.nodes:
        if node.kind == "agent":
            return True
        if (
            node.graph is not None
            and node.graph.name not in seen
            and _has_agents(node.graph.plan(), seen | {plan.name})
        ):
            return True
    return False
