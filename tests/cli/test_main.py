"""Commands are found, helped with, and end with the exit code that scripts rely on."""

from __future__ import annotations

from pathlib import Path

import pytest

from graphflow import __version__
from graphflow.cli import exits
from graphflow.cli.main import COMMANDS
from graphflow.cli.output import visible
from graphflow.cli.runs import ACTIONS
from graphflow.errors import (
    AnswerInvalid,
    DrawingError,
    GraphflowError,
    InputInvalid,
    ModelUnavailable,
    RunBusy,
    RunNotFound,
    StoreError,
    TargetNotFound,
    UsageError,
)
from tests.cli.commands import Command

HELP = Path(__file__).parent / "help"
NAMES = ["", *COMMANDS, *(f"runs {action}" for action in ACTIONS)]


@pytest.mark.parametrize("name", NAMES)
def test_the_help_is_as_it_was_written(graphflow: Command, name: str) -> None:
    said = graphflow(*name.split(), "--help")
    assert (said.code, said.err) == (0, "")
    assert said.out == (HELP / f"{name.replace(' ', '_') or 'graphflow'}.txt").read_text()


@pytest.mark.parametrize("name", NAMES)
def test_the_help_fits_a_terminal_of_eighty_columns(graphflow: Command, name: str) -> None:
    before, _, examples = graphflow(*name.split(), "--help").out.partition("examples:")
    assert all(len(line) <= 80 for line in before.splitlines())
    assert examples


def test_the_version(graphflow: Command) -> None:
    assert graphflow("--version").out == f"graphflow {__version__}\n"


def test_nothing_typed_is_a_usage_error_that_shows_the_help(graphflow: Command) -> None:
    said = graphflow()
    assert (said.code, said.out) == (2, "")
    assert "commands:" in said.err


def test_a_misspelt_command_names_the_nearest(graphflow: Command) -> None:
    said = graphflow("chek")
    assert said.code == 2
    assert said.err == (
        "[GF501] graphflow: there is no command 'chek'\n"
        "  why    usage: graphflow COMMAND ...\n"
        "  fix    Did you mean 'check'?\n"
    )


def test_a_misspelt_action_names_the_nearest(graphflow: Command) -> None:
    said = graphflow("runs", "lst", "--store", "runs.db")
    assert (said.code, said.out) == (2, "")
    assert said.err == (
        "[GF501] graphflow runs: there is no action 'lst'\n"
        "  why    usage: graphflow runs ACTION ...\n"
        "  fix    Did you mean 'list'?\n"
    )
    assert graphflow("runs").code == 2


def test_a_misspelt_option_names_the_nearest(graphflow: Command) -> None:
    said = graphflow("run", "essay.py", "--budgetsteps", "3", "topic=owls")
    assert said.code == 2
    assert "there is no option --budgetsteps" in said.err
    assert "Did you mean --budget-steps?" in said.err


def test_an_option_is_not_abbreviated(graphflow: Command) -> None:
    assert graphflow("run", "essay.py", "--budget-st", "3", "topic=owls").code == 2


def test_a_usage_error_is_json_where_json_was_asked_for(graphflow: Command) -> None:
    said = graphflow("run", "essay.py", "topic=owls", "--budget-steps", "many", "--json")
    assert (said.code, said.err) == (2, "")
    assert said.json["schema"] == "graphflow.error/1"
    assert said.json["error"]["code"] == "GF501"
    assert "no whole number" in said.json["error"]["what"]


def test_an_error_of_a_users_own_code_is_told_without_a_traceback(graphflow: Command, folder: Path) -> None:
    (folder / "odd.py").write_text(
        "from pydantic import BaseModel, field_validator\nfrom graphflow import END, START, Graph\n"
        "class State(BaseModel):\n    n: int = 0\n"
        "    @field_validator('n')\n    @classmethod\n"
        "    def refuse(cls, n: int) -> int:\n        raise LookupError('no number today')\n"
        "graph = Graph('odd', State)\ngraph.edge(START, END)\n"
    )
    said = graphflow("run", "odd.py", "n=1")
    assert said.code == 1
    assert "[GF500] LookupError: no number today" in said.err
    assert "odd.py:8" in said.err
    assert "Traceback" not in said.err
    assert "Traceback" in graphflow("run", "odd.py", "n=1", "--debug").err


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (UsageError("x"), 2),
        (InputInvalid("x"), 2),
        (ModelUnavailable("x"), 2),
        (TargetNotFound("x"), 5),
        (RunNotFound("x"), 5),
        (AnswerInvalid("x"), 2),
        (RunBusy("x"), 1),
        (DrawingError("x", code="GF512"), 2),
        (DrawingError("x", code="GF513"), 5),
        (DrawingError("x", code="GF510"), 1),
        (StoreError("x"), 1),
    ],
)
def test_errors_have_their_exit_codes(error: GraphflowError, code: int) -> None:
    assert exits.exit_of_error(error) == code


def test_every_status_of_a_run_has_its_exit_code() -> None:
    """S14.1 names them all."""
    statuses = ("done", "failed", "cancelled", "waiting", "exhausted", "running")
    assert [exits.exit_of_status(status) for status in statuses] == [0, 1, 1, 3, 4, 130]


def test_what_is_printed_cannot_command_the_terminal() -> None:
    assert visible("a\x1b[2J\rb\u202e\n\tc é") == "a\\x1b[2J\\rb\\u202e\n\tc é"
