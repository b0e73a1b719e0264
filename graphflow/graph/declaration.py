"""A graph as it is declared: its nodes, and what it compiles to (S1). The ways between them are in ``connecting``.

``Declaration`` only collects. Every method reads what it is given, refuses what is wrong at that line, remembers the
line, and never changes what was declared before. ``plan`` compiles; running is the work of others.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, ParamSpec, TypeGuard, TypeVar, overload

from pydantic import BaseModel

from graphflow.core.plan import Limits, Node, NodeRole, Plan, Retry
from graphflow.errors import Finding, GraphError, Place
from graphflow.graph.asks import ask_node
from graphflow.graph.compiling import Compiled, compiled
from graphflow.graph.connecting import Connected
from graphflow.graph.drafts import Parts
from graphflow.graph.guardrails import Guardrails
from graphflow.graph.handles import AskHandle, Handle, NodeDecorator, NodeHandle
from graphflow.graph.options import check_limits, check_text
from graphflow.graph.places import at_the_line, caller, names_of_caller
from graphflow.graph.states import schema_of
from graphflow.graph.work import NodeOptions, again, graph_name, graph_node, new_name, node_of, refuse_unknown
from graphflow.graph.worker import Worker

S = TypeVar("S", bound=BaseModel)
A = TypeVar("A")
P = ParamSpec("P")
R = TypeVar("R")


class _Decorated:
    """Stands for the function under a decorator."""

    def __repr__(self) -> str:
        return "<the function below>"


_BELOW: Any = _Decorated()


class Declaration(Connected[S]):
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

    @at_the_line
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
        guardrails: Guardrails = (),
        purpose: str = "",
        role: NodeRole | None = None,
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
        guardrails: Guardrails = (),
        purpose: str = "",
        role: NodeRole | None = None,
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
        guardrails: Guardrails = (),
        blocking: bool = False,
        purpose: str = "",
        role: NodeRole | None = None,
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
        guardrails: Guardrails = (),
        purpose: str = "",
        role: NodeRole | None = None,
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
        guardrails: Guardrails = (),
        blocking: bool = False,
        purpose: str = "",
        role: NodeRole | None = None,
    ) -> NodeDecorator: ...
    @at_the_line
    def node(
        self,
        work: Any = _BELOW,
        *,
        name: str | None = None,
        reads: object = None,
        writes: object = None,
        updates: object = None,
        retry: Retry | None = None,
        timeout_s: float | None = None,
        at_once: int | None = None,
        guardrails: Guardrails = (),
        blocking: bool = False,
        purpose: str = "",
        role: NodeRole | None = None,
        **unknown: object,
    ) -> Any:
        """Declare a node: a function, an agent or another graph. Also a decorator, with and without options.

        - ``name``: a text; the function's, agent's or graph's own unless given (S1.4).
        - ``reads``: the fields it may see, a field or a tuple of them; all, unless given. An agent sees those that its
          prompt names, and these besides (S3.5).
        - ``writes``: where the result goes (S3.1): a field; a tuple of fields for a tuple of values; a dict {state field:
          name in the result, or function of it}. Without it a model or TypedDict is written field by field.
        - ``updates``: further fields that it, or its tools, may change through ``ctx.update`` (S3.7).
        - ``retry``: ``Retry(attempts=3, on=ConnectionFailed)``; one attempt unless given, an agent has its own (S8.1).
        - ``timeout_s``: seconds for one attempt (S8.1); of a graph for the whole entry, the time included in which it
          waits for a person (S12.1). The time in which an agent waits for an approval does not count (S10.4).
        - ``at_once``: how many of its visits run at a time (S6.9).
        - ``guardrails``: functions of the result, ``def no_names(draft: str) -> str | None``: None, or what is wrong; and
          ``Guardrail(check, on="input")``, of the view. What trips is an error of the node, never retried (S8.4).
        - ``blocking``: True runs a plain function in a thread.
        - ``purpose``: one line for drawings; the first line of the docstring or instructions unless given.
        - ``role``: "supervisor", "router" or "judge", for drawings. A supervisor plans, delegates and merges: ``check``
          refuses it tools of its own.

            @graph.node(writes=essay.draft, timeout_s=30)
            async def write(state: Essay) -> str: ...

            review = graph.node(critic)                     # an Agent(..., output=Review)
            again = graph.node(write, name="write again")   # one function, two nodes

        A graph with the same state needs nothing more. One with a state of its own is given ``reads={"its field": outer
        field}`` and hands over ``writes={"outer field": "its field"}``: keys are names (S12.1).

            class Search(BaseModel):
                question: str
                answer: str = ""

            look_up = graph.node(
                search,                                     # Graph("search", Search)
                reads={"question": desk.request},           # search's question is what desk.request is
                writes={"reply": "answer"},                 # desk's reply becomes what search's answer is
            )

        Returns a handle to lead edges to; that of a function is still callable. Raises DeclarationError.
        """
        place = caller()
        refuse_unknown(unknown, place)
        given = NodeOptions(
            name, reads, writes, updates, retry, timeout_s, at_once, blocking, purpose, guardrails, role
        )
        if work is not _BELOW:
            return self._declare(work, given, place)

        @at_the_line
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

    @at_the_line
    def point(self, name: str, *, purpose: str = "") -> Handle:
        """A node that does nothing: a place to gather, or to choose from (S1.4).

            gather = graph.point("gather")

        ``name`` and ``purpose`` as for ``node``. Raises DeclarationError.
        """
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
    @at_the_line
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

        - ``question``: a text with {fields} of the state, or a function of the view that returns one.
        - ``answer``: the type of a valid answer: bool, Literal["yes", "no"], a pydantic model.
        - ``writes``: where the answer goes, as for ``node``.
        - ``name``, ``purpose``: as for ``node``.

            approve = graph.ask("approve", "Send this?\\n\\n{reply}", answer=bool, writes=desk.approved)
            graph.edge(approve, remind, after_s=86_400)     # nobody answered for a day

        ``approve.answer(True)`` makes what answers it. Raises DeclarationError.
        """
        place = caller()
        node = ask_node(name, question, answer, writes, purpose, self._parts, place)
        handle: AskHandle[Any] = AskHandle(node.name, graph=self, work=None, place=place)
        self._added(node, handle)
        return handle

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
