"""Plain predicates: the ones that are lifted mean exactly what they meant, the others are opaque (S5.1, S5.2)."""

from __future__ import annotations

import ast
import functools
import linecache
from collections.abc import Callable, Iterator
from itertools import count
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from graphflow.core.plan import Guard
from graphflow.core.view import view_of
from graphflow.errors import DeclarationError, Place
from graphflow.graph.expressions import fields, guard_of
from graphflow.graph.labels import parse_label
from graphflow.graph.lifting import lift
from tests.graph.trees import Colour, Review, State

HERE = Place("graphs/desk.py", 7)
LIMIT = 3
KINDS = ("a", "b")
MUTABLE = ["a"]
state = fields(State)


def label_of(predicate: Callable[..., Any]) -> str | None:
    lifted = lift(predicate, State)
    return None if lifted is None else str(lifted.term)


def with_returns(s: State) -> bool:
    """Every way ends in a return."""
    if s.done:
        return False
    if s.n > 3:
        return True
    elif s.m == 1:  # noqa: RET505
        return s.kind == "a"
    return s.text != ""


def falls_off(s: State) -> bool | None:  # noqa: RET503
    if s.done:
        return True


def counts(s: State) -> bool:
    total = 0
    for tag in s.tags:
        total += len(tag)
    return total > 3


class TestLifted:
    """S5.2: what is understood becomes the same tree as the expression."""

    def test_the_tree_is_that_of_the_expression(self) -> None:
        lifted = guard_of(lambda s: s.n >= 3 and not s.done, State, HERE)
        written = guard_of((state.n >= 3) & ~state.done, State, HERE)
        assert lifted.expression == written.expression
        assert (lifted.label, lifted.reads) == (written.label, written.reads)

    def test_what_python_writes_and_expressions_cannot(self) -> None:
        assert label_of(lambda s: 0 < s.n < 3) == "n > 0 and n < 3"
        assert label_of(lambda s: s.word is None or s.word is not None) == "word == None or word != None"
        assert label_of(lambda s: len(s.tags) > 0) == "size(tags) > 0"
        assert label_of(lambda s: "a" in s.tags and "b" not in s.tags) == '"a" in tags and "b" not in tags'
        assert label_of(lambda s: s.kind in ("a", "b")) == 'kind in ("a", "b")'
        assert label_of(lambda s: s.kind in {"b", "a"}) == 'kind in ("a", "b")'
        assert label_of(lambda s: s.n if s.done else s.m > 2) == "(done and n) or (not done and m > 2)"
        assert label_of(lambda s: s.text) == "text"
        assert label_of(lambda s: bool(s.text)) == "text"
        assert label_of(lambda s: s.done is True) == "done == True"
        assert label_of(lambda s: -s.n + 1 > 2 * s.m) == "0 - n + 1 > 2 * m"
        assert label_of(lambda s: True) == "True"

    def test_constants_from_around(self) -> None:
        inner = 7
        assert label_of(lambda s: s.n > LIMIT) == "n > 3"
        assert label_of(lambda s: s.n > inner) == "n > 7"
        assert label_of(lambda s, k=5: s.n > k) == "n > 5"
        assert label_of(lambda s: s.kind in KINDS) == 'kind in ("a", "b")'
        assert label_of(lambda s: s.colour is Colour.RED) == "colour == Colour.RED"
        assert label_of(lambda s: s.colour in (Colour.RED, Colour.BLUE)) == "colour in (Colour.RED, Colour.BLUE)"

    def test_what_may_be_none_must_be_there(self) -> None:
        """S5.4: Python raises where a value is None; so does the tree."""
        assert label_of(lambda s: s.maybe > 3) == "given(maybe) > 3"
        assert label_of(lambda s: s.review.score > 3) == "given(review).score > 3"
        assert label_of(lambda s: s.maybe == 3) == "maybe == 3"
        with pytest.raises(TypeError):
            guard_of(lambda s: s.maybe > 3, State, HERE).test({"maybe": None}, ())

    def test_a_function_of_ifs_and_returns(self) -> None:
        assert label_of(with_returns) == ('not done and (n > 3 or (m == 1 and kind == "a") or (m != 1 and text != ""))')
        assert label_of(falls_off) == "done"

    def test_the_item(self) -> None:
        """S6.1."""
        guard = guard_of(lambda s, item: item == s.kind, State, HERE)
        assert guard.label == "ITEM == kind"
        assert guard.test({"kind": "a"}, ("x", "a")) is True
        assert guard.uses_item
        assert label_of(lambda s, item: item.score > 3) == "given(given(ITEM).score) > 3"

    def test_lambdas_on_several_lines_of_a_call(self) -> None:
        def call(*predicates: Callable[[State], bool]) -> list[str | None]:
            return [label_of(predicate) for predicate in predicates]

        assert call(
            lambda s: s.n > 1, lambda s: s.n > 2,
            lambda s: (
                s.n > 3
                and s.done
            ),
        ) == ["n > 1", "n > 2", "n > 3 and done"]  # fmt: skip

    def test_two_lambdas_on_a_line_are_told_apart(self) -> None:
        assert [label_of(p) for p in (lambda s: s.n > 1, lambda s: s.m > 1)] == ["n > 1", "m > 1"]

    def test_a_name_that_means_something_else_by_now_raises(self) -> None:
        """S5.1: a guard is a pure predicate of the state. The label says 3 and must not come to mean 4."""
        guards: list[Guard] = []
        for wanted in (3, 4):
            predicate = lambda s: s.n == wanted  # noqa: B023, E731  (the classic mistake)
            guards.append(guard_of(predicate, State, HERE))
        assert [guard.label for guard in guards] == ["n == 3", "n == 4"]
        assert guards[1].test({"n": 4}, ()) is True
        with pytest.raises(ValueError, match=r"wanted was 3 .* is 4 now; bind it: lambda state, wanted=wanted"):
            guards[0].test({"n": 3}, ())

    def test_a_lifted_predicate_is_evaluated_as_its_tree(self) -> None:
        guard = guard_of(lambda s: s.n >= 3, State, HERE)
        assert guard.test({"n": 3}, ()) is True  # a view would need the other fields


class TestOpaque:
    """S5.2: what is not understood is said to be opaque, and asked as it is."""

    def test_what_cannot_be_read_is_opaque(self) -> None:
        shadowed = len
        del shadowed
        for predicate in (
            lambda s: any(tag == "a" for tag in s.tags),
            lambda s: s.text.startswith("x"),
            lambda s: s.n / 2 > 1,
            lambda s: s.model_dump(),
            lambda s: s.kind in MUTABLE,
            lambda s: s.n > undefined,  # type: ignore[name-defined]  # noqa: F821
            lambda s: s.review == s.review,
            lambda s: (s.n > 1) == s.done,
            lambda s: s.word in s.tags,
            lambda s: s,
            lambda s: s.n > [1][0],
            counts,
            Asks(),
            functools.partial(lambda limit, s: s.n > limit, 3),
            str,
        ):
            assert lift(predicate, State) is None

    def test_an_opaque_predicate_reads_any_field(self) -> None:
        guard = guard_of(counts, State, HERE)
        assert (guard.label, guard.reads, guard.expression) == ("counts", None, None)
        assert guard.test(values(tags=["a", "b"]), ()) is False
        assert guard.test(values(tags=["a", "b", "c", "a"]), ()) is True

    def test_an_opaque_lambda_is_labelled_by_its_source(self) -> None:
        guard = guard_of(lambda s: any(tag == "a" for tag in s.tags), State, HERE)
        assert guard.label == 'any(tag == "a" for tag in s.tags)'

    def test_an_opaque_predicate_sees_a_view(self) -> None:
        """S3.6: what it alters is its own."""
        held = values(tags=["a"])
        assert guard_of(lambda s: s.tags.append("b") or len(s.tags) == 2, State, HERE).test(held, ()) is True
        assert held["tags"] == ["a"]

    def test_an_opaque_predicate_may_take_the_item(self) -> None:
        guard = guard_of(lambda s, item: item.upper() == "A", State, HERE)
        assert guard.uses_item
        assert guard.test(values(), ("b", "a")) is True

    def test_another_length_is_not_size(self) -> None:
        def build() -> Callable[[State], bool]:
            len = abs  # noqa: A001
            return lambda s: len(s.n) > 1

        assert lift(build(), State) is None

    def test_source_that_is_not_the_code_is_not_trusted(self) -> None:
        """The file was edited after it was imported."""
        predicate = compiled_from("lambda s: s.n > 3", shown="lambda s: s.n > 4")
        assert lift(predicate, State) is None
        assert guard_of(predicate, State, HERE).label.startswith("lambda in ")

    def test_code_without_source(self) -> None:
        assert lift(eval("lambda s: s.n > 3"), State) is None

    def test_a_state_that_answers_for_itself(self) -> None:
        class Strange(State):
            def __getattribute__(self, name: str) -> Any:
                return 3

        assert lift(lambda s: s.n > 3, Strange) is None

    def test_an_answer_to_await_is_an_error(self) -> None:
        """S5.1, S5.4."""

        async def later() -> bool:
            return True

        with pytest.raises(TypeError, match="answers at once"):
            guard_of(lambda s: later(), State, HERE).test(values(), ())


class Asks:
    def __call__(self, s: State) -> bool:
        return s.n > 3


async def asynchronous(s: State) -> bool:
    return True


def generator(s: State) -> Iterator[bool]:
    yield True


class AsyncAsks:
    async def __call__(self, s: State) -> bool:
        return True


@pytest.mark.parametrize(
    ("predicate", "what"),
    [
        (asynchronous, "The condition asynchronous is an async function"),
        (generator, "The condition generator is a generator"),
        (lambda: True, "takes nothing"),
        (lambda a, b, c: True, "takes a, b, c"),
        (lambda a, *, limit: True, "takes a, limit"),
        (AsyncAsks(), "is an async function"),
    ],
)
def test_what_is_no_predicate_is_refused(predicate: Any, what: str) -> None:
    """S5.1."""
    with pytest.raises(DeclarationError) as caught:
        guard_of(predicate, State, HERE)
    assert caught.value.code == "GF108"
    assert what in caught.value.what
    assert caught.value.where == (HERE,)


def test_what_is_said_of_an_async_predicate() -> None:
    with pytest.raises(DeclarationError) as caught:
        guard_of(asynchronous, State, HERE)
    assert str(caught.value) == (
        "[GF108] The condition asynchronous is an async function\n"
        "  where  graphs/desk.py:7\n"
        "  why    A guard is a pure, quick predicate of the state (and of the item, under a map), and answers at once. (S5.1)\n"
        "  fix    Move the work to a node and write its result to a field."
    )


def values(**given_values: Any) -> dict[str, Any]:
    return {**State().__dict__, **given_values}


_numbers = count()


def compiled_from(source: str, shown: str | None = None) -> Callable[..., Any]:
    """The function that a text defines, from a file that linecache knows."""
    filename = f"<generated {next(_numbers)}>"
    text = shown or source
    linecache.cache[filename] = (len(text), None, [text + "\n"], filename)
    space: dict[str, Any] = {"LIMIT": LIMIT, "KINDS": KINDS, "Colour": Colour}
    made: Callable[..., Any] = eval(compile(source, filename, "eval"), space)
    return made


VALUES = ["s.n", "s.m", "s.maybe", "s.x", "s.text", "s.word", "s.done", "s.kind", "s.colour", "s.tags", "s.review"]
VALUES += ["s.review.score", "s.review.reviewer", "len(s.tags)", "len(s.word)", "s.n + s.maybe", "s.n - 1", "2 * s.m"]
CONSTANTS = ["0", "1", "-1", "2.5", "'a'", "''", "None", "True", "LIMIT", "KINDS", "Colour.RED", "('a', 'b')", "['a']"]
CONSTANTS += ["{'a', 'b'}", "[]"]
SIGNS = ["==", "!=", "<", "<=", ">", ">=", "in", "not in", "is", "is not"]


def sources() -> st.SearchStrategy[str]:
    operands = st.sampled_from([*VALUES, *VALUES, *CONSTANTS])
    comparison = st.builds("{} {} {}".format, operands, st.sampled_from(SIGNS), operands)
    chained = st.builds("{} < {} <= {}".format, operands, operands, operands)
    return st.recursive(
        st.one_of(comparison, comparison, chained, operands),
        lambda below: st.one_of(
            below.map("not ({})".format),
            st.builds("({}) and ({})".format, below, below),
            st.builds("({}) or ({})".format, below, below),
            st.builds("({}) if ({}) else ({})".format, below, below, below),
        ),
        max_leaves=4,
    )


def states() -> st.SearchStrategy[State]:
    small = st.integers(-2, 4)
    return st.builds(
        State,
        n=small,
        m=small,
        maybe=st.none() | small,
        x=st.sampled_from([-1.0, 0.0, 2.5]),
        text=st.sampled_from(["", "a", "ab"]),
        word=st.sampled_from([None, "", "a"]),
        done=st.booleans(),
        kind=st.sampled_from(["a", "b", "c"]),
        colour=st.sampled_from(Colour),
        tags=st.lists(st.sampled_from(["a", "b"]), max_size=2),
        review=st.none() | st.builds(Review, score=small, reviewer=st.sampled_from([None, "", "a"])),
    )


def answer_of(ask: Callable[[], object]) -> object:
    try:
        return bool(ask())
    except Exception:
        return "raises"


@given(sources(), st.lists(states(), min_size=1, max_size=6))
@settings(max_examples=500, deadline=None)
@pytest.mark.filterwarnings("ignore::SyntaxWarning")
def test_lifted_is_guard(source: str, some: list[State]) -> None:
    """A law of S5.2: the tree answers what the predicate answers, and raises where it raises."""
    predicate = compiled_from(f"lambda s: {source}")
    lifted = lift(predicate, State)
    if lifted is None:
        return
    guard = guard_of(predicate, State, HERE)
    assert parse_label(guard.label, State) == lifted.term
    for one in some:
        held = dict(one.__dict__)
        expected = answer_of(lambda held=held: predicate(view_of(State, held)))
        assert answer_of(lambda held=held: guard.test(held, ())) == expected, ast.unparse(ast.parse(source))


def test_most_of_what_the_law_tries_is_lifted() -> None:
    """Otherwise the law above would say nothing."""
    tried = [f"lambda s: {value} {sign} 1" for value in VALUES for sign in SIGNS[:6]]
    lifted = [source for source in tried if lift(compiled_from(source), State) is not None]
    assert len(lifted) == len(tried)
