"""Stages: one worker after the other, in an order that is part of the input.

Problem: the same few steps are wanted in another order, or only some of them, from one text to the next.
Picture: start -> next stage -> the worker that the order names -> next stage -> ... -> end. The whole order is checked
    before anything runs: a name that is no stage costs nothing.
Not when: the order never changes; then it is a pipeline, which reads more easily.

    graphflow run graphs/stages.py task=@graphs/texts/market.txt stages=facts stages=figures stages=headline
"""

from graphflow import Agent, patterns

facts = Agent(
    "facts",
    "List the most important statements of the text, at most five, word for word.",
    prompt="Text:\n{task:40000}",
    output=list[str],
)
figures = Agent(
    "figures",
    "List the sentences of the text that give a price, a percentage, a date or another number, at most four.",
    prompt="Text:\n{task:40000}",
    output=list[str],
)
headline = Agent(
    "headline",
    "Say in one sentence what the text comes down to. Build on what the stages before you have found, if any.",
    prompt="Text:\n{task:40000}\n\nFound so far:\n{work:12000}",
)

graph = patterns.stages(workers=[facts, figures, headline])

if __name__ == "__main__":
    from pathlib import Path

    text = (Path(__file__).parent / "texts" / "market.txt").read_text(encoding="utf-8")
    run = graph.run_sync(patterns.Stages(task=text, stages=["figures", "headline"]))
    print(*(f"{one.worker}\n{one.text}" for one in run.state.work), sep="\n\n")
