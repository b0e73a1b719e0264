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
    notes_graph,
    opened,
    plan_of_notes,
    refused,
    snapshot,
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
        assert rows == [other.row(run_id) for run_id in ids], "before a state is told"
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
        assert other.rows()[0].standing == Standing(3, "done"), "a list has no states"


def rows_are_chosen(place: Place) -> None:
    """By status, by graph, the last so many: oldest first in every case."""
    with opened(place) as store, opened(place) as other:
        changed = notes_graph(has_more=True).plan()
        told = ("done", "waiting", "running", "done")
        ids = [new_run(store) for _ in told]
        for run_id, status in zip(ids, told, strict=True):
            in_loop(commit(store, run_id, [brief("a")], Standing(1, status)))
        for statuses, wanted in ((("done",), [0, 3]), (("waiting", "running"), [1, 2]), ((), []), (("failed",), [])):
            assert [row.run for row in other.rows(status=statuses)] == [ids[place] for place in wanted]
        assert [row.run for row in other.rows(last=3)] == ids[1:]
        assert [row.run for row in other.rows(status=("done",), last=1)] == ids[3:]
        assert other.rows(last=0) == []
        assert [row.run for row in other.rows(last=9)] == ids
        assert [row.run for row in other.rows(graph=changed.name)] == ids
        assert other.rows(graph="nothing\0 like it") == []


def runs_that_need_a_driver_are_found(place: Place) -> None:
    """Stopped, answered or due; not those that somebody drives, that wait for longer, have ended, or never began."""
    with opened(place, lease_s=10.0) as store, opened(place, lease_s=10.0) as other:
        never = new_run(store, is_driven=False)
        cases: dict[str, tuple[Standing, bool]] = {
            new_run(store): (Standing(1, "running"), True),
            new_run(store): (Standing(1, "waiting", wake_at=100.0), True),
            new_run(store): (Standing(1, "waiting", wake_at=100.5), False),
            new_run(store): (Standing(1, "waiting"), False),
            new_run(store): (Standing(1, "done", wake_at=1.0), False),
            new_run(store): (Standing(1, "failed"), False),
        }
        for run_id, (standing, _) in cases.items():
            in_loop(commit(store, run_id, [brief("a")], standing))
        assert other.ready(100.0) == [], "all are driven"
        for run_id in cases:
            store.release(run_id)
        found = other.ready(100.0)
        assert [row.run for row in found] == [run_id for run_id, (_, is_ready) in cases.items() if is_ready]
        assert [(row.graph, row.standing.seq) for row in found] == [("notes", 1)] * 2
        assert [row.standing.status for row in found] == ["running", "waiting"]
        for run_id in (never, *cases):
            other.answer(run_id, "ask", 1)
        asked = [run_id for run_id, (standing, _) in cases.items() if standing.status in ("running", "waiting")]
        assert [row.run for row in store.ready(100.0)] == asked
        assert all(row.has_answers for row in store.ready(100.0))
        store.acquire(asked[0])
        assert [row.run for row in other.ready(100.0)] == asked[1:]
        if store.lease_s is not None:
            place.pass_s(20.0)
            assert [row.run for row in other.ready(100.0)] == asked, "its driver is silent for longer than its lease"


def sizes_are_told(place: Place) -> None:
    """At least what the journal has, and less once it is cut; giving room back changes nothing that can be read."""
    with opened(place) as store:
        small, large = new_run(store), new_run(store)
        in_loop(commit(store, large, [brief("a" * 10_000), brief("b", 2)], Standing(2, state={"text": "c" * 10_000})))
        sizes = store.sizes()
        assert list(sizes) == [small, large]
        assert sizes[small] < 10_000
        assert 20_000 < sizes[large] < 25_000
        store.cut(large, snapshot(2))
        assert 10_000 < store.sizes()[large] < 12_000
        store.release(small)
        store.remove(small)
        store.compact()
        assert list(store.read(large)) == [snapshot(2)]
        assert store.row(large).standing.state == {"text": "c" * 10_000}


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


LAWS: tuple[Law, ...] = (
    rows_tell_what_was_told,
    rows_are_chosen,
    runs_that_need_a_driver_are_found,
    sizes_are_told,
    runs_are_forgotten,
)
