"""A result that depends on who is first: the branches share a list besides the state."""

from typing import Annotated, Any

from pydantic import BaseModel

from graphflow import END, START, Context, Graph, append, fields


class Race(BaseModel):
    places: Annotated[list[str], append] = []


race = fields(Race)
graph = Graph("race", Race)
start, finish = graph.point("start"), graph.point("finish")


def run(state: Race, ctx: Context[Any]) -> dict[str, str]:
    ctx.deps.append(ctx.node)
    return {"places": f"{ctx.node} is number {len(ctx.deps)}"}


graph.edge(START, start)
graph.fork(start, [graph.node(run, name="hare"), graph.node(run, name="tortoise")], join=finish)
graph.edge(finish, END)

DEPS = list
