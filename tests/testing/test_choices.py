"""What walks use of Hypothesis that is not public, all of it in ``graphflow.testing.values.choices``.

If one of these fails after an upgrade, that module is what has to be mended, or the range of Hypothesis in pyproject.toml.
"""

from __future__ import annotations

import random
import re
from inspect import signature
from pathlib import Path

import hypothesis
import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st
from hypothesis.internal.conjecture import data as inside

import graphflow.testing
from graphflow.errors.testing import HypothesisChanged, NothingGenerated
from graphflow.testing.values.choices import Choices, choices, drawn, listed, refused, source_class

_SEE = f"Hypothesis {hypothesis.__version__} has changed: mend graphflow/testing/values/choices.py, or the range in pyproject"


def test_hypothesis_is_still_as_walks_need_it() -> None:
    """Names, parameters, and that a failure shrinks to the simplest choices."""
    source = source_class()
    assert {"min_value", "max_value", "shrink_towards"} <= set(signature(source.draw_integer).parameters), _SEE
    least: list[tuple[int, bool, str]] = []

    @settings(max_examples=300, database=None, derandomize=True, phases=(Phase.generate, Phase.shrink))
    @given(choices())
    def drawn_together(data: Choices) -> None:
        found = (data.draw_integer(0, 100), data.draw_boolean(0.5), data.draw(st.sampled_from("abc")))
        if found[0] >= 17 and found[1]:
            least.append(found)
            raise AssertionError

    with pytest.raises(AssertionError):
        drawn_together()
    assert least[-1] == (17, True, "a"), _SEE
    assert drawn(st.integers(3, 3), random.Random(0)) == 3, _SEE


def test_the_values_of_short_strategies() -> None:
    told = {
        repr(one): list(listed(one)) for one in (st.sampled_from("ab"), st.just(1), st.booleans(), st.integers(2, 4))
    }
    assert list(told.values()) == [["a", "b"], [1], [False, True], [2, 3, 4]], _SEE
    for endless in (
        st.text(),
        st.integers(),
        st.integers(0, 1_000),
        st.sampled_from("ab").map(str),
        st.just(1).map(str),
    ):
        assert list(listed(endless)) == [], _SEE


def test_a_hypothesis_that_has_changed_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    class Other:
        def draw_integer(self, least: int, most: int) -> int:
            return least

    monkeypatch.setattr(inside, "ConjectureData", Other)
    with pytest.raises(
        HypothesisChanged, match=r"draw_integer\(\) of its source of choices takes no min_value"
    ) as told:
        source_class()
    assert told.value.code == "GF609"
    assert hypothesis.__version__ in str(told.value)
    assert "pip install 'graphflow-agents[test]'" in told.value.fix
    monkeypatch.delattr(inside, "ConjectureData")
    with pytest.raises(HypothesisChanged, match="ConjectureData"):
        source_class()


def test_what_is_refused_outside_a_test_is_an_error() -> None:
    with pytest.raises(NothingGenerated, match="Validators refused"):
        refused()
    with pytest.raises(NothingGenerated, match="all were rejected"):
        drawn(st.integers().filter(lambda number: False), random.Random(0))


def test_no_other_module_knows_hypothesis_from_inside() -> None:
    folder = Path(graphflow.testing.__file__).parent
    inner = re.compile(r"hypothesis\.(internal|strategies\._internal)|ConjectureData|mark_invalid")
    knowing = {path.name for path in folder.rglob("*.py") if inner.search(path.read_text(encoding="utf-8"))}
    assert knowing == {"choices.py"}
