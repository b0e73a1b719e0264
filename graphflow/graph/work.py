"""What was given to ``graph.node`` becomes a node: a function, an agent, or another graph.

Options are read and refused here, at the line that gives them. Edges are added to the node when the graph compiles.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields, replace
from typing import Any, TypeGuard, get_args, get_origin

from graphflow.core.annotations import stripped
from graphflow.core.plan import Node, NodeRole, Retry, SubGraph, Writes
from graphflow.errors import DeclarationError, Place, shown, unknown_name
from graphflow.graph.drafts import Parts
from graphflow.graph.expressions import Expression
from graphflow.graph.guarded import guarded
from graphflow.graph.guardrails import guardrails_of, plain_rails
from graphflow.graph.handles import Handle
from graphflow.graph.mappings import mappings
from graphflow.graph.mistakes import mistake
from graphflow.graph.operators import Fields
from graphflow.graph.options import check_at_once, check_choice, check_flag, check_retry, check_seconds, check_text
from graphflow.graph.results import goes_nowhere, several_fields, writes_of
from graphflow.graph.secrecy import refuse_from_outside, refuse_in_text
from graphflow.graph.shapes import annotation_text
from graphflow.graph.signatures import UNKNOWN, name_of, shown_work, signature_of
from graphflow.graph.worker import Worker, WorkerFacts

RESERVED = ("START", "END", "FAIL")


@dataclass(frozen=True, slots=True)
class NodeOptions:
    """The options of ``graph.node``, as given."""

    name: object = None
    reads: object = None
    writes: object = None
    updates: object = None
    retry: object = None
    timeout_s: object = None
    at_once: object = None
    blocking: object = False
    purpose: object = ""
    guardrails: object = ()
    role: object = None


def refuse_unknown(given: dict[str, object], place: Place) -> None:
    """Options that ``graph.node`` does not have. Raises DeclarationError."""
    known = [field.name for field in fields(NodeOptions)]
    for name in given:
        raise mistake(
            "GF118",
            f"graph.node has no option {name!r}",
            f"Its options are {', '.join(known)}.",
            unknown_name(name, known),
            place,
        )


def node_of(work: object, options: NodeOptions, parts: Parts, names: Mapping[str, object], place: Place) -> Node:
    """The node of a function or an agent. ``names`` are those in sight at the line. Raises DeclarationError."""
    if isinstance(work, Expression | Fields):  # these answer for every attribute, or raise
        raise _no_work(work, parts, place)
    if is_worker(work):
        return _agent_node(work, options, parts, place)
    if callable(work) and not isinstance(work, type):
        return _function_node(work, options, parts, names, place)
    raise _no_work(work, parts, place)


def is_worker(work: object) -> TypeGuard[Worker[Any]]:
    """Whether something is an agent, to a graph."""
    return isinstance(work, Worker)


def again(handle: Handle, place: Place) -> object:
    """What a handle's node does, to be declared as another node (S1.4)."""
    if handle.work is not None:
        return handle.work
    raise mistake(
        "GF115",
        f"The node {handle.name!r} is a question or a point, and is not declared again by graph.node",
        "graph.node takes what a node does: a function, an agent or another graph. (S1.4)",
        "Write graph.ask(...) or graph.point(...) with another name.",
        place,
    )


def graph_node(work: object, inner: Parts, options: NodeOptions, parts: Parts, place: Place) -> Node:
    """The node of another graph, or of the same one again (S12)."""
    name = new_name(inner.name if options.name is None else options.name, parts, place)
    _refuse_blocking(options, f"the graph {inner.name!r}", place)
    if options.updates is not None:
        raise mistake(
            "GF125", "updates= says nothing of a graph", "It is for nodes that call ctx.update. (S3.7)",
            "Leave it out: writes= says what the graph hands over.", place,
        )  # fmt: skip
    inward, outward = mappings(name, inner, options.reads, options.writes, parts, place)
    return _node(
        parts, name, "graph", options, place,
        work=work,
        writes=Writes() if outward is None else Writes(declared=frozenset(outer for outer, _ in outward)),
        reads=None if inward is None else frozenset(outer for _, outer in inward),
        graph=SubGraph(_uncompiled, inner.name, inward, outward),
        purpose=check_text("purpose", options.purpose, place) or inner.purpose,
        guardrails=plain_rails(options.guardrails, f"the graph {inner.name!r}", ("input", "output"), place),
    )  # fmt: skip


def graph_name(given: object, place: Place) -> str:
    """A graph's name: printable text."""
    if isinstance(given, str) and given.strip() and given.isprintable():
        return given
    raise mistake(
        "GF113",
        f"{shown(given)} cannot be the name of a graph",
        "A name is printable text: it stands in paths, drawings and journals. (S1.4)",
        'Write Graph("essay", Essay).',
        place,
    )


def new_name(given: object, parts: Parts, place: Place) -> str:
    """A node's name: printable, unique in its graph, and none of START, END and FAIL (S1.4)."""
    if not isinstance(given, str) or not given.strip() or not given.isprintable():
        raise mistake(
            "GF113",
            f"{shown(given)} cannot be the name of a node",
            "A name is printable text: it stands in paths, drawings and journals. (S1.4)",
            'Write name="review".',
            place,
        )
    if given in RESERVED or given.startswith("FAIL: "):
        raise mistake(
            "GF113",
            f"A node cannot be called {given!r}",
            f"{', '.join(RESERVED)} are where every run begins and ends. (S1.1)",
            "Choose another name=.",
            place,
        )
    if given in parts.names:
        first = parts.names[given]
        raise DeclarationError(
            f"There are two nodes called {given!r} in graph {parts.name!r}",
            code="GF113",
            why="A node's name is unique: paths and journals know it by that. (S1.4)",
            fix=f'Give the second one a name of its own: name="{given} again".',
            where=(place, first.place),
        )
    return given


def _function_node(
    work: Callable[..., Any], options: NodeOptions, parts: Parts, names: Mapping[str, object], place: Place
) -> Node:
    given = name_of(work) if options.name is None else options.name
    if given is None:
        raise mistake(
            "GF113",
            f"{_kind_of(work)} has no name of its own",
            "A node is known by its name. (S1.4)",
            'Give it one: graph.node(..., name="review").',
            place,
        )
    name = new_name(given, parts, place)
    signature = signature_of(work, name, parts.schema.state, names, place)
    is_blocking = check_flag("blocking", options.blocking, place)
    if is_blocking and signature.mode == "async":
        raise mistake(
            "GF118",
            f"Node {name!r} is async, and blocking=True",
            "blocking=True runs a plain function in a thread; an async one waits without blocking. (S3.1)",
            "Leave blocking=True out, or write def instead of async def.",
            place,
        )
    reads = None if options.reads is None else frozenset(several_fields(options.reads, "reads", parts.schema, place))
    writes = writes_of(
        options.writes, signature.returns, parts.schema, result=f"Node {name!r} returns", may_update="ctx" in signature.arguments,
        updates=options.updates, place=place, reads=reads,
    )  # fmt: skip
    node = _node(
        parts, name, "function", options, place,
        work=work,
        call=signature.call,
        mode="blocking" if is_blocking else signature.mode,
        arguments=signature.arguments,
        reads=reads,
        writes=writes,
        returns=Any if signature.returns is UNKNOWN else signature.returns,
        purpose=check_text("purpose", options.purpose, place) or _first_line(work),
    )  # fmt: skip
    if signature.item is not UNKNOWN:
        parts.item_types[node.index] = signature.item
    return guarded(node, guardrails_of(options.guardrails, f"node {name!r}", ("input", "output"), place), place)


def _kind_of(work: Callable[..., Any]) -> str:
    return "A lambda" if getattr(work, "__name__", "") == "<lambda>" else shown(work)


def _first_line(work: Callable[..., Any]) -> str:
    text = inspect.getdoc(work) if inspect.isroutine(work) else None
    return text.strip().splitlines()[0] if text and text.strip() else ""


def _agent_node(work: Worker[Any], options: NodeOptions, parts: Parts, place: Place) -> Node:
    facts = work.facts()
    name = new_name(work.name if options.name is None else options.name, parts, place)
    _refuse_blocking(options, f"the agent {work.name!r}", place)
    _check_extended(facts, work.name, parts, place)
    for field in sorted(facts.reads or ()):
        if field not in parts.schema.fields:
            raise mistake(
                "GF117",
                f"Agent {work.name!r} reads {field!r}, which {parts.schema.state.__name__} does not have",
                f"Its prompt names it, and the fields are {', '.join(parts.schema.fields)}. (S3.5)",
                unknown_name(field, parts.schema.fields),
                place,
            )
    refuse_in_text(f"Agent {work.name!r}", facts.slots, parts.schema, place)
    reads = facts.reads
    if options.reads is not None:
        reads = (reads or frozenset()) | frozenset(several_fields(options.reads, "reads", parts.schema, place))
    node = _node(
        parts, name, "agent", options, place,
        work=work,
        call=work.perform,
        mode="async",
        arguments=("state", "ctx"),
        reads=reads,
        writes=_agent_writes(name, facts, reads, options, parts, place),
        returns=facts.output,
        slots=facts.slots,
        purpose=check_text("purpose", options.purpose, place) or facts.purpose,
        badges=facts.badges,
        default_role=facts.role,
        default_retry=facts.retry,
    )  # fmt: skip
    return guarded(node, guardrails_of(options.guardrails, f"node {name!r}", ("input", "output"), place), place)


def _agent_writes(
    name: str, facts: WorkerFacts, reads: frozenset[str] | None, options: NodeOptions, parts: Parts, place: Place
) -> Writes:
    """Where an agent's output goes. Text that goes nowhere is no mistake yet: the agent may only hand off (S9.3)."""
    result, output, extends = f"Node {name!r} returns", facts.output, facts.extends
    extended = frozenset(field for field, _ in extends)
    if options.writes is None and stripped(output) is str:
        parts.unplaced[len(parts.nodes) + 1] = goes_nowhere(output, parts.schema, result, place, reads or frozenset())
        output = None
    found = writes_of(
        options.writes, output, parts.schema, result=result, may_update=False, updates=options.updates, place=place, reads=reads
    )  # fmt: skip
    by_tools = (
        frozenset[str]()
        if options.updates is None
        else frozenset(several_fields(options.updates, "updates", parts.schema, place))
    )
    refuse_from_outside(
        f"Node {name!r}", output, found, parts.schema, place, besides=by_tools - frozenset(found.fields)
    )
    return found if found.declared is None else replace(found, declared=found.declared | extended)


def _check_extended(facts: WorkerFacts, agent: str, parts: Parts, place: Place) -> None:
    """The fields that an agent adds to by itself, its history, are lists with ``extend`` (S9.1). Raises DeclarationError."""
    for field, element in facts.extends:
        spec = parts.schema.fields.get(field)
        if spec is None:
            raise mistake(
                "GF117",
                f"Agent {agent!r} keeps its history in {field!r}, which {parts.schema.state.__name__} does not have",
                f"The fields are {', '.join(parts.schema.fields)}. (S9.1)",
                unknown_name(field, parts.schema.fields),
                place,
            )
        found = stripped(spec.annotation)
        is_list = get_origin(found) is list and get_args(found) == (element,)
        if is_list and spec.reducer is not None and spec.reducer.name == "extend":
            continue
        raise mistake(
            "GF117",
            f"Agent {agent!r} keeps its history in {field!r}, which is no list of messages to extend",
            f"Each visit adds what was said in it, and the state stays the only truth. (S9.1) It is {annotation_text(spec.annotation)}.",
            f"Write {field}: Annotated[list[{element.__name__}], extend] = [] in {parts.schema.state.__name__}.",
            place,
        )


def _node(
    parts: Parts, name: str, kind: Any, options: NodeOptions, place: Place, *, default_retry: Retry | None = None,
    default_role: str = "", **facts: Any,
) -> Node:  # fmt: skip
    retry = check_retry(options.retry, place)
    return Node(
        index=len(parts.nodes) + 1,
        name=name,
        kind=kind,
        retry=default_retry if retry is None else retry,
        timeout_s=None if options.timeout_s is None else check_seconds("timeout_s", options.timeout_s, place),
        at_once=check_at_once(options.at_once, place),
        role=default_role if options.role is None else check_choice("role", options.role, get_args(NodeRole), place),
        place=place,
        **facts,
    )


def _refuse_blocking(options: NodeOptions, what: str, place: Place) -> None:
    if options.blocking is not False:
        raise mistake(
            "GF118",
            f"blocking={shown(options.blocking)} says nothing of {what}",
            "blocking=True runs a plain function in a thread. (S3.1)",
            "Leave blocking= out.",
            place,
        )


def _no_work(work: object, parts: Parts, place: Place) -> DeclarationError:
    if inspect.iscoroutine(work):
        work.close()
        what = f"{work.__name__}(...) was called instead of declared"
        fix = f"Write graph.node({work.__name__})."
    elif isinstance(work, type):
        what, fix = f"The class {work.__name__} is no node", f"Give an object of it: graph.node({work.__name__}(...))."
    elif isinstance(work, parts.schema.state):
        what, fix = "A state is no node", "Start a run with it: graph.run(state)."
    elif isinstance(work, Expression | Fields):
        what, fix = f"{shown(work)} is no node", "Name fields in reads= and writes=, and give the function itself."
    elif isinstance(work, str):
        what, fix = f"The text {work!r} is no node", f"Write graph.node(function, name={work!r})."
    else:
        what, fix = f"{shown_work(work)} is no node", "Give a function, an agent or another graph."
    return mistake("GF115", what, "A node is a function, an agent or another graph. (S1.4)", fix, place)


def _uncompiled() -> Any:
    raise AssertionError("the plan of a sub-graph is put in when its graph compiles")
