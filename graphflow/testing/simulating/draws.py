"""Chance that a seed and a name decide: the same for whoever asks, whenever and in whatever order.

What a node says in a simulated run must not depend on who was quicker, else nothing could be compared (S15.4). So each
cursor and attempt has a source of its own.
"""

from __future__ import annotations

import random
from typing import Any, TypeVar, cast

from hypothesis.strategies import SearchStrategy

from graphflow.testing.values.choices import Choices, drawn

T = TypeVar("T")

_WIDE = 1_000


def chance(*names: object) -> random.Random:
    """Chance by names: ``chance(17, "order")``.

    >>> chance(17, "web:1").random() == chance(17, "web:1").random()
    True
    """
    return random.Random(" ".join(map(str, names)))


class Draws:
    """Takes the place of Hypothesis' own source of choices where nothing is shrunk: a tenth of its price.

    >>> Draws(17, "web:1").draw_integer(0, 9) == Draws(17, "web:1").draw_integer(0, 9)
    True
    """

    def __init__(self, *names: object) -> None:
        self.random = chance(*names)

    def draw_integer(self, least: int | None = None, most: int | None = None, **_: Any) -> int:
        """An integer within bounds, small ones and those near the bounds more often."""
        if least is None:
            least = -_WIDE if most is None else most - _WIDE
        if most is None:
            most = least + _WIDE
        if most - least > _WIDE and self.random.random() < 0.5:
            most = least + _WIDE
        return self.random.randint(least, most)

    def draw_boolean(self, p: float = 0.5) -> bool:
        """True in so many of all cases."""
        return self.random.random() < p

    def draw(self, strategy: SearchStrategy[T]) -> T:
        """A value of any strategy. Raises NothingGenerated if it rejects whatever is drawn."""
        return drawn(strategy, self.random)

    @property
    def data(self) -> Choices:
        """Itself, as what draws values takes it: they use no more of it than is here."""
        return cast("Choices", self)
