"""Plain predicates as trees, where that is exactly sound (S5.2): ``lambda s: s.score >= 7 and not s.done``.

Sound means: for every state the tree answers what the predicate answers, and raises where it raises. Python compares
None only to raise, so a value that may be None is lifted as ``given(...)``. Whatever is not understood for certain
leaves the predicate opaque: it is called with a view of the state, and the prover takes it for a free Boolean.

A lifted predicate is evaluated as its tree, so that what is drawn is what runs. The constants it takes from around it
are those of its declaration; should one have changed by the time it is asked, it raises rather than answer either way.
"""

from __future__ import annotations

import ast
import inspect
import linecache
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import FunctionType
from typing import Any

from pydantic import BaseModel

from graphflow.core.plan import Guard, Values
from graphflow.core.view import view_maker
from graphflow.errors import Place, shown
from graphflow.graph.evaluation import Items, Test, compiled
from graphflow.graph.mistakes import mistake, unknown_field
from graphflow.graph.reading import Captured, Lifter, NotLiftable
from graphflow.graph.shapes import fields_of
from graphflow.graph.sources import definition_of
from graphflow.graph.terms import Term, reads, uses_item


@dataclass(frozen=True, slots=True)
class Lifted:
    """A predicate as a tree, and the names from around it whose values stand in the tree."""

    term: Term
    captured: tuple[Captured, ...] = ()


def guard_of_predicate(predicate: Callable[..., Any], state_type: type[Any], place: Place) -> Guard:
    """The guard of a plain predicate ``(state)`` or ``(state, item)``, lifted where that is sound.

    Raises DeclarationError for an async function, a generator, and parameters that cannot be given.
    """
    takes_item = _takes_item(predicate, place)
    lifted = lift(predicate, state_type)
    if lifted is None:
        _refuse_misspelt(predicate, state_type, place)
        return Guard(_opaque_test(predicate, state_type, takes_item), _name(predicate), None, None, takes_item, place)
    term = lifted.term
    return Guard(_lifted_test(lifted), str(term), reads(term), term, uses_item(term), place)


def lift(predicate: Callable[..., Any], state_type: type[Any]) -> Lifted | None:
    """The predicate as a tree; None where no tree is known to be exactly the same.

    >>> from pydantic import BaseModel
    >>> class Essay(BaseModel):
    ...     score: int = 0
    >>> str(lift(lambda essay: not 3 <= essay.score < 7, Essay).term)
    'not (score >= 3 and score < 7)'
    """
    if not isinstance(predicate, FunctionType) or _has_own_access(state_type):
        return None
    definition = definition_of(predicate)
    if definition is None:
        return None
    lifter = Lifter(predicate, definition, state_type)
    try:
        return Lifted(lifter.whole(), tuple(lifter.captured.values()))
    except NotLiftable:
        return None


def _refuse_misspelt(predicate: Callable[..., Any], state_type: type[Any], place: Place) -> None:
    """A field that the state has not, read as ``state.scoer``: said here, where it is written. Raises DeclarationError."""
    if not isinstance(predicate, FunctionType) or _has_own_access(state_type):
        return
    definition = definition_of(predicate)
    if definition is None:
        return
    name = _first_missing(definition, state_type)
    if name is not None:
        owner = definition.args.posonlyargs + definition.args.args
        raise unknown_field(name, owner[0].arg, state_type, fields_of(state_type), place)


def _first_missing(definition: ast.Lambda | ast.FunctionDef, state_type: type[Any]) -> str | None:
    """The first attribute of the state that is none, if it is certain that the state is what it is read of."""
    given = definition.args.posonlyargs + definition.args.args
    nodes = list(ast.walk(definition))
    names = [part.id for part in nodes if isinstance(part, ast.Name) and not isinstance(part.ctx, ast.Load)]
    names += [part.arg for part in nodes if isinstance(part, ast.arg)]
    if not given or names.count(given[0].arg) != 1 or any(isinstance(part, ast.Try) for part in nodes):
        return None
    for part in nodes:
        match part:
            case ast.Attribute(value=ast.Name(id=owner), attr=name, ctx=ast.Load()) if owner == given[0].arg:
                if not hasattr(state_type, name) and name not in fields_of(state_type):
                    return name
            case _:
                pass
    return None


def _has_own_access(state_type: type[Any]) -> bool:
    own = [base for base in state_type.__mro__[:-1] if base.__module__ != BaseModel.__module__]
    return any("__getattribute__" in base.__dict__ or "__getattr__" in base.__dict__ for base in own)


def _lifted_test(lifted: Lifted) -> Test:
    test = compiled(lifted.term)
    captured = lifted.captured
    if not captured:
        return test

    def checked(values: Values, items: Items) -> bool:
        for name in captured:
            name.check()
        return test(values, items)

    return checked


def _opaque_test(predicate: Callable[..., Any], state_type: type[Any], takes_item: bool) -> Test:
    view = view_maker(state_type)

    def ask(values: Values, items: Items) -> bool:
        answer = predicate(view(values), items[-1]) if takes_item else predicate(view(values))
        if inspect.isawaitable(answer):
            if inspect.iscoroutine(answer):
                answer.close()  # else Python warns of it on top of the error
            raise TypeError("the condition returned something to await; a guard answers at once (S5.1)")
        return bool(answer)

    ask.__dict__["__wrapped__"] = predicate  # tests look at what it uses
    return ask


def _name(predicate: Callable[..., Any]) -> str:
    """The label of an opaque predicate: its name, or what the lambda says."""
    if isinstance(predicate, FunctionType) and predicate.__name__ == "<lambda>":
        definition = definition_of(predicate)
        if isinstance(definition, ast.Lambda):
            lines = linecache.getlines(predicate.__code__.co_filename)
            written = ast.get_source_segment("".join(lines), definition.body) or "\n"
            return ast.unparse(definition.body) if "\n" in written else written
        return f"lambda in {Path(predicate.__code__.co_filename).name}:{predicate.__code__.co_firstlineno}"
    return getattr(predicate, "__name__", None) or type(predicate).__name__


def _takes_item(predicate: Callable[..., Any], place: Place) -> bool:
    """Whether it is called with the item too. Raises DeclarationError for what cannot be a predicate."""
    call = predicate if inspect.isroutine(predicate) else getattr(predicate, "__call__", predicate)  # noqa: B004
    for asks, what in (
        (inspect.iscoroutinefunction, "an async function"),
        (inspect.isasyncgenfunction, "an async generator"),
        (inspect.isgeneratorfunction, "a generator"),
    ):
        if asks(predicate) or asks(call):
            raise _no_predicate(
                predicate, f"is {what}", "Move the work to a node and write its result to a field.", place
            )
    try:
        parameters = list(inspect.signature(predicate).parameters.values())
    except (TypeError, ValueError):  # some builtins have none
        return False
    needed = [p for p in parameters if p.default is p.empty and p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)]
    keywords = [p.name for p in parameters if p.default is p.empty and p.kind is p.KEYWORD_ONLY]
    places = [p for p in parameters if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)]
    has_rest = any(p.kind is p.VAR_POSITIONAL for p in parameters)
    if keywords or len(needed) > 2 or not (places or has_rest):
        names = ", ".join(p.name for p in parameters) or "nothing"
        fix = "Write lambda state: ..., or under a map lambda state, item: ...; bind other values as defaults."
        raise _no_predicate(predicate, f"takes {names}", fix, place)
    return len(needed) == 2 or (len(places) > 1 and places[1].name == "item")


def _no_predicate(predicate: Callable[..., Any], what: str, fix: str, place: Place) -> Exception:
    named = getattr(predicate, "__name__", None)
    return mistake(
        "GF108",
        f"The condition {named if named and named != '<lambda>' else shown(predicate)} {what}",
        "A guard is a pure, quick predicate of the state (and of the item, under a map), and answers at once. (S5.1)",
        fix,
        place,
    )
