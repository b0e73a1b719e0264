"""The prover says of a node's conditions exactly what trying every state says (S4.2, S4.4)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from enum import Enum
from functools import cache
from itertools import product
from typing import Annotated, Any, Literal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import BaseModel, Field, field_validator, model_validator

from graphflow.core.plan import Guard
from graphflow.errors import Place
from graphflow.graph.expressions import ITEM, contains, fields, guard_of, not_, one_of, size
from graphflow.graph.regions import Overlap, Raising, Shadowed, Verdict, decide
from graphflow.graph.terms import (
    Attribute,
    Compare,
    Constant,
    Contains,
    Given,
    Not,
    OneOf,
    Size,
    Term,
    all_of,
    any_of,
    reads,
)
from graphflow.graph.terms import Field as FieldTerm

HERE = Place("graphs/desk.py", 7)


class Fact(BaseModel):
    text: str


class Review(BaseModel):
    score: Annotated[int, Field(ge=0, le=3)]
    is_final: bool = False


class Colour(Enum):
    RED = "red"
    BLUE = "blue"


class Desk(BaseModel):
    topic: str
    score: int = 0
    stars: Annotated[int, Field(ge=1, le=5)] = 1
    even: Annotated[int, Field(multiple_of=2)] = 0
    ratio: float = 0.0
    price: Decimal = Decimal(0)
    draft: str = ""
    code: Annotated[str, Field(min_length=2, max_length=3)] = "xx"
    done: bool = False
    rounds: int | None = None
    review: Review | None = None
    kind: Literal["refund", "question"] = "refund"
    colour: Colour = Colour.RED
    tags: list[str] = []
    few: Annotated[list[str], Field(max_length=2)] = []
    seen: set[int] = set()
    counts: dict[str, int] = {}
    facts: list[Fact] = []
    day: date = date(2026, 1, 1)
    both: int | str = 0
    anything: Any = None


desk = fields(Desk)


def verdict(*conditions: object, limited: Sequence[bool] = (), **options: Any) -> Verdict:
    guards = [None if condition is None else guard_of(condition, Desk, HERE) for condition in conditions]
    return decide(guards, Desk, limited=limited, **options)


def gap(*conditions: object) -> Any:
    found = verdict(*conditions)
    assert found.proved
    return found.gap


class TestGap:
    """S4.4: where a gap cannot be, or a state where it is."""

    def test_integers_have_nothing_between(self) -> None:
        assert gap(desk.score > 3, desk.score < 4) is None
        assert gap(desk.score > 3, desk.score < 3) == {"score": 3}
        assert gap(desk.score >= 7, desk.score < 6.5) is None

    def test_floats_have(self) -> None:
        assert gap(desk.ratio > 3, desk.ratio < 4) is None
        assert gap(desk.ratio >= 0.5, desk.ratio < 0.25) == {"ratio": 0.25}
        assert gap(desk.ratio > 1, desk.ratio < 0.5, one_of(desk.ratio, [0.5, 1])) == {"ratio": 0.8}
        assert gap(desk.price > Decimal("0.1"), desk.price < Decimal("0.1")) == {"price": Decimal("0.1")}

    def test_bounds_count(self) -> None:
        assert gap(desk.stars >= 3, desk.stars <= 2) is None
        assert gap(desk.stars > 1, desk.stars == 1) is None
        assert gap(desk.score > 1, desk.score == 1) == {"score": 0}
        assert gap(desk.even > 2, desk.even < 2) == {"even": 2}
        assert gap(desk.even > 3, desk.even < 3) is None

    def test_choices(self) -> None:
        assert gap(desk.kind == "refund", desk.kind == "question") is None
        assert gap(desk.kind == "refund") == {"kind": "question"}
        assert gap(desk.colour == Colour.RED) == {"colour": Colour.BLUE}
        assert gap(desk.done, not_(desk.done)) is None

    def test_none(self) -> None:
        """S5.3: where a field is None neither an ordering nor its opposite holds."""
        assert gap(desk.rounds >= 3, desk.rounds < 3) == {"rounds": None}  # type: ignore[operator]
        assert gap(desk.rounds >= 3, not_(desk.rounds >= 3)) is None  # type: ignore[operator]
        assert gap(desk.rounds == 3, desk.rounds != 3) is None

    def test_nested_models(self) -> None:
        score: Any = desk.review.score  # type: ignore[union-attr]
        assert gap(score >= 2, score < 2) == {"review": None}
        assert gap(score >= 2, score < 2, desk.review == None) is None
        found = gap(score >= 2, (score < 2) & (desk.review.is_final == False), desk.review == None)  # type: ignore[union-attr]
        assert found == {"review": Review(score=0, is_final=True)}

    def test_texts(self) -> None:
        assert gap(desk.draft == "a", desk.draft != "a") is None
        assert gap(desk.draft == "x", desk.draft == "") == {"draft": "a"}
        assert gap(size(desk.draft) > 3, size(desk.draft) < 3) == {"draft": "xxx"}
        assert gap(size(desk.code) == 2, size(desk.code) == 3) is None
        assert gap(contains(desk.draft, "owl")) == {"draft": ""}
        assert gap(contains(desk.draft, "owl"), not_(contains(desk.draft, "owl"))) is None
        assert gap(desk.draft > "b", desk.draft < "b") == {"draft": "b"}
        assert gap(desk.draft > "b", desk.draft <= "b") is None

    def test_containers(self) -> None:
        assert gap(size(desk.tags) > 0, desk.tags == []) is None
        assert gap(size(desk.few) < 2, size(desk.few) == 2) is None
        assert gap(contains(desk.tags, "x"), desk.tags == []) == {"tags": ["y"]}
        assert gap(contains(desk.seen, 3), size(desk.seen) < 2) == {"seen": {0, 1}}
        assert gap(contains(desk.counts, "a"), size(desk.counts) == 0) == {"counts": {"x": 0}}
        assert repr(gap(desk.facts == [])) == "{'facts': [<Fact>]}"

    def test_dates_and_unions(self) -> None:
        assert gap(desk.day > date(2026, 3, 1), desk.day < date(2026, 3, 2)) is None
        assert gap(desk.day > date(2026, 3, 1), desk.day < date(2026, 3, 1)) == {"day": date(2026, 3, 1)}
        assert gap(desk.both == 1, desk.both != 1) is None
        assert gap(one_of(desk.both, [0, "x"])) == {"both": ""}

    def test_the_witness_is_small_and_readable(self) -> None:
        assert gap(desk.score > 1_000) == {"score": 0}
        assert gap((desk.score > 5) & desk.done, desk.score < 3) == {"score": 3, "done": False}

    def test_a_gap_once_the_limits_are_used_up(self) -> None:
        """S4.5: an edge whose at_most is used up is not enabled."""
        found = verdict(desk.score >= 7, desk.score < 7, limited=[False, True])
        assert (found.gap, found.gap_without_limited, found.is_total) == (None, {"score": 0}, True)
        assert verdict(desk.score >= 7, None, limited=[True, False]).gap_without_limited is None
        assert verdict(None, limited=[True]).gap_without_limited == {}

    def test_no_conditions(self) -> None:
        assert verdict(None) == Verdict()
        assert verdict().gap == {}


class TestDeadAndShadowed:
    """S4.2, S4.3."""

    def test_dead(self) -> None:
        assert verdict((desk.score > 5) & (desk.score < 3), None).dead == (0,)
        assert verdict((desk.score > 3) & (desk.score < 4), None).dead == (0,)
        assert verdict((desk.ratio > 3) & (desk.ratio < 4), None).dead == ()
        assert verdict(desk.stars > 5, None).dead == (0,)
        assert verdict(size(desk.few) > 2, None).dead == (0,)

    def test_shadowed(self) -> None:
        assert verdict(desk.score > 5, desk.score > 7).shadowed == (Shadowed(1, (0,)),)
        assert verdict(desk.score > 7, desk.score > 5).shadowed == ()
        assert verdict(desk.score > 5, desk.score < 7, desk.done).shadowed == (Shadowed(2, (0, 1)),)
        assert verdict(None, desk.done).shadowed == (Shadowed(1, (0,)),)
        assert verdict(desk.done, not_(desk.done), None).shadowed == (Shadowed(2, (0, 1)),)

    def test_an_edge_that_can_be_used_up_shadows_nothing(self) -> None:
        assert verdict(desk.score > 5, desk.score > 7, limited=[True]).shadowed == ()
        assert verdict(None, desk.done, limited=[True]).shadowed == ()


class TestOverlap:
    def test_overlaps(self) -> None:
        found = verdict(desk.score > 3, desk.score < 7, None).overlaps
        assert found == (Overlap(0, 1, {"score": 4}, is_nested=False),)
        assert verdict(desk.score > 3, desk.score > 7).overlaps[0].is_nested
        assert verdict(desk.score > 3, desk.score < 3).overlaps == ()


class TestRaises:
    """S5.4."""

    def test_a_predicate_that_forgets_none(self) -> None:
        found = verdict(lambda s: s.rounds > 3, None).raises
        assert [(one.index, one.witness) for one in found] == [(0, {"rounds": None})]
        assert "NoneType" in found[0].error

    def test_it_is_only_asked_where_nothing_before_it_was_taken(self) -> None:
        """S4.2."""
        assert verdict(desk.rounds == None, lambda s: s.rounds > 3, None).raises == ()
        assert len(verdict(desk.rounds == None, lambda s: s.rounds > 3, limited=[True]).raises) == 1
        assert verdict(lambda s: s.rounds is not None and s.rounds > 3, None).raises == ()

    def test_values_of_a_union_that_have_no_order(self) -> None:
        found = verdict(desk.both > 3, None).raises  # type: ignore[operator]
        assert isinstance(found[0], Raising)
        assert isinstance(found[0].witness["both"], str)


class TestUndecided:
    """An opaque guard or an atom of another form is a free Boolean, never a "must"."""

    def test_an_opaque_predicate_proves_nothing(self) -> None:
        found = verdict(lambda s: any(s.tags), desk.done)
        assert not found.proved
        assert "plain predicate" in found.reason
        assert found.gap is None
        assert found.possible_gap == {"done": False}
        assert not found.is_total
        assert found.dead == found.shadowed == found.overlaps == ()

    def test_beside_it_everything_else_is_still_proved(self) -> None:
        found = verdict(lambda s: any(s.tags), desk.score > 5, desk.score > 7, desk.score <= 5)
        assert found.shadowed == (Shadowed(2, (1,)),)
        assert found.is_total
        assert verdict(lambda s: any(s.tags), None).is_total
        assert verdict(None, lambda s: any(s.tags)).shadowed == (Shadowed(1, (0,)),)

    def test_an_opaque_predicate_before_it_may_keep_a_guard_from_being_asked(self) -> None:
        assert verdict(lambda s: any(s.tags), lambda s: s.rounds > 3, None).raises == ()

    def test_fields_with_fields(self) -> None:
        found = verdict(desk.score > desk.stars, desk.score <= desk.stars)
        assert not found.proved
        assert "fields with fields" in found.reason
        assert found.gap is None
        assert found.possible_gap is not None
        same = verdict(desk.score > desk.stars, not_(desk.score > desk.stars))
        assert same.is_total
        assert verdict(desk.score == desk.stars, desk.score != desk.stars).is_total

    def test_a_gap_is_shown_where_the_conditions_themselves_say_so(self) -> None:
        found = verdict(desk.score > desk.stars, desk.done)
        assert found.gap == {"score": 0, "stars": 1, "done": False}
        assert not found.proved

    def test_a_type_that_is_not_known(self) -> None:
        found = verdict(desk.anything == 3, desk.anything != 3)
        assert found.is_total
        assert not found.proved

    def test_too_many_combinations(self) -> None:
        found = verdict((desk.score > 3) & (desk.stars > 3) & desk.done, most_combinations=3)
        assert found.is_unknown
        assert not found.proved
        assert not found.is_total
        assert found.reason.startswith("too many combinations")

    def test_validators_of_the_state_have_the_last_word(self) -> None:
        class Careful(BaseModel):
            score: int = 0
            draft: str = ""

            @field_validator("score")
            @classmethod
            def small(cls, value: int) -> int:
                if value > 10:
                    raise ValueError("too large")
                return value

            @model_validator(mode="after")
            def consistent(self) -> Careful:
                if self.score < 0 and not self.draft:
                    raise ValueError("no draft")
                return self

        careful = fields(Careful)
        guards = [guard_of(careful.score <= 20, Careful, HERE)]
        assert decide(guards, Careful).gap is None
        assert decide(guards, Careful).possible_gap == {"score": 21}
        assert not decide(guards, Careful).proved
        assert decide([guard_of(careful.score <= 5, Careful, HERE)], Careful).gap == {"score": 6}
        below = [guard_of(careful.score >= 0, Careful, HERE)]
        assert decide(below, Careful).gap is None
        with_draft = [guard_of((careful.score >= 0) | (careful.draft == ""), Careful, HERE)]
        assert decide(with_draft, Careful).gap == {"score": -1, "draft": "x"}


class TestItem:
    """S6.1: in a map's region."""

    def test_an_item_of_a_known_type_is_decided(self) -> None:
        assert verdict(ITEM > 3, ITEM < 4, item_type=int).is_total
        assert verdict(ITEM > 3, ITEM < 3, item_type=int).gap == {"ITEM": 3}
        assert verdict(ITEM.score > 1, ITEM.score <= 1, item_type=Review).proved

    def test_else_it_is_free(self) -> None:
        found = verdict(ITEM > 3, ITEM < 4)
        assert not found.proved
        assert found.possible_gap is not None


# Every state of a small world against the prover.


class World(BaseModel):
    n: Annotated[int, Field(ge=-2, le=3)] = 0
    wide: int = 0
    maybe: Annotated[int | None, Field(ge=0, le=2)] = None
    x: float = 0.0
    text: str = ""
    short: Annotated[str, Field(min_length=1, max_length=2)] = "x"
    done: bool = False
    kind: Literal["a", "b", "c"] = "a"
    tags: Annotated[list[Literal["a", "b"]], Field(max_length=2)] = []
    free: list[str] = []
    seen: set[Literal["a", "b"]] = set()
    review: Review | None = None


def texts(longest: int) -> list[str]:
    return ["".join(signs) for size in range(longest + 1) for signs in product("abx", repeat=size)]


ALL: dict[str, list[Any]] = {
    "n": list(range(-2, 4)),
    "wide": list(range(-6, 8)),
    "maybe": [None, 0, 1, 2],
    "x": [number / 4 for number in range(-12, 20)],
    "text": [*texts(3), " ", "xxxx"],  # a space: something comes before "a"
    "short": [" ", *(text for text in texts(2) if text)],
    "done": [False, True],
    "kind": ["a", "b", "c"],
    "tags": [list(row) for size in range(3) for row in product("ab", repeat=size)],
    "free": [list(row) for size in range(4) for row in product("abx", repeat=size)],
    "seen": [set(), {"a"}, {"b"}, {"a", "b"}],
    "review": [None, *(Review(score=score, is_final=final) for score in range(4) for final in (False, True))],
}


@cache
def field_atoms(name: str) -> st.SearchStrategy[Term]:
    field = FieldTerm(name)
    signs: Any = st.sampled_from(["==", "!=", "<", "<=", ">", ">="])
    equal: Any = st.sampled_from(["==", "!="])
    lengths = st.builds(Compare, signs, st.just(Size(field)), st.sampled_from([0, 1, 1.5, 2]).map(Constant))
    letters = st.sampled_from(["a", "b"]).map(Constant)

    def compare(term: Term, chosen: Any, *constants: object) -> st.SearchStrategy[Term]:
        return st.builds(Compare, chosen, st.just(term), st.sampled_from(constants).map(Constant))

    match name:
        case "n" | "wide":
            return st.one_of(compare(field, signs, -1, 0, 1, 1.5, 2), st.just(field))
        case "maybe":
            strict = compare(Given(field), signs, 0, 1)
            return st.one_of(compare(field, signs, 0, 1, 2), strict, compare(field, equal, None), st.just(field))
        case "x":
            return compare(field, signs, -1, 0.5, 1, 2.5)
        case "text" | "short":
            words = compare(field, equal, "", "a", "ab", "x")
            some = st.lists(st.sampled_from(["a", "x", ""]), max_size=2).map(
                lambda row: OneOf(field, tuple(map(Constant, row)))
            )
            inside = st.sampled_from(["a", "ab", "x"]).map(lambda part: Contains(field, Constant(part)))
            return st.one_of(words, words, some, lengths, compare(field, signs, "a", "ab"), inside, st.just(field))
        case "done":
            return st.one_of(st.just(field), compare(field, equal, True))
        case "kind":
            return st.one_of(compare(field, signs, "a", "b"), st.just(OneOf(field, (Constant("a"), Constant("c")))))
        case "review":
            score, final = Attribute(field, "score"), Attribute(field, "is_final")
            strict = compare(Attribute(Given(field), "score"), signs, 1)
            return st.one_of(
                compare(score, signs, 1, 2), st.just(final), compare(field, equal, None), strict, st.just(field)
            )
        case _:
            empty = compare(field, equal, set() if name == "seen" else [])
            whole = compare(field, equal, {"a"} if name == "seen" else ["a"])
            return st.one_of(lengths, letters.map(lambda letter: Contains(field, letter)), empty, whole, st.just(field))


@st.composite
def guard_sets(draw: st.DrawFn) -> tuple[list[Guard | None], list[bool]]:
    names = draw(st.lists(st.sampled_from(sorted(ALL)), min_size=1, max_size=2, unique=True))
    atoms = st.one_of(*(field_atoms(name) for name in names))
    trees = st.recursive(
        atoms,
        lambda below: st.one_of(
            below.map(Not),
            st.lists(below, min_size=2, max_size=3).map(lambda parts: all_of(*parts)),
            st.lists(below, min_size=2, max_size=3).map(lambda parts: any_of(*parts)),
        ),
        max_leaves=4,
    )
    found = draw(st.lists(st.one_of(trees, trees, trees, st.none()), min_size=1, max_size=4))
    guards = [None if tree is None else guard_of(tree, World, HERE) for tree in found]
    return guards, draw(st.lists(st.booleans(), min_size=len(guards), max_size=len(guards)))


@dataclass
class Tried:
    """What trying every state says."""

    dead: set[int]
    shadowed: set[int]
    has_gap: bool
    has_gap_without_limited: bool
    raises: set[int]
    overlaps: dict[tuple[int, int], bool]


def outcomes_of(guards: Sequence[Guard | None]) -> set[tuple[bool | None, ...]]:
    names = sorted({name for guard in guards if guard for name in reads(guard.expression)})
    found: set[tuple[bool | None, ...]] = set()
    for row in product(*(ALL[name] for name in names)):
        state = dict(zip(names, row, strict=True))
        found.add(outcome_on(guards, state))
    return found


def outcome_on(guards: Sequence[Guard | None], state: dict[str, Any]) -> tuple[bool | None, ...]:
    outcome: list[bool | None] = []
    for guard in guards:
        try:
            outcome.append(guard is None or bool(guard.test(state, ())))
        except (TypeError, AttributeError):
            outcome.append(None)
    return tuple(outcome)


def try_all(guards: Sequence[Guard | None], limited: Sequence[bool]) -> Tried:
    outcomes, numbers = outcomes_of(guards), range(len(guards))
    firm = [n for n in numbers if not limited[n]]
    dead = {n for n in numbers if not any(o[n] for o in outcomes)}
    overlaps = {}
    for first, second in ((a, b) for a in numbers for b in numbers if a < b and guards[a] and guards[b]):
        if any(o[first] and o[second] for o in outcomes):
            one_way = any(o[first] and not o[second] for o in outcomes)
            other_way = any(o[second] and not o[first] for o in outcomes)
            overlaps[first, second] = not (one_way and other_way)
    return Tried(
        dead=dead,
        shadowed={
            n
            for n in numbers
            if n not in dead and all(any(o[m] is not False for m in firm if m < n) for o in outcomes if o[n])
        },
        has_gap=any(all(holds is False for holds in o) for o in outcomes),
        has_gap_without_limited=any(limited) and any(all(o[n] is False for n in firm) for o in outcomes),
        raises={
            n for n in numbers if any(o[n] is None and all(o[m] is False for m in firm if m < n) for o in outcomes)
        },
        overlaps=overlaps,
    )


@given(guard_sets())
@settings(max_examples=200, deadline=None)
def test_the_verdict_is_what_trying_every_state_says(drawn: tuple[list[Guard | None], list[bool]]) -> None:
    """S4.4, a law: exact where it says proved; never wrong elsewhere."""
    guards, limited = drawn
    found, tried = decide(guards, World, limited=limited), try_all(guards, limited)
    assert not found.is_unknown
    if found.proved:
        assert set(found.dead) == tried.dead
        assert {one.index for one in found.shadowed} == tried.shadowed
        assert (found.gap is not None) == tried.has_gap
        assert (found.gap_without_limited is not None) == tried.has_gap_without_limited
        assert {one.index for one in found.raises} == tried.raises
        assert {(one.first, one.second): one.is_nested for one in found.overlaps} == tried.overlaps
    assert set(found.dead) <= tried.dead
    assert {one.index for one in found.shadowed} <= tried.shadowed | tried.dead
    if found.is_total:
        assert not tried.has_gap
    check_witnesses(found, guards, limited)


def check_witnesses(found: Verdict, guards: list[Guard | None], limited: list[bool]) -> None:
    """Each witness is a state of the world, and shows what it is a witness of."""
    if found.gap is not None:
        assert not any(outcome_on(guards, found.gap))
        World.model_validate(found.gap)
    if found.gap_without_limited is not None:
        outcome = outcome_on(guards, found.gap_without_limited)
        assert not any(outcome[n] for n in range(len(guards)) if not limited[n])
    for raising in found.raises:
        assert outcome_on(guards, raising.witness)[raising.index] is None
        assert raising.error
    for overlap in found.overlaps:
        outcome = outcome_on(guards, overlap.witness)
        assert outcome[overlap.first]
        assert outcome[overlap.second]


def test_most_of_what_the_law_tries_is_proved() -> None:
    """Otherwise the law above would say little: only texts that are looked into in several ways are left open."""
    for name in set(ALL) - {"text", "short", "tags", "free", "seen"}:
        guards = [guard_of(FieldTerm(name), World, HERE)]
        assert decide(guards, World).proved


@pytest.mark.parametrize("order", ["size(text) > 1", "text", 'text == "ab"'])
def test_one_kind_of_question_about_a_text_is_decided(order: str) -> None:
    from graphflow.graph.labels import parse_label

    tree = parse_label(order, World)
    assert decide([guard_of(tree, World, HERE), guard_of(Not(tree), World, HERE)], World) == Verdict()
