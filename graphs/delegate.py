"""A supervisor with delegates: it calls other agents as tools, and writes the answer from what they give back.

Problem: a question needs several kinds of work, and one agent should keep the thread and decide what is enough.
Picture: start -> supervisor -> end; analyst and critic are its tools. A call of one is a call of an agent: recorded,
    counted and bounded with the run. A worker that is not there, or fails, is told to the supervisor, which goes on.
Not when: who works next is to be seen, limited or approved: a tool is no node. Then use a team or a supervisor graph.

    graphflow run graphs/delegate.py question="What does a grid battery cost?" text=@graphs/texts/market.txt

Offline no tool is ever called: the supervisor then answers by itself.
"""

from pydantic import BaseModel

from graphflow import END, START, Agent, Graph, fields


class Question(BaseModel):
    """The shared state: a question and a text go in, the answer comes out."""

    question: str
    text: str
    answer: str = ""


analyst = Agent(
    "analyst",
    "Answer the question in two sentences, from the passage alone.",
    prompt="Question: {question}\n\nPassage:\n{passage:8000}",
)
critic = Agent(
    "critic",
    "Name in two sentences what the claim leaves out or gets wrong, going by the passage alone.",
    prompt="Claim: {claim}\n\nPassage:\n{passage:8000}",
)
ask_analyst = analyst.as_tool("ask_analyst", "Answers a question from a passage of the text.")
ask_critic = critic.as_tool("ask_critic", "Says what a claim leaves out or gets wrong, going by a passage of the text.")

supervisor = Agent(
    "supervisor",
    "Answer the question in two sentences. Have the analyst look at the passages that matter, and the critic check it.",
    prompt="Question: {question}\n\nText:\n{text:40000}",
    tools=[ask_analyst, ask_critic],
    max_turns=6,
)

question = fields(Question)
graph = Graph("delegate", Question, purpose="one agent, with others as its tools")
answer = graph.node(supervisor, writes=question.answer)
graph.chain(START, answer, END)

if __name__ == "__main__":
    from pathlib import Path

    text = (Path(__file__).parent / "texts" / "market.txt").read_text(encoding="utf-8")
    print(graph.run_sync(Question(question="What does a grid battery cost?", text=text)).state.answer)
