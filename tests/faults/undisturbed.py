"""What a disturbed run is held against: one that nothing happened to."""

from __future__ import annotations

from contextlib import closing
from typing import Any

from tests.faults.places import Drivers

STEPS = 60


def check_whole(drivers: Drivers, most_repeated: int, run_id: str = "r", steps: int = STEPS) -> None:
    """The run ended as an undisturbed one, each step is in its journal once, and hardly any was performed again."""
    assert [at for at in drivers.place.finished(run_id) if at.startswith("step")] == [
        f"step:{n + 1}" for n in range(steps)
    ]
    with closing(drivers.place.open()) as store:
        row = store.row(run_id)
    assert row.standing.status == "done"
    assert row.standing.state is not None
    assert (row.standing.state["left"], row.standing.state["done"]) == (0, list(range(steps)))
    performed = drivers.logged("step")
    if run_id == "r":
        assert performed.total() - steps <= most_repeated
        assert set(performed) == {f"step {number}" for number in range(steps)}


def check_told(told: dict[str, Any], *words: str) -> None:
    """What stopped the run says why, what is safe, and how to go on."""
    assert told["code"] == "GF307", told
    for word in (*words, "What was committed before is safe", "esume the run"):
        assert word in told["error"], told["error"]
