"""S10.3: a question with a timer is asked until its time is over; then the run goes on along the timer edge."""

from __future__ import annotations

import os
import re
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from graphflow.cli.questions import TimeOver, clock, prompt
from graphflow.runtime.run import Question
from tests.cli.commands import DESK, Command


@pytest.fixture
def pipe(monkeypatch: pytest.MonkeyPatch) -> Iterator[int]:
    """A standard input that somebody sits at who has typed nothing so far: the end to type at."""
    monkeypatch.setattr("graphflow.cli.session.may_prompt", lambda: True)
    reading, writing = os.pipe()
    with os.fdopen(reading) as stdin:
        monkeypatch.setattr("sys.stdin", stdin)
        yield writing
        os.close(writing)


@pytest.fixture
def timed(folder: Path) -> Path:
    """A question that is withdrawn at once, for another that stays open for an hour."""
    (folder / "timed.py").write_text(
        DESK.replace(
            "@graph.node", "later = graph.ask('later', 'Later?', answer=bool, writes=desk.is_sent)\n@graph.node"
        )
        + "graph.edge(approve, later, after_s=0.05)\n"
        "graph.edge(later, END)\n"
        "graph.edge(later, rewrite, after_s=3600, at_most=1)\n"
    )
    return folder / "timed.py"


def test_a_prompt_stops_at_the_deadline_and_the_timer_edge_is_taken(graphflow: Command, timed: Path, pipe: int) -> None:
    def type_when_asked(question: Question, until: float | None = None) -> object:
        if question.node == "later":
            os.write(pipe, b"yes\n")
        return prompt(question, until)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("graphflow.cli.session.prompt", type_when_asked)
        said = graphflow("run", "timed.py")
    assert said.code == 0, said.err
    assert "Its time is over." in said.err
    assert "later asks (until " in said.err
    assert said.out == "is_sent: true\n"


def test_an_answer_after_the_deadline_does_not_win(pipe: int) -> None:
    os.write(pipe, b"yes\n")
    with pytest.raises(TimeOver):
        prompt(Question("q:1", "q", "Well?", bool, 1.0), 1.0)
    soon = time.time() + 3600
    os.write(pipe, b"no\n")
    answer = prompt(Question("q:1", "q", "Well?", bool, soon), soon)
    assert answer is not None


def test_where_nobody_is_asked_the_deadline_is_told(graphflow: Command, timed: Path) -> None:
    said = graphflow("run", "timed.py")
    assert said.code == 3
    assert re.search(r"approve:1 asks \(yes or no, until \d\d:\d\d:\d\d\):", said.err)
    [question] = graphflow("run", "timed.py", "--json", "--quiet").json["questions"]
    assert abs(question["due"] - time.time()) < 3600


def test_a_clock_names_the_day_where_it_is_another() -> None:
    assert re.fullmatch(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d", clock(86_400.0))
    assert re.fullmatch(r"\d\d:\d\d:\d\d", clock(time.time()))
