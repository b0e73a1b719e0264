"""Words of the tests of the studio's server: runs in a store, a studio over it, and what a page asks of it."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel
from starlette.testclient import TestClient

from graphflow import END, START, Agent, Graph, Retry, append, fields
from graphflow.errors import RunFailed
from graphflow.graph.answers import Answer
from graphflow.models import ScriptedModel, tool_call
from graphflow.runtime.run import Run
from graphflow.stores.sqlite import SQLiteStore
from graphflow.stores.store import Store
from graphflow.studio.addresses import encoded
from graphflow.studio.app import studio_of
from graphflow.studio.desk import Desk

HOME = "http://127.0.0.1:8765"
HOSTILE = (
    "../",
    "..",
    ".",
    "~",
    "~/x",
    "a/b/at/5",
    "<script>alert(1)</script>",
    "\"'&?#%2e%00",
    "\u202eabc\u202c שלום",
    "x" * 10_000,
    "new\nline\r\n: x",
)


class Essay(BaseModel):
    topic: str
    draft: str = ""
    rounds: int = 0
    is_good: bool = False
    notes: Annotated[list[str], append] = []


essay = fields(Essay)


def essay_graph() -> Graph[Essay]:
    """Writes, asks a person, and begins again once if the person says no."""
    graph = Graph("essay", Essay, purpose="an essay that somebody reads")

    @graph.node(writes=(essay.draft, essay.rounds))
    def write(state: Essay) -> tuple[str, int]:
        return f"All about {state.topic}", state.rounds + 1

    review = graph.ask("review", "Is this good?\n{draft}", answer=bool, writes=essay.is_good)
    graph.edge(START, write)
    graph.edge(write, review)
    graph.edge(review, END, when=essay.is_good)
    graph.edge(review, write, at_most=1)
    graph.edge(review, END)
    return graph


def failing_graph(times: int) -> Graph[Essay]:
    """Its node fails so often; it is tried three times."""
    graph = Graph("failing", Essay)
    left = [times]

    @graph.node(writes=essay.draft, retry=Retry(attempts=3, first_s=0.001))
    def fetch(state: Essay) -> str:
        left[0] -= 1
        if left[0] >= 0:
            raise ConnectionError("the archive does not answer")
        return "found"

    graph.chain(START, fetch, END)
    return graph


class Wide(BaseModel):
    items: list[int] = []
    found: Annotated[list[int], append] = []
    total: int = 0


wide = fields(Wide)


def wide_graph() -> Graph[Wide]:
    """A branch for each item."""
    graph = Graph("wide", Wide)

    @graph.node(writes=wide.found)
    def work(item: int) -> int:
        return 2 * item

    @graph.node(writes=wide.total)
    def add_up(state: Wide) -> int:
        return sum(state.found)

    graph.map(START, work, over=wide.items, join=add_up)
    graph.edge(add_up, END)
    return graph


def agent_graph() -> Graph[Essay]:
    """An agent with a tool."""

    def search(query: str) -> str:
        """Looks something up."""
        return f"found {query}"

    graph = Graph("agent", Essay)
    writer = Agent("writer", "Write.", prompt="About {topic}", tools=[search])
    graph.chain(START, graph.node(writer, writes=essay.draft), END)
    return graph


def run_essay(store: Store, run_id: str = "owls-1", **more: Any) -> Run[Essay]:
    """An essay that waits for its reader."""
    return essay_graph().run_sync(Essay(topic="owls"), store=store, run_id=run_id, **more)


def answer_essay(store: Store, run_id: str, is_good: bool) -> Run[Essay]:
    return essay_graph().resume_sync(run_id, store=store, answers=[Answer("review", is_good)])


def run_failing(store: Store, run_id: str, times: int) -> None:
    try:
        failing_graph(times).run_sync(Essay(topic="owls"), store=store, run_id=run_id)
    except RunFailed:
        assert times >= 3


def run_agent(store: Store, run_id: str) -> Run[Essay]:
    model = ScriptedModel([tool_call("search", query="owls"), "Owls are quiet."])
    return agent_graph().run_sync(Essay(topic="owls"), store=store, run_id=run_id, model=model)


class Page:
    """What a page of the studio does: it asks, with the token and from where it stands."""

    def __init__(self, client: TestClient, desk: Desk) -> None:
        self.client = client
        self.desk = desk

    def get(self, path: str, *, expect: int = 200, **headers: str) -> Any:
        answer = self.client.get(path, headers=headers)
        assert answer.status_code == expect, answer.text
        is_data = answer.headers.get("content-type", "").startswith("application/json")
        return answer.json() if is_data else answer.text

    def of(self, run_id: str, rest: str = "", *, expect: int = 200) -> Any:
        """Something of a run: its page, or what stands behind."""
        return self.get(f"/api/runs/{encoded(run_id)}{rest}", expect=expect)

    def error(self, path: str, status: int) -> dict[str, str]:
        """The error that a request is answered with."""
        error: dict[str, str] = self.get(path, expect=status)["error"]
        assert error["code"].startswith("GF")
        assert error["what"]
        return error


@contextmanager
def page_over(store: Store, **more: Any) -> Generator[Page, None, None]:
    """A page of a studio over this store, which may act unless told otherwise."""
    acting = None if more.pop("is_read_only", False) else store
    desk = Desk(store, acting, place="runs.db", **more)
    with TestClient(studio_of(desk).app, base_url=HOME, raise_server_exceptions=False) as client:
        yield Page(client, desk)


@contextmanager
def store_in(folder: Path, **more: Any) -> Generator[SQLiteStore, None, None]:
    store = SQLiteStore(folder / "runs.db", **more)
    try:
        yield store
    finally:
        store.close()
