"""``graphflow run``: data on stdout, progress on stderr, the exit code by the status."""

from __future__ import annotations

import io
import re
from pathlib import Path

import pytest

from graphflow.cli import questions
from graphflow.cli.questions import prompt
from graphflow.runtime.run import Question
from tests.cli.commands import Command


def plain(text: str) -> str:
    """What is said, without what differs from run to run."""
    text = re.sub(r"r-[0-9a-f]{8}", "r-1", text)
    return re.sub(r" *[\d.]+ m?s\b", " T", text)


def test_the_result_is_what_changed_with_the_last_text_in_full(graphflow: Command) -> None:
    said = graphflow("run", "essay.py", "topic=owls")
    assert said.code == 0
    assert said.out == (
        "score: 8\ncomments:\n  - more of it\n  - more of it\n\ndraft:\nAll about owls.\nIn 200 words.\n"
    )


def test_progress_is_told_in_plain_lines(graphflow: Command) -> None:
    assert plain(graphflow("run", "essay.py", "topic=owls").err) == (
        "run        r-1  essay\n"
        "printed by a node\n"
        " T  ✓ write      → review\n"
        " T  ✓ review     → write\n"
        "printed by a node\n"
        " T  ✓ write:2    → review\n"
        " T  ✓ review:2   → END [score >= 7]\n"
        "done       4 steps in T\n"
        "path       write → review → write:2 → review:2\n"
    )


def test_quiet_says_nothing_of_its_own(graphflow: Command) -> None:
    said = graphflow("run", "essay.py", "topic=owls", "--quiet")
    assert said.err == "printed by a node\n" * 2
    assert said.out


def test_the_run_as_json(graphflow: Command) -> None:
    data = graphflow("run", "essay.py", "topic=owls", "--json").json
    assert list(data) == [
        "schema", "run", "graph", "status", "state", "path", "frontier", "usage", "seconds",
        "working_seconds", "model", "questions", "failures", "error",
    ]  # fmt: skip
    assert (data["schema"], data["graph"], data["status"]) == ("graphflow.run/1", "essay", "done")
    assert data["path"] == ["write:1", "review:1", "write:2", "review:2"]
    assert data["usage"]["steps"] == 4
    assert (data["model"], data["error"], data["failures"], data["frontier"]) == (None, None, [], [])
    assert data["state"]["comments"] == ["more of it", "more of it"]


def test_json_is_json_for_every_parser(graphflow: Command, folder: Path) -> None:
    (folder / "limits.py").write_text(
        "from pydantic import BaseModel, SecretStr\nfrom graphflow import END, START, Graph\n"
        "class State(BaseModel):\n    x: float = float('nan')\n    y: float = float('-inf')\n"
        "graph = Graph('limits', State)\ngraph.edge(START, END)\n"
    )
    assert graphflow("run", "limits.py", "--json").json["state"] == {"x": "NaN", "y": "-Infinity"}


def test_a_failed_run_names_the_line_that_raised(graphflow: Command) -> None:
    said = graphflow("run", "broken.py")
    assert (said.code, said.out) == (1, "")
    assert plain(said.err) == (
        "run        r-1  broken\n"
        " T  ✗ divide     ZeroDivisionError: integer division or modulo by zero\n"
        "failed     1 step in T\n"
        "at         divide\n"
        "[GF220] Run r-1 of graph 'broken' failed at divide:1: ZeroDivisionError: integer division or modulo by zero\n"
        "  where  broken.py:13   @graph.node\n"
        '         broken.py:15   return {"n": 1 // state.n}\n'
        "  why    the last steps were START:1 -> divide\n"
        "  fix    Mend the cause, and run it again; with --store runs.db a run is kept, and goes on from there.\n"
    )
    assert "Traceback" in graphflow("run", "broken.py", "--debug").err


def test_a_failed_run_as_json_holds_the_run_and_the_error(graphflow: Command) -> None:
    said = graphflow("run", "broken.py", "--json")
    assert said.code == 1
    assert (said.json["schema"], said.json["status"]) == ("graphflow.run/1", "failed")
    assert said.json["error"]["code"] == "GF220"
    assert said.json["error"]["where"] == ["broken.py:13", "broken.py:15"]
    assert said.json["failures"][0]["outcome"] == "ended"
    assert "Traceback" not in said.err


def test_a_budget_that_is_used_up_is_exit_4_with_what_was_reached(graphflow: Command) -> None:
    """S13.2: the run ends exhausted, its frontier kept."""
    said = graphflow("run", "essay.py", "topic=owls", "--budget-steps", "2")
    assert said.code == 4
    assert "exhausted  2 steps" in said.err
    assert "at         write:2\n" in said.err
    assert said.out.startswith("score: 4\n")
    assert graphflow("run", "essay.py", "topic=owls", "--budget-steps=2", "--json").json["status"] == "exhausted"


def test_a_question_nobody_answers_is_exit_3_and_says_how_to_answer(graphflow: Command) -> None:
    """S10.1: its id is its cursor."""
    said = graphflow("run", "desk.py")
    assert said.code == 3
    assert plain(said.err) == (
        "run        r-1  desk\n"
        " T  ‖ approve     asks: Send this? No.\n"
        "waiting    1 step in T\n"
        "at         approve\n"
        "\n"
        "approve:1 asks (yes or no):\n"
        "  Send this?\n"
        "\n"
        "  No.\n"
        "\n"
        "Nobody is there to answer. Run it on a terminal, or answer beforehand:\n"
        "  graphflow run desk.py ... --answer approve=...\n"
        "With --store runs.db the run is kept, and can be answered later.\n"
    )


def test_a_question_as_json(graphflow: Command) -> None:
    said = graphflow("run", "desk.py", "--json", "--quiet")
    assert (said.code, said.err) == (3, "")
    assert said.json["questions"] == [
        {"id": "approve:1", "node": "approve", "text": "Send this?\n\nNo.", "answer": {"type": "boolean"}, "due": None}
    ]


def test_answers_are_given_beforehand_in_the_order_of_the_questions(graphflow: Command) -> None:
    said = graphflow("run", "desk.py", "--answer", "approve=no", "--answer", "approve=yes", "--json")
    assert said.code == 0
    assert said.json["state"] == {"reply": "Yes.", "is_sent": True}
    assert said.json["path"] == ["approve:1", "rewrite:1", "approve:2"]


def test_an_answer_that_was_not_needed_is_told(graphflow: Command) -> None:
    said = graphflow("run", "desk.py", "--answer", "approve=yes", "--answer", "approve=no")
    assert said.code == 0
    assert "answer     what was given for 'approve' was not asked for\n" in said.err


@pytest.mark.parametrize(
    ("target", "answer", "message"),
    [
        ("desk.py", "aprove=yes", "Did you mean 'approve'?"),
        ("desk.py", "approve=perhaps", "Valid is yes or no."),
        ("desk.py", "approve", "is not of the form NODE=VALUE"),
        ("broken.py", "approve=yes", "It asks nothing."),
    ],
)
def test_an_answer_to_no_question_is_refused_before_anything_starts(
    graphflow: Command, target: str, answer: str, message: str
) -> None:
    said = graphflow("run", target, "--answer", answer)
    assert (said.code, said.out) == (2, "")
    assert message in said.err


def test_on_a_terminal_the_question_is_asked_until_the_answer_is_valid(
    graphflow: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("graphflow.cli.session.may_prompt", lambda: True)
    monkeypatch.setattr("sys.stdin", io.StringIO("perhaps\nno\nyes\n"))
    said = graphflow("run", "desk.py")
    assert said.code == 0
    assert said.err.count("answer (yes or no): ") == 3
    assert "That is no answer: 'perhaps'." in said.err
    assert said.out == "is_sent: true\nreply: Yes.\n"


def test_the_end_of_input_leaves_the_run_waiting(graphflow: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("graphflow.cli.session.may_prompt", lambda: True)
    monkeypatch.setattr("sys.stdin", io.StringIO("no\n"))
    said = graphflow("run", "desk.py")
    assert said.code == 3
    assert "approve:2 asks" in said.err


def test_nobody_is_asked_with_json_or_without_a_terminal(graphflow: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    def asked(question: Question) -> None:
        raise AssertionError("asked")

    monkeypatch.setattr("graphflow.cli.session.prompt", asked)
    assert graphflow("run", "desk.py").code == 3
    monkeypatch.setattr("graphflow.cli.session.may_prompt", lambda: True)
    assert graphflow("run", "desk.py", "--json").code == 3


def test_a_terminal_is_one_to_read_from_and_one_to_ask_on(monkeypatch: pytest.MonkeyPatch) -> None:
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    monkeypatch.setattr("sys.stdin", Terminal())
    assert not questions.may_prompt()
    monkeypatch.setattr("sys.stderr", Terminal())
    assert questions.may_prompt()


def test_answers_are_read_by_their_type(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO("x\n[1, 2]\n"))
    answer = prompt(Question("q:1", "q", "Which?\x1b[2J", list[int]))
    assert answer is not None
    assert (answer.node, answer.value) == ("q:1", [1, 2])
    assert "\x1b" not in capsys.readouterr().err


def test_a_model_that_is_not_used_is_told(graphflow: Command) -> None:
    said = graphflow("run", "essay.py", "topic=owls", "--model", "openai/large")
    assert "model      none: the graph has no agents, so --model openai/large is not used\n" in said.err


def test_a_graph_with_errors_is_refused_with_all_of_them(graphflow: Command, folder: Path) -> None:
    (folder / "loop.py").write_text(
        (folder / "broken.py").read_text().replace("graph.edge(divide, END)", "graph.edge(divide, 'nowhere')")
    )
    said = graphflow("run", "loop.py", "--json")
    assert said.code == 1
    assert said.json["error"]["code"] == "GF101"
    assert said.json["error"]["findings"][0]["where"] == ["loop.py:19"]


def test_failures_that_the_run_survived_are_told(graphflow: Command, folder: Path) -> None:
    (folder / "survives.py").write_text(
        (folder / "broken.py").read_text()
        + "@graph.node\ndef apologise(state: State) -> dict[str, object]:\n    return {'n': 7}\n"
        "graph.edge(divide, apologise, on_error=ZeroDivisionError)\ngraph.edge(apologise, END)\n"
    )
    said = graphflow("run", "survives.py")
    assert (said.code, said.out) == (0, "n: 7\n")
    assert "failure    divide: ZeroDivisionError" in said.err
    assert "(caught by an error edge)" in said.err


def test_warnings_are_lines_of_ours(graphflow: Command, folder: Path) -> None:
    text = (
        (folder / "broken.py")
        .read_text()
        .replace('return {"n": 1 // state.n}', "warnings.warn('mind the gap')\n    return {'n': 1}")
    )
    (folder / "warns.py").write_text(
        "import warnings\n" + text.replace("class State", "warnings.simplefilter('always')\nclass State")
    )
    assert "warning    mind the gap\n" in graphflow("run", "warns.py").err


def test_a_run_that_changes_nothing_shows_the_whole_state(graphflow: Command, folder: Path) -> None:
    (folder / "idle.py").write_text(
        "from pydantic import BaseModel\nfrom graphflow import END, START, Graph\n"
        "class State(BaseModel):\n    n: int = 0\n    names: list[str] = []\n    by: dict[str, int] = {'a': 1}\n"
        "graph = Graph('idle', State)\ngraph.edge(START, END)\n"
    )
    assert graphflow("run", "idle.py", "names=x").out == "n: 0\nnames:\n  - x\nby:\n  a: 1\n"


def test_records_and_texts_can_be_read(graphflow: Command, folder: Path) -> None:
    (folder / "records.py").write_text(
        "from pydantic import BaseModel\nfrom graphflow import END, START, Graph\n"
        "class Fact(BaseModel):\n    of: str\n    says: list[str]\n"
        "class State(BaseModel):\n    facts: list[Fact] = []\n"
        "    notes: str = ''\n    n: int = 0\n    end: str = ''\n"
        "graph = Graph('records', State)\n"
        "@graph.node\n"
        "def work(state: State) -> dict[str, object]:\n"
        "    facts = [{'of': 'owls', 'says': ['a', 'b']}, {'of': 'mice', 'says': []}]\n"
        "    return {'facts': facts, 'notes': 'one\\ntwo', 'n': 3, 'end': 'short'}\n"
        "graph.chain(START, work, END)\n"
    )
    said = graphflow("run", "records.py")
    assert said.out == (
        "facts:\n  - of: owls\n    says:\n      - a\n      - b\n  - of: mice\n    says: []\n"
        "\nnotes:\none\ntwo\n\n"
        "n: 3\nend: short\n"
    )


def test_a_run_without_a_language_model_says_so_first(
    graphflow: Command, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("GRAPHFLOW_MODEL", "OPENAI_API_KEY", "OPENAI_BASE_URL", "OPENAI_DEFAULT_MODEL"):
        monkeypatch.delenv(name, raising=False)
    (folder / "agent.py").write_text(
        "from pydantic import BaseModel\nfrom graphflow import END, START, Agent, Graph\n"
        "class State(BaseModel):\n    text: str\n    short: str = ''\n"
        "graph = Graph('agent', State)\n"
        "node = graph.node(Agent('sum', 'Summarise the text.', prompt='{text}'), writes='short')\n"
        "graph.chain(START, node, END)\n"
    )
    said = graphflow("run", "agent.py", "text=Owls hunt at night. They hear well.")
    assert said.code == 0, said.err
    first = said.err.splitlines()[0]
    assert first.startswith("model      offline:extractive (no language model: ")
    assert graphflow("run", "agent.py", "text=Owls hunt.", "--json").json["model"] == "offline:extractive"
    refused = graphflow("run", "agent.py", "text=Owls hunt.", "--model", "openai/large")
    assert (refused.code, refused.out) == (2, "")
    assert "OPENAI_API_KEY" in refused.err


def test_what_is_used_up_and_the_option_that_gives_more(graphflow: Command) -> None:
    """S13.2: why a run ended exhausted is told with the option to type."""
    said = graphflow("run", "essay.py", "topic=owls", "--budget-steps", "2")
    assert "           the budget of 2 steps is used up; --budget-steps gives more\n" in said.err


def test_a_graph_that_ends_in_fail_reads_well(graphflow: Command, folder: Path) -> None:
    (folder / "unliked.py").write_text(
        "from pydantic import BaseModel\nfrom graphflow import END, FAIL, START, Graph, fields\n"
        "class State(BaseModel):\n    is_liked: bool = False\n"
        "graph = Graph('unliked', State)\ngraph.edge(START, END, when=fields(State).is_liked)\n"
        "graph.edge(START, FAIL('nobody liked it'))\n"
    )
    said = graphflow("run", "unliked.py")
    assert said.code == 1
    assert plain(said.err) == (
        "run        r-1  unliked\n"
        "failed     0 steps in T\n"
        "at         FAIL: nobody liked it\n"
        "[GF220] Run r-1: Graph 'unliked' ended in FAIL: nobody liked it\n"
        "  where  unliked.py:7   graph.edge(START, FAIL('nobody liked it'))\n"
        "  why    The edge from START was taken. (S1.1)\n"
        "         the last steps were START:1 -> FAIL: nobody liked it\n"
        "  fix    If it should have gone on, go back to before that: "
        "with --store runs.db a run is kept, and can be run again from there.\n"
    )


def test_a_tool_that_raises_is_told_to_people(graphflow: Command, folder: Path) -> None:
    (folder / "shop.py").write_text(
        "from pydantic import BaseModel\nfrom graphflow import END, START, Agent, Graph\n"
        "from graphflow.models import ScriptedModel, tool_call\n"
        "class State(BaseModel):\n    text: str = ''\n"
        "def price(name: str) -> int:\n    'The price.'\n    return {'pot': 3}[name]\n"
        "model = ScriptedModel([tool_call('price', name='cup'), 'Nobody knows.'])\n"
        "graph = Graph('shop', State)\n"
        "node = graph.node(Agent('sell', 'Sell.', prompt='A cup?', tools=[price], model=model), writes='text')\n"
        "graph.chain(START, node, END)\n"
    )
    said = graphflow("run", "shop.py")
    assert said.code == 0, said.err
    assert re.search(r"✗ sell +tool price failed: KeyError: 'cup'\n", said.err)
