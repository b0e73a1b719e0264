"""What a node's function takes, and what it gives back, read from its signature once, at the declaration.

The first parameter is the view of the state; ``item`` is the item of the map around; one annotated ``Context`` gets
the context (S3.1, S6.1). A function may take any of them, or none. Whatever else it demands is refused at the line.
"""

from __future__ import annotations

import collections.abc
import functools
import inspect
import types
import typing
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal, Union, get_args, get_origin

from pydantic import BaseModel

from graphflow.core.annotations import stripped
from graphflow.errors import DeclarationError, Place, shown
from graphflow.graph.context import Context
from graphflow.graph.mistakes import mistake
from graphflow.graph.shapes import annotation_text

UNKNOWN: Any = object()
"""Stands for an annotation that is not there, or cannot be resolved yet."""

_AWAITABLE = (collections.abc.Awaitable, collections.abc.Coroutine)
_GENERATED = (
    collections.abc.Generator,
    collections.abc.AsyncGenerator,
    collections.abc.AsyncIterator,
)


@dataclass(frozen=True, slots=True)
class Signature:
    """A function as a node calls it: ``call(*arguments)``, with any of ``state``, ``item`` and ``ctx``.

    ``returns`` and ``item`` are annotations, UNKNOWN where there is none.
    """

    call: Callable[..., Any]
    mode: Literal["async", "sync", "blocking"]
    arguments: tuple[str, ...]
    returns: Any
    item: Any = UNKNOWN


def signature_of(
    function: Callable[..., Any], name: str, state: type[BaseModel], names: Mapping[str, object], place: Place
) -> Signature:
    """Reads a function. ``names`` are those in sight where it was declared. Raises DeclarationError."""
    _refuse_generator(function, name, place)
    try:
        parameters = list(inspect.signature(function).parameters.values())
    except (TypeError, ValueError):
        raise _unreadable(name, "Python cannot tell its parameters.", place) from None
    hints = Hints(function, names)
    roles = _roles(parameters, hints, name, state, place)
    returns = hints.of_return()
    is_async = _is_async(function)
    if not is_async and get_origin(stripped(returns)) in _AWAITABLE:
        is_async = True  # a plain function that returns a coroutine is awaited as well
    if get_origin(stripped(returns)) in _AWAITABLE:
        returns = get_args(stripped(returns))[-1]
    item = next((hints.of(parameter) for parameter, role in roles if role == "item"), UNKNOWN)
    return Signature(
        call=_positional(function, roles),
        mode="async" if is_async else "sync",
        arguments=tuple(role for _, role in roles),
        returns=returns,
        item=item,
    )


class Hints:
    """The annotations of a function, resolved one by one: one that cannot be does not spoil the others."""

    def __init__(self, function: Callable[..., Any], names: Mapping[str, object]) -> None:
        inner = _inner(function)
        self._globals: dict[str, Any] = dict(getattr(inner, "__globals__", {}))
        self._locals: dict[str, Any] = {**names, **_closure(inner)}
        self._returns: Any = getattr(inner, "__annotations__", {}).get("return", UNKNOWN)

    def of(self, parameter: inspect.Parameter) -> Any:
        return self._resolved(parameter.annotation)

    def of_return(self) -> Any:
        return self._resolved(self._returns)

    def _resolved(self, annotation: Any) -> Any:
        if annotation is inspect.Parameter.empty:
            return UNKNOWN
        if not isinstance(annotation, str):
            return annotation
        holder = types.SimpleNamespace(__annotations__={"it": annotation})
        try:
            return typing.get_type_hints(holder, self._globals, self._locals, include_extras=True)["it"]
        except Exception:  # a name that is imported for type checkers only, or defined further down
            return annotation


def _inner(function: Callable[..., Any]) -> Any:
    """The function below partials, decorators, methods and callable objects."""
    inner: Any = inspect.unwrap(function)
    while isinstance(inner, functools.partial):
        inner = inspect.unwrap(inner.func)
    inner = inspect.unwrap(getattr(inner, "__func__", inner))
    if not hasattr(inner, "__code__"):
        inner = inspect.unwrap(_method(inner))
    return inner


def _method(called: object) -> Any:
    """The function that runs when an object is called."""
    return getattr(type(called), "__call__", called)  # noqa: B004  (the method itself is wanted)


def _closure(inner: Any) -> dict[str, Any]:
    code, cells = getattr(inner, "__code__", None), getattr(inner, "__closure__", None) or ()
    found: dict[str, Any] = {}
    for name, cell in zip(code.co_freevars if code else (), cells, strict=False):
        try:
            found[name] = cell.cell_contents
        except ValueError:  # not assigned yet
            continue
    return found


def _is_async(function: Callable[..., Any]) -> bool:
    if inspect.iscoroutinefunction(function):
        return True
    return inspect.iscoroutinefunction(_method(function))


def _refuse_generator(function: Callable[..., Any], name: str, place: Place) -> None:
    for one in (function, _inner(function)):
        if inspect.isgeneratorfunction(one) or inspect.isasyncgenfunction(one):
            raise mistake(
                "GF115",
                f"Node {name!r} is a generator function",
                "A node is called once and returns one update; what it yields would go nowhere. (S3.1)",
                "Return the update. To show text as it comes, use ctx.emit(text).",
                place,
            )


Role = tuple[inspect.Parameter, str]


def _roles(
    parameters: list[inspect.Parameter], hints: Hints, name: str, state: type[BaseModel], place: Place
) -> list[Role]:
    """Which parameter is given what, in their order."""
    found: list[Role] = []
    variadic = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)
    if parameters and all(parameter.kind in variadic for parameter in parameters):
        raise _unreadable(name, f"It takes {', '.join(map(str, parameters))}, which does not say what it needs.", place)
    for parameter in parameters:
        if parameter.kind in variadic:
            continue
        annotation = hints.of(parameter)
        role = _role(parameter, annotation, {role for _, role in found}, state)
        if role is not None:
            found.append((parameter, role))
        elif parameter.default is inspect.Parameter.empty:
            raise _unknown_parameter(parameter, annotation, name, state, [role for _, role in found], place)
    return found


def _role(parameter: inspect.Parameter, annotation: Any, taken: set[str], state: type[BaseModel]) -> str | None:
    bare = annotation is UNKNOWN
    is_unsaid = bare or isinstance(annotation, str)
    if _is_context(annotation) or (is_unsaid and parameter.name == "ctx"):
        return None if "ctx" in taken else "ctx"
    has_default = parameter.default is not inspect.Parameter.empty
    if parameter.name == "item":
        return "item"
    if taken or has_default:
        if "state" in taken or not _is_class(annotation, state):
            return None
        return "state"
    if parameter.name == "self":
        return None
    return "state" if _may_be_view(annotation, state) else None


def _is_context(annotation: Any) -> bool:
    if isinstance(annotation, str):  # not resolvable: imported for type checkers only
        return annotation.partition("[")[0].rpartition(".")[2] == "Context"
    annotation = stripped(annotation)
    if get_origin(annotation) in (Union, types.UnionType):
        return any(_is_context(part) for part in get_args(annotation))
    return annotation is Context or get_origin(annotation) is Context


def _is_class(annotation: Any, state: type[BaseModel]) -> bool:
    return annotation is state or (isinstance(annotation, str) and annotation == state.__name__)


def _may_be_view(annotation: Any, state: type[BaseModel]) -> bool:
    """Whether a view of the state can be what a parameter asks for."""
    annotation = stripped(annotation)
    if annotation is UNKNOWN or annotation is Any or isinstance(annotation, str | typing.TypeVar):
        return True
    if get_origin(annotation) in (Union, types.UnionType):
        return any(_may_be_view(part, state) for part in get_args(annotation))
    origin = get_origin(annotation) or annotation
    if not isinstance(origin, type):
        return False
    return origin is object or getattr(origin, "_is_protocol", False) or issubclass(state, origin)


def _positional(function: Callable[..., Any], roles: list[Role]) -> Callable[..., Any]:
    """The function, callable with its arguments by position alone."""
    skipped = not _is_leading([parameter for parameter, _ in roles], function)
    if not skipped:
        return function
    keywords = [parameter.name for parameter, _ in roles]

    @functools.wraps(function)
    def by_name(*values: Any) -> Any:
        return function(**dict(zip(keywords, values, strict=True)))

    return by_name


def _is_leading(used: list[inspect.Parameter], function: Callable[..., Any]) -> bool:
    """Whether the parameters used are the first ones, and may be given by position."""
    first = list(inspect.signature(function).parameters.values())[: len(used)]
    return [p.name for p in first] == [p.name for p in used] and all(
        p.kind in (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD) for p in used
    )


def _unreadable(name: str, reason: str, place: Place) -> DeclarationError:
    return mistake(
        "GF114",
        f"The parameters of node {name!r} cannot be read",
        f"{reason} A node is given its view, its item and its context by its signature. (S3.1)",
        "Wrap it: def node(state: State) -> ...: return it(state.field). A decorator keeps a signature with functools.wraps.",
        place,
    )


def _unknown_parameter(
    parameter: inspect.Parameter,
    annotation: Any,
    name: str,
    state: type[BaseModel],
    taken: list[str],
    place: Place,
) -> DeclarationError:
    what = f"Node {name!r} takes a parameter {parameter.name!r} that nothing is given for"
    why = f"A node is given a view of its {state.__name__} first, then `item` and a Context if it takes them. (S3.1)"
    if parameter.name == "self":
        fix = "It is a method without its object: declare graph.node(object.method)."
    elif "ctx" in taken and _is_context(annotation):
        fix = "One Context is enough."
    elif parameter.name in state.model_fields:
        fix = f"Read it from the view: def {_spelt(name)}(state: {state.__name__}), then state.{parameter.name}."
    elif not taken and annotation is not UNKNOWN:
        what = f"Node {name!r} takes {parameter.name}: {_text(annotation)}, but the state here is {state.__name__}"
        fix = f"Annotate it with {state.__name__}, or name it item if it is a map's item."
    elif parameter.name.lower() in ("context", "ctx", "c"):
        fix = f"Annotate it with Context: {parameter.name}: Context."
    else:
        fix = (
            "Name it item if it is a map's item, annotate it with Context, or give it a default. What a node needs "
            "besides state comes as deps: graph.run(state, deps=...), read as ctx.deps. (S3.8)"
        )
    return mistake("GF114", what, why, fix, place)


def _spelt(name: str) -> str:
    return name if name.isidentifier() else "node"


def _text(annotation: Any) -> str:
    return annotation if isinstance(annotation, str) else annotation_text(annotation)


def _function_of(work: Any) -> object:
    return work.func


def name_of(work: object) -> str | None:
    """The name that a function or other object has by itself; None if it has none to show."""
    if isinstance(work, functools.partial):
        return name_of(_function_of(work))
    found = getattr(work, "__name__", None)
    return found if isinstance(found, str) and found != "<lambda>" else None


def is_generated(annotation: Any) -> bool:
    """Whether an annotation says that values are yielded."""
    return get_origin(stripped(annotation)) in _GENERATED


def shown_work(work: object) -> str:
    """What was given as a node, as messages show it."""
    return name_of(work) or shown(work)
