"""Laws of answers: kept in their order until the commit that takes them, and gone with just that (S10.1)."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from graphflow.testing.store_contract.place import (
    EXAMPLES,
    JSON,
    TEXT,
    Law,
    Place,
    brief,
    commit,
    in_loop,
    new_run,
    opened,
    texts,
)


def answers_are_kept_in_order(place: Place) -> None:
    """Of any text and value, to a run with a driver or without, from any store; each has a number of its own."""
    with opened(place) as store, opened(place) as other:

        @EXAMPLES
        @given(st.lists(st.tuples(TEXT, JSON), max_size=4), st.booleans())
        def check(left: list[tuple[str, Any]], is_driven: bool) -> None:
            run_id = new_run(store, is_driven=is_driven)
            for number, (key, value) in enumerate(left):
                (store, other)[number % 2].answer(run_id, key, value)
            found = store.answers(run_id)
            assert [(answer.key, answer.value) for answer in found] == left
            assert len({answer.number for answer in found}) == len(left)
            assert other.row(run_id).has_answers is bool(left)

        check()


def answers_go_with_the_commit_that_takes_them(place: Place) -> None:
    """Only they, and only with it: what is not taken stays for the next driver."""
    with opened(place) as store:
        run_id, another = new_run(store), new_run(store)
        for value in ("first", "second", "third"):
            store.answer(run_id, "ask", value)
            store.answer(another, "ask", value)
        first, second, third = store.answers(run_id)
        in_loop(commit(store, run_id, [brief("took none")]))
        assert store.answers(run_id) == [first, second, third]
        in_loop(commit(store, run_id, [brief("took two")], None, [second.number, 10**9]))
        assert store.answers(run_id) == [first, third]
        assert list(store.read(run_id)) == texts([brief("took none"), brief("took two")])
        in_loop(commit(store, run_id, (), None, [third.number, second.number]))
        assert store.answers(run_id) == [first]
        theirs = [answer.number for answer in store.answers(another)]
        in_loop(commit(store, run_id, (), None, [first.number, *theirs]))
        assert store.answers(run_id) == []
        assert not store.row(run_id).has_answers
        assert [answer.number for answer in store.answers(another)] == theirs, "a run takes its own answers only"
        store.release(run_id)
        store.answer(run_id, "ask", "late")
        assert [answer.value for answer in store.answers(run_id)] == ["late"]


LAWS: tuple[Law, ...] = (answers_are_kept_in_order, answers_go_with_the_commit_that_takes_them)
