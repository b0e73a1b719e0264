"""The drawing model: the picture is the graph, each declared edge once, whatever the names."""

from __future__ import annotations

import re
from collections import Counter
from xml.etree import ElementTree

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from graphflow.core.plan import EdgeKind, Plan
from graphflow.errors import DrawingError, ModelError
from graphflow.views import draw
from graphflow.views.drawing import Drawing
from graphflow.views.extraction import extract
from tests.views.plans import Sketch, guard, over
from tests.views.samples import SAMPLES, essay, help_desk, intel, kinds, many, nested, team, triage

NASTY = [
    "a:b",
    "<b>",
    "a\\b\\N",
    'say "hi"',
    "two\nlines",
    "😀 👩‍👩‍👧",
    "שלום",
    " ",
    "\x00\x07",
    "x" * 300,
    "end",
    "a & b",
    "&amp;",
]
names = st.one_of(st.text(min_size=1, max_size=20), st.sampled_from(NASTY))


@st.composite
def plans(draw: st.DrawFn) -> Plan:
    """Any graph at all, well-formed or not: edges of every kind between nodes of any name, parallel ones included."""
    sketch = Sketch(draw(names))
    found = draw(
        st.lists(
            names.filter(lambda name: not name.startswith(("START", "END", "FAIL"))),
            unique=True,
            min_size=1,
            max_size=5,
        )
    )
    for name in found:
        sketch.node(
            name, draw(st.sampled_from(("function", "agent", "point"))), purpose=draw(st.sampled_from(("", *NASTY)))
        )
    for _ in range(draw(st.integers(0, 8))):
        kind: EdgeKind = draw(st.sampled_from(("edge", "handoff", "error", "timer")))
        sketch.edge(
            draw(st.sampled_from(("START", *found))),
            draw(st.sampled_from(("END", "FAIL", *found))),
            draw(st.none() | names),
            kind,
            at_most=draw(st.none() | st.integers(0, 3)),
            description=draw(st.sampled_from(("", *NASTY))),
            errors=(ModelError,),
            after_s=5,
        )
    if len(found) > 2 and draw(st.booleans()):
        sketch.fork(found[0], [found[1]], found[2], over=over(draw(names)))
    return sketch.plan()


def declared(drawing: Drawing) -> list[str]:
    return [arrow.id for arrow in drawing.arrows if arrow.is_declared]


def tagged(svg: str, kind: str) -> list[str]:
    root = ElementTree.fromstring(svg)
    groups = (element for element in root.iter() if element.tag.endswith("}g"))
    return [str(group.get("id")) for group in groups if kind in str(group.get("class")).split()]


@given(plans())
def test_every_declared_edge_is_drawn_once(plan: Plan) -> None:
    drawing = extract(plan)
    assert len(declared(drawing)) == len(set(declared(drawing))) == len(plan.edges)
    ids = [part.id for part in (*drawing.stops, *drawing.clusters, *drawing.arrows)]
    assert len(ids) == len(set(ids))
    assert len(drawing.cards) == len(plan.nodes)
    stops = {stop.id for stop in drawing.stops}
    assert all({arrow.tail, arrow.head} <= stops for arrow in drawing.arrows)


@settings(max_examples=40, deadline=None)
@given(plans(), st.sampled_from(("names", "cards", "full")))
def test_every_format_takes_any_name_and_shows_each_arrow_once(plan: Plan, detail: str) -> None:
    diagram = draw(plan, detail=detail)  # type: ignore[arg-type]
    arrows = Counter(arrow.id for arrow in diagram.drawing.arrows)
    prefix = re.search(r'id="(\w+(-\d+)?)-drawing"', diagram.svg)
    assert prefix is not None
    assert Counter(tagged(diagram.svg, "edge")) == Counter({f"{prefix[1]}-{one}": n for one, n in arrows.items()})
    nodes = Counter(tagged(diagram.svg, "node"))
    assert nodes == Counter(f"{prefix[1]}-{stop.id}" for stop in diagram.drawing.stops)
    assert len(re.findall(r"^ +n\d+ (?:-->|-\.->)", diagram.mermaid, re.MULTILINE)) == arrows.total()
    heads = [line for line in diagram.text.splitlines() if re.match(r"(║  )*(▼|[├└][─╌])", line)]
    assert len(heads) == arrows.total()


@given(plans())
def test_the_same_graph_gives_the_same_text(plan: Plan) -> None:
    one, other = draw(plan), draw(plan)
    assert (one.dot, one.mermaid, one.text) == (other.dot, other.mermaid, other.text)


@given(plans())
def test_arrows_not_marked_as_leading_back_form_no_cycle(plan: Plan) -> None:
    drawing = extract(plan)
    left = {(arrow.tail, arrow.head) for arrow in drawing.arrows if not arrow.is_back}
    while left:
        heads = {head for _, head in left}
        free = {(tail, head) for tail, head in left if tail not in heads}
        assert free, "a cycle"
        left -= free


def arrow(drawing: Drawing, one: str) -> tuple[str, str]:
    found = next(arrow for arrow in drawing.arrows if arrow.id == one)
    return "  ".join(found.labels), found.tone


def test_a_loop_prints_its_limit_and_what_remains_is_else() -> None:
    """S4.2, S4.5."""
    drawing = extract(essay())
    assert arrow(drawing, "e.review.0") == ("[score >= 7]", "plain")
    assert arrow(drawing, "e.review.1") == ("else  ↻ ≤ 3", "loop")
    assert arrow(drawing, "e.review.2") == ("else", "else")
    assert [one.id for one in drawing.arrows if one.is_back] == ["e.review.1"]


def test_a_limit_off_every_cycle_is_printed_without_the_sign_of_a_loop() -> None:
    """S4.5."""
    sketch = Sketch("once")
    sketch.node("a")
    sketch.edge("START", "a", at_most=1)
    sketch.edge("a", "a", unbounded=True)
    sketch.edge("a", "END")
    drawing = extract(sketch.plan())
    assert arrow(drawing, "e.START.0") == ("at most 1×", "plain")
    assert arrow(drawing, "e.a.0") == ("↻ unbounded", "loop")


def test_error_edges_and_timers_name_their_cause() -> None:
    """S8.2, S10.3."""
    drawing = extract(help_desk())
    assert arrow(drawing, "e.answer.0") == ("ModelError", "error")
    assert arrow(drawing, "e.approve.1") == ("after 1 day  ↻ ≤ 1", "loop")


def test_handoffs_carry_their_description_cut_and_the_whole_of_it_as_tooltip() -> None:
    """S9.1."""
    drawing = extract(team())
    assert arrow(drawing, "e.coordinator.1")[0] == "Drafts content  [size(facts) > 0]  ↻ ≤ 8 shared"
    long = next(one for one in drawing.arrows if one.id == "e.coordinator.2")
    assert len(long.labels[0]) <= 40
    assert long.labels[0].endswith("…")
    assert "everything else that is left to check" in long.tooltip


def test_a_map_leads_over_its_bars_and_its_region_ends_at_the_joins_bar() -> None:
    """S6.1, S6.2: edges of the region to the join end at the bar; the bar leads on, with the need."""
    drawing = extract(intel())
    ways = {arrow.id: (arrow.tail, arrow.head) for arrow in drawing.arrows}
    assert ways["e.supervisor.0"] == ("n.supervisor", "b.supervisor.0.fork")
    assert ways["e.supervisor.0~0"] == ("b.supervisor.0.fork", "n.research")
    assert ways["e.research.1"] == ("n.research", "b.supervisor.0.join")
    assert ways["e.record_gap.0"] == ("n.record_gap", "b.supervisor.0.join")
    assert ways["e.supervisor.0~join"] == ("b.supervisor.0.join", "n.analysis")
    assert arrow(drawing, "e.supervisor.0~join") == ("[ok ≥ 3 of N]", "plain")
    assert arrow(drawing, "e.supervisor.0~0") == ("each of rivals, 5 at once", "plain")
    inside = {card.name for card in drawing.cards if card.cluster == "r.supervisor.0"}
    assert inside == {"research", "record_gap"}
    assert [card.name for card in drawing.cards if card.is_mapped] == ["research"]


def test_a_target_without_edges_leads_to_the_join() -> None:
    """S6.2."""
    sketch = Sketch("bare")
    for name in "abj":
        sketch.node(name)
    sketch.edge("START", "a")
    sketch.fork("a", ["b"], "j", branch_guards=(guard("urgent"),))
    sketch.edge("j", "END")
    drawing = extract(sketch.plan())
    assert ("n.b", "b.a.0.join") in {(arrow.tail, arrow.head) for arrow in drawing.arrows}
    assert arrow(drawing, "e.a.0~0") == ("[urgent]", "plain")
    assert len(declared(drawing)) == 3


def test_the_arrows_at_a_joins_bar_stand_in_the_order_of_its_branches() -> None:
    bars = {bar.kind: bar for bar in extract(triage()).bars}
    assert bars["fork"].ports == (("e.triage.0~0",), ("e.triage.0~1",), ("e.triage.0~2",))
    assert bars["join"].ports == (("e.billing.0",), ("e.technical.0",), ("e.lawyer.0",))


def test_sub_graphs_are_folded_unless_asked_for() -> None:
    folded = extract(nested())
    assert [card.purpose for card in folded.cards if card.word == "SUBGRAPH"] == ["4 nodes, folded"]
    for expand in (1, ("research",), ["research"]):
        unfolded = extract(nested(), expand=expand)
        assert "n.research/search" in {card.id for card in unfolded.cards}
        assert "n.research" not in {card.id for card in unfolded.cards}
        leaving = next(arrow for arrow in unfolded.arrows if arrow.tone == "error")
        assert leaving.leaves == "c.research"


def test_a_graph_that_contains_itself_ends() -> None:
    """S12.2."""
    sketch = Sketch("endless")
    sketch.subgraph("again", lambda: plan)
    sketch.edge("START", "again")
    sketch.edge("again", "END")
    plan = sketch.plan()
    fresh = Sketch("outer")
    fresh.subgraph("inner", lambda: plan)
    fresh.edge("START", "inner")
    drawing = extract(fresh.plan(), expand=1_000)
    assert [card.id for card in drawing.cards if card.word == "SUBGRAPH"] == ["n.inner/again"]


def test_a_name_to_unfold_that_there_is_not_is_refused_with_the_nearest() -> None:
    with pytest.raises(DrawingError, match="reserch") as caught:
        draw(nested(), expand="reserch")
    assert caught.value.code == "GF516"
    assert "'research'" in caught.value.fix


@pytest.mark.parametrize("option", [{"detail": "card"}, {"theme": "drak"}, {"direction": "RL"}, {"expand": 1.5}])
def test_an_unknown_option_is_refused(option: dict[str, object]) -> None:
    with pytest.raises(DrawingError) as caught:
        draw(essay(), **option)  # type: ignore[arg-type]
    assert caught.value.code == "GF515"


def test_short_graphs_lie_and_others_stand() -> None:
    assert {name: extract(make()).direction for name, make in SAMPLES.items()} == {
        "essay": "LR", "help_desk": "LR", "team": "LR", "kinds": "LR", "nested": "LR", "intel": "TB", "triage": "TB",
    }  # fmt: skip
    assert extract(many(40)).direction == "TB"
    assert extract(essay(), direction="TB").direction == "TB"


def test_cards_say_kind_purpose_and_policies() -> None:
    card = next(card for card in extract(help_desk()).cards if card.name == "answer")
    assert (card.word, card.purpose) == ("AGENT", "Answer the question")
    assert card.badges == ("gpt-5", "↻ 2 retries", "30 s limit")
    assert [card.word for card in extract(kinds()).cards if card.kind == "card"] == [
        "AGENT", "ROUTER", "FUNCTION", "HUMAN", "TOOL", "SUBGRAPH",
    ]  # fmt: skip


def test_details_add_fields_or_leave_names() -> None:
    write = {
        d: next(c for c in extract(essay(), detail=d).cards if c.name == "write") for d in ("names", "cards", "full")
    }  # type: ignore[arg-type]
    assert (write["names"].word, write["names"].purpose, write["names"].badges) == ("", "", ())
    assert write["cards"].fields == ()
    assert write["full"].fields == ("reads: comments, topic", "writes: draft")
