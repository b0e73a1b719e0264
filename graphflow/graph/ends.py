"""Where every run begins and ends: ``START``, ``END`` and ``FAIL``, an end with a reason (S1.1)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import final


@final
class Start:
    """The type of ``START``."""

    __slots__ = ()

    def __repr__(self) -> str:
        return "START"

    def __reduce__(self) -> str:
        return "START"  # a copy of the start is the start


@final
class End:
    """The type of ``END``."""

    __slots__ = ()

    def __repr__(self) -> str:
        return "END"

    def __reduce__(self) -> str:
        return "END"


@final
@dataclass(frozen=True, slots=True)
class Fail:
    """The type of ``FAIL``; equal where the reason is.

    >>> FAIL("no budget left")
    FAIL('no budget left')
    """

    reason: str = ""

    def __call__(self, reason: str) -> Fail:
        """An end at which the run fails for this reason."""
        if not isinstance(reason, str):
            raise TypeError(f"FAIL({reason!r}): the reason is a text.")
        return Fail(reason)

    def __repr__(self) -> str:
        return f"FAIL({self.reason!r})" if self.reason else "FAIL"

    @property
    def name(self) -> str:
        """The name of its node in a plan."""
        return f"FAIL: {self.reason}" if self.reason else "FAIL"


START = Start()
"""Where a run begins. It has edges like a node: ``graph.edge(START, plan)``."""

END = End()
"""Where a run ends well: ``graph.edge(review, END)``."""

FAIL = Fail()
"""Where a run fails because the graph says so: ``graph.edge(review, FAIL("nobody approved"))``."""
