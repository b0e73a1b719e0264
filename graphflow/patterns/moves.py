"""What was done and what it gave, as supervisors and the workers after them read it."""

from __future__ import annotations

from pydantic import BaseModel

from graphflow.graph.cutting import cut


class Move(BaseModel):
    """One thing that a worker did, and what it gave."""

    worker: str
    task: str
    result: str

    def within(self, chars: int) -> Move:
        """The same with its result in at most so many characters."""
        return self.model_copy(update={"result": cut(self.result, chars)})
