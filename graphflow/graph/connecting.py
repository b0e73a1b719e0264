"""The ways between the nodes of a graph, as they are declared: edges, forks, maps, handoffs (S4, S6, S9).

Every method refuses what is wrong at its line, and remembers the line. What is declared together, a switch or a
chain, is declared whole or, if part of it is wrong, not at all.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Generic, Literal, TypeAlias, TypeVar

from pydantic import BaseModel

from graphflow.core.plan import Need
from graphflow.graph.drafts import Parts
from graphflow.graph.edges import EdgeReader, case_conditions
from graphflow.graph.guardrails import Guardrails
from graphflow.graph.handles import Handle, Source, Target
from graphflow.graph.maps import Listed, over_of
from graphflow.graph.options import AtMost
from graphflow.graph.places import at_the_line, caller, names_of_caller
from graphflow.graph.references import no_chain, wrap_up_of

S = TypeVar("S", bound=BaseModel)
A = TypeVar("A")

Condition: TypeAlias = bool | Callable[[S], bool]
"""An expression over ``fields(State)``, which type checkers take for a bool, or a predicate of the state (S5.2)."""


class Connected(Generic[S]):
    """What can be declared between nodes. The nodes are declared by ``Declaration``."""

    _parts: Parts

    @at_the_line
    def edge(
        self,
        source: Source,
        target: Target,
        *,
        when: Condition[S] | None = None,
        at_most: AtMost | None = None,
        on_error: type[Exception] | tuple[type[Exception], ...] | None = None,
        after_s: float | None = None,
        guardrails: Guardrails = (),
        note: str = "",
    ) -> None:
        """A way from a node to the next. The edges of a node are tried in the order declared; the first one taken (S4.2).

        - ``source``, ``target``: a handle or a name; START, or END, FAIL and FAIL("reason").
        - ``when``: it is taken only if this holds, ``fields(State).score >= 7`` or a predicate of the state.
        - ``at_most``: how often it may be taken (per scope), a number; a ``Limit(n)``, which several edges share;
          "unbounded" where the conditions end the loop (S4.5).
        - ``on_error``: an error class or a tuple of them; taken when the node has failed for good with one (S8.2).
        - ``after_s``: seconds; taken when the node has not finished so long after it was reached (S10.3).
        - ``guardrails``: functions of the state that would cross, ``def no_names(state: Essay) -> str | None``: None, or what
          is wrong, which is then an error of ``source``, and nothing of its step is kept (S8.4).
        - ``note``: a text for drawings.

            graph.edge(review, END, when=essay.score >= 7)
            graph.edge(review, write, at_most=3)
            graph.edge(answer, backup, on_error=ModelError)
            graph.edge(approve, remind, after_s=86_400)

        Raises DeclarationError.
        """
        reader = self._reader()
        draft = reader.edge(
            source,
            target,
            when=when,
            at_most=at_most,
            on_error=on_error,
            after_s=after_s,
            note=note,
            guardrails=guardrails,
        )
        self._parts.add(draft)

    @at_the_line
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
        guardrails: Guardrails = (),
        note: str = "",
    ) -> None:
        """Go on along several targets side by side, and meet again at ``join`` (S6).

        - ``targets``: a list of nodes; or a dict {target: condition}, of which those start whose condition holds.
        - ``join``: the node where the branches meet, or END. A target without edges of its own leads there.
        - ``when``, ``at_most``, ``guardrails``, ``note``: as for ``edge``.
        - ``need``: when the join fires (S6.6): "all", "first", ``quorum(k)``, ``best_effort(at_least=k, within_s=t)``, or
          a condition on the merge so far.
        - ``failures``: "stop" makes a failed branch an error of the join, "collect" data in ``ctx.branches``. The default
          is "stop" with "all", else "collect" (S6.7).
        - ``at_once``: how many branches run at a time.
        - ``state``: "isolated", or "shared" to let the branches see each other's writes (S6.10).

            graph.fork(present, [pro, con], join=judge)
            graph.fork(triage, {billing: desk.owes_money, technical: desk.is_broken}, join=reply)

        Raises DeclarationError.
        """
        reader = self._reader()
        options: dict[str, object] = {"when": when, "at_most": at_most, "need": need, "failures": failures}
        options |= {"at_once": at_once, "state": state, "note": note, "guardrails": guardrails}
        self._parts.add(reader.fork(source, targets, join=join, options=options))

    @at_the_line
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
        guardrails: Guardrails = (),
        note: str = "",
    ) -> None:
        """Start one branch at ``target`` per item of a list, and meet again at ``join`` (S6.1).

        - ``over``: a list field, or a function of the view that returns a list; its annotation types the items.
          No items go straight on.
        - all others: as for ``fork``.

        A node of the branch takes its item as the parameter ``item``; prompts name it {item}.

            @graph.node(writes=intel.facts)
            async def research(state: Intel, item: str) -> list[str]: ...

            graph.map(scout, research, over=intel.rivals, join=analyse, at_once=5, need=quorum(3))

        Raises DeclarationError.
        """
        reader = self._reader()
        found = over_of(over, self._parts.schema, names_of_caller(), reader.place)
        options: dict[str, object] = {"when": when, "at_most": at_most, "need": need, "failures": failures}
        options |= {"at_once": at_once, "state": state, "note": note, "guardrails": guardrails}
        self._parts.add(reader.map(source, target, join=join, over=found, options=options))

    @at_the_line
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
        guardrails: Guardrails = (),
    ) -> None:
        """A way that the node itself chooses: an agent is offered it as a tool, with the description (S9.1).

        - ``source``: an agent or a function. A function returns ``Handoff(billing)``; an agent's model calls the tool
          ``hand_off_to_<node>``, here ``hand_off_to_billing``: the name in small letters, ``_`` for all but letters and
          digits. An agent that has handoffs and no other way on needs no ``writes=``: it has to choose one (S9.3).
        - ``description``: when to choose it.
        - ``when``, ``at_most``, ``guardrails``: as for ``edge``; it is offered only while it is enabled.
        - ``takes``: the type of the data it carries, ``writes`` where they go, as for a node.

            graph.handoff(router, billing, "Invoices and payments")
            graph.handoff(router, technical, "Errors and crashes", takes=Report, writes=desk.report)

        Raises DeclarationError.
        """
        reader = self._reader()
        draft = reader.handoff(
            source, target, description, when=when, at_most=at_most, takes=takes, writes=writes, guardrails=guardrails
        )
        self._parts.add(draft)

    @at_the_line
    def switch(self, source: Source, field: A, cases: Mapping[A, Target], *, otherwise: Target | None = None) -> None:
        """Edges guarded by equality of one field, in the order given, and one for all other values (S4.6).

        The same as ``edge(source, target, when=field == value)`` for each, then ``edge(source, otherwise)``.

            graph.switch(sort, desk.kind, {"refund": refund, "question": answer}, otherwise=answer)

        Raises DeclarationError.
        """
        reader = self._reader()
        found = [*case_conditions(field, cases, reader.place)]
        if otherwise is not None:
            found.append((None, otherwise))
        self._parts.add(*(reader.edge_to(source, target, when=condition) for condition, target in found))

    @at_the_line
    def chain(self, first: Source, *others: Target) -> None:
        """Edges from each to the next (S4.6).

            graph.chain(START, plan, write, END)

        Raises DeclarationError.
        """
        reader = self._reader()
        if not others:
            raise no_chain(reader.place)
        sources: tuple[Any, ...] = (first, *others)
        pairs = zip(sources, others, strict=False)
        self._parts.add(*(reader.edge_to(source, target, when=None) for source, target in pairs))

    @at_the_line
    def on_budget(self, node: Handle | str) -> None:
        """The node that wraps up when the run's budget is used up, with a small reserve (S13.2).

            graph.on_budget(summarise)

        Raises DeclarationError.
        """
        place = caller()
        self._parts.on_budget = (wrap_up_of(node, self, self._parts, place), place)
        self._parts.changes += 1

    def _reader(self) -> EdgeReader:
        return EdgeReader(self, self._parts, caller())
