"""What ends an attempt that is not over: the budget is used up, or somebody has to approve a call first.

Both are BaseExceptions, so that a node's ``except Exception`` does not swallow them. What is recorded is kept; the node
is performed again over its records later, and goes on from there.
"""

from __future__ import annotations

from graphflow.core.suspending import WantedCall


class Suspended(BaseException):
    """The budget is used up in the middle of a node: its cursor stays ready, and what is recorded is kept (S13.2)."""


class Unanswered(Suspended):
    """A call must be approved before it is made: its cursor waits for the answer (S10.4).

    It passes through the hands of the call, of the calls around it and of the run around those. Each learns of it once,
    where the approval itself was asked for: the first time it comes by.
    """

    def __init__(self, call: WantedCall | None = None) -> None:
        super().__init__("a call has to be approved")
        self._call = call  # None: all who have to know do so already
        self._told: set[int] = set()

    def news_for(self, hands: object) -> WantedCall | None:
        """The call that these hands have not heard of yet."""
        if id(hands) in self._told:
            return None
        self._told.add(id(hands))
        return self._call


__all__ = ["Suspended", "Unanswered", "WantedCall"]
