"""What the nodes of a run read as ``ctx.deps``, given on the command line: a function that makes it (S3.8).

It is called once in a process, without arguments, before anything runs; every run that the command drives is given
what it returns. That is never journalled, so who goes on with a run gives it again.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

from graphflow.cli.arguments import Parser
from graphflow.errors import ImportFailed, Place, TargetNotFound, UsageError, nearest
from graphflow.service.targets import import_target, split


def add_deps(parser: Parser) -> None:
    """The option that names the function."""
    parser.add_argument(
        "--deps",
        metavar="FUNCTION",
        help="what nodes read as ctx.deps: FILE:FUNCTION or MODULE:FUNCTION, called once without arguments",
    )


def deps_of(text: str | None) -> Any:
    """What the function gives; None if none was named. Raises UsageError, TargetNotFound and ImportFailed."""
    if not text:
        return None
    place, name = split(text)
    if not name:
        raise UsageError(
            f"--deps {text} names no function",
            why="It is FILE:FUNCTION or MODULE:FUNCTION; what the function returns is given to nodes as ctx.deps. (S3.8)",
            fix=f"--deps {place}:make_deps",
        )
    module = import_target(place)
    make: Any = module
    for part in name.split("."):
        make = getattr(make, part, None)
    if not callable(make):
        known = [one for one, value in vars(module).items() if inspect.isfunction(value)]
        close = nearest(name, known)
        raise TargetNotFound(
            f"{place} has no function {name!r}",
            code="GF525",
            why="--deps names a function without arguments; what it returns is given to nodes as ctx.deps. (S3.8)",
            fix=f"Did you mean --deps {place}:{close}?" if close else f"def {name}() -> ...: in {place}.",
        )
    return _made(text, make)


def _made(text: str, make: Callable[[], Any]) -> Any:
    try:
        made = make()
    except Exception as error:
        code = getattr(make, "__code__", None)
        where = () if code is None else (Place(code.co_filename, code.co_firstlineno),)
        raise ImportFailed(
            f"--deps {text} raised {type(error).__name__}: {error}",
            where=where,
            why="It is called once, without arguments, before anything runs.",
            fix="Mend it; --debug shows the whole traceback.",
        ) from error
    if inspect.isawaitable(made):
        if inspect.iscoroutine(made):
            made.close()
        raise UsageError(
            f"--deps {text} is asynchronous",
            why="It is called before there is an event loop.",
            fix="Make it a plain function; what has to be awaited is opened by the first node that needs it.",
        )
    return made
