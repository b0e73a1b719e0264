"""What all patterns are made of: workers with their roles, and a state with the fields that a pattern uses.

Nothing here is known to graphs: a pattern calls ``graph.node`` and ``graph.edge`` as you would. Mistakes are refused at
the line that called the builder.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias, cast

from pydantic import BaseModel, Field

from graphflow.core.plan import Limits, Retry
from graphflow.core.reducers import reducer_in
from graphflow.errors import DeclarationError, nearest, shown
from graphflow.flow import Graph
from graphflow.graph.declaration import Declaration
from graphflow.graph.handles import Handle
from graphflow.graph.mistakes import mistake
from graphflow.graph.places import caller
from graphflow.graph.prompts import value_text
from graphflow.graph.results import is_unfit
from graphflow.graph.shapes import annotation_text
from graphflow.graph.signatures import name_of, shown_work
from graphflow.graph.states import schema_of
from graphflow.graph.work import is_worker
from graphflow.graph.worker import Worker

LIMITS = Limits()
"""The finite defaults of S17, for patterns that are told no others."""

Work: TypeAlias = Worker[Any] | Declaration[Any] | Callable[..., Any]
"""What does the work at a node: an agent, another graph, or a function of the state."""


class Contribution(BaseModel):
    """What one worker has contributed, as text."""

    worker: str = Field(description="The worker's name")
    text: str = Field(description="What it said or found")


@dataclass(frozen=True, slots=True)
class Role:
    """What a worker of a pattern is for, where its description alone does not say enough.

    ``description`` tells whoever chooses when to choose it; ``when`` is the condition without which it is not offered;
    ``writes`` is where its result goes, as for ``graph.node``.

        Role("Writes a draft from the facts", when=size(article.facts) > 0, writes=article.draft)
    """

    description: str = ""
    when: Any = None
    writes: object = None


@dataclass(frozen=True, slots=True)
class Member:
    """A worker with its name and role, as a pattern goes on with it."""

    name: str
    work: Work
    role: Role


def members_of(workers: object, *, pattern: str, are_described: bool = False) -> tuple[Member, ...]:
    """The workers given to a pattern: a list, or a dict {worker: description or Role}. Raises DeclarationError.

    ``are_described``: somebody chooses among them by their descriptions, so each has to have one.
    """
    given: Any = workers
    if isinstance(workers, Mapping):
        pairs = [(work, _role(role)) for work, role in cast("Mapping[Any, object]", workers).items()]
    elif isinstance(workers, Sequence) and not isinstance(workers, str):
        pairs = [(work, Role()) for work in given]
    else:
        raise _no_workers(f"workers={shown(given)} lists no workers", pattern, are_described)
    if not pairs:
        raise _no_workers("workers= is empty", pattern, are_described)
    found = tuple(Member(name_of_work(work, "workers"), work, role) for work, role in pairs)
    for member in found:
        if are_described and not member.role.description.strip():
            raise _no_workers(f"The worker {member.name!r} has no description", pattern, are_described)
    names = [member.name for member in found]
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        what, fix = (
            f"Two workers of the {pattern} are called {twice!r}",
            "Give each agent, function or graph its own name.",
        )
        raise mistake("GF137", what, "A node is known by its name, and a worker by its node's. (S1.4)", fix)
    return found


def name_of_work(work: object, option: str) -> str:
    """The name by which a worker is known in its graph. Raises DeclarationError for what is no worker."""
    if isinstance(work, Handle):
        what, fix = f"{option}= was given the {work!r}", f"Give what it does: {work.name}.work."
        raise mistake("GF137", what, "A pattern makes a graph of its own, with nodes of its own. (S1.4)", fix)
    if isinstance(work, Declaration) or is_worker(work):
        return cast("str", cast("Any", work).name)
    name = name_of(work) if callable(work) and not isinstance(work, type) else None
    if name is None:
        what = f"{option}= was given {shown_work(work)}, which is no worker"
        fix = "Give an agent, a graph, or a function with a name."
        raise mistake("GF137", what, "A worker is what can be a node: it is known by its name. (S1.4)", fix)
    return name


def add_worker(
    graph: Graph[Any],
    work: Work,
    *,
    name: str,
    field: str,
    kept: Callable[[Any], Any] | None = None,
    also: Mapping[str, Any] | None = None,
    writes: object = None,
    retry: Retry | None = None,
    timeout_s: float | None = None,
    purpose: str = "",
) -> Handle:
    """The node of a worker. Its result goes where ``writes`` says; else into ``field``, as ``kept`` makes it.

    ``also`` are fields written besides, each by a function of the result. A state of the user's without that ``field``
    gets the result as ``graph.node`` would write it. A graph with a state of its own meets the outer one by the names of
    their fields, unless ``writes`` maps them (S12.1). ``purpose`` is for agents that say nothing of theirs.
    """
    if isinstance(work, Declaration):
        inner = cast("Declaration[Any]", work)  # type: ignore[redundant-cast]  # pyright sees it partly unknown
        inward, outward = _by_name(inner, graph, writes)
        return graph.node(inner, name=name, reads=inward, writes=outward, retry=retry, timeout_s=timeout_s)
    known = graph.state.model_fields
    if writes is None and field in known:
        more = {one: source for one, source in (also or {}).items() if one in known}
        writes = {field: kept or _itself, **more} if kept is not None or more else field
    said = purpose if is_worker(work) and not work.facts().purpose else ""
    call = cast("Callable[..., Any]", work)  # or an agent: the same options
    return graph.node(call, name=name, writes=writes, retry=retry, timeout_s=timeout_s, purpose=said)


def contributed_by(name: str) -> Callable[[Any], Contribution]:
    """Makes a worker's result its contribution, for a field that collects them."""

    def contribution(result: Any) -> Contribution:
        return Contribution(worker=name, text=as_text(result))

    return contribution


def always(value: str) -> Callable[[Any], str]:
    """Writes the same whatever the result: who it was that worked, say."""

    def said(_: Any) -> str:
        return value

    return said


def _itself(result: Any) -> Any:
    return result


def as_text(result: Any) -> str:
    """A worker's result as text: as a prompt would write it."""
    return result if isinstance(result, str) else value_text(result)


def state_of(
    given: type[BaseModel] | None, own: type[BaseModel], pattern: str, *, uses: Sequence[str], has: Sequence[str] = ()
) -> type[Any]:
    """The state class of a pattern: its own, or the given one, which needs the fields that the pattern itself uses.

    ``has`` are fields that only its workers write, so that their types are between you and them. Raises DeclarationError
    for a field that is missing, or cannot take what the pattern puts there.
    """
    place = caller()
    if given is None:
        return own
    schema, model = schema_of(given, place), schema_of(own, place)
    why = f"Its nodes share these fields: {', '.join((*uses, *has))}. What else the state holds is yours. (S3.4)"
    for name in (*uses, *has):
        hint = _declared(name, own)
        if name not in schema.fields:
            what = f"The state {given.__name__} has no {name!r}, which the pattern {pattern!r} uses"
            close = nearest(name, schema.fields)
            fix = f"Add {hint}, or extend the pattern's own: class {given.__name__}(patterns.{own.__name__}): ..."
            raise mistake("GF136", what, why, f"Did you mean {close!r}? {fix}" if close else fix, place)
        if name in uses and is_unfit(model.fields[name].change_type, schema.fields[name]):
            what = f"The field {name!r} of {given.__name__} does not take what the pattern {pattern!r} puts there"
            raise mistake("GF136", what, why, f"Declare it as {hint}.", place)
    return given


def _declared(name: str, own: type[BaseModel]) -> str:
    """A field as the pattern's own state declares it."""
    info = own.model_fields[name]
    text = re.sub(r"\b(?:[a-z_]+\.)+(?=[A-Z])", "", annotation_text(info.annotation))
    reducer = reducer_in(info.metadata)
    text = text if reducer is None else f"Annotated[{text}, {reducer}]"
    return f"{name}: {text}" + ("" if info.is_required() else f" = {info.get_default(call_default_factory=True)!r}")


def _by_name(work: Declaration[Any], graph: Graph[Any], writes: object) -> tuple[Any, Any]:
    """How a graph meets the outer state: not at all to be said if it is the same, else by the names they share."""
    if work.state is graph.state:
        return None, None
    own, outer = work.state.model_fields, graph.state.model_fields
    shared = [name for name in own if name in outer]
    outward = {name: name for name in shared if not own[name].is_required()} if writes is None else writes
    return {name: name for name in shared}, outward


def _role(given: object) -> Role:
    if isinstance(given, Role):
        return given
    if isinstance(given, str):
        return Role(given)
    raise mistake(
        "GF137",
        f"A worker is described by {shown(given)}",
        "A worker's description is a text, or a Role where there is more to say.",
        'Write {writer: "Writes a draft"} or {writer: Role("Writes a draft", writes=...)}.',
    )


def _no_workers(what: str, pattern: str, are_described: bool) -> DeclarationError:
    if are_described:
        why = f"In the pattern {pattern!r} somebody chooses among the workers by their descriptions. (S9.1)"
        return mistake("GF137", what, why, 'Write workers={billing: "Invoices and payments", ...}.')
    why = f"The pattern {pattern!r} has a node for each worker."
    return mistake("GF137", what, why, "Write workers=[first, second].")


__all__ = [
    "LIMITS",
    "Contribution",
    "Member",
    "Role",
    "Work",
    "add_worker",
    "always",
    "as_text",
    "contributed_by",
    "members_of",
    "name_of_work",
    "state_of",
]
