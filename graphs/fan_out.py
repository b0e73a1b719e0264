"""Fan-out: the same work for many items side by side, and an outcome for each of them.

Problem: many items, of which some will fail, and none of them may vanish in silence or take the others with it.
Picture: start -> (look up, one branch for each item, five at once) -> collect -> end.
    The outcomes stand in the order of the items, whoever came first; a failed one carries its error and its attempts.
Not when: the items need one another's results; then they are steps of a pipeline.

    graphflow run graphs/fan_out.py items=sodium-ion items=hydrogen task="what is known" passages=@graphs/texts/batteries.txt
"""

import re

from pydantic import Field

from graphflow import patterns


class Search(patterns.FanOut):
    """The shared state: that of a fan-out, and the passages that are looked through."""

    passages: list[str] = Field(description="What there is to read")


def look_up(state: Search, item: str) -> str:
    """What the passages say of the item, word for word."""
    sentences = re.split(r"(?<=[.!?])\s+", " ".join(state.passages))
    found = [sentence for sentence in sentences if item.lower() in sentence.lower()]
    if not found:
        raise LookupError(f"the passages do not speak of {item}")
    return " ".join(found[:3])


graph = patterns.fan_out(worker=look_up, at_once=5, state=Search)

if __name__ == "__main__":
    from pathlib import Path

    texts = sorted((Path(__file__).parent / "texts").glob("*.txt"))
    state = Search(
        task="what is known",
        items=["sodium-ion", "hydrogen", "compressed air"],
        passages=[text.read_text(encoding="utf-8") for text in texts],
    )
    for one in graph.run_sync(state).state.outcomes:
        print(f"{one.index} {one.item}: {one.status} (attempts: {one.attempts}): {one.result or one.error}")
