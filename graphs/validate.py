"""Validate and retry: an answer that cannot be used goes back with the reason, a few times, then to a way out.

Problem: what looks like an answer is empty, malformed, or quotes what the text does not say, and is passed on.
Picture: start -> quote -> verify -> end if every quote stands in the text; else back to quote with the problems, twice
    at most; then it fails and says why. What is no valid Answer never leaves the node quote: the model is told the
    reason and asked again, and after three turns the way out is taken.
Not when: nothing can be checked by rule; then a judge may help (graphs/essay.py), or a person (graphs/human_review.py).

    graphflow run graphs/validate.py question="what is sodium-ion good for" text=@graphs/texts/batteries.txt
"""

from pydantic import BaseModel, Field

from graphflow import END, FAIL, START, Agent, Graph, ModelError, fields, size


class Answer(BaseModel):
    """What the model is asked for. Text that is required is not empty, and a claim needs evidence."""

    answer: str = Field(min_length=20, description="The answer to the question in two sentences, from the text")
    quotes: list[str] = Field(
        min_length=2, max_length=4, description="Sentences of the text that prove it, word for word"
    )


class Claim(BaseModel):
    """The shared state: a question and a text go in, an answer with checked quotes comes out."""

    question: str
    text: str
    answer: str = ""
    quotes: list[str] = []
    problems: list[str] = []


quoter = Agent(
    "quote",
    "Answer the question from the text alone, and prove it with sentences of the text, word for word.",
    prompt="Question: {question}\n\nText:\n{text:40000}\n\nWhat was wrong with the last answer:\n{problems:2000}",
    output=Answer,
    max_turns=3,
)

claim = fields(Claim)
graph = Graph("validate", Claim, purpose="an answer whose quotes are checked")
quote = graph.node(quoter, purpose="an answer with its evidence")


@graph.node(writes=claim.problems, purpose="looks every quote up in the text")
def verify(state: Claim) -> list[str]:
    said = " ".join(state.text.split())
    return [f"The text does not say: {one}" for one in state.quotes if " ".join(one.split()) not in said]


graph.edge(START, quote)
graph.edge(quote, verify)
graph.edge(quote, FAIL("no valid answer"), on_error=ModelError)
graph.edge(verify, END, when=size(claim.problems) == 0)
graph.edge(verify, quote, at_most=2)
graph.edge(verify, FAIL("the quotes are not in the text"))

if __name__ == "__main__":
    from pathlib import Path

    text = (Path(__file__).parent / "texts" / "batteries.txt").read_text(encoding="utf-8")
    state = graph.run_sync(Claim(question="What is sodium-ion good for?", text=text)).state
    print(state.answer, *(f"- {quote}" for quote in state.quotes), sep="\n")
