"""Laws of tickets: however a commit is waited for, or not at all, it is made, once, in its turn."""

from __future__ import annotations

import asyncio
import threading
from concurrent.futures import ThreadPoolExecutor

from graphflow.testing.store_contract.place import Law, Place, brief, commit, in_loop, new_run, opened, texts


def tickets_need_not_be_awaited(place: Place) -> None:
    """What was handed over is committed; also if the loop that handed it over is gone."""
    with opened(place) as store:
        run_id = new_run(store)

        async def main() -> None:
            for number in range(20):
                store.append(run_id, [brief("given", number)])

        in_loop(main())
        store.append(run_id, [brief("outside of a loop")])
        store.release(run_id)  # in its turn, so all of it is there
        wanted = [*(brief("given", number) for number in range(20)), brief("outside of a loop")]
        assert list(store.read(run_id)) == texts(wanted)


def tickets_may_be_awaited_often(place: Place) -> None:
    """By several at once, again afterwards, and given up by one without harm to the commit or the others."""
    with opened(place) as store:
        run_id = new_run(store)

        async def main() -> None:
            for number in range(10):
                ticket = store.append(run_id, [brief("a", number)])
                if ticket is None:
                    continue

                async def wait(ticket: object = ticket) -> None:
                    await ticket  # type: ignore[misc]

                waiting = [asyncio.ensure_future(wait()) for _ in range(3)]
                await asyncio.sleep(0)
                waiting[number % 3].cancel()
                ended = await asyncio.gather(*waiting, return_exceptions=True)
                assert sum(isinstance(one, asyncio.CancelledError) for one in ended) <= 1
                assert not any(isinstance(one, Exception) for one in ended)
                await ticket
                await ticket

        in_loop(main())
        assert list(store.read(run_id)) == texts([brief("a", number) for number in range(10)])


def an_awaited_commit_is_safe(place: Place) -> None:
    """Whoever looks when the ticket is done sees the commit: in this store and in every other."""
    with opened(place) as store, opened(place) as other:
        run_id = new_run(store)

        async def main() -> None:
            for number in range(1, 20):
                await commit(store, run_id, [brief("a", number)])
                assert len(store.read(run_id)) == number
                assert len(other.read(run_id)) == number

        in_loop(main())


def threads_and_loops_share_a_store(place: Place) -> None:
    """Eight threads with a loop each, three runs in every loop, and one that reads all the while."""
    with opened(place) as store, opened(place) as other, ThreadPoolExecutor(9) as threads:
        is_over = threading.Event()

        def read_on() -> int:
            looked = 0
            while not is_over.is_set():
                looked += len([other.read(row.run) for row in other.rows()])
            return looked

        async def drive(name: str) -> str:
            run_id = new_run(store)
            for number in range(15):
                await commit(store, run_id, [brief(name, number)])
            store.release(run_id)
            assert list(store.read(run_id)) == texts([brief(name, number) for number in range(15)])
            return run_id

        async def several(name: str) -> list[str]:
            return await asyncio.gather(*(drive(f"{name}.{number}") for number in range(3)))

        def loop(number: int) -> list[str]:
            return asyncio.run(several(str(number)))

        reading = threads.submit(read_on)
        try:
            driven = list(threads.map(loop, range(8)))
        finally:
            is_over.set()
        assert reading.result() >= 0
        ids = [run_id for some in driven for run_id in some]
        assert sorted(other.ids()) == sorted(ids)
        assert len(set(ids)) == 24


LAWS: tuple[Law, ...] = (
    tickets_need_not_be_awaited,
    tickets_may_be_awaited_often,
    an_awaited_commit_is_safe,
    threads_and_loops_share_a_store,
)
