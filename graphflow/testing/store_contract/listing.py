"""Laws of lists: what is known of runs without reading their journals, and how they are forgotten."""

from __future__ import annotations

from graphflow.errors import RunBusy, RunNotFound
from graphflow.stores.store import Origin, Standing
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


def rows_tell_what_was_told(place: Place) -> None:
    """Oldest first, with the origin, the standing as of the last commit that told it, and the true number of entries."""
    with opened(place) as store, opened(place) as other:
        assert store.rows() == []
        plan = plan_of_notes()
        ids = [f"r{number}" for number in (3, 1, 2)]
        for run_id in ids:
            store.create(run_id, plan, Origin("graphs/notes.py", "gpt-9", run_id * 2))
        assert other.ids() == ids
        rows = other.rows()
        assert [row.run for row in rows] == ids
        assert rows == [other.row(run_id) for run_id in ids]
        row = rows[0]
        assert (row.graph, row.fingerprint) == ("notes", plan.fingerprint)
        assert (row.target, row.model, row.parent) == ("graphs/notes.py", "gpt-9", "r3r3")
        assert row.standing == Standing(0)
        assert 1e9 < row.created <= row.updated

        told = Standing(
            2,
            "waiting",
            wake_at=2_000_000_000.25,
            frontier=("ask:1", "\ud800"),
            questions=({"id": "ask:1", "text": "Go \udfff on?\0", "schema": {"type": "boolean"}},),
            usage={"steps": 2, "usd": 0.5},
            state={"text": "\ud83d\0", "lines": ["a"] * 3, "count": 2**60},
            error={"code": "GF200"},
        )
        store.acquire("r3")
        in_loop(commit(store, "r3", [brief("a", 1), brief("b", 2)], told))
        row = other.row("r3")
        assert row.standing == told
        assert row.updated >= row.created
        assert row.is_driven
        in_loop(commit(store, "r3", [brief("c", 3)]))
        assert other.row("r3").standing.seq == 3, "a commit that tells nothing is counted"
        assert other.row("r3").standing.status == "waiting"
        in_loop(commit(store, "r3", (), Standing(3, "done")))
        assert other.row("r3").standing == Standing(3, "done", state=told.state), "the state that was told stands"
        assert other.row("r1").standing == Standing(0)


def runs_are_forgotten(place: Place) -> None:
    """With all that is theirs, and nothing else; not while somebody drives them."""
    with opened(place) as store, opened(place) as other:
        gone, kept = new_run(store), new_run(store)
        for run_id in (gone, kept):
            in_loop(commit(store, run_id, [brief(run_id)], Standing(1, state={"count": 1})))
            store.answer(run_id, "ask", run_id)
        for one in (store, other):
            refused(RunBusy, one.remove, gone)
        store.release(gone)
        other.remove(gone)
        assert store.ids() == [kept]
        refused(RunNotFound, store.read, gone)
        refused(RunNotFound, store.remove, gone)
        assert list(store.read(kept)) == texts([brief(kept)])
        assert [answer.value for answer in store.answers(kept)] == [kept]
        store.create(gone, plan_of_notes())
        assert list(store.read(gone)) == []
        assert store.answers(gone) == []
        assert store.row(gone).standing == Standing(0)
        assert store.ids() == [kept, gone]


LAWS: tuple[Law, ...] = (rows_tell_what_was_told, runs_are_forgotten)
