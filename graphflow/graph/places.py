"""Where the user's code stands that called us: the place every message about a declaration points at.

Frames of graphflow itself are skipped, so that a pattern or other sugar of ours points at the line that used it.
"""

from __future__ import annotations

import ast
import functools
import inspect
import linecache
import os
import re
from collections.abc import Callable
from pathlib import Path
from types import FrameType
from typing import Any, TypeVar, cast

from graphflow.errors import DeclarationError, Place, unknown_name

F = TypeVar("F", bound=Callable[..., Any])

_OURS = str(Path(__file__).parent.parent) + os.sep


def _frame_of_caller() -> FrameType | None:
    frame = inspect.currentframe()
    while frame is not None and frame.f_code.co_filename.startswith(_OURS):
        frame = frame.f_back
    return frame


def caller() -> Place:
    """The file and line of the code outside graphflow that is calling now."""
    frame = _frame_of_caller()
    if frame is None:
        return Place("<unknown>", 0)
    return Place(frame.f_code.co_filename, frame.f_lineno)


def expression_of_caller() -> ast.expr | None:
    """What the calling code is evaluating right now, as its syntax tree; None where the source cannot be read."""
    frame = _frame_of_caller()
    if frame is None:
        return None
    positions = list(frame.f_code.co_positions())
    index = frame.f_lasti // 2  # an instruction is two bytes
    if not 0 <= index < len(positions):
        return None
    first, last, start, end = positions[index]
    if first is None or last is None or start is None or end is None:
        return None
    lines = [linecache.getline(frame.f_code.co_filename, number).encode() for number in range(first, last + 1)]
    lines[-1] = lines[-1][:end]  # columns count bytes; the last line first, as it may also be the first one
    lines[0] = lines[0][start:]
    try:
        return ast.parse(b"(" + b"".join(lines) + b"\n)", mode="eval").body
    except (SyntaxError, ValueError):
        return None


_WITHIN = ("<listcomp>", "<setcomp>", "<dictcomp>", "<genexpr>", "<lambda>")


def view_of_caller(state: type[object]) -> str | None:
    """What the calling function calls the state it was given; None outside functions of the state."""
    frame = _frame_of_caller()
    while frame is not None and not frame.f_code.co_filename.startswith(_OURS):
        code = frame.f_code
        for name in code.co_varnames[: code.co_argcount + code.co_kwonlyargcount]:
            if isinstance(frame.f_locals.get(name), state):
                return name
        if code.co_name not in _WITHIN:
            return None
        frame = frame.f_back
    return None


def at_the_line(declare: F) -> F:
    """A public method whose DeclarationErrors leave out what lies below it: the user's line is the last but one.

    A TypeError of its arguments names it as users know it, and the option that was probably meant.
    """

    @functools.wraps(declare)
    def declared(*given: Any, **options: Any) -> Any:
        try:
            return declare(*given, **options)
        except DeclarationError as error:
            raise error.with_traceback(None) from error.__cause__
        except TypeError as error:
            if error.__traceback__ is None or error.__traceback__.tb_next is not None:  # raised by what it does
                raise
            raise TypeError(_said_of_arguments(declare, str(error))) from None

    return cast("F", declared)


def _said_of_arguments(declare: Callable[..., Any], said: str) -> str:
    """What Python says of wrong arguments, with the name that users call."""
    owner, _, name = declare.__qualname__.rpartition(".")
    if owner in ("Declaration", "Connected"):  # which users know as Graph
        owner = "Graph" if name == "__init__" else "graph"
    called = owner if name == "__init__" else f"{owner}.{name}" if owner else name
    said = said.replace(f"{declare.__qualname__}()", f"{called}()")
    unknown = re.search(r"unexpected keyword argument '(\w+)'", said)
    options = [option for option in inspect.signature(declare).parameters if option != "self"]
    if unknown is None:
        return f"{said}. It takes {', '.join(options)}."
    return f"{said}. {unknown_name(unknown[1], options)}"


def names_of_caller() -> dict[str, object]:
    """The local names of the code outside graphflow that is calling now: what its annotations may refer to."""
    frame = _frame_of_caller()
    return {} if frame is None else dict(frame.f_locals)
