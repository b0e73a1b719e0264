"""A run written onto cards and arrows: words, glyphs, figures, in room that never changes."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, get_args
from xml.etree import ElementTree

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from graphflow import Graph
from graphflow.core.plan import Plan
from graphflow.core.usage import Usage
from graphflow.errors import ArgumentInvalid, DrawingError, HistoryPruned, RunError
from graphflow.stores import MemoryStore, prune_history
from graphflow.views import marking
from graphflow.views.diagram import Diagram
from graphflow.views.extraction import extract
from graphflow.views.overlay import Mark, Overlay, Status
from graphflow.views.theme import LIGHT, ThemeName, dark_of_light
from tests.views.layouts import Places, imagined, places, rights
from tests.views.runs import asking, looping, mapping, nesting, ready_graphs, retrying, run_of
from tests.views.samples import SAMPLES
from tests.views.test_drawing import plans

pytest.importorskip("pygraphviz")
READY = {graph.name: graph for graph in ready_graphs()}


def laid_out(plan: Plan, seed: int, theme: ThemeName = "light", **options: Any) -> Places:
    drawing = extract(plan, **options)
    return places(Diagram(drawing, theme, overlay=imagined(drawing, seed)).svg)


@pytest.mark.parametrize("name", READY)
def test_the_layout_of_a_ready_graph_is_the_same_whatever_a_run_did(name: str) -> None:
    plan = READY[name].plan()
    ways: tuple[dict[str, Any], ...] = ({}, {"expand": 9, "direction": "LR"}, {"detail": "full"})
    for options in ways:
        first = laid_out(plan, 0, **options)
        assert len(first) > len(plan.nodes)
        assert all(laid_out(plan, seed, **options) == first for seed in (1, 2, 3))


@settings(max_examples=40, deadline=None)
@given(plans(), st.integers(1, 10_000))
def test_the_layout_of_any_graph_is_the_same_whatever_a_run_did(plan: Plan, seed: int) -> None:
    assert laid_out(plan, seed) == laid_out(plan, 0)


def test_a_run_is_laid_out_alike_at_every_step() -> None:
    graph = mapping(at_once=2, broken=("b",), has_rescue=True)
    diagram = graph.draw(run_of(graph))
    stood = [places(diagram.at(step).svg) for step in diagram.steps]
    assert len(stood) > 8
    assert all(one == stood[0] for one in stood)


@pytest.mark.parametrize(("direction", "by"), [("TB", 26.0), ("LR", 13.0)])
def test_words_stand_beside_their_line_and_make_way_for_a_chip(direction: str, by: float) -> None:
    """A line across has the room of the chip on both sides of its words until then."""
    options: dict[str, Any] = {"direction": direction}
    graph = looping()
    diagram = graph.draw(run_of(graph), **options)
    before, after = (rights(diagram.at(step).svg) for step in (diagram.steps[0], diagram.steps[-1]))
    moved = {arrow: after[arrow][0] - before[arrow][0] for arrow in after if after[arrow]}
    assert moved == pytest.approx({"e.count.0": by, "e.count.1": by, "e.count.2": 0})
    if direction == "TB":
        straight = next(arrow for arrow in diagram.drawing.arrows if arrow.is_spine and arrow.labels)
        assert 1 < _offset(diagram.at(diagram.steps[0]).svg, straight.id) < 8


def _offset(svg: str, arrow: str) -> float:
    """How far right of its line the words of an arrow begin."""
    [line] = [one for one in ElementTree.fromstring(svg).iter() if str(one.get("id")).endswith(f"-{arrow}")]
    path = next(part for part in line if part.tag.endswith("path") and part.get("fill") == "none")
    return rights(svg)[arrow][0] - float(str(path.get("d"))[1:].split(",")[0])


def test_lines_that_were_taken_are_thick_and_failed_cards_have_a_thick_border() -> None:
    """Width of lines is a style here, which layout does not heed; it has to be drawn all the same."""
    graph = retrying(9)
    svg = graph.draw(run_of(graph)).svg
    groups = {str(group.get("id")): group for group in ElementTree.fromstring(svg).iter() if group.get("id")}
    widths = {
        name.split("-", 1)[1].split("-")[-1]: {part.get("stroke-width") for part in group if part.tag.endswith("path")}
        for name, group in groups.items()
    }
    assert "2.4" in widths["e.START.0"]
    assert "2.6" in widths["n.fetch"]
    assert "2.4" not in widths["e.fetch.0"]


@pytest.mark.parametrize("seed", range(4))
def test_one_svg_of_a_run_is_light_and_dark(seed: int) -> None:
    """Every colour that is drawn has a dark one that stands for it, and a rule that turns it."""
    drawing = extract(SAMPLES["intel"]())
    svg = Diagram(drawing, "auto", overlay=imagined(drawing, seed)).svg
    svg = svg.replace('stroke="black" stroke-width="0"', "")  # Graphviz's way to draw no border
    used = {value for value in re.findall(r'(?:fill|stroke)="([^"]+)"', svg) if value not in ("none", "transparent")}
    assert used <= set(dark_of_light())
    assert all(f"var(--gf-{colour[1:]},{colour})" in svg for colour in used)


def test_a_status_is_a_word_and_a_glyph_besides_a_colour() -> None:
    statuses: tuple[Status, ...] = get_args(Status)
    assert set(marking.GLYPHS) == set(marking.ROLES) == set(statuses)
    for status in statuses:
        drawing = extract(SAMPLES["essay"]())
        overlay = Overlay("r", 1, 1, "running", {"n.write": Mark(status)}, {}, {})
        diagram = Diagram(drawing, overlay=overlay)
        told = f"{marking.GLYPHS[status]} {status}"
        assert told in diagram.dot
        assert told in diagram.mermaid
        assert f"{marking.GLYPHS[status]} write    agent  {status}" in diagram.text


def test_figures_say_what_is_known_and_nothing_else() -> None:
    done = Mark("done", 2, 11.02, Usage(input_tokens=2_200, usd=0.011))
    assert marking.figures(done, "plans") == "×2 · 11 s · 2.2k tok · $0.011"
    assert marking.figures(Mark(), "plans the work") == "plans the work"
    assert marking.figures(Mark("done", 1, 0.5, Usage(input_tokens=3, usd=None)), "") == "0.5 s · 3 tok"
    failed = Mark("failed", note="RateLimited: " + "too much of it " * 9 + "· try 3 of 3")
    assert marking.figures(failed, "").endswith("… · try 3 of 3")
    assert marking.figures(Mark("running", cells=["done", "failed", "running"]), "") == "1 of 3 ok"


@pytest.mark.parametrize("heat", ["time", "cost", "tokens"])
def test_shares_are_of_the_whole_run(heat: marking.Heat) -> None:
    marks = {
        "n.a": Mark("done", 1, 3.0, Usage(input_tokens=30, usd=0.3)),
        "n.b": Mark("done", 1, 1.0, Usage(input_tokens=10, usd=0.1)),
    }
    shares = marking.shares(Overlay("r", 1, 1, "done", marks, {}, {}), heat)
    assert shares == pytest.approx({"n.a": 0.75, "n.b": 0.25})
    assert marking.shares(Overlay("r", 1, 1, "done", {"n.a": Mark()}, {}, {}), heat) == {}


@pytest.mark.parametrize("count", [0, 1, 5, 28, 29, 500])
def test_a_strip_of_branches_is_as_wide_as_its_card_however_many(count: int) -> None:
    strip = marking.extra_rows(
        Mark("running", cells=["done", "failed", "running", "not run"] * count), None, LIGHT, True
    )[0]
    assert sum(map(int, re.findall(r'WIDTH="(\d+)"', strip))) <= 168
    if count:
        assert all(LIGHT.shades[role].stroke in strip for role in ("done", "failed", "running"))


def test_text_and_mermaid_tell_what_the_run_did() -> None:
    graph = mapping(broken=("b",), failures="collect")
    diagram = graph.draw(run_of(graph))
    text = diagram.text.splitlines()
    assert text[1] == f"run {diagram.overlay.run_id}: done after entry {diagram.overlay.seq}" if diagram.overlay else ""
    assert "║  ✓ search   function  done  ✓✗✓  2 of 3 ok · 3.0 s" in text
    assert "║  ▼ at 4,6" in text
    assert '|"at 3  each of items"| ' in diagram.mermaid
    assert re.search(r"linkStyle 0 stroke:#0f172a,color:#0f172a,stroke-width:3px", diagram.mermaid)
    early = diagram.at(2)
    assert "○ gather   function  not run" in early.text
    assert " of " in early.text.splitlines()[1]


def test_drawings_of_the_graph_alone_say_nothing_of_runs() -> None:
    diagram = looping().draw()
    assert "not run" not in diagram.dot + diagram.mermaid + diagram.text
    assert diagram.steps == ()


def test_an_edge_tells_why_it_was_taken() -> None:
    """S4.2: every condition with the values that it saw, in the tooltip."""
    graph = looping()
    arrows = {arrow.id: arrow.tooltip for arrow in graph.draw(run_of(graph)).drawing.arrows}
    assert (
        "taken at 3, 4\n-> END  needs score >= 3  (is score=2)  its condition did not hold\n-> count  taken"
        in arrows["e.count.1"]
    )
    assert arrows["e.count.2"].endswith("not taken")


@pytest.mark.parametrize("step", [0, -1, 99])
def test_a_step_that_the_run_has_not_is_refused(step: int) -> None:
    graph = asking()
    run = run_of(graph)
    for refused in (lambda: graph.draw(run, step=step), lambda: graph.draw(run).at(step)):
        with pytest.raises(RunError, match=f"has no entry {step}"):
            refused()


def test_a_step_or_an_animation_without_a_run_is_refused() -> None:
    graph = asking()
    ways: list[Callable[[], object]] = [
        lambda: graph.draw(step=3),
        lambda: graph.draw().at(3),
        lambda: graph.draw().animation(),
    ]
    for refused in ways:
        with pytest.raises(DrawingError) as caught:
            refused()
        assert caught.value.code == "GF515"
        assert "graph.draw(run" in caught.value.fix


def test_a_run_of_another_graph_is_refused_and_what_is_no_run_too() -> None:
    with pytest.raises(DrawingError, match="'asking'") as caught:
        looping().draw(run_of(asking()))
    assert caught.value.code == "GF517"
    with pytest.raises(ArgumentInvalid):
        looping().draw("r-1")  # type: ignore[arg-type]


def test_a_moment_that_was_pruned_is_refused() -> None:
    graph, store = asking(), MemoryStore()
    run = graph.run_sync({}, store=store, run_id="r")
    prune_history(store, "r", graph.plan())
    run = graph.resume_sync("r", store=store, answers=[run.questions[0].reply(True)])
    with pytest.raises(HistoryPruned):
        graph.draw(run, step=1)
    assert graph.draw(run).steps[0] > 1


def test_an_animation_plays_every_step_and_ends_with_the_last_one_standing_still() -> None:
    graph = mapping(at_once=1)
    diagram = graph.draw(run_of(graph))
    root = ElementTree.fromstring(diagram.animation(0.5))
    ids = [element.get("id") for element in root.iter() if element.get("id")]
    assert len(ids) == len(set(ids))
    styles = "".join(element.text or "" for element in root.iter() if element.tag.endswith("style"))
    assert f"{(len(diagram.steps) + 4) * 0.5:g}s step-end infinite" in styles
    moving = "@media (prefers-reduced-motion:no-preference)"
    still = re.sub(re.escape(moving) + r"\{[^}]*\}\}", "", styles)
    assert "animation:" in styles
    assert "animation:" not in still
    shown = dict(re.findall(r"\.(f\d+)\{visibility:(visible|hidden)\}", still))
    last = ElementTree.fromstring(diagram.at(diagram.steps[-1]).svg)
    looks = [e for e in root.iter() if any(name in shown for name in str(e.get("class")).split())]
    visible = [e for e in looks if any(shown.get(name) == "visible" for name in str(e.get("class")).split())]
    assert 0 < len(visible) < len(looks)
    words = {text.text for e in visible for text in e.iter() if text.tag.endswith("text")}
    assert words <= {text.text for text in last.iter() if text.tag.endswith("text")}


def test_the_animation_of_a_long_run_has_bounded_frames() -> None:
    graph = mapping(at_once=50)
    diagram = graph.draw(run_of(graph, items=[f"{k}" for k in range(300)]))
    assert len(diagram.steps) > 300
    animation = diagram.animation(1.0)
    assert "124s step-end infinite" in animation
    assert len(animation) < 2_000_000


def test_drawings_with_a_run_are_shown_in_a_notebook_and_never_raise(monkeypatch: pytest.MonkeyPatch) -> None:
    graph: Graph[Any] = nesting()
    diagram = graph.draw(run_of(graph))
    assert {"text/plain", "text/html", "image/svg+xml"} == set(diagram._repr_mimebundle_())
    monkeypatch.setattr("graphflow.views.diagram.rendered", lambda *given: 1 / 0)
    assert "done" in graph.draw(run_of(graph))._repr_mimebundle_()["text/plain"]
