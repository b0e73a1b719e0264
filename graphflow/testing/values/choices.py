"""Where choices come from: the one module that knows Hypothesis from inside.

Everything else takes ``Choices``, and public functions of Hypothesis. What is used here and is not public: its own source
of choices (``ConjectureData``), since a choice drawn through ``st.data()`` costs three times as much and a walk makes many,
and the values that a short strategy lists. It is checked when it is imported, so that a Hypothesis in which it is otherwise
says so itself.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from inspect import signature
from random import Random
from typing import Any, NoReturn, Protocol, TypeVar, cast

import hypothesis
from hypothesis import currently_in_test_context, reject
from hypothesis.errors import StopTest, UnsatisfiedAssumption
from hypothesis.strategies import SearchStrategy

from graphflow.errors.testing import HypothesisChanged, NothingGenerated

T = TypeVar("T")

_MOST_TRIES = 100
_MOST_LISTED = 64
_NEEDED = {"draw_integer": ("min_value", "max_value", "shrink_towards"), "draw_boolean": ("p",), "draw": ("strategy",)}


class Choices(Protocol):
    """A source of choices. The simplest is the first, the least, False: toward that a failure shrinks."""

    def draw_integer(self, least: int | None = None, most: int | None = None, /, *, shrink_towards: int = 0) -> int: ...

    def draw_boolean(self, p: float = 0.5) -> bool: ...

    def draw(self, strategy: SearchStrategy[T], /) -> T: ...


def changed(what: str) -> HypothesisChanged:
    """The error for a Hypothesis that is not as it was when this was written."""
    return HypothesisChanged(
        f"graphflow.testing does not work with Hypothesis {hypothesis.__version__}: {what}",
        why="Walks draw from Hypothesis' own source of choices, which is no public interface and may change.",
        fix="pip install 'graphflow-agents[test]', or a Hypothesis between 6.170 and this one; and tell us.",
    )


def source_class() -> type[Any]:
    """Hypothesis' own source of choices. Raises HypothesisChanged if it is not what walks draw from."""
    try:
        from hypothesis.internal.conjecture.data import ConjectureData
    except ImportError as error:
        raise changed(str(error)) from None
    for name, parameters in _NEEDED.items():
        method = getattr(ConjectureData, name, None)
        if method is None:
            raise changed(f"its source of choices has no {name}()")
        known = signature(method).parameters
        missing = [parameter for parameter in parameters if parameter not in known]
        if missing:
            raise changed(f"{name}() of its source of choices takes no {', '.join(missing)}")
    if "random" not in signature(ConjectureData).parameters:
        raise changed("its source of choices takes no random")
    return ConjectureData


_Source = source_class()


class _Choosing(SearchStrategy[Choices]):
    """Hypothesis' own source of choices, as it is."""

    def do_draw(self, data: Any) -> Choices:
        return cast("Choices", data)

    def __repr__(self) -> str:
        return "choices"


def choices() -> SearchStrategy[Choices]:
    """A source of choices for ``@given``."""
    return _Choosing()


def refused() -> NoReturn:
    """What was drawn is of no use: this walk does not count. Outside a test of Hypothesis, NothingGenerated."""
    if currently_in_test_context():
        reject()
    raise NothingGenerated(
        "No value could be made up",
        why="Validators refused whatever was tried.",
        fix="Say how one is made: says(strategy), or start={field: strategy}.",
    )


def by_chance(draw: Callable[[Choices], T], seed: int) -> T:
    """What is drawn by chance, outside of any test. Raises NothingGenerated if that is refused."""
    try:
        return draw(cast("Choices", _Source(random=Random(seed))))
    except (StopTest, UnsatisfiedAssumption):
        raise NothingGenerated(
            "No value could be made up", why="Validators refused what was tried.", fix="Say how one is made."
        ) from None


def drawn(strategy: SearchStrategy[T], random: Random) -> T:
    """One value of a strategy, by chance. Raises NothingGenerated if it rejects whatever is drawn."""
    for _ in range(_MOST_TRIES):
        try:
            return cast("T", _Source(random=Random(random.random())).draw(strategy))
        except StopTest:  # rejected by a filter, or too large
            continue
    raise NothingGenerated(
        f"No value of {strategy!r} could be drawn",
        why=f"{_MOST_TRIES} were drawn, and all were rejected.",
        fix="Let the strategy reject less: build values instead of filtering them.",
    )


def listed(strategy: Any) -> Iterator[Any]:
    """The values of a strategy that is a short list; none of others.

    >>> from hypothesis import strategies as st
    >>> list(listed(st.integers(1, 3))), list(listed(st.booleans())), list(listed(st.text()))
    ([1, 2, 3], [False, True], [])
    """
    inner: Any = getattr(strategy, "wrapped_strategy", strategy)
    kind = type(inner).__name__
    if kind in ("SampledFromStrategy", "JustStrategy") and not inner._transformations:
        yield from inner.elements
    elif kind == "BooleansStrategy":
        yield from (False, True)
    elif kind == "IntegersStrategy" and _is_short(inner.start, inner.end):
        yield from range(inner.start, inner.end + 1)


def _is_short(start: int | None, end: int | None) -> bool:
    return start is not None and end is not None and end - start < _MOST_LISTED
