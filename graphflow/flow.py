"""``Graph``: a declaration with its verbs. What it does is done below: declared in ``graph``, driven in ``runtime``,
drawn in ``views``. It stands above them all, so that every import points down."""

from __future__ import annotations

import os
from collections.abc import Callable, Coroutine, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal, TypeVar

from pydantic import BaseModel

from graphflow.agents.reached import agents_in
from graphflow.core.plan import Plan
from graphflow.core.usage import Budget
from graphflow.errors import GraphError
from graphflow.graph.answers import Answer
from graphflow.graph.declaration import Declaration
from graphflow.graph.places import caller
from graphflow.runtime.pictures import draw_runs_with

if TYPE_CHECKING:  # running, drawing and models are imported when they are used: declaring a graph stays quick
    from graphflow.agents.approvals import Approve
    from graphflow.agents.tools import Tool
    from graphflow.core.migrating import Migrate
    from graphflow.graph.compiling import Compiled
    from graphflow.runtime.beginning import Surroundings
    from graphflow.runtime.live import Live
    from graphflow.runtime.outbox import Durability
    from graphflow.runtime.run import Run
    from graphflow.runtime.watching import Observer
    from graphflow.stores.store import Store
    from graphflow.views import Diagram
    from graphflow.views.comparison import Comparison
    from graphflow.views.drawing import Detail, Direction
    from graphflow.views.marking import Heat
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

    found_at: str = ""
    """Where others find this graph, as ``/home/ann/essay.py:graph``: a store is told with every new run of it. Unless it
    is set, as the command line does, that is the file of its declaration."""
    _sound: Compiled | None = None  # what was found to be without errors
    _agents: tuple[Compiled, bool] | None = None

    def run(
        self,
        state: S | Mapping[str, Any],
        *,
        store: Store | str | os.PathLike[str] | None = None,
        durability: Durability = "step",
        budget: Budget | None = None,
        deps: Any = None,
        model: Any = None,
        approve: Approve | None = None,
        run_id: str | None = None,
        observers: Sequence[Observer] = (),
    ) -> Coroutine[Any, Any, Run[S]]:
        """Run the graph from a state: ``run = await graph.run(Essay(topic="owls"))``.

        Graph and state are validated at the call, so that an error points at your line; then it returns the awaitable.
        ``deps`` is what nodes read as ``ctx.deps``, ``model`` what agents use that name none, ``budget`` what the run
        may spend. ``approve`` is asked, with a ToolRequest, before a tool that needs approval is called: only True lets
        it pass; without it the run waits, with a question for each such call (S10.4). ``store`` keeps the run: a file, ``"runs.db"``, the address of a Postgres database, or a Store; in
        memory unless given. ``durability`` says when what has happened is safe there: at every ``"step"``, in a
        ``"batch"`` a few milliseconds later, or at the driver's ``"exit"``.

        Raises GraphError, InputInvalid, StoreError at once, and RunFailed from the await.
        """
        return self._begin(state, store, durability, budget, deps, model, approve, run_id, observers).drive()

    def run_sync(
        self,
        state: S | Mapping[str, Any],
        *,
        store: Store | str | os.PathLike[str] | None = None,
        durability: Durability = "step",
        budget: Budget | None = None,
        deps: Any = None,
        model: Any = None,
        approve: Approve | None = None,
        run_id: str | None = None,
        observers: Sequence[Observer] = (),
    ) -> Run[S]:
        """The same without ``await``. After Ctrl-C the KeyboardInterrupt carries the stopped run as ``run``."""
        from graphflow.runtime.driving import drive_now

        return drive_now(self._begin(state, store, durability, budget, deps, model, approve, run_id, observers))

    def start(
        self,
        state: S | Mapping[str, Any],
        *,
        store: Store | str | os.PathLike[str] | None = None,
        durability: Durability = "step",
        budget: Budget | None = None,
        deps: Any = None,
        model: Any = None,
        approve: Approve | None = None,
        run_id: str | None = None,
        observers: Sequence[Observer] = (),
    ) -> Live[S]:
        """Run it and watch: ``async with graph.start(state) as live: async for event in live.events(): ...``."""
        return self._begin(state, store, durability, budget, deps, model, approve, run_id, observers)

    def resume(
        self,
        run: Run[S] | str,
        *,
        store: Store | str | os.PathLike[str] | None = None,
        durability: Durability = "step",
        answers: Sequence[Answer] = (),
        budget: Budget | None = None,
        deps: Any = None,
        model: Any = None,
        approve: Approve | None = None,
        migrate: Migrate | None = None,
        observers: Sequence[Observer] = (),
    ) -> Coroutine[Any, Any, Run[S]]:
        """Go on with a stopped, waiting, failed or exhausted run: no finished node runs again (S14.3).

        ``answers`` are ``approve.answer(True)``; ``budget`` replaces the old one; ``migrate`` makes the new state from
        the old one's fields if the graph has changed (S16). Without ``model`` a Run goes on with the one it was given.
        Raises RunNotFound, GraphChanged, AnswerInvalid at once.
        """
        around = self._surroundings(deps, model, approve, durability, observers, run)
        from graphflow.runtime import beginning

        plan = self._sound_plan()
        return beginning.resume(plan, run, around, store=store, answers=answers, budget=budget, migrate=migrate).drive()

    def resume_sync(
        self,
        run: Run[S] | str,
        *,
        store: Store | str | os.PathLike[str] | None = None,
        durability: Durability = "step",
        answers: Sequence[Answer] = (),
        budget: Budget | None = None,
        deps: Any = None,
        model: Any = None,
        approve: Approve | None = None,
        migrate: Migrate | None = None,
        observers: Sequence[Observer] = (),
    ) -> Run[S]:
        """The same without ``await``."""
        around = self._surroundings(deps, model, approve, durability, observers, run)
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
        store: Store | str | os.PathLike[str] | None = None,
        durability: Durability = "step",
        budget: Budget | None = None,
        deps: Any = None,
        model: Any = None,
        approve: Approve | None = None,
        run_id: str | None = None,
        observers: Sequence[Observer] = (),
    ) -> Coroutine[Any, Any, Run[S]]:
        """A new run from entry ``at`` of an old one, with fields of a scope's state changed; the old one stays (S15.3)."""
        around = self._surroundings(deps, model, approve, durability, observers, run)
        from graphflow.runtime import beginning

        plan = self._sound_plan()
        return beginning.rerun(
            plan, run, around, at=at, state=state, scope=scope, store=store, budget=budget, run_id=run_id
        ).drive()

    def as_tool(
        self,
        name: str | None = None,
        description: str | None = None,
        *,
        takes: Any = None,
        gives: Any = None,
        tells_errors: bool = False,
        max_characters: int = 50_000,
        timeout_s: float | None = None,
        needs_approval: bool | Callable[..., bool] = False,
    ) -> Tool:
        """The graph as a tool of an agent: ``tools=[intel.as_tool(gives=fields(Intel).report)]``.

        - ``takes``: the fields of the start state that the model gives, a field or a tuple of them; those that have no
          default, unless given.
        - ``gives``: the field that is returned, as text or JSON; the whole end state, unless given.
        - ``name`` and ``description``: the graph's name and purpose, unless given. For the others see ``Tool``.

        A call runs the graph inside the run of the agent, under that call: what it does is recorded, counted and bounded
        with that run, told to its observers, and cancelled with it; ``ctx.deps``, model and approval are the run's. A run
        that fails is told to the model in general terms. It may call itself, as deep as ``Limits.depth`` (S12.2).

        Raises DeclarationError and ToolInvalid at the line: a field that is none, or a graph that asks questions, which
        a turn of an agent cannot wait for.

        >>> from pydantic import BaseModel
        >>> from graphflow import Graph, fields
        >>> class Intel(BaseModel):
        ...     subject: str
        ...     report: str = ""
        >>> tool = Graph("intel", Intel, purpose="Reports on a subject.").as_tool(gives=fields(Intel).report)
        >>> tool.name, tool.spec.description, list(tool.spec.parameters["properties"])
        ('intel', 'Reports on a subject.', ['subject'])
        """
        from graphflow.agents.delegates import ToolOptions
        from graphflow.runtime.graph_tools import graph_tool, refuse_questions

        place = caller()
        refuse_questions(self._parts, place)

        def plan() -> Plan:
            refuse_questions(self._parts, place)  # what was declared since
            return self._sound_plan()

        options = ToolOptions(name, description, tells_errors, max_characters, timeout_s, needs_approval)
        return graph_tool(self.name, self._parts.purpose, self.state, plan, takes, gives, options, place)

    def draw(
        self,
        run: Run[S] | None = None,
        *,
        step: int | None = None,
        heat: Heat = "time",
        detail: Detail = "cards",
        direction: Direction | Literal["auto"] = "auto",
        expand: int | str | Sequence[str] = 0,
        theme: ThemeName = "auto",
    ) -> Diagram:
        """The graph as a picture: ``graph.draw().save("essay.svg")``, or just ``graph`` as a notebook cell's last line.

        With a ``run``, what it did stands on it: where it is or ended, the way it took, figures, why each edge was
        taken (in the tooltips); ``step`` shows it as it was after that entry, in the same layout. ``heat`` says what the
        bar on a card is its share of. ``expand`` shows what is in sub-graphs: a depth, or names.
        Raises DrawingError (GF510-GF516), and RunError for a step that the run has not.
        """
        from graphflow.views import draw

        return draw(
            self.plan(), run, step=step, heat=heat, detail=detail, direction=direction, expand=expand, theme=theme
        )

    def diff(self, other: Graph[Any], *, expand: int | str | Sequence[str] = 0) -> Comparison:
        """What ``other`` has that this graph has not, and the other way around: ``print(old.diff(new))``.

        ``old.diff(new).draw()`` is both in one picture; a notebook shows it. Two runs: ``graph.diff_runs(one, other)``.
        """
        from graphflow.views.comparison import compare_graphs

        return compare_graphs(self.plan(), other.plan(), (expand,) if isinstance(expand, str) else expand)

    def diff_runs(self, first: Run[S], second: Run[S], *, expand: int | str | Sequence[str] = 0) -> Comparison:
        """Where one of two runs of this graph went, and the other did not or not as often.

        Raises DrawingError (GF517) for runs of two graphs.
        """
        from graphflow.views.comparison import compare_runs

        return compare_runs(first, second, (expand,) if isinstance(expand, str) else expand)

    def _repr_mimebundle_(self, include: object = None, exclude: object = None) -> dict[str, Any]:
        try:
            return self.draw()._repr_mimebundle_(include, exclude)  # pyright: ignore[reportPrivateUsage]
        except Exception as error:  # a repr never raises: an unfinished graph is shown as text
            return {"text/plain": f"{self!r}\n{error}"}

    def _begin(
        self,
        state: S | Mapping[str, Any],
        store: Store | str | os.PathLike[str] | None,
        durability: Durability,
        budget: Budget | None,
        deps: Any,
        model: Any,
        approve: Approve | None,
        run_id: str | None,
        observers: Sequence[Observer],
    ) -> Live[S]:
        from graphflow.runtime import beginning

        plan = self._sound_plan()
        around = self._surroundings(deps, model, approve, durability, observers)
        return beginning.begin(plan, state, around, store=store, budget=budget, run_id=run_id)

    def _sound_plan(self) -> Plan:
        """The plan, refused if ``check`` finds an error in it (S1.2)."""
        compiled = self._compile()
        if self._sound is not compiled:  # ten thousand runs ask once
            findings = self.check()
            if any(finding.severity == "error" for finding in findings):
                raise GraphError(self.name, findings)
            self._sound = compiled  # before its tools are looked at: one of them may be the graph itself
            try:
                for agent in agents_in(self.plan()):
                    _prepare_tools(agent)
            except Exception:
                self._sound = None
                raise
        return self.plan()

    def _uses_model_of_run(self) -> bool:
        """Whether an agent that a run may ask names no model of its own."""
        compiled = self._compile()
        if self._agents is None or self._agents[0] is not compiled:
            from graphflow.agents.reached import uses_model_of_run

            self._agents = (compiled, uses_model_of_run(self.plan()))
        return self._agents[1]

    def _surroundings(
        self,
        deps: Any,
        model: Any,
        approve: Approve | None,
        durability: Durability,
        observers: Sequence[Observer],
        earlier: Run[S] | str = "",
    ) -> Surroundings:
        from graphflow.runtime import arguments
        from graphflow.runtime.beginning import Surroundings

        arguments.check_observers(observers)
        arguments.check_approve(approve)
        arguments.check_durability(durability)
        if model is None and not isinstance(earlier, str):
            model = arguments.checked_run(earlier).given_model
        given, name = model, ""
        if self._uses_model_of_run():
            from graphflow.agents.choosing import choose_model

            model = choose_model(None, model, os.environ)
            name = model.name
            given = None if given is None else model
        return Surroundings(deps, model, name, given, observers, approve, durability, self.found_at)


def _prepare_tools(agent: Any) -> None:
    """What an agent calls as tools must be sound, too, before anything runs. Raises GraphError and ToolInvalid."""
    for tool in getattr(getattr(agent, "tools", None), "tools", {}).values():
        if tool.prepare is not None:
            tool.prepare()


def _pictured(run: Run[Any]) -> Mapping[str, str]:
    """A run on its graph, as a notebook shows it; nothing where it cannot be drawn."""
    from graphflow.views import draw

    try:
        bundle = draw(run.plan, run)._repr_mimebundle_()  # pyright: ignore[reportPrivateUsage]
    except Exception:  # a repr never raises
        return {}
    return bundle if "image/svg+xml" in bundle else {}


draw_runs_with(_pictured)
