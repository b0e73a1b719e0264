"""What was given to ``graph.edge``, ``fork``, ``map`` and ``handoff`` becomes an edge, or an error at the line."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, cast

from pydantic import TypeAdapter
from pydantic.errors import PydanticSchemaGenerationError, PydanticUserError

from graphflow.core.plan import Edge, Guard, Need, Node, Rail, Writes
from graphflow.errors import DeclarationError, Place, shown
from graphflow.graph.compiling import can_choose, no_chooser
from graphflow.graph.drafts import EdgeDraft, Parts
from graphflow.graph.ends import Start
from graphflow.graph.expressions import Expression, guard_of
from graphflow.graph.guardrails import plain_rails
from graphflow.graph.handles import Handle, Reference
from graphflow.graph.mistakes import mistake
from graphflow.graph.options import (
    check_at_once,
    check_choice,
    check_errors,
    check_failures,
    check_limit,
    check_seconds,
    check_text,
)
from graphflow.graph.references import branch_of, join_of, source_of, target_of
from graphflow.graph.results import writes_of
from graphflow.graph.secrecy import refuse_from_outside

_UNSET = -1
"""Stands for the index of an edge or node until the graph compiles."""


class EdgeReader:
    """Reads the options of one edge, declared at ``place`` in ``graph``."""

    def __init__(self, graph: Any, parts: Parts, place: Place) -> None:
        self.graph = graph
        self.parts = parts
        self.place = place

    def edge(
        self, source: object, target: object, *, when: object, at_most: object, on_error: object, after_s: object, note: object,
        guardrails: object = (),
    ) -> EdgeDraft:  # fmt: skip
        """An ordinary edge, an error edge (S8.2) or a timer edge (S10.3)."""
        start = source_of(source, self.graph, self.parts, self.place)
        leads_to = target_of(target, self.graph, self.parts, self.place)
        if on_error is not None and after_s is not None:
            raise mistake(
                "GF130",
                "An edge has on_error= or after_s=, not both",
                "One is taken when the node fails (S8.2), the other when it has not finished in time. (S10.3)",
                "Write two edges.",
                self.place,
            )
        if isinstance(start, Start) and (on_error is not None or after_s is not None):
            option = "on_error" if on_error is not None else "after_s"
            raise mistake(
                "GF130",
                f"An edge from START cannot have {option}=",
                "START does nothing: it neither fails nor takes time. (S1.1)",
                f"Leave {option}= out, or start the edge at a node.",
                self.place,
            )
        kind = "error" if on_error is not None else "timer" if after_s is not None else "edge"
        return self._draft(
            start, (leads_to,), None, when, at_most,
            kind=kind,
            errors=() if on_error is None else check_errors(on_error, self.place),
            after_s=None if after_s is None else check_seconds("after_s", after_s, self.place),
            description=check_text("note", note, self.place),
            guardrails=self._rails(guardrails, kind),
        )  # fmt: skip

    def edge_to(self, source: object, target: object, *, when: object) -> EdgeDraft:
        """An ordinary edge without further options."""
        return self.edge(source, target, when=when, at_most=None, on_error=None, after_s=None, note="")

    def fork(self, source: object, targets: object, *, join: object, options: Mapping[str, object]) -> EdgeDraft:
        """A fork (S6.1): ``targets`` are nodes, or nodes with the condition of each."""
        start = source_of(source, self.graph, self.parts, self.place)
        branches, guards = self._branches(targets)
        return self._split(start, branches, join, options, kind="fork", branch_guards=guards)

    def map(
        self, source: object, target: object, *, join: object, over: Any, options: Mapping[str, object]
    ) -> EdgeDraft:
        """A map (S6.1) over ``over``."""
        start = source_of(source, self.graph, self.parts, self.place)
        branch = branch_of(target, self.graph, self.parts, self.place)
        return self._split(start, (branch,), join, options, kind="map", over=over)

    def handoff(
        self, source: object, target: object, description: object, *, when: object, at_most: object, takes: object, writes: object,
        guardrails: object = (),
    ) -> EdgeDraft:  # fmt: skip
        """An edge the node itself chooses (S9.1)."""
        start = source_of(source, self.graph, self.parts, self.place)
        leads_to = target_of(target, self.graph, self.parts, self.place)
        self._check_chooser(start)
        text = check_text("description", description, self.place)
        if not text.strip():
            raise mistake(
                "GF127", "A handoff needs a description", "It is what an agent is told to choose by. (S9.1)",
                'Say when to choose it: graph.handoff(router, billing, "Invoices and payments").', self.place,
            )  # fmt: skip
        return self._draft(
            start, (leads_to,), None, when, at_most,
            kind="handoff", description=text, takes=takes, takes_writes=self._carried(start, takes, writes),
            guardrails=self._rails(guardrails, "handoff"),
        )  # fmt: skip

    def _draft(
        self, source: Reference, targets: tuple[Reference, ...], join: Reference | None, when: object, at_most: object,
        **facts: Any,
    ) -> EdgeDraft:  # fmt: skip
        count, limit, is_unbounded = check_limit(at_most, self.place)
        edge = Edge(
            index=_UNSET,
            source=_UNSET,
            targets=(),
            guard=self.guard(when),
            at_most=count,
            limit=limit,
            unbounded=is_unbounded,
            place=self.place,
            **facts,
        )
        return EdgeDraft(edge, source, targets, join)

    def _split(
        self, source: Reference, targets: tuple[Reference, ...], join: object, options: Mapping[str, object], **facts: Any
    ) -> EdgeDraft:  # fmt: skip
        need = self._need(options["need"])
        state = check_choice("state", options["state"], ("isolated", "shared"), self.place)
        return self._draft(
            source, targets, join_of(join, self.graph, self.parts, self.place), options["when"], options["at_most"],
            need=need,
            failures=check_failures(options["failures"], need, self.place),
            failures_said=options["failures"] is not None,
            at_once=check_at_once(options["at_once"], self.place),
            shared=state == "shared",
            guardrails=self._rails(options["guardrails"], "fork"),
            description=check_text("note", options["note"], self.place),
            **facts,
        )  # fmt: skip

    def _rails(self, given: object, kind: str) -> tuple[Rail, ...]:
        """The guardrails of an edge; one that is taken because a node failed or took too long has none."""
        if given == ():
            return ()
        if kind in ("error", "timer"):
            option = "on_error" if kind == "error" else "after_s"
            raise mistake(
                "GF138",
                f"An edge with {option}= takes no guardrails",
                "The node has not finished, so nothing of its own crosses; the way out of a failure is kept open. (S8.4)",
                'Guard the node it leads to: graph.node(..., guardrails=[Guardrail(check, on="input")]).',
                self.place,
            )
        return plain_rails(given, "the edge", ("output",), self.place)

    def guard(self, condition: object) -> Guard | None:
        """The guard of ``when=``; None is no condition."""
        return None if condition is None else guard_of(condition, self.parts.schema.state, self.place)

    def _branches(self, targets: Any) -> tuple[tuple[Reference, ...], tuple[Guard | None, ...]]:
        given: Any = targets
        if isinstance(targets, str) or not isinstance(targets, Iterable) or isinstance(targets, set | frozenset):
            fix = "Write graph.fork(source, [first, second], join=...)."
            if isinstance(targets, Handle | str):
                name = targets.name if isinstance(targets, Handle) else repr(targets)
                fix = f"For one target write graph.edge; for several: graph.fork(source, [{name}, ...], join=...)."
            raise mistake(
                "GF119",
                f"{shown(given)} is no list of targets",
                "A fork starts one branch per target, in the order of a list, or of a dict with conditions. (S6.1)",
                "Branches have an order: write a list." if isinstance(targets, set | frozenset) else fix,
                self.place,
            )
        references: list[object] = list(given)
        branches = tuple(branch_of(one, self.graph, self.parts, self.place) for one in references)
        if not branches:
            raise mistake(
                "GF119", "A fork has no targets", "It starts one branch per target. (S6.1)",
                "Name at least one node, or write graph.edge(source, join).", self.place,
            )  # fmt: skip
        if isinstance(targets, Mapping):
            conditions = cast("Mapping[object, object]", targets)
            return branches, tuple(self.guard(conditions[one]) for one in references)
        return branches, ()

    def _need(self, need: object) -> Need:
        if isinstance(need, Need):
            return need
        if isinstance(need, str) and need == "all":
            return Need()
        if isinstance(need, str) and need == "first":
            return Need("quorum", 1)
        if isinstance(need, Expression) or (callable(need) and not isinstance(need, type)):
            return Need("condition", guard=self.guard(cast("object", need)))
        is_count = isinstance(need, int) and not isinstance(need, bool)
        raise mistake(
            "GF128",
            f"need={shown(need)} does not say when the join fires",
            "It is 'all', 'first', quorum(k), best_effort(at_least=k, within_s=t), or a condition on the merge so far. (S6.6)",
            f"Write need=quorum({max(1, cast('int', need))})." if is_count else "Write need='all', or leave it out.",
            self.place,
        )

    def _check_chooser(self, source: Reference) -> None:
        if isinstance(source, Start):
            what, why = "START cannot hand off", "A handoff is chosen by the node itself; START does nothing. (S9.1)"
            raise mistake(
                "GF130", what, why, "Use an edge with a condition: graph.edge(START, ..., when=...).", self.place
            )
        node = self._node_of(source)
        if node is not None and not can_choose(node):
            raise mistake("GF130", *no_chooser(node), self.place)

    def _carried(self, source: Reference, takes: object, writes: object) -> Writes | None:
        """How the data of a handoff is written (S9.1)."""
        if takes is None:
            if writes is None:
                return None
            raise mistake(
                "GF127",
                "The handoff has writes=, but takes no data",
                "writes= says where the data goes that takes= describes. (S9.1)",
                "Add takes= with the type of the data, or leave writes= out.",
                self.place,
            )
        if not is_type(takes):
            raise mistake(
                "GF127",
                f"takes={shown(takes)} is no type",
                "The data of a handoff is validated, and offered to agents as a schema. (S9.1)",
                "Give a pydantic model: takes=Ticket.",
                self.place,
            )
        found = writes_of(
            writes, takes, self.parts.schema, result="The handoff carries", may_update=False, updates=None, place=self.place
        )  # fmt: skip
        node = self._node_of(source)
        if node is not None and node.kind == "agent":
            refuse_from_outside(f"The handoff of agent {node.name!r}", takes, found, self.parts.schema, self.place)
        return found

    def _node_of(self, source: Reference) -> Node | None:
        name = source.name if isinstance(source, Handle) else source
        return next((node for node in self.parts.nodes if node.name == name), None)


def is_type(annotation: Any) -> bool:
    """Whether values can be validated against it, and read from JSON."""
    if isinstance(annotation, str):
        return False
    try:
        TypeAdapter(annotation)
    except (PydanticSchemaGenerationError, PydanticUserError, TypeError, NameError):
        return False
    return True


def case_conditions(field: object, cases: object, place: Place) -> list[tuple[object, object]]:  # (condition, target)
    """The conditions of a switch: equality with each value, in the order given (S4.6)."""
    given: Any = cases
    if not isinstance(field, Expression):
        raise _no_switch(
            f"{shown(field)} is no field to switch on", "Write graph.switch(source, fields(State).kind, {...}).", place
        )
    if not isinstance(cases, Mapping) or not cases:
        raise _no_switch(
            f"switch on {field} was given {shown(given)}, which is no dict of values and targets",
            'Write {"web": search, "code": program}.', place,
        )  # fmt: skip
    return [(field == value, target) for value, target in cast("Mapping[object, object]", cases).items()]


def _no_switch(what: str, fix: str, place: Place) -> DeclarationError:
    return mistake("GF124", what, "A switch is one edge per value of a field. (S4.6)", fix, place)
