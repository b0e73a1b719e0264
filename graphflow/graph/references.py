"""What edges lead from and to: handles, names, START, END and FAIL; anything else is refused at the line."""

from __future__ import annotations

from typing import Any, cast

from graphflow.errors import DeclarationError, Place, shown
from graphflow.graph.drafts import Parts
from graphflow.graph.ends import END, FAIL, START, End, Fail, Start
from graphflow.graph.expressions import Expression
from graphflow.graph.handles import Handle, Reference
from graphflow.graph.mistakes import mistake
from graphflow.graph.operators import Fields
from graphflow.graph.signatures import name_of

_SPECIAL: dict[str, Reference] = {"START": START, "END": END, "FAIL": FAIL}


def source_of(given: object, graph: Any, parts: Parts, place: Place) -> Reference:
    """Where an edge starts. Raises DeclarationError."""
    reference = _reference(given, graph, parts, place, "source")
    if isinstance(reference, End | Fail):
        raise mistake(
            "GF121",
            f"An edge cannot start at {reference!r}",
            "It is where a run ends; nothing comes after. (S1.1)",
            "Start the edge at the last node before it.",
            place,
        )
    return reference


def target_of(given: object, graph: Any, parts: Parts, place: Place) -> Reference:
    """Where an edge leads. Raises DeclarationError."""
    reference = _reference(given, graph, parts, place, "target")
    if isinstance(reference, Start):
        raise mistake(
            "GF121",
            "An edge cannot lead to START",
            "It is where a run begins, once. (S1.1)",
            "Lead the edge to the first node instead, with at_most= if that makes a loop.",
            place,
        )
    return reference


def branch_of(given: object, graph: Any, parts: Parts, place: Place) -> Reference:
    """Where a branch of a fork or map starts: a node. Raises DeclarationError."""
    reference = target_of(given, graph, parts, place)
    if isinstance(reference, End | Fail):
        raise mistake(
            "GF121",
            f"A branch cannot start at {reference!r}",
            "A branch is a path of nodes that leads to the join. (S6.2)",
            f"Lead to {reference!r} by an edge: graph.edge(..., {reference!r}).",
            place,
        )
    return reference


def join_of(given: object, graph: Any, parts: Parts, place: Place) -> Reference:
    """Where the branches meet: a node, or END at the top. Raises DeclarationError."""
    reference = target_of(given, graph, parts, place)
    if isinstance(reference, Fail):
        raise mistake(
            "GF121",
            f"Branches cannot meet at {reference!r}",
            "A join is a node, or END at the top. (S6.2)",
            f"Join at a node and go on from there: graph.edge(join, {reference!r}).",
            place,
        )
    return reference


def wrap_up_of(given: object, graph: Any, parts: Parts, place: Place) -> Handle | str:
    """The node that wraps up when the budget is used up. Raises DeclarationError."""
    reference = target_of(given, graph, parts, place)
    if not isinstance(reference, Handle | str):
        raise mistake(
            "GF134",
            f"{reference!r} cannot wrap up",
            "on_budget names a node that still does something. (S13.2)",
            "Name a node; without one the run ends `exhausted`, and can be resumed.",
            place,
        )
    if parts.on_budget is not None:
        raise DeclarationError(
            f"Graph {parts.name!r} has two nodes for when the budget is used up",
            code="GF134",
            why="One cursor goes to one node. (S13.2)",
            fix="Keep one.",
            where=(place, parts.on_budget[1]),
        )
    return reference


def no_chain(place: Place) -> DeclarationError:
    """A chain of one."""
    return mistake(
        "GF119",
        "A chain of one leads nowhere",
        "It is edges from each to the next. (S4.6)",
        "Write graph.chain(START, plan, write, END).",
        place,
    )


def _reference(given: object, graph: Any, parts: Parts, place: Place, role: str) -> Reference:
    if isinstance(given, Handle):
        if given.graph is graph:
            return given
        raise _of_another_graph(given, parts, place)
    if isinstance(given, Start | End | Fail):
        return given
    if isinstance(given, str):
        if given not in _SPECIAL or given in parts.names:
            return given
        raise mistake(
            "GF119",
            f"The text {given!r} is no node",
            f"A text names a node of the graph; {given} is a name of its own. (S1.1)",
            f"Write {given} without quotes, from graphflow import {given}.",
            place,
        )
    raise _no_node(given, parts, place, role)


def _of_another_graph(given: Handle, parts: Parts, place: Place) -> DeclarationError:
    same = parts.names.get(given.name)
    fix = (
        f"Use this graph's own {given.name!r}, or rename one of them."
        if same is not None
        else f"Declare it here too: graph.node({_written(given)}). One function or agent may be several nodes. (S1.4)"
    )
    return DeclarationError(
        f"{given.name!r} is a node of graph {given.graph.name!r}, not of {parts.name!r}",
        code="GF119",
        why="An edge connects nodes of one graph. A whole graph is entered as a node: graph.node(other_graph). (S12.1)",
        fix=fix,
        where=(place, given.place),
    )


def _written(handle: Handle) -> str:
    return handle.name if handle.name.isidentifier() else "..."


def _no_node(given: object, parts: Parts, place: Place, role: str) -> DeclarationError:
    if isinstance(given, Expression | Fields):  # these answer for every attribute, or raise
        what = f"{shown(cast('object', given))} is a field, no node"
        return mistake(
            "GF119", what, "An edge leads from node to node. (S1.1)", "A condition is given as when=.", place
        )
    why = "An edge leads from node to node: by the handle that graph.node gave back, or by name. (S1.1)"
    name = name_of(given) or getattr(given, "name", None)
    declared = next((handle for handle in parts.names.values() if handle.work is given), None)
    if declared is not None:
        what = f"{name} is what the node {declared.name!r} does, not the node"
        fix = f"Use the handle that graph.node({name}) gave back, or the name {declared.name!r}."
    elif isinstance(given, list | tuple | set | dict):
        what = f"{shown(cast('object', given))} is no node, but several"
        fix = (
            "To run them side by side: graph.fork(source, [...], join=...). One after the other: graph.chain(...)."
            if role == "target"
            else "Write one edge for each of them."
        )
    elif callable(given) or hasattr(given, "perform") or hasattr(given, "plan"):
        what = f"{name or shown(given)} is no node of graph {parts.name!r}"
        fix = f"Did you forget graph.node({name or '...'})? Its result is the handle to use."
    else:
        what, fix = f"{shown(given)} is no node", "Give a handle, a name, START, END or FAIL."
    return mistake("GF119", what, why, fix, place)
