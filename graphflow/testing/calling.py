"""Errors of a test, raised where the test calls: what lies between is ours, and tells its reader nothing."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import ParamSpec, TypeVar

from graphflow.errors import GraphflowError

P = ParamSpec("P")
R = TypeVar("R")


def told_at_the_call(function: Callable[P, R]) -> Callable[P, R]:
    """A function whose errors, those that graphflow raises on purpose, have no traceback below the call of it."""

    @functools.wraps(function)
    def called(*args: P.args, **kwargs: P.kwargs) -> R:
        __tracebackhide__ = True
        try:
            return function(*args, **kwargs)
        except GraphflowError as error:
            raise error.with_traceback(None) from error.__cause__

    return called
