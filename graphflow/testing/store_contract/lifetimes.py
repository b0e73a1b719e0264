"""Laws of a store's end: closed or forgotten, it finishes what it was given and leaves nothing behind."""

from __future__ import annotations

import gc
import sys
import threading
import warnings
from collections.abc import Callable
from contextlib import closing

from graphflow.errors import RunNotFound, StoreError
from graphflow.stores.store import Store
from graphflow.testing.store_contract.place import (
    Law,
    Place,
    brief,
    commit,
    in_loop,
    new_run,
    opened,
    plan_of_notes,
    refused,
    snapshot,
    texts,
)


def closed_stores_have_finished(place: Place) -> None:
    """Closing waits for what was handed over; closing again is fine; other stores on the place go on."""
    other = place.open()
    with closing(other):
        store = place.open()
        run_id = new_run(store)

        async def main() -> None:
            for number in range(50):
                store.append(run_id, [brief("a", number)])
            store.close()

        in_loop(main())
        store.close()
        assert len(other.read(run_id)) == 50
        mine = new_run(other)
        in_loop(commit(other, mine, [brief("still here")]))
        assert list(other.read(mine)) == texts([brief("still here")])


def closed_stores_say_so(place: Place) -> None:
    """Whatever is asked of them, at once; whether another store on the place is open or none."""
    with opened(place) as other:
        if other.lease_s is None:  # a store in memory has nothing to close
            return
        _check_that_it_says_so(place.open())
    _check_that_it_says_so(place.open())


def _check_that_it_says_so(store: Store) -> None:
    run_id = new_run(store)
    store.close()
    asked: tuple[Callable[[], object], ...] = (
        store.ids,
        store.rows,
        store.sizes,
        store.compact,
        lambda: store.ready(0.0),
        lambda: store.cut(run_id, snapshot(2)),
        lambda: store.row(run_id),
        lambda: store.read(run_id),
        lambda: store.plans(run_id),
        lambda: store.answers(run_id),
        lambda: store.create("new", plan_of_notes()),
        lambda: store.acquire(run_id),
        lambda: store.append(run_id, [brief("a")]),
        lambda: store.answer(run_id, "ask", 1),
        lambda: store.remove(run_id),
        lambda: store.release(run_id),
    )
    for act in asked:
        error = refused(StoreError, act)
        assert not isinstance(error, RunNotFound)
        assert "closed" in error.what


def places_are_opened_again(place: Place) -> None:
    """What was committed is there for the next store, with its plans and answers."""
    store = place.open()
    if store.lease_s is None:
        return
    with closing(store):
        run_id = new_run(store)
        in_loop(commit(store, run_id, [brief("kept")]))
        store.answer(run_id, "ask", 1)
        store.release(run_id)
    with opened(place) as again:
        assert list(again.read(run_id)) == texts([brief("kept")])
        assert list(again.plans(run_id)) == [plan_of_notes().fingerprint]
        assert len(again.answers(run_id)) == 1
        again.acquire(run_id)


def forgotten_stores_leave_nothing(place: Place) -> None:
    """No thread, no open file that Python complains of, and nothing lost."""
    kept = place.open()
    if kept.lease_s is None:
        return
    kept.close()
    complaints: list[str] = []
    gc.collect()
    before, hook = set(threading.enumerate()), sys.unraisablehook
    sys.unraisablehook = lambda told: complaints.append(repr(told.exc_value))
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            run_id = _left_behind(place)
            gc.collect()
    finally:
        sys.unraisablehook = hook
    assert complaints == []
    for thread in set(threading.enumerate()) - before:
        thread.join(10)
        assert not thread.is_alive(), f"{thread.name} still runs"
    with opened(place) as again:
        assert list(again.read(run_id)) == texts([brief("not awaited")])


def _left_behind(place: Place) -> str:
    store: Store = place.open()
    run_id = new_run(store)
    store.append(run_id, [brief("not awaited")])
    return run_id


LAWS: tuple[Law, ...] = (
    closed_stores_have_finished,
    closed_stores_say_so,
    places_are_opened_again,
    forgotten_stores_leave_nothing,
)
