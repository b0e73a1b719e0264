"""A program that drives runs which wait for people: ``people_app.py STORE RUN [TARGET=JSON ...]``. Not a test itself.

It starts the run, or goes on with it and these answers, and prints what came of it as a JSON object. Whatever is done
outside is a line of the file ``log`` in the current folder, written before it is recorded.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
from typing import Any

from pydantic import BaseModel

from graphflow import END, START, Agent, Graph, fields
from graphflow.errors import GraphflowError, RunNotFound
from graphflow.graph.answers import Answer
from graphflow.models import Request, Response, Tool, ToolCall
from graphflow.runtime.beginning import open_store


def log(what: str) -> None:
    file = os.open("log", os.O_CREAT | os.O_APPEND | os.O_WRONLY, 0o666)
    os.write(file, f"{what}\n".encode())
    os.close(file)


class Desk(BaseModel):
    """``holds_s`` is how long another branch is at work meanwhile."""

    holds_s: float = 0.0
    is_sent: bool = False
    name: str = ""
    text: str = ""


desk = fields(Desk)


class Clerk:
    """Wants two letters sent, and says then what became of it."""

    name = "clerk"

    async def respond(self, request: Request) -> Response:
        told = [message.text for message in request.messages if message.role == "tool"]
        log(f"model {len(told)}")
        if told:
            return Response(" | ".join(told))
        letters = [json.dumps({"to": name}) for name in ("ann", "bob")]
        return Response("", tuple(ToolCall("send", letter, f"call {letter}") for letter in letters))


def send(to: str) -> str:
    """Sends a letter."""
    log(f"sent {to}")
    return f"sent to {to}"


def clerk() -> Agent[str]:
    return Agent("clerk", "Write.", prompt="Now.", tools=[Tool(send, needs_approval=True)], model=Clerk())


def late(view: Desk) -> str:
    log("late")
    return "Nobody answered."


def hold(view: Desk) -> Any:
    log("hold")
    return asyncio.sleep(view.holds_s)


def approval(name: str, after_s: float | None = None) -> Graph[Desk]:
    """An agent whose calls have to be approved, and beside it a branch that is at work."""
    graph = Graph(name, Desk)
    agent, end = graph.node(clerk(), writes=desk.text), graph.point("end")
    if after_s is None:

        async def busy(view: Desk) -> dict[str, Any]:
            await hold(view)
            return {}

        graph.fork(START, [agent, graph.node(busy)], join=end)
    else:
        graph.edge(START, agent)
        graph.edge(agent, end)
        graph.edge(agent, too_late := graph.node(late, writes=desk.text), after_s=after_s)
        graph.edge(too_late, end)
    graph.edge(end, END)
    graph.found_at = f"{__file__}:{name}"
    return graph


def question(name: str, after_s: float | None = None) -> Graph[Desk]:
    """Two questions, one after the other; the first with a time."""
    graph = Graph(name, Desk)
    first = graph.ask("first", "Send it?", answer=bool, writes=desk.is_sent)
    second = graph.ask("second", "Who are you?", answer=str, writes=desk.name)
    graph.chain(START, first, second, END)
    if after_s is not None:
        graph.edge(first, too_late := graph.node(late, writes=desk.text), after_s=after_s)
        graph.edge(too_late, END)
    graph.found_at = f"{__file__}:{name}"
    return graph


approve, approve_soon = approval("approve"), approval("approve_soon", 0.6)
ask, ask_soon = question("ask"), question("ask_soon", 0.6)
GRAPHS = {graph.name: graph for graph in (approve, approve_soon, ask, ask_soon)}


def main() -> None:
    place, run_id, name, state, *answers = sys.argv[1:]
    graph, store = GRAPHS[name], open_store(place)
    given = [Answer(target, json.loads(value)) for target, _, value in (answer.partition("=") for answer in answers)]
    try:
        try:
            store.row(run_id)
        except RunNotFound:
            run = graph.run_sync(json.loads(state), store=store, run_id=run_id)
        else:
            run = graph.resume_sync(run_id, store=store, answers=given)
    except GraphflowError as error:
        print(json.dumps({"refused": str(error)}), flush=True)
        sys.exit(1)
    told = {"status": run.status, "state": run.state.model_dump(), "questions": [one.id for one in run.questions]}
    print(json.dumps(told), flush=True)


if __name__ == "__main__":
    main()
