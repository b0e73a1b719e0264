"""Laws of leases: a run has one driver, a silent one is taken over from, and writes no more (S18)."""

from __future__ import annotations

import asyncio
import threading
from concurrent.futures import ThreadPoolExecutor

from graphflow.errors import Fenced, RunBusy
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
    texts,
)

_LEASE_S = 10.0


def runs_have_one_driver(place: Place) -> None:
    """A second one is refused at once, from here or elsewhere, until the first lets go."""
    with opened(place) as store, opened(place) as other:
        run_id = new_run(store, is_driven=False)
        assert not store.row(run_id).is_driven
        store.acquire(run_id)
        assert other.row(run_id).is_driven
        for one in (store, other):
            refused(RunBusy, one.acquire, run_id)
        in_loop(commit(store, run_id, [brief("still mine")]))
        store.release(run_id)
        store.release(run_id)
        assert not store.row(run_id).is_driven
        other.acquire(run_id)
        refused(RunBusy, store.acquire, run_id)
        in_loop(commit(other, run_id, [brief("mine now")]))
        other.release(run_id)
        assert list(store.read(run_id)) == texts([brief("still mine"), brief("mine now")])


def one_of_many_threads_becomes_the_driver(place: Place) -> None:
    """However many ask at the same moment."""
    with opened(place) as store, opened(place) as other, ThreadPoolExecutor(8) as threads:
        for _ in range(10):
            run_id = new_run(store, is_driven=False)
            together = threading.Barrier(8)

            def ask(number: int, run_id: str = run_id, together: threading.Barrier = together) -> Store | None:
                one = (store, other)[number % 2]
                together.wait()
                try:
                    one.acquire(run_id)
                except RunBusy:
                    return None
                return one

            won = [one for one in threads.map(ask, range(8)) if one is not None]
            assert len(won) == 1
            in_loop(commit(won[0], run_id, [brief("mine")]))
            won[0].release(run_id)


def silent_drivers_are_taken_over_from(place: Place) -> None:
    """Once the lease has run out, not before; each commit renews it, an empty one too."""
    with opened(place, lease_s=_LEASE_S) as store, opened(place, lease_s=_LEASE_S) as other:
        if store.lease_s is None:
            return
        run_id = new_run(store)
        for given in ([brief("working")], []):
            place.pass_s(0.6 * _LEASE_S)
            refused(RunBusy, other.acquire, run_id)
            in_loop(commit(store, run_id, given))
        place.pass_s(0.6 * _LEASE_S)
        assert store.row(run_id).is_driven
        refused(RunBusy, other.acquire, run_id)
        refused(RunBusy, other.remove, run_id)
        place.pass_s(0.6 * _LEASE_S)
        assert not other.row(run_id).is_driven
        other.acquire(run_id)
        refused(RunBusy, store.acquire, run_id)


def drivers_taken_over_from_write_nothing(place: Place) -> None:
    """Fenced, with nothing of it written and no answer taken, while runs committed together with it go through."""
    with opened(place, lease_s=_LEASE_S) as store, opened(place, lease_s=_LEASE_S) as other:
        if store.lease_s is None:
            return
        lost, kept = new_run(store), [new_run(store) for _ in range(5)]
        store.answer(lost, "ask", "yes")
        in_loop(commit(store, lost, [brief("before")]))
        place.pass_s(2 * _LEASE_S)
        other.acquire(lost)

        async def main() -> None:
            numbers = [answer.number for answer in store.answers(lost)]
            given: list[tuple[str, tuple[int, ...]]] = [(run_id, ()) for run_id in kept]
            given[2:2] = [(lost, tuple(numbers)), (lost, ())]  # in the midst of the others
            tickets = [(one, store.append(one, [brief(one)], None, taken)) for one, taken in given]
            for one, ticket in tickets:
                assert ticket is not None
                try:
                    await ticket
                except Fenced:
                    assert one == lost
                else:
                    assert one != lost, "a driver that lost its run was let through"
            await asyncio.gather(*(commit(store, one, [brief("again")]) for one in kept))

        in_loop(main())
        for run_id in kept:
            assert list(store.read(run_id)) == texts([brief(run_id), brief("again")])
        assert list(store.read(lost)) == texts([brief("before")])
        assert [answer.value for answer in store.answers(lost)] == ["yes"]
        in_loop(commit(other, lost, [brief("after")]))
        store.release(lost)  # has nothing to let go of
        refused(RunBusy, store.acquire, lost)
        assert list(store.read(lost)) == texts([brief("before"), brief("after")])


def late_drivers_go_on_unless_another_came(place: Place) -> None:
    """A lease that ran out with nobody there to take over is as good as new."""
    with opened(place, lease_s=_LEASE_S) as store, opened(place, lease_s=_LEASE_S) as other:
        run_id = new_run(store)
        place.pass_s(2 * _LEASE_S)
        in_loop(commit(store, run_id, [brief("late")]))
        refused(RunBusy, other.acquire, run_id)
        assert list(other.read(run_id)) == texts([brief("late")])


def who_has_no_lease_writes_nothing(place: Place) -> None:
    """Not before it is acquired, not after it is let go, and not into a later run of the same name."""
    with opened(place, lease_s=_LEASE_S) as store, opened(place, lease_s=_LEASE_S) as other:
        if store.lease_s is None:
            return
        run_id = new_run(store, is_driven=False)
        for _ in range(2):
            refused(Fenced, lambda: in_loop(commit(store, run_id, [brief("no")])))
            store.acquire(run_id)
            store.release(run_id)
        store.acquire(run_id)
        place.pass_s(2 * _LEASE_S)
        other.remove(run_id)
        refused(Fenced, lambda: in_loop(commit(store, run_id, [brief("into nothing")])))
        other.create(run_id, plan_of_notes())
        other.acquire(run_id)
        refused(Fenced, lambda: in_loop(commit(store, run_id, [brief("into another")])))
        assert list(other.read(run_id)) == []


LAWS: tuple[Law, ...] = (
    runs_have_one_driver,
    one_of_many_threads_becomes_the_driver,
    silent_drivers_are_taken_over_from,
    drivers_taken_over_from_write_nothing,
    late_drivers_go_on_unless_another_came,
    who_has_no_lease_writes_nothing,
)
