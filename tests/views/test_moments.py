"""A run at any of its entries is the same whichever way one came there, and its spans are what its figures say."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import replace
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given, settings

from graphflow.core.journal import Entry, decode
from graphflow.core.plan import Plan
from graphflow.core.replay import replay
from graphflow.runtime.run import Run
from graphflow.views import moments, standing
from graphflow.views.drawing import path_of
from graphflow.views.extraction import extract
from graphflow.views.folding import Folding, overlay_of
from graphflow.views.marking import cut, width_of
from graphflow.views.moments import Moments
from graphflow.views.overlay import Overlay
from tests.properties.laws import LAWS, SEEDS, begun, shuffled, walked
from tests.random_graphs import Scenario, scenarios
from tests.views.runs import asking, looping, mapping, nesting, retrying, run_of


def _journal(scenario: Scenario, seed: int) -> list[Entry]:
    driven = begun(scenario.plan, scenario)
    walked(driven, shuffled(seed))
    return [decode(text) for text in driven.journal]


def _plain(overlay: Overlay) -> Overlay:
    return replace(overlay, whys={})


@settings(LAWS, max_examples=25)
@given(scenarios(), SEEDS)
def test_every_moment_is_what_a_fold_of_all_before_it_shows(scenario: Scenario, seed: int) -> None:
    """S15.2: from a copy kept on the way, forwards and backwards, while the run goes on."""
    plan, journal = scenario.plan, _journal(scenario, seed)
    plans, drawing = {plan.fingerprint: plan}, extract(plan)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(moments, "_APART", 3)
        patch.setattr(moments, "_MOST", 4)
        half = max(1, len(journal) // 2)
        seen = Moments(plans, journal[:half], drawing, plan)
        assert _plain(seen.overlay(half)) == _plain(overlay_of(plans, journal[:half], half, drawing, plan))
        seen.extend(journal[half:])
    for seq in (*range(len(journal), 0, -3), *range(1, len(journal) + 1, 4)):
        assert seen.overlay(seq) == _plain(overlay_of(plans, journal, seq, drawing, plan))
    ways = {
        seq: arrow for arrow, numbers in seen.overlay(len(journal)).taken.items() for seq in numbers if "~" not in arrow
    }
    assert ways.items() <= dict(seen.ways).items()
    for seq in {2, half + 1, len(journal)} - {1}:
        machine = seen.before(seq)
        if machine is not None:
            known = replay(plans, journal[: seq - 1])
            assert (machine.seq, machine.root.read()) == (known.seq, known.root.read())


@settings(LAWS, max_examples=25)
@given(scenarios(), SEEDS)
def test_spans_are_the_time_of_their_nodes_piece_by_piece(scenario: Scenario, seed: int) -> None:
    plan, journal = scenario.plan, _journal(scenario, seed)
    plans = {plan.fingerprint: plan}
    drawing = extract(plan, expand=9)
    seen = Moments(plans, journal, drawing, plan)
    spans = seen.spans
    assert all(span.begin <= span.end for span in spans)
    by_cursor: dict[str, list[tuple[float, float]]] = defaultdict(list)
    for span in spans:
        by_cursor[span.cursor].append((span.begin, span.end))
    for pieces in by_cursor.values():
        assert all(one[1] <= other[0] for one, other in pairwise(pieces))
    seconds: dict[str, float] = defaultdict(float)
    for span in spans:
        seconds[span.path] += span.end - span.begin
    marks = seen.overlay(len(journal)).marks
    for path, total in seconds.items():
        mark = marks.get(f"n.{path}")
        if mark is not None and not standing.is_over(seen.machine):
            assert mark.seconds == pytest.approx(total)


@pytest.mark.parametrize("make", [asking, looping, mapping, nesting, lambda: retrying(1)])
def test_the_moments_of_runs_are_theirs(make: Any) -> None:
    run: Run[Any] = run_of(make())
    plan: Plan = run.plan
    seen = Moments(run.plans, run.journal, extract(plan), plan)
    assert seen.machine.status == run.status
    for seq in range(1, run.seq + 1):
        machine = seen.before(seq)
        assert (machine is None) == (seq == 1)
        overlay = seen.overlay(seq)
        assert (overlay.seq, overlay.last) == (seq, run.seq)


def test_a_question_is_work_before_and_a_wait_after() -> None:
    run = run_of(asking())
    found = [(span.status, span.attempt) for span in Moments(run.plans, run.journal, extract(run.plan), run.plan).spans]
    assert ("waiting", 1) in found


def test_every_attempt_and_every_wait_between_them_has_its_span() -> None:
    """S8.1"""
    run = run_of(retrying(1))
    seen = Moments(run.plans, run.journal, extract(run.plan), run.plan)
    node = next(node.name for node in run.plan.nodes if node.retry is not None)
    found = [(span.status, span.attempt) for span in seen.spans if span.path == path_of(node)]
    assert found[:3] == [("failed", 1), ("retrying", 2), ("failed", 2)] or found == [
        ("failed", 1),
        ("retrying", 2),
        ("done", 2),
    ]


def test_to_go_back_folds_little(monkeypatch: pytest.MonkeyPatch) -> None:
    """From the nearest copy on, and not from the beginning."""
    run = run_of(looping())
    monkeypatch.setattr(moments, "_APART", 2)
    seen = Moments(run.plans, run.journal, extract(run.plan), run.plan)
    folded: list[int] = []
    take = Folding.take
    monkeypatch.setattr(
        Folding, "take", lambda self, entry, *rest: (folded.append(entry["seq"]), take(self, entry, *rest))
    )
    for seq in range(run.seq - 1, 1, -1):
        folded.clear()
        seen.overlay(seq)
        assert len(folded) <= 1
    assert run.seq > 4


def test_a_text_of_any_length_is_cut_at_once() -> None:
    """Names and errors may be as long as a book."""
    long = "word" * 250_000
    assert cut(long, 10, 168).endswith("…")
    assert width_of(cut(long, 10, 168), 10) <= 168
    assert cut("", 10, 168) == ""
    assert cut("iiii", 10, width_of("iiii", 10)) == "iiii"
