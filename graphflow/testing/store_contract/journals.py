"""Laws of journals and plans: what was committed comes back, all of it, in its order, under the plan it was made with."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from graphflow.core.journal import Brief, decode
from graphflow.core.replay import replay
from graphflow.errors import RunNotFound, StoreError
from graphflow.stores.store import NO_ORIGIN, Ticket
from graphflow.testing.store_contract.place import (
    EXAMPLES,
    Law,
    Notes,
    Place,
    brief,
    commit,
    entries,
    in_loop,
    new_run,
    notes_graph,
    opened,
    plan_of_notes,
    refused,
    snapshot,
    texts,
)

Commits = list[list["bytes | Brief"]]


def journals_come_back_in_order(place: Place) -> None:
    """Any entries, in commits of any size, awaited one by one or handed over at once: nothing is lost or moved."""
    with opened(place) as store, opened(place) as other:

        @EXAMPLES
        @given(st.lists(st.lists(entries(), max_size=4), max_size=5), st.booleans())
        def check(commits: Commits, is_awaited: bool) -> None:
            run_id = new_run(store)

            async def main() -> None:
                tickets: list[Ticket | None] = []
                for one in commits:
                    if is_awaited:
                        await commit(store, run_id, one)
                    else:
                        tickets.append(store.append(run_id, one))
                for ticket in tickets:
                    if ticket is not None:
                        await ticket

            in_loop(main())
            wanted = [text for one in commits for text in texts(one)]
            assert list(store.read(run_id)) == wanted
            assert list(other.read(run_id)) == wanted, "another store on the same place reads what is safe"
            assert store.row(run_id).standing.seq == len(wanted), "a row counts the entries"
            store.release(run_id)

        check()


def journals_take_what_is_large(place: Place) -> None:
    """An entry of 2 MB, and 2,000 in one commit."""
    with opened(place) as store:
        run_id = new_run(store)
        large = [brief("ä" * 1_000_000), *(brief(str(number), number) for number in range(2_000))]
        in_loop(commit(store, run_id, large))
        assert list(store.read(run_id)) == texts(large)


def journals_begin_as_they_were_created(place: Place) -> None:
    """A run is made with its first entries, and goes on after them; without any it is empty."""
    with opened(place) as store:
        begun = [brief("first", 1), brief("second", 2)]
        store.create("begun", plan_of_notes(), entries=begun)
        assert list(store.read("begun")) == texts(begun)
        assert store.row("begun").standing.seq == 2
        store.acquire("begun")
        in_loop(commit(store, "begun", [brief("third", 3)]))
        assert list(store.read("begun")) == texts([*begun, brief("third", 3)])
        store.create("empty", plan_of_notes())
        assert list(store.read("empty")) == []
        assert store.row("empty").standing.seq == 0


def ids_are_given_once(place: Place) -> None:
    """A second run of an id is refused, and changes nothing of the first."""
    with opened(place) as store, opened(place) as other:
        store.create("one", plan_of_notes(), entries=[brief("mine")])
        for one in (store, other):
            error = refused(StoreError, one.create, "one", plan_of_notes(), NO_ORIGIN, [brief("theirs")])
            assert "one" in error.what
        assert list(store.read("one")) == texts([brief("mine")])
        assert store.ids() == ["one"]


def runs_that_are_not_there_are_told_so(place: Place) -> None:
    """RunNotFound, with the nearest name, whatever is asked."""
    with opened(place) as store:
        store.create("search-1", plan_of_notes())
        for run_id in ("search-2", "\ud800", "a\0b", ""):
            for act in (store.read, store.plans, store.acquire, store.answers, store.row, store.remove):
                error = refused(RunNotFound, act, run_id)
                if run_id == "search-2":
                    assert "search-1" in error.fix, "the nearest name is offered"
            refused(RunNotFound, store.answer, run_id, "ask", True)
            refused(RunNotFound, store.add_plan, run_id, plan_of_notes())
        assert store.ids() == ["search-1"]


def journals_are_cut(place: Place) -> None:
    """A snapshot takes the place of all up to its own entry, in whatever commits they came; what follows stays."""
    with opened(place) as store, opened(place) as other:

        @EXAMPLES
        @given(st.lists(st.integers(0, 4), max_size=4), st.lists(st.integers(2, 12), max_size=3))
        def check(sizes: list[int], cuts: list[int]) -> None:
            run_id, total = new_run(store, is_driven=True), sum(sizes)
            given = iter(range(1, total + 1))
            for size in sizes:
                in_loop(commit(store, run_id, [brief("a", next(given)) for _ in range(size)]))
            wanted, first = texts([brief("a", number) for number in range(1, total + 1)]), 1
            for cut in cuts:
                if cut > total:
                    refused(StoreError, other.cut, run_id, snapshot(cut))
                    continue
                is_new = cut > first
                assert other.cut(run_id, snapshot(cut)) is is_new
                if is_new:
                    wanted, first = [snapshot(cut), *wanted[cut - first + 1 :]], cut
                assert list(store.read(run_id)) == wanted
            in_loop(commit(store, run_id, [brief("after", total + 1)]))
            assert list(other.read(run_id)) == [*wanted, *texts([brief("after", total + 1)])]
            assert store.row(run_id).standing.seq == total + 1, "a row counts what was cut off as well"
            store.release(run_id)

        check()
        refused(RunNotFound, store.cut, "none", snapshot(2))


def cut_journals_are_copied(place: Place) -> None:
    """A run that is made with a journal that begins with a snapshot counts on from there."""
    with opened(place) as store:
        store.create("copy", plan_of_notes(), entries=[snapshot(7), brief("eighth", 8)])
        assert store.row("copy").standing.seq == 8
        store.acquire("copy")
        in_loop(commit(store, "copy", [brief("ninth", 9)]))
        store.release("copy")
        assert store.cut("copy", snapshot(6)) is False
        assert store.cut("copy", snapshot(8)) is True
        assert list(store.read("copy")) == [snapshot(8), *texts([brief("ninth", 9)])]
        assert store.row("copy").standing.seq == 9


def plans_come_back(place: Place) -> None:
    """The graph as it is now is given back itself; another one, and none, fold the journal as the first did (S15.2)."""
    graph, changed = notes_graph(), notes_graph(has_more=True).plan()
    run = graph.run_sync(Notes())
    with opened(place) as store, opened(place) as other:
        plan = graph.plan()
        store.create("run", plan, entries=list(run.raw_journal))
        again = notes_graph().plan()
        assert other.plans("run", again) == {plan.fingerprint: again}
        assert other.plans("run", again)[plan.fingerprint] is again
        for like in (None, changed):
            found = other.plans("run", like)
            assert list(found) == [plan.fingerprint]
            folded = replay(found[plan.fingerprint], map(decode, other.read("run")))
            assert (folded.status, folded.seq) == ("done", len(run.raw_journal))
            shown = folded.plan.schema.dump_state(folded.root.read())
            assert shown["lines"] == run.state.lines
            assert set(shown["seen"]) == run.state.seen


def plans_are_added(place: Place) -> None:
    """S16: a run that went on under a changed graph keeps both plans, and its row names the last."""
    plan, changed = plan_of_notes(), notes_graph(has_more=True).plan()
    assert plan.fingerprint != changed.fingerprint
    with opened(place) as store:
        store.create("run", plan)
        store.create("other", plan)
        store.add_plan("run", changed)
        store.add_plan("run", changed)
        assert set(store.plans("run")) == {plan.fingerprint, changed.fingerprint}
        assert store.row("run").fingerprint == changed.fingerprint
        store.add_plan("run", plan)
        assert store.row("run").fingerprint == plan.fingerprint
        store.remove("run")
        assert set(store.plans("other")) == {plan.fingerprint}, "a plan that another run uses stays"


LAWS: tuple[Law, ...] = (
    journals_come_back_in_order,
    journals_take_what_is_large,
    journals_begin_as_they_were_created,
    journals_are_cut,
    cut_journals_are_copied,
    ids_are_given_once,
    runs_that_are_not_there_are_told_so,
    plans_come_back,
    plans_are_added,
)
