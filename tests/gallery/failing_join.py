"""A join that can fail: two of three have to answer, and nothing is said for when they do not."""

from typing import Annotated

from pydantic import BaseModel

from graphflow import END, START, Graph, append, fields, quorum


class Vote(BaseModel):
    topic: str = "owls"
    votes: Annotated[list[str], append] = []


vote = fields(Vote)
graph = Graph("vote", Vote)
call, count = graph.point("call"), graph.point("count")


def member(name: str):
    def votes(state: Vote) -> dict[str, str]:
        if not state.topic:
            raise ValueError("no topic, no opinion")
        return {"votes": name}

    return graph.node(votes, name=name)


topic = graph.ask("topic", "What about?", answer=str, writes=vote.topic)
graph.chain(START, topic, call)
graph.fork(call, [member("ada"), member("bob"), member("eve")], join=count, need=quorum(2))
graph.edge(count, END)
