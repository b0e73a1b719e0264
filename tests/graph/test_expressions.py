"""Conditions over fields(State): what they mean, how quick they are, and every error at the line (S5)."""

from __future__ import annotations

import copy
import timeit
from decimal import Decimal
from enum import Enum
from pathlib import Path
from typing import Annotated, Any, Literal

import pytest
from pydantic import BaseModel, Field

from graphflow.core.plan import Guard
from graphflow.errors import CODES, DeclarationError, Place
from graphflow.graph.expressions import (
    ITEM,
    Expression,
    contains,
    field_name,
    fields,
    guard_of,
    is_none,
    not_,
    one_of,
    size,
    term_of,
)
from graphflow.graph.terms import Compare, Constant, atoms, constants, negated, reads, walk, with_children
from graphflow.graph.terms import Field as FieldTerm


class Kind(Enum):
    A = "a"
    B = "b"


class Review(BaseModel):
    score: int = 0
    reviewer: str | None = None


class Desk(BaseModel):
    score: int = 0
    limit: int = 5
    ratio: float = 0.5
    price: Decimal = Decimal(1)
    draft: str = ""
    word: str | None = None
    approved: bool = False
    sent: bool | None = None
    review: Review | None = None
    kind: Literal["refund", "question"] = "refund"
    colour: Kind = Kind.A
    tags: list[str] = []
    notes: list[str] | None = None
    rounds: Annotated[int | None, Field(ge=0)] = None
    anything: Any = None


class Other(BaseModel):
    score: int = 0


desk = fields(Desk)
HERE = Place("graphs/desk.py", 7)


def holds(condition: object, *items: Any, **values: Any) -> bool:
    state = {**Desk().__dict__, **values}
    answer = guard_of(condition, Desk, HERE).test(state, items)
    assert isinstance(answer, bool)
    return answer


class TestMeaning:
    """S5.2, S5.3: what conditions answer."""

    def test_comparisons(self) -> None:
        assert [holds(desk.score >= 7, score=n) for n in (6, 7, 8)] == [False, True, True]
        assert [holds(desk.score > 7, score=n) for n in (6, 7, 8)] == [False, False, True]
        assert [holds(desk.score <= 7, score=n) for n in (6, 7, 8)] == [True, True, False]
        assert [holds(desk.score < 7, score=n) for n in (6, 7, 8)] == [True, False, False]
        assert [holds(desk.score == 7, score=n) for n in (6, 7)] == [False, True]
        assert [holds(desk.score != 7, score=n) for n in (6, 7)] == [True, False]

    def test_a_constant_on_the_left_is_the_same_condition(self) -> None:
        assert str(7 <= desk.score) == "score >= 7"  # noqa: SIM300
        assert str("refund" == desk.kind) == 'kind == "refund"'  # noqa: SIM300

    def test_fields_with_fields_and_arithmetic(self) -> None:
        assert holds(desk.score > desk.limit, score=6, limit=5)
        assert holds(desk.score + 1 > desk.limit, score=5, limit=5)
        assert holds(2 * desk.score - desk.limit == 1, score=3, limit=5)
        assert holds(-desk.score < desk.ratio, score=1)

    def test_and_or_not(self) -> None:
        both = (desk.score > 3) & desk.approved
        assert holds(both, score=4, approved=True)
        assert not holds(both, score=4, approved=False)
        either = (desk.score > 3) | desk.approved | contains(desk.tags, "x")
        assert holds(either, tags=["x"])
        assert not holds(either)
        assert holds(not_(desk.approved))
        assert holds(~desk.approved)
        assert not holds(not_(not_(desk.approved)))
        assert holds((desk.score > 0) & (desk.score > 1) & (desk.score > 2), score=3)
        assert not holds((desk.score > 0) & (desk.score > 1) & (desk.score > 2), score=2)

    def test_a_bool_field_is_a_condition(self) -> None:
        assert holds(desk.approved, approved=True)
        assert not holds(desk.approved)
        assert not holds(desk.sent, sent=None)

    def test_containers(self) -> None:
        assert holds(size(desk.tags) == 2, tags=["a", "b"])
        assert holds(contains(desk.tags, "a"), tags=["a"])
        assert not holds(contains(desk.tags, "a"), tags=["b"])
        assert holds(contains(desk.draft, "owl"), draft="two owls")
        assert holds(contains(desk.tags, desk.draft), tags=["a"], draft="a")
        assert holds(one_of(desk.kind, ["refund"]), kind="refund")
        assert holds(contains(("refund", "question"), desk.kind))
        assert holds(desk.tags == ["a"], tags=["a"])

    @pytest.mark.parametrize("sign", ["==", "<", "<=", ">", ">="])
    def test_a_comparison_with_none_is_false(self, sign: str) -> None:
        """S5.3: where the value is None."""
        condition = {
            "==": desk.rounds == 3,
            "<": desk.rounds < 3,  # type: ignore[operator]
            "<=": desk.rounds <= 3,  # type: ignore[operator]
            ">": desk.rounds > 3,  # type: ignore[operator]
            ">=": desk.rounds >= 3,  # type: ignore[operator]
        }[sign]
        assert not holds(condition, rounds=None)
        assert holds(not_(condition), rounds=None)

    def test_unequal_to_none_is_true(self) -> None:
        """S5.3."""
        assert holds(desk.rounds != 3, rounds=None)
        assert holds(desk.rounds == None, rounds=None)
        assert holds(is_none(desk.rounds), rounds=None)
        assert not holds(desk.rounds != None, rounds=None)

    def test_none_passes_through_values(self) -> None:
        """S5.3: None on the way makes the value None."""
        missing: dict[str, Any] = {"review": None, "notes": None, "rounds": None, "word": None}
        assert not holds(desk.review.score >= 0, **missing)  # type: ignore[union-attr]
        assert holds(desk.review.score != 3, **missing)  # type: ignore[union-attr]
        assert holds(desk.review.score == 3, review=Review(score=3))  # type: ignore[union-attr]
        assert not holds(size(desk.notes) >= 0, **missing)  # type: ignore[arg-type]
        assert not holds(contains(desk.notes, "x"), **missing)  # type: ignore[arg-type]
        assert not holds(contains(desk.draft, desk.word), draft="x", **missing)  # type: ignore[arg-type]
        assert not holds(desk.rounds + 1 > 0, **missing)  # type: ignore[operator]
        assert not holds(desk.rounds < desk.limit, **missing)  # type: ignore[operator]

    def test_a_comparison_python_cannot_make_raises(self) -> None:
        """S5.4: the guard fails; nothing is guessed."""
        with pytest.raises(TypeError):
            holds(desk.anything > 3, anything="x")

    def test_the_item_is_that_of_the_innermost_map(self) -> None:
        """S6.1."""
        assert holds(ITEM == "b", "a", "b")
        assert holds(ITEM.score > 3, Review(score=4))
        assert not holds((ITEM.score > 3) & desk.approved, Review(score=4))
        assert guard_of(ITEM == 1, Desk, HERE).uses_item
        assert not guard_of(desk.score == 1, Desk, HERE).uses_item


class TestGuard:
    def test_a_guard_says_what_it_reads_and_where_it_stands(self) -> None:
        """S5.2."""
        guard = guard_of((desk.score >= 7) & (size(desk.tags) > 0), Desk, HERE)
        assert guard.label == "score >= 7 and size(tags) > 0"
        assert guard.reads == {"score", "tags"}
        assert guard.place == HERE
        assert guard.expression == term_of((desk.score >= 7) & (size(desk.tags) > 0))

    def test_a_guard_or_a_tree_is_taken_as_it_is(self) -> None:
        guard = Guard(lambda values, items: True, "yes", None)
        assert guard_of(guard, Desk, HERE) is guard
        assert guard_of(Compare(">", FieldTerm("score"), Constant(3)), Desk, HERE).label == "score > 3"

    def test_a_subclass_of_the_state_may_use_the_conditions_of_its_base(self) -> None:
        class Larger(Desk):
            more: int = 0

        assert guard_of(desk.score > 3, Larger, HERE).label == "score > 3"

    def test_a_list_in_a_condition_is_copied(self) -> None:
        wanted = ["a"]
        condition = desk.tags == wanted
        wanted.append("b")
        assert str(condition) == 'tags == ["a"]'

    def test_comparing_a_field_with_a_constant_costs_next_to_nothing(self) -> None:
        """S5.1: quick. As a ratio to the same comparison written by hand, with slack for noise."""
        test = guard_of(desk.score >= 7, Desk, HERE).test
        values = {"score": 8}

        def by_hand(values: dict[str, Any], items: tuple[Any, ...]) -> bool:
            return bool(values["score"] >= 7)

        ours = min(timeit.repeat(lambda: test(values, ()), number=20_000, repeat=5))
        floor = min(timeit.repeat(lambda: by_hand(values, ()), number=20_000, repeat=5))
        assert ours < 3 * floor


class TestTrees:
    def test_trees_are_equal_where_their_structure_is(self) -> None:
        assert term_of(desk.score >= 7) == term_of(desk.score >= 7)
        assert hash(term_of(desk.score >= 7)) == hash(term_of(desk.score >= 7))
        assert term_of(desk.score >= 7) != term_of(desk.score >= 8)
        assert Constant(1) != Constant(True)
        assert Constant(1) != Constant(1.0)
        assert Constant({"b", "a"}) == Constant({"a", "b"})

    def test_a_tree_has_one_form(self) -> None:
        a, b, c = desk.score > 1, desk.score > 2, desk.score > 3
        assert term_of((a & b) & c) == term_of(a & (b & c))
        assert term_of((a | b) | c) == term_of(a | (b | c))
        assert term_of(not_(desk.score == 3)) == term_of(desk.score != 3)
        assert term_of(not_(not_(a))) == term_of(a)

    def test_what_can_be_asked_of_a_tree(self) -> None:
        tree = term_of(((desk.score >= 7) & not_(desk.approved)) | (size(desk.tags) > desk.limit) | (desk.score < 3))
        assert [str(atom) for atom in atoms(tree)] == ["score >= 7", "approved", "size(tags) > limit", "score < 3"]
        assert {str(term): values for term, values in constants(tree).items()} == {"score": (7, 3)}
        assert reads(tree) == {"score", "approved", "tags", "limit"}
        assert str(negated(atoms(tree)[0])) == "not (score >= 7)"
        assert sum(isinstance(term, FieldTerm) for term in walk(tree)) == 5
        changed = with_children(atoms(tree)[0], (FieldTerm("limit"), Constant(8)))
        assert str(changed) == "limit >= 8"

    def test_term_of_takes_expressions_only(self) -> None:
        with pytest.raises(TypeError, match="no expression"):
            term_of(3)


class TestObjects:
    """The objects behind the type Desk behave in an editor, a shell and a debugger."""

    def test_completion(self) -> None:
        assert dir(desk) == sorted(Desk.model_fields)
        assert dir(desk.review) == ["reviewer", "score"]
        assert dir(desk.score) == []

    def test_what_tools_ask_for_is_answered_as_python_does(self) -> None:
        for thing in (desk, desk.score, ITEM):
            assert not hasattr(thing, "_repr_html_")
            assert not hasattr(thing, "__wrapped__")
            assert not hasattr(thing, "_ipython_canary_method_should_not_exist_")
            assert not callable(getattr(thing, "__len__", None)) or isinstance(thing, Expression)

    def test_reprs(self) -> None:
        assert repr(desk) == "<fields of Desk>"
        assert repr(desk.score) == "<expression score>"
        assert str(desk.score > 3) == f"{desk.score > 3}" == "score > 3"

    def test_the_same_field_is_the_same_object(self) -> None:
        assert desk.score is desk.score

    def test_copies(self) -> None:
        condition = desk.score > 3
        assert copy.copy(condition) is condition
        assert copy.deepcopy({"when": condition})["when"] is condition
        assert dir(copy.deepcopy(desk)) == dir(desk)


class TestFieldName:
    def test_whole_fields(self) -> None:
        """S3.1."""
        assert field_name(desk.draft) == "draft"
        assert field_name(desk.draft, Desk) == "draft"
        assert field_name("draft", Desk) == "draft"

    @pytest.mark.parametrize("wrong", [desk.score > 3, size(desk.tags), "draft", 3, None, Desk])
    def test_anything_else_is_an_error(self, wrong: object) -> None:
        with pytest.raises(DeclarationError) as caught:
            field_name(wrong)
        assert caught.value.code == "GF109"


MISTAKES = {
    "desk.scoer": """
[GF102] Desk has no field 'scoer'
  where  {place}   desk.scoer
  why    The fields are those of Desk. (S5.2)
  fix    Did you mean 'score'?
""",
    "desk.review.scoer": """
[GF102] review has no field 'scoer'
  where  {place}   desk.review.scoer
  why    The fields are those of Review. (S5.2)
  fix    Did you mean 'score'?
""",
    "desk.model_dump()": """
[GF102] Desk.model_dump is no field
  where  {place}   desk.model_dump()
  why    'model_dump' is something that a Desk can do or work out, but a condition looks at stored values only. (S5.2)
  fix    Write a predicate, which may use all of Python: when=lambda state: ... model_dump ...
""",
    "desk.draft.startswith('x')": """
[GF102] draft.startswith is no field
  where  {place}   desk.draft.startswith('x')
  why    'startswith' is something that a str can do or work out, but a condition looks at stored values only. (S5.2)
  fix    Write a predicate, which may use all of Python: when=lambda state: ... startswith ...
""",
    "desk.score.real_name": """
[GF102] score has no field 'real_name'
  where  {place}   desk.score.real_name
  why    score is an int, which has no fields. (S5.2)
  fix    Compare score itself.
""",
    "desk.score >= 7 and desk.approved": """
[GF103] `and` cannot combine conditions on fields
  where  {place}   desk.score >= 7 and desk.approved
  why    Python would decide it now, once, while the graph is declared, and not for each state. (S5.3)
  fix    Use &: (desk.score >= 7) & desk.approved
""",
    "desk.approved or desk.score > 1 or len(desk.tags) > 0": """
[GF103] `or` cannot combine conditions on fields
  where  {place}   desk.approved or desk.score > 1 or len(desk.tags) > 0
  why    Python would decide it now, once, while the graph is declared, and not for each state. (S5.3)
  fix    Use |: desk.approved | (desk.score > 1) | (size(desk.tags) > 0)
""",
    "not desk.approved": """
[GF103] `not` cannot negate a condition on fields
  where  {place}   not desk.approved
  why    Python would decide it now, once, while the graph is declared, and not for each state. (S5.3)
  fix    Use not_: not_(desk.approved)
""",
    "1 < desk.score < 3": """
[GF103] A chained comparison cannot be used on fields
  where  {place}   1 < desk.score < 3
  why    Python would decide it now, once, while the graph is declared, and not for each state. (S5.3)
  fix    Use &: (1 < desk.score) & (desk.score < 3)
""",
    "desk.kind in ('refund', 'question')": """
[GF103] `in` cannot be used on fields
  where  {place}   desk.kind in ('refund', 'question')
  why    Python would decide it now, once, while the graph is declared, and not for each state. (S5.3)
  fix    Use one_of: one_of(desk.kind, ('refund', 'question'))
""",
    "bool(desk.approved)": """
[GF103] The condition approved was asked whether it is true
  where  {place}   bool(desk.approved)
  why    `and`, `or`, `not`, `if` and chained comparisons ask that. Python would decide it now, once, while the graph is declared, and not for each state. (S5.3)
  fix    Combine conditions with & and |, negate with not_(...), and give the result to when=.
""",
    "'x' in desk.tags": """
[GF104] `in` cannot be used on fields
  where  {place}   'x' in desk.tags
  why    While the graph is declared tags has no value yet: it stands for the value in each state. (S5.3)
  fix    Use contains(desk.tags, 'x')
""",
    "len(desk.tags) > 0": """
[GF104] `len` cannot be used on fields
  where  {place}   len(desk.tags) > 0
  why    While the graph is declared tags has no value yet: it stands for the value in each state. (S5.3)
  fix    Use size(desk.tags)
""",
    "[tag for tag in desk.tags]": """
[GF104] Going through a field cannot be part of a condition
  where  {place}   [tag for tag in desk.tags]
  why    While the graph is declared tags has no value yet: it stands for the value in each state. (S5.3)
  fix    Use a map over the field, graph.map(..., over=...), or a predicate: when=lambda state: any(...)
""",
    "desk.tags[0]": """
[GF104] An index into a field cannot be part of a condition
  where  {place}   desk.tags[0]
  why    While the graph is declared tags has no value yet: it stands for the value in each state. (S5.3)
  fix    Use a predicate: when=lambda state: ...[...] == ...
""",
    "guard_of(True, Desk, place)": """
[GF105] The condition is the fixed value True
  where  {place}   guard_of(True, Desk, place)
  why    It was worked out while the graph was declared and would be the same for every state. (S5.3)
  fix    Leave when= out for an edge that always matches.
""",
    "guard_of(desk.word is None, Desk, place)": """
[GF105] The condition is the fixed value False: `is` compared the field itself with something
  where  {place}   guard_of(desk.word is None, Desk, place)
  why    `is` cannot be given another meaning on fields: Python answered it while the graph was declared. (S5.3)
  fix    Use == or !=: essay.draft == None, essay.draft != None.
""",
    "guard_of('score > 3', Desk, place)": """
[GF105] 'score > 3' is no condition
  where  {place}   guard_of('score > 3', Desk, place)
  why    A condition is an expression over fields(State), or a predicate of the state. (S5.2)
  fix    Write when=fields(State).score >= 7 or when=lambda state: state.score >= 7.
""",
    "guard_of(desk.draft, Desk, place)": """
[GF105] draft is a str, no condition
  where  {place}   guard_of(desk.draft, Desk, place)
  why    Only a bool field says yes or no by itself; what would count as yes for another must be said. (S5.2)
  fix    Write what must hold: draft != "". If it stands beside & or |, put comparisons in parentheses: (a > 1) & (b > 2).
""",
    "desk.kind == 'refnd'": """
[GF106] kind == "refnd" compares what can never match
  where  {place}   desk.kind == 'refnd'
  why    kind is a Literal['refund', 'question'], and no value of that type equals "refnd". (S5.2)
  fix    Did you mean "refund"?
""",
    "one_of(desk.kind, ['refund', 'whatever'])": """
[GF106] kind == "whatever" compares what can never match
  where  {place}   one_of(desk.kind, ['refund', 'whatever'])
  why    kind is a Literal['refund', 'question'], and no value of that type equals "whatever". (S5.2)
  fix    It can be "refund", "question".
""",
    "desk.colour == 'a'": """
[GF106] colour == "a" compares what can never match
  where  {place}   desk.colour == 'a'
  why    colour is a Kind, and no value of that type equals "a". (S5.2)
  fix    Did you mean Kind.A?
""",
    "desk.score == 'high'": """
[GF106] score == "high" compares what can never match
  where  {place}   desk.score == 'high'
  why    score is an int, and no value of that type equals "high". (S5.2)
  fix    Compare it with an int.
""",
    "desk.draft < 3": """
[GF106] draft < 3 compares what can never match
  where  {place}   desk.draft < 3
  why    draft is a str, which has no order with an int. (S5.2)
  fix    Compare it with a str.
""",
    "desk.score == None": """
[GF106] score == None compares what can never match
  where  {place}   desk.score == None
  why    score is an int, and no value of that type equals None. (S5.2)
  fix    Leave the comparison out, or let the field be None: int | None.
""",
    "desk.rounds > None": """
[GF106] rounds > None compares what can never match
  where  {place}   desk.rounds > None
  why    None is neither more nor less than anything: an ordering with None is always false. (S5.3)
  fix    Use rounds == None or rounds != None.
""",
    "contains(desk.tags, 3)": """
[GF106] an element of tags == 3 compares what can never match
  where  {place}   contains(desk.tags, 3)
  why    an element of tags is a str, and no value of that type equals 3. (S5.2)
  fix    Compare it with a str.
""",
    "desk.draft == desk.score": """
[GF106] draft == score compares what can never match
  where  {place}   desk.draft == desk.score
  why    draft is a str and score is an int. (S5.2)
  fix    Compare fields of one type.
""",
    "desk.score >= 7 & desk.approved": """
[GF107] & was given 7, which is no condition on fields
  where  {place}   desk.score >= 7 & desk.approved
  why    & combines conditions, and binds more tightly than a comparison. (S5.2)
  fix    Put each comparison in parentheses: (a > 1) & (b > 2).
""",
    "(desk.approved & desk.sent) == True": """
[GF107] == cannot compare the condition approved and sent
  where  {place}   (desk.approved & desk.sent) == True
  why    A condition is not a value; & binds more tightly than a comparison. (S5.2)
  fix    Put each comparison in parentheses, (a > 1) & (b > 2), and negate with not_(...).
""",
    "size(desk.score)": """
[GF107] size(score) has no meaning
  where  {place}   size(desk.score)
  why    score is of type int, which has no size. (S5.2)
  fix    Give size() a text, a list or another container.
""",
    "contains(desk.score, 3)": """
[GF107] contains(score, ...) has no meaning
  where  {place}   contains(desk.score, 3)
  why    score is of type int, which holds nothing. (S5.2)
  fix    Compare it: score == ..., or ask one_of(score, [...]).
""",
    "size([1, 2])": """
[GF107] size() was given [1, 2], which is no expression over fields
  where  {place}   size([1, 2])
  why    It says something about fields of the state; a value known now needs no condition. (S5.2)
  fix    Write size(fields(State).draft).
""",
    "desk.draft + 'x'": """
[GF107] + cannot calculate with draft
  where  {place}   desk.draft + 'x'
  why    Conditions calculate with numbers only. (S5.2)
  fix    Write a predicate: when=lambda state: ...
""",
    "desk.score % 2 == 0": """
[GF107] % cannot be used on fields
  where  {place}   desk.score % 2 == 0
  why    Conditions on fields have comparisons, &, |, not_, +, -, *, size, contains and one_of; score met %. (S5.2)
  fix    Write a predicate, which may use all of Python: when=lambda state: ...
""",
    "{desk.score: 1}": """
[GF107] score cannot be a key of a dict or an element of a set
  where  {place}   {desk.score: 1}
  why    An expression has no value while the graph is declared, and == between two makes a condition. (S5.2)
  fix    Keys are names, as texts: {'score': 1}
""",
    "setattr(desk, 'score', 3)": """
[GF107] Desk.score cannot be used like this
  where  {place}   setattr(desk, 'score', 3)
  why    fields(State) stands for the fields of any state; it holds no values and cannot be set or compared. (S5.2)
  fix    A node changes a field by returning it; a condition compares one field, as in fields(State).score >= 7.
""",
    "fields(Desk())": None,
    "fields(int)": """
[GF109] fields() was given <class 'int'>, which is no state class
  where  {place}   fields(int)
  why    The state of a graph is a pydantic model, and fields() takes the class. (S1.1)
  fix    Write class State(BaseModel): ... and fields(State).
""",
    "guard_of(fields(Other).score > 3, Desk, place)": """
[GF109] score > 3 is about the fields of Other, but the state here is Desk
  where  {place}   guard_of(fields(Other).score > 3, Desk, place)
  why    Conditions and writes of a graph name fields of its own state. (S1.1)
  fix    Use fields(Desk).score.
""",
    "(desk.score > 3) & (fields(Other).score > 3)": """
[GF109] score > 3 and score > 3 is about two states, Desk and Other
  where  {place}   (desk.score > 3) & (fields(Other).score > 3)
  why    A condition is a predicate of one state. (S5.1)
  fix    Use fields(Desk) throughout.
""",
    "field_name(desk.review.score)": """
[GF109] review.score is no field of the state
  where  {place}   field_name(desk.review.score)
  why    review.score is part of the field review; nodes write and maps go over whole fields of the state. (S3.1)
  fix    Name review.
""",
}


@pytest.mark.parametrize("line", MISTAKES)
def test_what_is_said_of_a_mistake(line: str, tmp_path: Path) -> None:
    """S5.3: every mistake is an error at the line, which says what to write instead."""
    path = tmp_path / "desk.py"
    path.write_text(line, "utf-8")
    names = {**globals(), "place": Place(str(path), 1)}
    with pytest.raises(DeclarationError) as caught:
        exec(compile(line, str(path), "exec"), names)
    expected = MISTAKES[line]
    if expected is not None:
        assert str(caught.value) == expected.strip("\n").replace("{place}", f"{path}:1")
    assert caught.value.code in CODES


def test_a_mistake_in_an_if_is_explained_without_its_source() -> None:
    """S5.3."""
    with pytest.raises(DeclarationError) as caught:
        exec("if condition:\n    pass", {"condition": desk.score > 3})
    assert caught.value.code == "GF103"
    assert "not_(...)" in caught.value.fix


def test_a_mistake_over_several_lines_is_read_whole() -> None:
    """S5.3."""
    with pytest.raises(DeclarationError) as caught:
        _ = (
            desk.score > 3
            and desk.approved
        )  # fmt: skip
    assert caught.value.fix == "Use &: (desk.score > 3) & desk.approved"


def test_a_field_may_not_be_called_item() -> None:
    class State(BaseModel):
        ITEM: int = 0

    with pytest.raises(DeclarationError, match="Rename the field"):
        fields(State).ITEM
