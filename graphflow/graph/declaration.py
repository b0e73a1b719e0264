"""A graph as it is declared: nodes, the ways between them, and what it compiles to (S1).

``Declaration`` only collects. Every method reads what it is given, refuses what is wrong at that line, remembers the
line, and never changes what was declared before. ``plan`` compiles; running is the work of others.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Generic, Literal, ParamSpec, TypeAlias, TypeGuard, TypeVar, overload

from pydantic import BaseModel

from graphflow.core.plan import Limits, Need, Node, Plan, Retry
from graphflow.errors import Finding, GraphError, Place
from graphflow.graph.asks import ask_node
from graphflow.graph.compiling import Compiled, compiled
from graphflow.graph.drafts import Parts
from graphflow.graph.edges import EdgeReader, case_conditions
from graphflow.graph.handles import AskHandle, Handle, NodeDecorator, NodeHandle, Source, Target
from graphflow.graph.maps import Listed, over_of
from graphflow.graph.options import AtMost, check_limits, check_text
from graphflow.graph.places import caller, names_of_caller
from graphflow.graph.references import no_chain, wrap_up_of
from graphflow.graph.states import schema_of
from graphflow.graph.work import NodeOptions, again, graph_name, graph_node, new_name, node_of
from graphflow.graph.worker import Worker

S = TypeVar("S", bound=BaseModel)
A = TypeVar("A")
P = ParamSpec("P")
R = TypeVar("R")

Condition: TypeAlias = bool | Callable[[S], bool]
"""An expression over ``fields(State)``, which type checkers take for a bool, or a predicate of the state (S5.2)."""

_MISSING: Any = object()


class Declaration(Generic[S]):
    """A graph over one state class.

    ``limits`` are the finite defaults of S17, ``purpose`` is one line for drawings. Raises DeclarationError if the
    state cannot be one: it must be a pydantic model whose every field survives JSON (S1.1).

    >>> from graphflow.graph.ends import END, START
    >>> class Essay(BaseModel):
    ...     topic: str
    ...     draft: str = ""
    >>> graph = Declaration("essay", Essay)
    >>> @graph.node(writes="draft")
    ... def write(state: Essay) -> str:
    ...     return f"All about {state.topic}."
    >>> graph.chain(START, write, END)
    >>> graph
    Declaration('essay', Essay, 1 node, 2 edges)
    >>> write(Essay(topic="owls"))
    'All about owls.'
    """

    def __init__(self, name: str, state: type[S], *, limits: Limits = Limits(), purpose: str = "") -> None:  # noqa: B008
        place = caller()
        self._state = state
        self._parts = Parts(
            name=graph_name(name, place),
            schema=schema_of(state, place),
            limits=check_limits(limits, place),
            purpose=check_text("purpose", purpose, place),
            place=place,
        )
        self._compiled: tuple[tuple[int, ...], Compiled] | None = None
        self._checked: tuple[Compiled, tuple[Finding, ...]] | None = None

    @property
    def name(self) -> str:
        """The graph's name."""
        return self._parts.name

    @property
    def state(self) -> type[S]:
        """The class of its state."""
        return self._state

    def __repr__(self) -> str:
        nodes, edges = len(self._parts.nodes), len(self._parts.edges)
        counted = f"{nodes} node{'s' if nodes != 1 else ''}, {edges} edge{'s' if edges != 1 else ''}"
        return f"{type(self).__name__}({self.name!r}, {self._state.__name__}, {counted})"

    @overload
    def node(
        self,
        work: Declaration[Any],
        *,
        name: str | None = None,
        reads: Mapping[str, Any] | None = None,
        writes: Mapping[Any, Any] | None = None,
        retry: Retry | None = None,
        timeout_s: float | None = None,
        at_once: int | None = None,
        purpose: str = "",
    ) -> Handle: ...
    @overload
    def node(
        self,
        work: Worker[Any],
        *,
        name: str | None = None,
        reads: object = None,
        writes: object = None,
        updates: object = None,
        retry: Retry | None = None,
        timeout_s: float | None = None,
        at_once: int | None = None,
        purpose: str = "",
    ) -> Handle: ...
    @overload
    def node(
        self,
        work: Callable[P, R],
        *,
        name: str | None = None,
        reads: object = None,
        writes: object = None,
        updates: object = None,
        retry: Retry | None = None,
        timeout_s: float | None = None,
        at_once: int | None = None,
        blocking: bool = False,
        purpose: str = "",
    ) -> NodeHandle[P, R]: ...
    @overload
    def node(
        self,
        work: Handle,
        *,
        name: str | None = None,
        reads: object = None,
        writes: object = None,
        updates: object = None,
        retry: Retry | None = None,
        timeout_s: float | None = None,
        at_once: int | None = None,
        purpose: str = "",
    ) -> Handle: ...
    @overload
    def node(
        self,
        *,
        name: str | None = None,
        reads: object = None,
        writes: object = None,
        updates: object = None,
        retry: Retry | None = None,
        timeout_s: float | None = None,
        at_once: int | None = None,
        blocking: bool = False,
        purpose: str = "",
    ) -> NodeDecorator: ...
    def node(self, work: Any = _MISSING, **options: Any) -> Any:
        """Declare a node: a function, an agent or another graph. Also a decorator, with and without options.

        ``name`` is the function's or agent's own unless given (S1.4). ``reads`` are the fields it may see, a field or a
        tuple of them; an agent's prompt adds its own (S3.5). ``writes`` says where the result goes (S3.1): a field, a
        tuple of fields for a tuple of values, or a mapping {state field: name in the result, or function of it};
        without it a model or TypedDict is written field by field. ``updates`` are further fields that it, or its tools,
        may change through ``ctx.update`` (S3.7). ``retry`` and ``timeout_s`` (seconds, for one attempt) are its policy
        (S8.1), ``at_once`` bounds its running visits (S6.9), ``blocking=True`` runs a plain function in a thread.

        A graph with a state of its own is given ``reads={its field: outer field}`` and ``writes={outer field: its
        field}`` (S12.1).

        Raises DeclarationError. Returns a handle to lead edges to; that of a function is still callable.
        """
        place = caller()
        given = NodeOptions.of(options, place)
        if work is not _MISSING:
            return self._declare(work, given, place)

        def decorate(decorated: Any) -> Any:
            return self._declare(decorated, given, place)

        return decorate

    def _declare(self, work: Any, options: NodeOptions, place: Place) -> Handle:
        if isinstance(work, Handle):
            work = again(work, place)
        if _is_graph(work):
            inner = work._parts
            node = graph_node(work, inner, options, self._parts, place)
            self._parts.inner[node.index] = inner
            return self._added(node, Handle(node.name, graph=self, work=work, place=place))
        node = node_of(work, options, self._parts, names_of_caller(), place)
        if node.kind == "agent":
            return self._added(node, Handle(node.name, graph=self, work=work, place=place))
        return self._added(node, NodeHandle(node.name, graph=self, work=work, place=place))

    def _added(self, node: Node, handle: Handle) -> Handle:
        self._parts.nodes.append(node)
        self._parts.names[node.name] = handle
        self._parts.changes += 1
        return handle

    def point(self, name: str, *, purpose: str = "") -> Handle:
        """A node that does nothing: a place to gather, or to choose from (S1.4)."""
        place = caller()
        name = new_name(name, self._parts, place)
        purpose = check_text("purpose", purpose, place)
        node = Node(len(self._parts.nodes) + 1, name, "point", purpose=purpose, place=place)
        return self._added(node, Handle(name, graph=self, work=None, place=place))

    @overload
    def ask(
        self,
        name: str,
        question: str | Callable[[S], str],
        *,
        answer: type[A],
        writes: object = None,
        purpose: str = "",
    ) -> AskHandle[A]: ...
    @overload
    def ask(
        self,
        name: str,
        question: str | Callable[[S], str],
        *,
        answer: Any = str,
        writes: object = None,
        purpose: str = "",
    ) -> AskHandle[Any]: ...
    def ask(
        self,
        name: str,
        question: str | Callable[[S], str],
        *,
        answer: Any = str,
        writes: object = None,
        purpose: str = "",
    ) -> AskHandle[Any]:
        """A node that asks a person or a program, and waits as long as it takes (S10.1).

        ``question`` is a text with ``{fields}`` of the state, or a function of the view; ``answer`` is the type of a valid
        answer, ``writes`` where it goes, as for a node. For those who may not answer in time add
        ``edge(ask, target, after_s=...)``. The handle's ``answer(value)`` makes what answers it.
        """
        place = caller()
        node = ask_node(name, question, answer, writes, purpose, self._parts, place)
        handle: AskHandle[Any] = AskHandle(node.name, graph=self, work=None, place=place)
        self._added(node, handle)
        return handle

    def edge(
        self,
        source: Source,
        target: Target,
        *,
        when: Condition[S] | None = None,
        at_most: AtMost | None = None,
        on_error: type[Exception] | tuple[type[Exception], ...] | None = None,
        after_s: float | None = None,
        note: str = "",
    ) -> None:
        """A way from a node to the next. The edges of a node are tried in the order declared; the first one taken (S4.2).

        ``when`` must hold, ``at_most`` counts takings per scope (S4.5). With ``on_error`` it is taken when the node has
        failed for good with an error of these classes (S8.2), with ``after_s`` when it has not finished so many seconds
        after it was reached (S10.3). ``note`` is shown in drawings.
        """
        reader = self._reader()
        draft = reader.edge(source, target, when=when, at_most=at_most, on_error=on_error, after_s=after_s, note=note)
        self._parts.add(draft)

    def fork(
        self,
        source: Source,
        targets: Sequence[Target] | Mapping[Target, Condition[S] | None] | Mapping[Handle, Condition[S] | None],
        *,
        join: Target,
        when: Condition[S] | None = None,
        at_most: AtMost | None = None,
        need: Literal["all", "first"] | Need | Condition[S] = "all",
        failures: Literal["stop", "collect"] | None = None,
        at_once: int | None = None,
        state: Literal["isolated", "shared"] = "isolated",
        note: str = "",
    ) -> None:
        """Go on along several targets side by side, and meet again at ``join`` (S6).

        With a dict {target: condition} those start whose condition holds. ``need`` says when the join fires (S6.6):
        "all", "first", ``quorum(k)``, ``best_effort(...)`` or a condition on the merge so far. ``failures="collect"`` makes
        a failed branch data in ``ctx.branches``, "stop" an error of the join; the default is "stop" with "all", else
        "collect" (S6.7). ``at_once`` bounds the running branches. ``state="shared"`` lets them see each other (S6.10).
        """
        reader = self._reader()
        options: dict[str, object] = {"when": when, "at_most": at_most, "need": need, "failures": failures}
        options |= {"at_once": at_once, "state": state, "note": note}
        self._parts.add(reader.fork(source, targets, join=join, options=options))

    def map(
        self,
        source: Source,
        target: Target,
        *,
        over: Listed | Callable[[S], Iterable[Any]],
        join: Target,
        when: Condition[S] | None = None,
        at_most: AtMost | None = None,
        need: Literal["all", "first"] | Need | Condition[S] = "all",
        failures: Literal["stop", "collect"] | None = None,
        at_once: int | None = None,
        state: Literal["isolated", "shared"] = "isolated",
        note: str = "",
    ) -> None:
        """Start one branch at ``target`` per item of a list, and meet again at ``join`` (S6.1). Options as for ``fork``.

        ``over`` is a list field, or a function of the view that returns a list; its annotation types the items. A node of
        the branch takes its item as the parameter ``item``; no items go straight on.
        """
        reader = self._reader()
        found = over_of(over, self._parts.schema, names_of_caller(), reader.place)
        options: dict[str, object] = {"when": when, "at_most": at_most, "need": need, "failures": failures}
        options |= {"at_once": at_once, "state": state, "note": note}
        self._parts.add(reader.map(source, target, join=join, over=found, options=options))

    def handoff(
        self,
        source: Source,
        target: Target,
        description: str,
        *,
        when: Condition[S] | None = None,
        at_most: AtMost | None = None,
        takes: Any = None,
        writes: object = None,
    ) -> None:
        """A way that the node itself chooses: an agent is offered it as a tool, with the description (S9.1).

        A function returns ``Handoff(billing)``. ``takes`` is the type of the data it carries, ``writes`` where that goes.
        """
        reader = self._reader()
        draft = reader.handoff(source, target, description, when=when, at_most=at_most, takes=takes, writes=writes)
        self._parts.add(draft)

    def switch(self, source: Source, field: A, cases: Mapping[A, Target], *, otherwise: Target | None = None) -> None:
        """Edges guarded by equality of one field, in the order given, and one for all other values (S4.6).

        Same as ``edge(source, target, when=field == value)`` for each, then ``edge(source, otherwise)``.
        """
        reader = self._reader()
        found = [*case_conditions(field, cases, reader.place)]
        if otherwise is not None:
            found.append((None, otherwise))
        self._parts.add(*(reader.edge_to(source, target, when=condition) for condition, target in found))

    def chain(self, first: Source, *others: Target) -> None:
        """Edges from each to the next: ``chain(START, plan, write, END)`` (S4.6)."""
        reader = self._reader()
        if not others:
            raise no_chain(reader.place)
        sources: tuple[Any, ...] = (first, *others)
        pairs = zip(sources, others, strict=False)
        self._parts.add(*(reader.edge_to(source, target, when=None) for source, target in pairs))

    def on_budget(self, node: Handle | str) -> None:
        """The node that wraps up when the run's budget is used up, with a small reserve (S13.2)."""
        place = caller()
        self._parts.on_budget = (wrap_up_of(node, self, self._parts, place), place)
        self._parts.changes += 1

    def _reader(self) -> EdgeReader:
        return EdgeReader(self, self._parts, caller())

    def plan(self) -> Plan:
        """What the graph compiles to; the same object until something is declared (S1.3).

        Raises GraphError with all names that lead nowhere. Whatever else is wrong with the graph is found by ``check``.
        """
        found = self._compile()
        if found.findings:
            raise GraphError(self.name, found.findings)
        return found.plan

    def check(self) -> list[Finding]:
        """Everything wrong with the graph that can be told without running it, errors first. Runs nothing."""
        from graphflow.graph.check import Findings, check  # brings networkx, which running does not need

        found = self._compile()
        if self._checked is None or self._checked[0] is not found:
            rest = check(found.plan) if found.is_whole else ()
            self._checked = (found, tuple(Findings([*found.findings, *rest])))
        return Findings(self._checked[1])

    def _compile(self) -> Compiled:
        changes = tuple(parts.changes for parts in self._parts.all())
        if self._compiled is None or self._compiled[0] != changes:
            self._compiled = (changes, compiled(self._parts))
        return self._compiled[1]


def _is_graph(work: object) -> TypeGuard[Declaration[Any]]:
    return isinstance(work, Declaration)
