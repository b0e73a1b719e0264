"""Approval of tool calls on the command line: asked like any question, kept, shown, answered (S10.4)."""

from __future__ import annotations

import io
from pathlib import Path

import pytest

from tests.cli.commands import Command, Said, forget

STORE = ("--store", "runs.db")
CLERK = """
import json

from pydantic import BaseModel

from graphflow import END, START, Agent, Graph, fields
from graphflow.models import Response, Tool, ToolCall


class State(BaseModel):
    letters: int = 1
    is_fine: bool = False
    text: str = ""


state = fields(State)


class Model:
    name = "clerk"

    async def respond(self, request):
        with open("log", "a") as file:
            file.write("asked\\n")
        told = [message.text for message in request.messages if message.role == "tool"]
        if told:
            return Response(" | ".join(text.partition(":")[0] for text in told))
        count = int(request.messages[-1].text)
        letters = [json.dumps({"to": f"friend {number}", "text": "Hello.\\nBye."}) for number in range(count)]
        return Response("", tuple(ToolCall("send", letter, f"call {letter}") for letter in letters))


def send(to: str, text: str) -> str:
    "Sends a letter."
    return f"sent to {to}"


graph = Graph("letters", State)
agent = Agent("clerk", "Write.", prompt="{letters}", tools=[Tool(send, needs_approval=True)], model=Model())
clerk = graph.node(agent, writes=state.text)
graph.chain(START, clerk, END)
"""


@pytest.fixture(autouse=True)
def _clerk(folder: Path) -> None:
    (folder / "clerk.py").write_text(CLERK.lstrip())


def requests(folder: Path) -> int:
    return len((folder / "log").read_text().splitlines())


def typed(monkeypatch: pytest.MonkeyPatch, *lines: str) -> None:
    """Somebody sits at a terminal."""

    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    monkeypatch.setattr("graphflow.cli.session.may_prompt", lambda: True)
    monkeypatch.setattr("sys.stdin", Terminal("".join(f"{line}\n" for line in lines)))


def test_at_a_terminal_it_is_asked(graphflow: Command, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    typed(monkeypatch, "perhaps", "yes", "no")
    said = graphflow("run", "clerk.py", "letters=2")
    assert said.code == 0, said.err
    assert "clerk asks:\n\n  Agent 'clerk' wants to call send. May it?" in said.err
    assert '    to: "friend 0"\n    text:\n      | Hello.\n      | Bye.' in said.err
    assert "That is no answer: 'perhaps'" in said.err
    assert "send:1 was approved" in said.err
    assert "send:2 was refused" in said.err
    assert "1 step in" in said.err
    assert said.out == "text: sent to friend 0 | Not called\n"
    assert requests(folder) == 2


def test_without_a_terminal_it_says_how_to_answer(graphflow: Command) -> None:
    said = graphflow("run", "clerk.py")
    assert said.code == 3
    assert "clerk:1/send:1 asks (yes or no):" in said.out + said.err
    assert "graphflow run clerk.py ... --answer clerk=..." in said.out + said.err
    said = graphflow("run", "clerk.py", "letters=2", "--run-id", "d", *STORE)
    assert said.code == 3
    for number in (1, 2):
        assert f"graphflow runs answer d clerk:1/send:{number} VALUE --store runs.db --resume" in said.out + said.err


@pytest.mark.parametrize("answers", [("clerk=yes", "clerk=no"), ("clerk:1/send:2=no", "clerk=yes")])
def test_it_is_answered_beforehand(graphflow: Command, folder: Path, answers: tuple[str, str]) -> None:
    given = [word for answer in answers for word in ("--answer", answer)]
    said = graphflow("run", "clerk.py", "letters=2", *given)
    assert (said.code, said.out) == (0, "text: sent to friend 0 | Not called\n")
    assert requests(folder) == 2


@pytest.mark.parametrize(("answer", "why"), [("clerk=perhaps", "yes or no"), ("clrk=yes", "Did you mean 'clerk'?")])
def test_a_wrong_answer_beforehand_is_told_before_the_run(
    graphflow: Command, folder: Path, answer: str, why: str
) -> None:
    said = graphflow("run", "clerk.py", "--answer", answer)
    assert (said.code, "[GF527]" in said.err, why in said.err) == (2, True, True)
    assert not (folder / "log").exists()


def kept(graphflow: Command, letters: int = 2) -> Said:
    return graphflow("run", "clerk.py", f"letters={letters}", "--run-id", "d", "--json", *STORE)


def test_as_json(graphflow: Command) -> None:
    said = kept(graphflow)
    assert (said.code, said.json["status"]) == (3, "waiting")
    question = said.json["questions"][1]
    assert (question["id"], question["node"], question["answer"]) == ("clerk:1/send:2", "clerk", {"type": "boolean"})
    assert question["call"] == {
        "agent": "clerk", "tool": "send", "cursor": "clerk:1", "arguments": {"to": "friend 1", "text": "Hello.\nBye."},
    }  # fmt: skip
    for command in (("runs", "show", "d"), ("runs", "list")):
        told = graphflow(*command, "--json", *STORE).json
        run = told["runs"][0] if "runs" in told else told
        assert (run["status"], run["questions"]) == ("waiting", said.json["questions"])


def test_lists_and_shows_tell_it(graphflow: Command) -> None:
    kept(graphflow)
    assert "clerk: Agent 'clerk' wants to call send. May it?" in graphflow("runs", "list", *STORE).out
    out = graphflow("runs", "show", "d", *STORE).out
    assert "answer: graphflow runs answer d clerk:1/send:2 VALUE --store runs.db --resume" in out
    assert '    to: "friend 1"' in out
    assert "asks: Agent 'clerk' wants to call send." in out


@pytest.mark.parametrize("has_graph", [True, False])
def test_answers_are_kept_and_taken(graphflow: Command, folder: Path, has_graph: bool) -> None:
    """S10.1: also where the graph is not at hand; the giver of a wrong or second one is told."""
    kept(graphflow)
    if not has_graph:
        (folder / "clerk.py").unlink()
        forget(folder)
    assert "has 2 open questions" in graphflow("runs", "answer", "d", "clerk", "yes", *STORE).err
    assert "Valid is yes or no." in graphflow("runs", "answer", "d", "clerk:1/send:1", "perhaps", *STORE).err
    assert "has no open question" in graphflow("runs", "answer", "d", "clerk:1/send:3", "yes", *STORE).err
    assert graphflow("runs", "answer", "d", "clerk:1/send:1", "no", *STORE).code == 0
    assert "has an answer already" in graphflow("runs", "answer", "d", "clerk:1/send:1", "yes", *STORE).err
    (folder / "clerk.py").write_text(CLERK.lstrip())
    said = graphflow("runs", "answer", "d", "clerk:1/send:2", "yes", "--resume", "--json", *STORE)
    assert (said.code, said.json["state"]["text"]) == (0, "Not called | sent to friend 1")
    assert requests(folder) == 2
    shown = graphflow("runs", "show", "d", *STORE).out
    assert "send:1 was refused" in shown
    assert "send:2 was approved" in shown


def test_a_worker_takes_it(graphflow: Command, folder: Path) -> None:
    kept(graphflow)
    assert graphflow("worker", "--once", *STORE).code == 0
    assert requests(folder) == 1  # nothing to do: it waits
    for number in (1, 2):
        assert graphflow("runs", "answer", "d", f"clerk:1/send:{number}", "yes", *STORE).code == 0
        assert graphflow("worker", "--once", *STORE).code == 0
    assert graphflow("runs", "list", "--json", *STORE).json["runs"][0]["status"] == "done"
    assert requests(folder) == 2


def test_tail_tells_question_and_decision(graphflow: Command) -> None:
    kept(graphflow, 1)
    graphflow("runs", "answer", "d", "clerk", "yes", "--resume", *STORE)
    out = graphflow("runs", "tail", "d", "--last", "99", *STORE).out
    assert "asks: Agent 'clerk' wants to call send." in out
    assert "send:1 was approved" in out
