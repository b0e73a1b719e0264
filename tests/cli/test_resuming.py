"""``graphflow runs resume`` and ``rerun``: a run that is kept goes on, from any folder, as often as it takes."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

import pytest

from graphflow.service.targets import load
from graphflow.stores import SQLiteStore
from tests.cli.commands import Command, forget

STORE = ("--store", "runs.db")


def test_a_failed_run_goes_on_once_its_cause_is_mended(graphflow: Command, folder: Path) -> None:
    """S14.3: resuming a failed run gives new attempts."""
    said = graphflow("run", "broken.py", "--run-id", "bad", *STORE)
    assert said.code == 1
    assert "go on from there: graphflow runs resume bad --store runs.db.\n" in said.err
    text = (folder / "broken.py").read_text()
    (folder / "broken.py").write_text(text.replace("1 // state.n", "7"))
    forget(folder)
    said = graphflow("runs", "resume", "bad", *STORE)
    assert (said.code, said.out) == (0, "n: 7\n")
    assert "run        bad  broken, from entry 4\n" in said.err
    assert graphflow("runs", "show", "bad", "--json", *STORE).json["status"] == "done"


def test_a_used_up_budget_says_how_to_go_on_and_a_larger_one_does(graphflow: Command) -> None:
    """S13.2: the run ends exhausted, and is resumable with a larger budget."""
    said = graphflow("run", "essay.py", "topic=owls", "--run-id", "owls", "--budget-steps", "2", *STORE)
    assert said.code == 4
    assert "go on      graphflow runs resume owls --store runs.db --budget-steps N\n" in said.err
    said = graphflow("runs", "resume", "owls", "--budget-steps", "3", "--json", *STORE)
    assert (said.code, said.json["status"], said.json["usage"]["steps"]) == (4, "exhausted", 3)
    said = graphflow("runs", "resume", "owls", "--budget-steps", "9", *STORE)
    assert said.code == 0
    assert "4 steps in" in said.err
    assert said.err.count("✓") == 1  # what was told before is not told again


def test_a_waiting_run_goes_on_with_an_answer_from_another_folder(
    graphflow: Command, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    said = graphflow("run", "desk.py", "--run-id", "d", *STORE)
    assert said.code == 3
    assert "graphflow runs answer d approve VALUE --store runs.db --resume\n" in said.err
    (folder / "else").mkdir()
    monkeypatch.chdir(folder / "else")
    forget(folder)
    monkeypatch.setattr("sys.path", [path for path in __import__("sys").path if path != str(folder)])
    assert graphflow("runs", "resume", "d", "--store", "../runs.db").code == 3
    said = graphflow(
        "runs", "resume", "d", "--answer", "approve=no", "--answer", "approve=yes", "--store", "../runs.db"
    )
    assert (said.code, said.out) == (0, "is_sent: true\nreply: Yes.\n")


def test_a_graph_that_has_moved_is_named(graphflow: Command, folder: Path) -> None:
    graphflow("run", "desk.py", "--run-id", "d", *STORE)
    (folder / "desk.py").rename(folder / "counter.py")
    forget(folder)
    said = graphflow("runs", "resume", "d", *STORE)
    assert said.code == 5
    assert "[GF530]" in said.err
    assert "--graph FILE:graph" in said.err
    assert graphflow("runs", "resume", "d", "--graph", "counter.py", "--answer", "approve=yes", *STORE).code == 0


def test_a_run_of_a_program_is_found_by_the_name_of_its_graph(graphflow: Command, folder: Path) -> None:
    (folder / "program.py").write_text(
        (folder / "desk.py").read_text().replace("graph", "flow").replace("flowflow", "graphflow")
    )
    target = load("program.py:flow")
    target.graph.found_at = ""
    with closing(SQLiteStore(folder / "runs.db")) as store:
        target.graph.run_sync({}, store=store, run_id="d")
    (run,) = graphflow("runs", "list", "--json", *STORE).json["runs"]
    assert run["target"].endswith("program.py")
    said = graphflow("runs", "resume", "d", "--answer", "approve=yes", *STORE)
    assert said.code == 0, said.err


def test_a_changed_graph_is_refused_with_what_changed(graphflow: Command, folder: Path) -> None:
    """S16: it goes on if what it needs is still there, else it is refused with the diff, and nothing has changed."""
    graphflow("run", "desk.py", "--run-id", "d", *STORE)
    text = (folder / "desk.py").read_text()
    (folder / "desk.py").write_text(text.replace('"approve"', '"allow"'))
    forget(folder)
    before = graphflow("runs", "show", "d", "--json", *STORE).json["seq"]
    said = graphflow("runs", "resume", "d", *STORE)
    assert said.code == 1
    assert "[GF304]" in said.err
    assert "The run stands at node 'approve' (approve:1), which is gone." in said.err
    assert graphflow("runs", "show", "d", "--json", *STORE).json["seq"] == before
    (folder / "desk.py").write_text(text.replace('return "Yes."', 'return "Surely."').replace("at_most=1", "at_most=2"))
    forget(folder)
    said = graphflow("runs", "resume", "d", "--answer", "approve=no", "--answer", "approve=yes", *STORE)
    assert (said.code, said.out) == (0, "is_sent: true\nreply: Surely.\n")
    assert "✓  approve" in graphflow("runs", "show", "d", *STORE).out


def test_a_run_that_has_ended_does_not_go_on(graphflow: Command) -> None:
    graphflow("run", "essay.py", "topic=owls", "--run-id", "owls", *STORE)
    said = graphflow("runs", "resume", "owls", *STORE)
    assert said.code == 1
    assert "graphflow runs rerun owls --store runs.db --at SEQ" in said.err


def test_a_run_that_never_began_says_so(graphflow: Command, folder: Path) -> None:
    store = SQLiteStore(folder / "runs.db")
    store.create("none", load("desk.py").graph.plan())
    store.close()
    for action in ("resume", "show", "export"):
        said = graphflow("runs", action, "none", *STORE)
        assert said.code in (1, 5), said.err
    assert "never began" in graphflow("runs", "show", "none", *STORE).err
    assert "nobody: it never began" in graphflow("runs", "list", *STORE).out


def test_the_model_of_the_run_is_its_model_again(
    graphflow: Command, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """S3.8: given again at a resume, unless another is named."""
    for name in ("GRAPHFLOW_MODEL", "OPENAI_API_KEY", "OPENAI_BASE_URL", "OPENAI_DEFAULT_MODEL"):
        monkeypatch.delenv(name, raising=False)
    (folder / "agent.py").write_text(
        "from pydantic import BaseModel\nfrom graphflow import END, START, Agent, Graph\n"
        "class State(BaseModel):\n    text: str\n    is_fine: bool = False\n    short: str = ''\n"
        "graph = Graph('agent', State)\n"
        "ask = graph.ask('ask', 'Fine?', answer=bool, writes='is_fine')\n"
        "node = graph.node(Agent('sum', 'Summarise the text.', prompt='{text}'), writes='short')\n"
        "graph.chain(START, ask, node, END)\n"
    )
    assert graphflow("run", "agent.py", "text=Owls hunt.", "--model", "offline", "--run-id", "a", *STORE).code == 3
    monkeypatch.setenv("GRAPHFLOW_MODEL", "openai/large")  # which has no key
    assert graphflow("runs", "resume", "a", "--model", "openai/large", *STORE).code == 2
    said = graphflow("runs", "resume", "a", "--answer", "ask=yes", "--json", *STORE)
    assert (said.code, said.json["model"]) == (0, "offline:extractive"), said.err


def test_a_rerun_goes_another_way_from_an_entry_of_an_old_run(graphflow: Command) -> None:
    """S15.3: a new run, the old one is unchanged."""
    graphflow("run", "essay.py", "topic=owls", "--run-id", "one", *STORE)
    said = graphflow("runs", "rerun", "one", "--at", "3", "score=5", "--run-id", "two", "--json", *STORE)
    assert (said.code, said.json["run"], said.json["state"]["score"]) == (0, "two", 9)
    assert said.json["path"] == ["write:1", "review:1"]
    data = graphflow("runs", "list", "--json", *STORE).json["runs"]
    assert [(run["run"], run["parent"], run["steps"]) for run in data] == [("two", "one", 2), ("one", None, 4)]
    shown = graphflow("runs", "show", "two", *STORE)
    assert "rerun of   one, from entry 3: what is up to there is from one, 1 step of those spent too\n" in shown.out
    assert "resumed" not in shown.out.lower()
    data = graphflow("runs", "show", "two", "--json", *STORE).json
    assert (data["parent"], data["parent_seq"], data["resumed"]) == ("one", 3, 0)
    assert graphflow("runs", "resume", "two", *STORE).code == 1
    assert graphflow("runs", "rerun", "one", "--at", "3", "skore=5", *STORE).code == 2
    assert graphflow("runs", "rerun", "one", "--at", "7", *STORE).code == 1
    assert graphflow("runs", "rerun", "one", *STORE).code == 2
    unnamed = graphflow("runs", "rerun", "one", "--at", "1", "--json", *STORE).json
    assert unnamed["run"].startswith("r-")
