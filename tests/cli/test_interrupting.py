"""S14.2: Ctrl-C on the command line, while plain code holds the event loop. No further node begins."""

from __future__ import annotations

import signal
from pathlib import Path

import pytest

from graphflow.cli.main import main
from tests.cli.commands import Command
from tests.cli.test_process import start

HELD = """
import signal
from pathlib import Path

from pydantic import BaseModel

from graphflow import END, START, Agent, Graph, fields
from graphflow.models import ScriptedModel

HERE = Path(__file__).parent


class State(BaseModel):
    one: str = ""
    two: str = ""
    three: str = ""


state = fields(State)
pressed = 0


def held(request: object = None) -> str:
    global pressed
    pressed += 1
    (HERE / "log").write_text("called " * pressed)
    if pressed == 2:
        {press}
    return "an owl"


model = ScriptedModel(held)
graph = Graph("held", State)
agents = [graph.node(Agent(name, "Write.", prompt="Go.", model=model), writes=getattr(state, name)) for name in (
    "one", "two", "three")]
graph.chain(START, *agents, END)

swallowing = Graph("swallowing", State)


def swallow(view: State) -> str:
    try:
        return held()
    except BaseException:
        return "swallowed"


swallowing.chain(START, *(swallowing.node(swallow, name=name, writes=getattr(state, name)) for name in (
    "one", "two", "three")), END)
"""
ONCE = "signal.raise_signal(signal.SIGINT)"


@pytest.fixture
def held(folder: Path) -> Path:
    (folder / "held.py").write_text(HELD.replace("{press}", ONCE))
    return folder


@pytest.mark.parametrize(("graph", "at"), [("graph", "two:1"), ("swallowing", "three:1")])
def test_the_step_that_holds_the_loop_is_the_last(held: Path, graphflow: Command, graph: str, at: str) -> None:
    """S14.2, S11.1: an agent's call is not torn, and not made again; a node that catches what strikes it is the last."""
    said = graphflow("run", f"held.py:{graph}", "--store", "runs.db", "--run-id", "h", "--json")
    assert said.code == 130
    assert (said.json["status"], said.json["frontier"]) == ("running", [at])
    state = graphflow("runs", "resume", "h", "--store", "runs.db", "--json").json["state"]
    assert state["two"] == ("swallowed" if graph == "swallowing" else "an owl")
    assert len((held / "log").read_text().split()) == 3


def test_it_says_that_it_waits_for_what_holds_the_loop(held: Path, capfd: pytest.CaptureFixture[str]) -> None:
    assert main(["run", "held.py"]) == 130
    assert "Ctrl-C: stops once what is at work lets go; Ctrl-C again stops at once." in capfd.readouterr().err


def test_a_second_one_strikes_in_the_model(held: Path, graphflow: Command) -> None:
    (held / "held.py").write_text(HELD.replace("{press}", f"{ONCE}; {ONCE}"))
    said = graphflow("run", "held.py", "--json")
    assert (said.code, said.json["frontier"], said.json["state"]["two"]) == (130, ["two:1"], "")


def test_a_third_one_ends_the_process(held: Path) -> None:
    """Code that catches everything, for ever, cannot hold on to the process."""
    (held / "held.py").write_text(
        HELD.replace("{press}", f"print('at work', flush=True); {ONCE}; {ONCE}; {ONCE}").replace(
            "return held()", "return held() if pressed != 1 else again()"
        )
        + """

def again():
    global pressed
    pressed += 1
    for strike in range(3):
        try:
            signal.raise_signal(signal.SIGINT)
        except BaseException:
            pass
    return "still here"
"""
    )
    process = start(held, ["run", "held.py:swallowing"])
    out, err = process.communicate(timeout=60)
    assert process.returncode == -signal.SIGINT
    assert "still here" not in out + err
