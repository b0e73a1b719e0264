"""A write conflict: two branches write one field that has no reducer, though seldom both."""

from typing import Any

from pydantic import BaseModel

from graphflow import END, START, Agent, Graph, fields


class Article(BaseModel):
    length: int = 0
    title: str = ""


article = fields(Article)
graph = Graph("article", Article)
measure = graph.node(Agent("measure", "How long is it?", prompt="{title}", output=int), writes=article.length)
improve = graph.point("improve")
done = graph.point("done")


def shorten(state: Article) -> dict[str, Any]:
    return {"title": "shorter"} if state.length > 60 else {}


def translate(state: Article) -> dict[str, Any]:
    return {"title": "kürzer"}


graph.chain(START, measure, improve)
graph.fork(improve, [graph.node(shorten), graph.node(translate)], join=done)
graph.edge(done, END)
