"""How paths and costs are written."""

from __future__ import annotations

from graphflow.cli.wording import PATH_LENGTH, path_line, spent
from graphflow.core.usage import Usage
from graphflow.service.spots import spot_of
from graphflow.views.measures import dollars


def test_a_cursor_is_taken_apart() -> None:
    spot = spot_of("team:2/plan:1[3]/dig:1[0]/look%2Fup:2")
    assert (spot.groups, spot.branches, spot.node, spot.visit) == (("team",), (3, 0), "look/up", 2)
    assert (spot.fork, spot.branch) == ("team:2/plan:1", 3)


def test_branches_that_differ_are_written_side_by_side() -> None:
    path = ["present:1", "present:1[0]/pro:1", "present:1[0]/check:1", "present:1[1]/con:1", "judge:1"]
    assert path_line(path, ">") == "present > (pro > check | con) > judge"


def test_branches_of_several_nodes_are_counted_once() -> None:
    path = [f"plan:1[{k}]/{node}:1" for k in range(3) for node in ("dig", "sum")]
    assert path_line(path, ">") == "(dig > sum) ×3"


def test_two_forks_behind_each_other_stay_two() -> None:
    path = ["a:1[0]/x:1", "a:1[1]/x:1", "a:2[0]/x:1"]
    assert path_line(path, ">") == "x ×2 > x"


def test_the_middle_of_a_long_path_is_left_out() -> None:
    line = path_line([f"n{k}:1" for k in range(1_000)], ">")
    assert f"({1_000 - PATH_LENGTH} more)" in line
    assert line.startswith("n0 > ")
    assert line.endswith(" > n999")


def test_an_unknown_price_is_unknown_and_never_zero() -> None:
    """S13.1."""
    assert dollars(None) == "cost unknown"
    assert spent(Usage(model_calls=2, input_tokens=1_500, output_tokens=20, usd=None)) == [
        "2 model calls", "1.5k tokens", "cost unknown",
    ]  # fmt: skip
    assert spent(Usage(steps=3)) == []
