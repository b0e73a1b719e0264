"""Values that validators accept: drawn again on the spot where they are refused, and an error where all of them are."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from hypothesis import HealthCheck, Phase, Verbosity, find, reject, settings
from hypothesis import strategies as st
from hypothesis.control import currently_in_test_context
from hypothesis.errors import HypothesisException, NoSuchExample, Unsatisfiable
from pydantic import ValidationError
from pydantic_core import SchemaValidator

from graphflow.errors.testing import NothingGenerated
from graphflow.testing.values.scalars import Values

_TRIES = 30
_HOPELESS = 2_000
_EVERY_CHECK: list[Any] = list(HealthCheck)
_PROBE = settings(
    max_examples=10, database=None, deadline=None, derandomize=True, phases=[Phase.generate],
    suppress_health_check=_EVERY_CHECK, verbosity=Verbosity.quiet,
)  # fmt: skip


class Hopeless(BaseException):
    """Nothing of very many values was accepted. A BaseException, which Hypothesis lets pass at once."""


class Attempts:
    """What became of the values that were tried at one place."""

    def __init__(self, where: str) -> None:
        self.where = where
        self.accepted = 0
        self.refused = 0
        self.reason = ""
        self.is_counted = False

    def refuse(self, error: Exception) -> None:
        """One more value was refused. Raises Hopeless where that is asked, if all were, and they were many."""
        self.refused += 1
        if isinstance(error, ValidationError):
            found = error.errors(include_url=False)[0]
            place = ".".join(map(str, found["loc"]))
            self.reason = f"{place}: {found['msg']}" if place else found["msg"]
        else:
            self.reason = f"{type(error).__name__}: {error}"
        if self.is_counted and self.refused >= _HOPELESS and not self.accepted:
            raise Hopeless


def nothing(where: str, why: str) -> NothingGenerated:
    """The error for what no value can be made for."""
    name = re.match(r"'(\w+)' of (\w+)$", where)
    model, given = (name[2], f"{name[1]}=") if name else ("Model", "field=")
    return NothingGenerated(
        f"No value could be made up for {where}",
        why=why,
        fix=f"Give a strategy for what it takes: state_strategy({model}, {given}st.sampled_from([...])).",
    )


_had_some: set[str] = set()


def prove_some(strategy: Values, where: str, tried: Sequence[Attempts], key: str) -> None:
    """Draw one value, so that a strategy which has none is told where it was asked for.

    Raises NothingGenerated, naming the innermost place at which all was refused. (Hypothesis would say that a test is
    unsatisfiable, and it is to be told before: what a strategy draws may not depend on what it drew earlier.) Within a
    test, where the same strategy is made again and again, that is done once: ``key`` tells which is the same.
    """
    is_within = currently_in_test_context()
    if is_within and key in _had_some:
        return
    for one in tried:
        one.is_counted = True
    try:
        if is_within:  # where Hypothesis allows no other search
            with ThreadPoolExecutor(1, "graphflow testing") as thread:
                thread.submit(_draw_one, strategy).result()
        else:
            _draw_one(strategy)
    except (Hopeless, NoSuchExample, Unsatisfiable):
        for one in tried:
            if one.refused and not one.accepted:
                why = f"Every value that was tried was refused. The last one: {one.reason}"
                raise nothing(one.where, why) from None
        raise nothing(where, "Hundreds of values were tried, and its constraints let none of them pass.") from None
    finally:
        for one in tried:
            one.is_counted = False
    _had_some.add(key)


def _draw_one(strategy: Values) -> None:
    find(strategy, lambda _: True, settings=_PROBE)


@st.composite
def accepted(draw: st.DrawFn, inputs: Values, attempt: Callable[[Any], Any], attempts: Attempts) -> Any:
    """What ``attempt`` makes of an input that it accepts; several are tried."""
    for _ in range(_TRIES):
        value = draw(inputs)
        try:
            made = attempt(value)
        except HypothesisException:
            raise
        except Exception as error:  # a validator may raise whatever it likes at values that are not meant
            attempts.refuse(error)
        else:
            attempts.accepted += 1
            return made
    return reject()


def fitting(validator: SchemaValidator) -> Callable[[Any], bool]:
    def fits(value: Any) -> bool:
        try:
            validator.validate_python(value, by_alias=False, by_name=True)
        except Exception:  # a validator may raise whatever it likes
            return False
        return True

    return fits
