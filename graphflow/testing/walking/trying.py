"""Hypothesis at work on walks: it makes every choice, and makes what it finds as short as can be.

Deterministic unless told otherwise: the same graph is tried the same way each time. ``GRAPHFLOW_RUNS=10000`` makes so
many walks where a test says nothing else, and ``GRAPHFLOW_SEED=7``, or ``GRAPHFLOW_SEED=random``, makes others.
"""

from __future__ import annotations

import os
import random
from collections.abc import Callable
from typing import Any

from hypothesis import HealthCheck, Phase, Verbosity, given, seed, settings
from hypothesis.errors import Flaky, Unsatisfiable

from graphflow.errors.testing import NotDeterministic, NothingGenerated, TestingError
from graphflow.testing.values.choices import Choices, choices
from graphflow.testing.walking.telling import run_lines
from graphflow.testing.walking.walk import Broken

RUNS = 200
"""Walks of one test, unless it says otherwise."""


_EVERY_CHECK: Any = HealthCheck  # its metaclass says of what it iterates


def runs_of(asked: int | None) -> int:
    """How many walks a test makes. Raises TestingError."""
    found = asked if asked is not None else os.environ.get("GRAPHFLOW_RUNS", RUNS)
    try:
        number = int(found)
        if isinstance(asked, bool) or number < 1:
            raise ValueError
    except ValueError:
        raise TestingError(
            f"{'runs' if asked is not None else 'GRAPHFLOW_RUNS'}={found!r} is no number of walks",
            why="At least one walk is made.",
            fix="Write runs=200, or leave it out.",
        ) from None
    return number


def attempt(test: Callable[[Choices], None], runs: int, graph: str, *, shrinks: bool = True) -> Broken | None:
    """Try a test of walks: a walk that breaks it, with the fewest and simplest choices if it ``shrinks``; None if none did.

    Raises NotDeterministic and NothingGenerated, and whatever else the test raises.
    """

    @settings(
        max_examples=runs,
        deadline=None,
        database=None,
        derandomize=not _is_seeded(),
        phases=(Phase.generate, Phase.shrink) if shrinks else (Phase.generate,),
        suppress_health_check=list(_EVERY_CHECK),
        report_multiple_bugs=False,
        print_blob=False,
        verbosity=Verbosity.quiet,
    )
    @given(choices())
    def walks(data: Choices) -> None:
        test(data)

    try:
        (_seeded(walks) if _is_seeded() else walks)()
    except Broken as found:
        return found
    except Flaky as flaky:
        raise NotDeterministic(
            f"A walk through graph {graph!r}, made again, came to something else",
            why=_why(flaky),
            fix="A node, condition, strategy or stand-in looks at more than it is given: the clock, chance, a global that "
            "one walk leaves for the next. Record it with ctx.once, or make deps= anew: deps=lambda: FakeClient().",
        ) from None
    except Unsatisfiable:
        raise NothingGenerated(
            f"No walk through graph {graph!r} could be made",
            why="Whatever was drawn for the start, or for an answer, was rejected.",
            fix="Let the strategies of start= and agents= reject less: build values instead of filtering them.",
        ) from None
    return None


def _why(flaky: BaseException) -> str:
    """What of it a reader can use: the run that broke a law once, and not when it was made again."""
    inner: tuple[BaseException, ...] = getattr(flaky, "exceptions", ())
    broken = next((one for one in inner if isinstance(one, Broken)), None)
    if broken is not None:
        said = f"{broken.name!r} did not hold in this run, and held when it was made again:"
        run = run_lines(broken.walk.play, broken.walk.took)
        return "\n".join([said, *(line[2:] for line in run), *broken.breach.lines])
    return str(inner[0]) if inner else str(flaky).splitlines()[0]


def _is_seeded() -> bool:
    return bool(os.environ.get("GRAPHFLOW_SEED"))


def _seeded(walks: Any) -> Any:
    asked = os.environ.get("GRAPHFLOW_SEED", "")
    return seed(random.randrange(2**32) if asked == "random" else asked)(walks)
