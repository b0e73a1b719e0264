"""A value that does not survive JSON: a tuple in a field of any type comes back as a list."""

from typing import Any

from pydantic import BaseModel

from graphflow import END, START, Graph


class Map(BaseModel):
    position: Any = None


graph = Graph("map", Map)


@graph.node
def locate(state: Map) -> dict[str, Any]:
    return {"position": (51, 4)}


graph.chain(START, locate, END)
