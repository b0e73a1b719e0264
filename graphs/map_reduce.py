"""Map-reduce over documents: each is condensed by itself, then groups of three are merged until one text is left.

Problem: more documents than any prompt can hold; cutting them would lose what matters.
Picture: start -> (digest, one branch for each document, five at once) -> gather -> end if one text is left;
    else -> (merge, one branch for each group of three) -> gather ... No prompt is longer than three texts.
Not when: all of it fits into one prompt; then one call reads more than many that know only a part.

    graphflow run graphs/map_reduce.py topic="storing power" documents=@graphs/texts/batteries.txt documents=@graphs/texts/beyond_batteries.txt documents=@graphs/texts/market.txt
"""

from typing import Annotated

from pydantic import BaseModel

from graphflow import END, FAIL, START, Agent, Context, Graph, best_effort, fields, local, size

GROUP = 3


class Pile(BaseModel):
    """The shared state: a topic and documents go in, one text comes out; ``missing`` counts what could not be read."""

    topic: str
    documents: list[str]
    text: Annotated[str, local] = ""
    texts: list[str] = []
    groups: list[list[str]] = []
    missing: int = 0


reader = Agent(
    "digest",
    "Say in four sentences what the document says on the topic.",
    prompt="Topic: {topic}\n\nDocument:\n{item:40000}",
)
merger = Agent(
    "merge",
    "Make one text of six sentences of these, without saying anything twice.",
    prompt="Topic: {topic}\n\nTexts:\n{item:12000}",
)

pile = fields(Pile)
graph = Graph("map-reduce", Pile, purpose="one text from any number of documents")
digest = graph.node(reader, writes=pile.text, purpose="four sentences of one document")
merge = graph.node(merger, writes=pile.text, purpose="one text of three")


@graph.node(writes=(pile.texts, pile.groups, pile.missing), purpose="what there is now, in groups of three")
def gather(state: Pile, ctx: Context) -> tuple[list[str], list[list[str]], int]:
    texts = [branch.state.text for branch in ctx.branches if branch.status == "done"]
    groups = [texts[start : start + GROUP] for start in range(0, len(texts), GROUP)]
    return texts, groups, state.missing + len(ctx.branches) - len(texts)


graph.map(START, digest, over=pile.documents, join=gather, at_once=5, need=best_effort(at_least=0))
graph.edge(gather, FAIL("no document could be read"), when=size(pile.texts) == 0)
graph.edge(gather, END, when=size(pile.texts) == 1)
graph.map(gather, merge, over=pile.groups, join=gather, at_once=5, at_most=10, failures="stop")
graph.edge(gather, FAIL("more documents than ten rounds can merge"))

if __name__ == "__main__":
    from pathlib import Path

    texts = [text.read_text(encoding="utf-8") for text in sorted((Path(__file__).parent / "texts").glob("*.txt"))]
    paragraphs = [paragraph for text in texts for paragraph in text.split("\n\n") if len(paragraph) > 100]
    run = graph.run_sync(Pile(topic="storing power for the grid", documents=paragraphs))
    print(f"{len(paragraphs)} documents, {run.usage.model_calls} calls", run.state.texts[0], sep="\n")
