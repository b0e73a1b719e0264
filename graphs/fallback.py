"""A fallback: a model elsewhere answers, and when it cannot be reached one that runs here does.

Problem: a provider is down, has no quota left or no key; a weaker answer now is better than none.
Picture: start -> remote -> end; remote -> local -> end when the model failed after three attempts. The local one
    starts from the same question and sees nothing of what the remote one had begun.
Not when: the answer has to be of one quality. A run that fails and is resumed later is then the honest way. A tripped
    guardrail, a cancelled run or a bug never leads here.

    graphflow run graphs/fallback.py request="How long do dams last?" text=@graphs/texts/beyond_batteries.txt
"""

from pydantic import Field

from graphflow import Agent, patterns
from graphflow.models import OfflineModel


class Question(patterns.Answered):
    """The shared state: a question and a text go in; the answer, and who gave it, come out."""

    text: str = Field(description="What the answer is taken from")


INSTRUCTIONS = "Answer the question in one sentence, from the text alone."
PROMPT = "Question: {request}\n\nText:\n{text:40000}"

remote = Agent("remote", INSTRUCTIONS, prompt=PROMPT, model="openai/gpt-5")
local = Agent("local", INSTRUCTIONS, prompt=PROMPT, model=OfflineModel())

graph = patterns.fallback(remote, otherwise=local, state=Question)

if __name__ == "__main__":
    from pathlib import Path

    text = (Path(__file__).parent / "texts" / "beyond_batteries.txt").read_text(encoding="utf-8")
    run = graph.run_sync(Question(request="How long do dams last?", text=text))
    print(f"{run.state.answered_by}: {run.state.answer}")
