"""An update outside the declared writes: the node may write the summary, and writes the title as well."""

from typing import Any

from pydantic import BaseModel

from graphflow import END, START, Agent, Context, Graph, fields


class Text(BaseModel):
    title: str = ""
    words: int = 0
    summary: str = ""


text = fields(Text)
graph = Graph("text", Text)
count = graph.node(Agent("count", "How many words?", prompt="{title}", output=int), writes=text.words)


@graph.node(writes=text.summary)
def shorten(state: Text, ctx: Context[Any]) -> str:
    if state.words > 500:
        ctx.update(title="A long text")
    return "..."


graph.chain(START, count, shorten, END)
