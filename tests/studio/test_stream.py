"""What happens is told to every page that looks, as it happens; who comes back hears what it missed."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

pytest.importorskip("starlette")
pytest.importorskip("uvicorn")

from graphflow.errors import StoreUnavailable
from graphflow.stores.sqlite import SQLiteStore
from graphflow.studio import stream
from graphflow.studio.addresses import encoded
from graphflow.studio.desk import Desk
from tests.studio.desks import HOSTILE, Wide, answer_essay, essay_graph, run_essay, store_in, wide_graph
from tests.studio.servers import Served, served, until


@pytest.fixture
def store(tmp_path: Path) -> Iterator[SQLiteStore]:
    with store_in(tmp_path) as made:
        yield made


@pytest.fixture
def studio(store: SQLiteStore) -> Iterator[Served]:
    with served(Desk(store)) as made:
        yield made


def test_a_page_hears_what_a_run_does_and_where_it_stands(store: SQLiteStore, studio: Served) -> None:
    run_essay(store)
    with studio.stream("/api/runs/owls-1/events?after=3") as page:
        first = page.next("steps")
        assert [step["seq"] for step in first.data["steps"]] == [4, 5]
        assert first.number == 5
        assert first.data["at"]["status"] == "waiting"
        assert first.data["questions"][0]["node"] == "review"
        run = answer_essay(store, "owls-1", True)
        heard: list[int] = []
        while not heard or heard[-1] < run.seq:
            event = page.next("steps")
            heard += [step["seq"] for step in event.data["steps"]]
        assert heard == list(range(6, run.seq + 1))
        assert event.number == run.seq
        assert (event.data["row"]["status"], event.data["questions"]) == ("done", [])
        assert event.data["at"]["nodes"]["n.review"]["status"] == "done"


def test_who_comes_back_hears_what_it_missed(store: SQLiteStore, studio: Served) -> None:
    run = run_essay(store)
    with studio.stream("/api/runs/owls-1/events?after=0", Last_Event_ID="2") as page:
        assert [step["seq"] for step in page.next("steps").data["steps"]] == list(range(3, run.seq + 1))


def test_who_names_no_entry_hears_where_the_run_stands(store: SQLiteStore, studio: Served) -> None:
    run = run_essay(store)
    with studio.stream("/api/runs/owls-1/events") as page:
        event = page.next("steps")
        assert (event.data["steps"], event.number, event.data["at"]["seq"]) == ([], run.seq, run.seq)


def test_who_knows_more_than_there_is_is_told_what_there_is(store: SQLiteStore, studio: Served) -> None:
    """As after another run was begun under the id."""
    run = run_essay(store)
    with studio.stream("/api/runs/owls-1/events", Last_Event_ID="999") as page:
        assert page.next("steps").number == run.seq


def test_a_long_run_comes_in_pieces(store: SQLiteStore, studio: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("graphflow.studio.telling._MOST_STEPS", 40)
    run = wide_graph().run_sync(Wide(items=list(range(100))), store=store, run_id="wide")
    with studio.stream("/api/runs/wide/events?after=0") as page:
        heard: list[int] = []
        while len(heard) < run.seq:
            event = page.next("steps")
            assert 0 < len(event.data["steps"]) <= 40
            heard += [step["seq"] for step in event.data["steps"]]
        assert heard == list(range(1, run.seq + 1))


def test_a_run_that_is_removed_is_told_and_over(store: SQLiteStore, studio: Served) -> None:
    run_essay(store)
    with studio.stream("/api/runs/owls-1/events") as page:
        page.next("steps")
        store.remove("owls-1")
        assert "owls-1" in page.next("gone").data["why"]
        assert page.ended.wait(60)


def test_a_run_that_has_not_begun_is_told_of_when_it_does(store: SQLiteStore, studio: Served) -> None:
    store.create("unborn", essay_graph().plan())
    with studio.stream("/api/runs/unborn/events?after=0") as page:
        assert page.next("row").data["row"]["seq"] == 0
        store.remove("unborn")
        page.next("gone")


def test_a_lease_alone_is_a_row(store: SQLiteStore, studio: Served) -> None:
    run_essay(store)
    with studio.stream("/api/runs/owls-1/events") as page:
        assert page.next("steps").data["row"]["is_driven"] is False
        store.acquire("owls-1")
        assert page.next("row").data["row"]["is_driven"] is True
        store.release("owls-1")
        assert page.next("row").data["row"]["is_driven"] is False


def test_the_list_hears_of_every_run(store: SQLiteStore, studio: Served) -> None:
    run_essay(store, "one")
    with studio.stream("/api/events") as page:
        assert [row["run"] for row in page.next("runs").data["runs"]] == ["one"]
        run_essay(store, "two")
        heard: dict[str, str] = {}
        while heard.get("two") != "waiting":
            heard |= {row["run"]: row["status"] for row in page.next("runs").data["runs"]}
        assert "one" not in heard  # which has not changed
        store.remove("two")
        assert page.next("runs").data["removed"] == ["two"]


def test_a_store_that_cannot_be_read_is_told_and_waited_for(
    store: SQLiteStore, studio: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    run_essay(store)
    is_locked = threading.Event()
    read = store.row

    def row(run_id: str) -> object:
        if is_locked.is_set():
            raise StoreUnavailable("The store runs.db cannot be read now", why="Another process holds it.")
        return read(run_id)

    monkeypatch.setattr(store, "row", row)
    with studio.stream("/api/runs/owls-1/events") as page:
        page.next("steps")
        is_locked.set()
        assert page.next("store").data == {"why": "The store runs.db cannot be read now. Another process holds it."}
        is_locked.clear()
        assert page.next("store").data == {"why": ""}
        answer_essay(store, "owls-1", True)
        assert page.next("steps").data["steps"][0]["seq"] == 6


def test_a_store_whose_file_is_gone_is_told_and_opened_again_when_it_is_back(tmp_path: Path) -> None:
    """What is open of a file that was taken away would go on to be read, and never be the one that comes back."""
    file = tmp_path / "runs.db"
    with closing(SQLiteStore(file)) as store:
        run_essay(store)

    def opened() -> tuple[SQLiteStore, None]:
        return SQLiteStore(file), None

    desk = Desk(opened()[0], place="runs.db", file=file, open_again=opened)
    with closing(desk), served(desk) as studio, studio.stream("/api/runs/owls-1/events") as page:
        page.next("steps")
        kept = {one: one.read_bytes() for one in tmp_path.iterdir()}
        for one in kept:
            one.unlink()
        assert "has gone" in page.next("store").data["why"]
        assert studio.get("/api/runs")["error"]["code"] == "GF546"
        for one, content in kept.items():
            (tmp_path / "back").write_bytes(content)
            (tmp_path / "back").rename(one)
        assert page.next("store").data == {"why": ""}
        with closing(SQLiteStore(file)) as store:
            answer_essay(store, "owls-1", True)
        assert page.next("steps").data["steps"]


def test_pages_of_one_run_share_one_look(store: SQLiteStore, studio: Served) -> None:
    run_essay(store)
    telling = studio.studio.looking.telling
    with studio.stream("/api/runs/owls-1/events") as one, studio.stream("/api/runs/owls-1/events") as other:
        one.next("steps"), other.next("steps")
        assert len(telling.single) == 1
        assert next(iter(telling.single._open.values())).listeners == 2
    until(lambda: len(telling.single) == 0)


def test_nothing_is_looked_at_for_nobody(store: SQLiteStore, studio: Served) -> None:
    run_essay(store)
    telling = studio.studio.looking.telling
    with studio.stream("/api/events") as page:
        page.next("runs")
        task = telling.runs._open[""]._task
        assert task is not None
    until(lambda: len(telling.runs) == 0)
    until(task.done)
    assert not telling.closing._waiting


def test_a_silent_stream_says_that_it_is_there(
    store: SQLiteStore, studio: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stream, "_SILENCE_S", 0.05)
    run_essay(store)
    with studio.stream("/api/runs/owls-1/events") as page:
        assert page.comments.get(timeout=60) == ": graphflow studio"
        assert page.comments.get(timeout=60) == ": still here"


def test_a_studio_that_ends_ends_its_streams_and_leaves_no_thread(store: SQLiteStore) -> None:
    run_essay(store)
    before = set(threading.enumerate())
    with served(Desk(store)) as studio, studio.stream("/api/runs/owls-1/events") as page:
        page.next("steps")
        studio.studio.looking.telling.closing.close()
        assert page.ended.wait(60)
    until(lambda: not [one for one in set(threading.enumerate()) - before if one.is_alive()])


def test_a_stream_of_a_run_of_any_name(store: SQLiteStore, studio: Served) -> None:
    for run_id in HOSTILE:
        run_essay(store, run_id)
        with studio.stream(f"/api/runs/{encoded(run_id)}/events?after=4") as page:
            event = page.next("steps")
            assert event.data["row"]["run"] == run_id
            assert event.number == 5


def test_looking_goes_on_while_something_slow_is_looked_at(
    store: SQLiteStore, studio: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    run_essay(store, "slow")
    run_essay(store, "quick")
    go_on, is_slow = threading.Event(), threading.Event()
    read = store.read

    def slowly(run_id: str) -> object:
        if run_id == "slow":
            is_slow.set()
            assert go_on.wait(60)
        return read(run_id)

    monkeypatch.setattr(store, "read", slowly)
    asking = threading.Thread(target=studio.get, args=("/api/runs/slow",))
    asking.start()
    assert is_slow.wait(60)
    with studio.stream("/api/runs/quick/events") as page:
        assert page.next("steps").data["at"]["status"] == "waiting"
        assert studio.get("/api/runs/quick")["row"]["status"] == "waiting"
    go_on.set()
    asking.join(60)
