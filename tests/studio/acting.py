"""Words of the tests of what the studio does: graphs in files, as a user has them, and what a page sends."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from graphflow.errors import RunFailed
from graphflow.runtime.run import Run
from graphflow.service.targets import Target, load
from graphflow.stores.store import Store
from graphflow.studio.addresses import encoded
from graphflow.studio.safety import TOKEN_HEADER
from tests.studio.desks import HOME, Page, page_over
from tests.studio.servers import until

LETTER = """
from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import BaseModel, Field, model_validator

from graphflow import END, START, Graph, fields


class Verdict(BaseModel):
    verdict: Literal["send", "change"]
    stars: int = Field(default=3, ge=1, le=5, description="How good it is")


class Letter(BaseModel):
    topic: str = Field(description="What it is about")
    tags: list[str] = []
    draft: str = ""
    verdict: str = ""
    stars: int = Field(default=0, ge=0, le=5)

    @model_validator(mode="after")
    def is_polite(self) -> Letter:
        if "rude" in self.topic and self.stars > 3:
            raise ValueError("a rude letter has no four stars")
        return self


letter = fields(Letter)
graph = Graph("letter", Letter, purpose="a letter that somebody reads")


@graph.node(writes=letter.draft)
def write(state: Letter) -> str:
    if Path(__file__).with_name("down").exists():
        raise ConnectionError("no line to the archive")
    return f"All about {state.topic}"


review = graph.ask("review", "Send this?\\n{draft}", answer=Verdict)


@graph.node
def send(state: Letter) -> None:
    return None


graph.edge(START, write)
graph.edge(write, review)
graph.edge(review, write, when=letter.verdict == "change", at_most=3)
graph.edge(review, send)
graph.edge(send, END)
"""


def written(folder: Path, text: str = LETTER, name: str = "letter.py") -> Target:
    """A graph in a file of a folder of its own."""
    (folder / name).write_text(text)
    return load(str(folder / name))


def begun(target: Target, store: Store, run_id: str = "owls-1", **more: Any) -> Run[Any]:
    """A run as far as it comes by itself."""
    try:
        return target.graph.run_sync({"topic": "owls", **more}, store=store, run_id=run_id)
    except RunFailed as failed:
        return failed.run


def post(page: Page, path: str, body: Any, *, expect: int = 200, token: str | None = None) -> Any:
    """What a page sends, and is answered."""
    headers = {TOKEN_HEADER: page.desk.token if token is None else token, "Origin": HOME}
    answer = page.client.post(path, json=body, headers=headers)
    assert answer.status_code == expect, answer.text
    return answer.json()


def act(page: Page, run_id: str, what: str, body: Any | None = None, *, expect: int = 200) -> Any:
    """Something done to a run."""
    return post(page, f"/api/runs/{encoded(run_id)}/{what}", body or {}, expect=expect)


def start(page: Page, graph: str, body: Any, *, expect: int = 200) -> Any:
    return post(page, f"/api/graphs/{encoded(graph)}/start", body, expect=expect)


def status_of(page: Page, run_id: str) -> str:
    status: str = page.of(run_id)["row"]["status"]
    return status


def comes_to(page: Page, run_id: str, status: str) -> None:
    """Wait until a run rests so, and nobody drives it."""
    until(lambda: (row := page.of(run_id)["row"])["status"] == status and not row["is_driven"])


@contextmanager
def acting_page(store: Store, *targets: Target, **more: Any) -> Generator[Page, None, None]:
    with page_over(store, targets=targets, **more) as page:
        yield page
