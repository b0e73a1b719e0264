"""The graphs that the browser tests look at: a story with everything in it, a wide one, and one full of hostile text."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, Field

from graphflow import END, START, Context, Graph, Limits, Retry, fields, local

HOSTILE = "<script>document.title='owned'</script>\"'><img src=x onerror=\"document.title='owned'\">"
RIGHT_TO_LEFT = "\u202eabc\u202c שלום"
LONG = "word" * 2_500


class Verdict(BaseModel):
    """What the person says."""

    verdict: Literal["send", "change"] = Field(description="What is to become of the letter")
    reason: str = Field(default="", description="Why")
    stars: int = Field(default=3, ge=1, le=5, description="How good it is")


class Letter(BaseModel):
    """The story's state."""

    topic: str = Field(description="What the letter is about")
    notes: str = ""
    draft: str = ""
    verdict: Literal["", "send", "change"] = ""
    reason: str = ""
    stars: int = 0
    sent: str = ""


letter = fields(Letter)
story = Graph("letter", Letter, purpose="a letter that somebody reads before it is sent")


def _folder() -> Path:
    return Path(os.environ["GRAPHFLOW_TESTS"])


@story.node(writes=letter.notes, purpose="looks the topic up", retry=Retry(2, first_s=0.05))
def fetch(state: Letter) -> str:
    """Fails at first, and as long as the topic is down."""
    tries = _folder() / f"{state.topic}.tries"
    tries.write_text(tries.read_text() + "x" if tries.exists() else "x")
    if len(tries.read_text()) == 1 or (_folder() / f"{state.topic}.down").exists():
        raise ConnectionError(f"no line to the archive of {state.topic}")
    return f"what is known of {state.topic}"


@story.node(writes=letter.draft, purpose="writes four sentences")
def write(state: Letter) -> str:
    return f"Dear reader, {state.notes}. {state.reason}".strip()


review = story.ask("review", "Send this?\n\n{draft}", answer=Verdict, purpose="a person sends it, or asks for changes")


@story.node(writes=letter.sent, purpose="off it goes")
def send(state: Letter) -> str:
    return f"sent: {state.draft}"


story.chain(START, fetch, write, review)
story.edge(review, write, when=letter.verdict == "change", at_most=3)
story.edge(review, send)
story.edge(send, END)


class Wide(BaseModel):
    """Many items, and what became of them."""

    items: list[int] = Field(default=[], description="What to work on")
    twice: Annotated[int, local] = 0
    total: int = 0


many = fields(Wide)
wide = Graph("wide", Wide, limits=Limits(steps=5_000), purpose="a branch for each item")


@wide.node(writes=many.twice, purpose="twice as much")
def double(item: int) -> int:
    return item * 2


@wide.node(writes=many.total)
def add_up(ctx: Context) -> int:
    return sum(branch.state.twice for branch in ctx.branches if branch.status == "done")


wide.map(START, double, over=many.items, join=add_up, failures="collect")
wide.edge(add_up, END)


class Hostile(BaseModel):
    """Texts that would like to be more than texts."""

    text: str = Field(default=HOSTILE, description=HOSTILE)
    answer: str = ""


hostile_fields = fields(Hostile)
hostile = Graph(HOSTILE, Hostile, purpose=RIGHT_TO_LEFT + HOSTILE)


@hostile.node(name=f"{HOSTILE} node", writes=hostile_fields.text, purpose=LONG)
def repeat(state: Hostile) -> str:
    return f"{RIGHT_TO_LEFT} {state.text} {LONG}"


asked = hostile.ask(f"שלום {HOSTILE} ask", f"{HOSTILE} {{text}}", answer=str, writes=hostile_fields.answer)


@hostile.node
def fail(state: Hostile) -> dict[str, str]:
    raise ValueError(f"{HOSTILE} {RIGHT_TO_LEFT} {LONG}")


hostile.chain(START, repeat, asked, fail, END)
