"""A state that cannot be written down: an open lock is no data."""

import threading
from typing import Any

from pydantic import BaseModel

from graphflow import END, START, Graph


class Job(BaseModel):
    guard: Any = None


graph = Graph("job", Job)


@graph.node
def lock(state: Job) -> dict[str, Any]:
    return {"guard": threading.Lock()}


graph.chain(START, lock, END)
