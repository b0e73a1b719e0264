"""Fan-out, then a synthesis: if enough items succeeded, one text from what was found; else a way out.

Problem: a report is written although nothing was found, or does not say what is missing.
Picture: start -> (work, one branch for each item) -> collect -> synthesise -> end if two items or more succeeded;
    else -> otherwise -> end. The report is told what is missing, and sees no error.
Not when: the items are few and their order matters; then a pipeline reads better.

    graphflow run graphs/synthesis.py items=sodium-ion items=iron-air items=hydrogen task="storing power for the grid" passages=@graphs/texts/batteries.txt passages=@graphs/texts/beyond_batteries.txt
"""

import re

from pydantic import Field

from graphflow import Agent, Retry, patterns


class Brief(patterns.FanOut):
    """The shared state: that of a fan-out, and the passages that are looked through."""

    passages: list[str] = Field(description="What there is to read")


def look_up(state: Brief, item: str) -> str:
    """What the passages say of the item, word for word."""
    sentences = re.split(r"(?<=[.!?])\s+", " ".join(state.passages))
    found = [sentence for sentence in sentences if item.lower() in sentence.lower()]
    if not found:
        raise LookupError(f"the passages do not speak of {item}")
    return " ".join(found[:4])


def say_so(state: Brief) -> str:
    """What is said instead of a report that would be written from nothing."""
    return f"Too little was found for a report on {state.task}: {len(state.results)} of {len(state.items)} items."


editor = Agent(
    "editor",
    "Write a brief of 120 words: the answer first, then the evidence by subject, then what is missing.",
    prompt="Topic: {task}\n\nFindings:\n{results:20000}\n\nNothing found on: {missing:2000}",
)
graph = patterns.fan_out(
    worker=look_up,
    synthesiser=editor,
    otherwise=say_so,
    at_least=2,
    retry=Retry(attempts=3, first_s=0.2, on=ConnectionError),
    state=Brief,
)

if __name__ == "__main__":
    from pathlib import Path

    texts = sorted((Path(__file__).parent / "texts").glob("*.txt"))
    state = Brief(
        task="storing power for the grid",
        items=["sodium-ion", "hydrogen", "compressed air", "pumped hydro"],
        passages=[text.read_text(encoding="utf-8") for text in texts],
    )
    print(graph.run_sync(state).state.answer)
